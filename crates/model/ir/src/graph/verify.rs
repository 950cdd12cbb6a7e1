//! Re-checks a whole graph.

use super::Graph;
use crate::error::{IrError, Result};

impl Graph {
    /// Checks that every node reads what is defined before it and has the shape that its op infers, that
    /// every value is defined once, and that outputs exist.
    ///
    /// # Errors
    /// [`IrError::Node`] or [`IrError::Value`] for the first that is at fault.
    pub fn verify(&self) -> Result<()> {
        let mut defined = vec![false; self.values.len()];
        let sources = self.inputs.iter().chain(self.constants.keys());
        for id in sources {
            self.define_once(&mut defined, id.0)?;
        }
        for (id, tensor) in &self.constants {
            if tensor.shape() != self.shape(*id) {
                return Err(self.value_error(id.0, "a constant of another shape"));
            }
        }
        for node in &self.nodes {
            let refuse = |reason: String| IrError::Node {
                node: node.name.clone(),
                op: node.op.name(),
                reason: reason.into(),
            };
            if let Some(late) = node.inputs.iter().find(|id| !defined.get(id.0).is_some_and(|d| *d)) {
                let name = self.values.get(late.0).map_or("?", |v| &v.name);
                return Err(refuse(format!("reads `{name}` before it is defined")));
            }
            let inferred = self.infer(&node.name, &node.op, &node.inputs)?;
            self.define_once(&mut defined, node.output.0)?;
            if inferred != *self.shape(node.output) {
                return Err(refuse(format!("makes {inferred}, declared {}", self.shape(node.output))));
            }
        }
        if let Some(dangling) = defined.iter().position(|d| !d) {
            return Err(self.value_error(dangling, "never defined"));
        }
        if self.outputs.is_empty() {
            return Err(IrError::Value { value: self.name.clone(), reason: "a graph needs an output" });
        }
        match self.outputs.iter().find(|o| o.value.0 >= self.values.len()) {
            Some(_) => Err(IrError::Value { value: self.name.clone(), reason: "an output isn't defined" }),
            None => Ok(()),
        }
    }

    fn define_once(&self, defined: &mut [bool], index: usize) -> Result<()> {
        match defined.get_mut(index) {
            Some(slot) if !*slot => {
                *slot = true;
                Ok(())
            }
            Some(_) => Err(self.value_error(index, "defined twice")),
            None => Err(IrError::Value { value: format!("#{index}"), reason: "outside the graph" }),
        }
    }

    fn value_error(&self, index: usize, reason: &'static str) -> IrError {
        IrError::Value { value: self.values[index].name.clone(), reason }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::graph::{Op, ValueId};
    use crate::{Shape, Tensor, Window};

    fn shape(dims: &[usize]) -> Shape {
        Shape::new(dims).unwrap()
    }

    fn small() -> Graph {
        let mut graph = Graph::new("small");
        let x = graph.input("x", shape(&[1, 2, 4, 4])).unwrap();
        let w = graph.constant("w", Arc::new(Tensor::from_fn(shape(&[3, 2, 3, 3]), |i| i as f32))).unwrap();
        let y =
            graph.node("conv1", "y", Op::Conv { window: Window::new([3, 3]), groups: 1 }, &[x, w]).unwrap();
        let z = graph.node("relu1", "z", Op::Relu, &[y]).unwrap();
        graph.output(z, false);
        graph
    }

    #[test]
    fn what_the_builder_makes_verifies() {
        small().verify().unwrap();
        assert_eq!(small().multiplications(), 12 * 18);
    }

    #[test]
    fn each_broken_rule_names_its_node_or_value() {
        type Breakage = fn(&mut Graph);
        let breakages: [(&str, Breakage); 6] = [
            ("relu1", |g| g.nodes.swap(0, 1)),
            ("conv1", |g| g.values[2].shape = Shape::new([9]).unwrap()),
            ("z", |g| g.nodes[1].output = ValueId(2)),
            ("w", |g| g.values[1].shape = Shape::new([3, 2, 9]).unwrap()),
            ("relu1", |g| g.nodes[1].inputs.clear()),
            ("small", |g| g.outputs.clear()),
        ];
        for (at_fault, breakage) in breakages {
            let mut graph = small();
            breakage(&mut graph);
            let message = graph.verify().unwrap_err().to_string();
            // Redefining `y` in place of `z` is found at the second definition.
            let expected = if at_fault == "z" { "y" } else { at_fault };
            assert!(message.contains(&format!("`{expected}`")), "{message}");
        }
    }

    #[test]
    fn the_builder_refuses_misfits() {
        let mut graph = small();
        let (x, z) = (graph.inputs()[0], graph.outputs()[0].value);
        let add = graph.node("add1", "a", Op::Add, &[x, z]).unwrap_err().to_string();
        assert_eq!(add, "node `add1` (add): shapes 1x2x4x4 and 1x3x2x2 don't broadcast");
        let twice = graph.node("relu2", "z", Op::Relu, &[x]).unwrap_err().to_string();
        assert_eq!(twice, "value `z`: defined twice");
    }

    #[test]
    fn slices_and_sums_stay_inside_their_input() {
        let x = shape(&[2, 3]);
        let gather = |axis, indices: &[usize]| Op::Gather { axis, indices: indices.to_vec() }.infer(&[&x]);
        assert_eq!(gather(1, &[2, 2, 0, 1]).unwrap(), shape(&[2, 4]));
        assert_eq!(gather(1, &[3]).unwrap_err().to_string(), "index 3 along axis 1 of 2x3");
        assert!(gather(2, &[0]).is_err() && gather(0, &[]).is_err());
        let sum = |axes: &[usize]| Op::ReduceSum { axes: axes.to_vec() }.infer(&[&x]);
        assert_eq!(sum(&[0, 1]).unwrap(), shape(&[1, 1]));
        assert!(sum(&[1, 0]).is_err() && sum(&[0, 0]).is_err() && sum(&[2]).is_err());
    }

    #[test]
    fn a_constant_is_replaced_only_by_one_that_serves_its_readers() {
        let shape = |dims: &[usize]| Shape::new(dims).unwrap();
        let zeros = |dims: &[usize]| Arc::new(Tensor::from_fn(shape(dims), |_| 0.0));
        let mut graph = Graph::new("test");
        let x = graph.input("x", shape(&[1, 2, 3])).unwrap();
        let c = graph.constant("c", zeros(&[])).unwrap();
        graph.node("add", "y", Op::Add, &[x, c]).unwrap();
        assert!(graph.replace_constant(x, zeros(&[1, 2, 3])).is_err());
        assert!(graph.replace_constant(c, zeros(&[4, 1, 2, 3])).is_err());
        assert_eq!(graph.shape(c).rank(), 0, "a refused constant leaves no trace");
        graph.replace_constant(c, zeros(&[2, 1])).unwrap();
        assert_eq!(graph.shape(c)[..], [2, 1]);
    }
}
