//! The text form: one line an input, constant, node and output.

use std::fmt;

use super::{Graph, Op, ValueId};

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "graph {}", self.name())?;
        for id in self.inputs() {
            writeln!(f, "input %{}: {}", self.value(*id).name, self.shape(*id))?;
        }
        for (id, value) in self.values().iter().enumerate() {
            if self.constant_of(ValueId(id)).is_some() {
                writeln!(f, "const %{}: {}", value.name, value.shape)?;
            }
        }
        for node in self.nodes() {
            let inputs: Vec<String> =
                node.inputs.iter().map(|id| format!("%{}", self.value(*id).name)).collect();
            let output = self.value(node.output);
            writeln!(f, "%{}: {} = {}({})", output.name, output.shape, node.op, inputs.join(", "))?;
        }
        for output in self.outputs() {
            let softmax = if output.softmax { " softmax" } else { "" };
            writeln!(f, "output %{}{softmax}", self.value(output.value).name)?;
        }
        Ok(())
    }
}

/// The name and, in square brackets, what else distinguishes the op.
impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Conv { window, groups: 1 } => write!(f, "[{window}]"),
            Self::Conv { window, groups } => write!(f, "[{window} groups={groups}]"),
            Self::BatchNormalization { epsilon } => write!(f, "[epsilon={epsilon}]"),
            Self::Clip { min, max } => write!(f, "[{min}..={max}]"),
            Self::MaxPool { window } | Self::AveragePool { window, include_padding: false } => {
                write!(f, "[{window}]")
            }
            Self::AveragePool { window, include_padding: true } => write!(f, "[{window} include-padding]"),
            Self::Transpose { perm } => write!(f, "{perm:?}"),
            Self::Concat { axis } => write!(f, "[axis={axis}]"),
            Self::Pad { before, after, value } => {
                write!(f, "[before={before:?} after={after:?} value={value}]")
            }
            Self::Apply { function } => write!(f, "[{function}]"),
            Self::Gather { axis, indices } => write!(f, "[axis={axis} indices={}]", Indices(indices)),
            Self::ReduceSum { axes } => write!(f, "[axes={axes:?}]"),
            Self::MatMul
            | Self::MatrixProduct
            | Self::Positive
            | Self::Floor
            | Self::ArgMax
            | Self::Add
            | Self::Sub
            | Self::Mul
            | Self::Relu
            | Self::Reshape { .. }
            | Self::Identity => Ok(()),
        }
    }
}

/// A list of indices. Runs of neighbours are written as ranges.
pub(crate) struct Indices<'a>(pub(crate) &'a [usize]);

impl fmt::Display for Indices<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, run) in self.0.chunk_by(|a, b| a + 1 == *b).enumerate() {
            let separator = if i == 0 { "" } else { "," };
            match run {
                [index] => write!(f, "{separator}{index}")?,
                _ => write!(f, "{separator}{}..={}", run[0], run[run.len() - 1])?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::{Graph, Op, Shape, Window};

    #[test]
    fn one_line_a_node() {
        let mut graph = Graph::new("pooling");
        let x = graph.input("x", Shape::new([1, 2, 4, 4]).unwrap()).unwrap();
        let window = Window { stride: [2; 2], ..Window::new([2, 2]) };
        let p = graph.node("pool1", "p", Op::MaxPool { window }, &[x]).unwrap();
        let r = graph.node("relu1", "r", Op::Relu, &[p]).unwrap();
        graph.output(r, true);
        let g = Op::Gather { axis: 3, indices: vec![0, 1, 0] };
        assert_eq!(g.to_string(), "gather[axis=3 indices=0..=1,0]");
        let expected = "graph pooling\ninput %x: 1x2x4x4\n%p: 1x2x2x2 = max-pool[kernel=2x2 stride=2x2](%x)\n\
                        %r: 1x2x2x2 = relu(%p)\noutput %r softmax\n";
        assert_eq!(graph.to_string(), expected);
    }
}
