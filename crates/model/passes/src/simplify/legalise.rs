//! What fixed point needs of a graph that is otherwise as simple as it gets.
//!
//! - A constant among the parts of a concatenation, or alone as an output, becomes zero plus the constant,
//!   where zero is an element of a private value less itself: the plan has no value that isn't shared.
//! - Limits other than 0 and a positive number become such limits of a shifted value.
//! - A value smaller than the constant that it is multiplied by is repeated first.

use veilflow_ir::{Graph, Node, Op, Shape, Tensor, ValueId};

use super::rewriter::Rewriter;
use crate::error::Result;

/// The graph with every op in a form that fixed point has.
pub(crate) fn legalise(graph: &Graph) -> Result<Graph> {
    let mut rewriter = Rewriter::new(graph)?;
    for node in graph.nodes().iter().filter(|node| graph.constant_of(node.output).is_none()) {
        let inputs = rewriter.inputs(node)?;
        let replacement = match &node.op {
            Op::Concat { .. } => concat(&mut rewriter, node, &inputs)?,
            Op::Clip { min, max } => clip(&mut rewriter, node, inputs[0], *min, *max)?,
            Op::Mul => multiply(&mut rewriter, node, &inputs)?,
            _ => None,
        };
        match replacement {
            Some(replacement) => rewriter.replace(node.output, replacement),
            None => _ = rewriter.keep(node, &inputs)?,
        }
    }
    let constants = graph.outputs().iter().filter(|output| graph.constant_of(output.value).is_some());
    let constants: Vec<ValueId> = constants.map(|output| output.value).collect();
    let private = graph.outputs().iter().find(|output| graph.constant_of(output.value).is_none());
    if let (Some(private), false) = (private, constants.is_empty()) {
        let like = rewriter.renamed(private.value)?;
        for constant in constants {
            let tensor = graph.constant_of(constant).expect("it was found").as_ref().clone();
            let shared = shared(&mut rewriter, graph.value(constant).name.as_str(), like, tensor)?;
            rewriter.replace(constant, shared);
        }
    }
    Ok(rewriter.finish()?.0)
}

/// A constant as a private value: zeros made of `like`, plus the constant.
fn shared(rewriter: &mut Rewriter<'_>, name: &str, like: ValueId, constant: Tensor) -> Result<ValueId> {
    let (count, shape) = (constant.data().len(), constant.shape().clone());
    let flat = Shape::new([rewriter.shape(like).elements()])?;
    let base = format!("{name}.shared");
    let row = rewriter.emit(name, &base, Op::Reshape { shape: flat }, &[like])?;
    let one = rewriter.emit(name, &base, Op::Gather { axis: 0, indices: vec![0] }, &[row])?;
    let zero = rewriter.emit(name, &base, Op::Sub, &[one, one])?;
    let many = rewriter.emit(name, &base, Op::Gather { axis: 0, indices: vec![0; count] }, &[zero])?;
    let zeros = rewriter.emit(name, &base, Op::Reshape { shape }, &[many])?;
    let constant = rewriter.constant(&base, constant)?;
    rewriter.emit(name, &base, Op::Add, &[zeros, constant])
}

fn clip(rewriter: &mut Rewriter<'_>, node: &Node, x: ValueId, min: f32, max: f32) -> Result<Option<ValueId>> {
    if min == 0.0 && max > 0.0 {
        return Ok(None);
    }
    let output = rewriter.old_name(node.output);
    let base = format!("{output}.limited");
    let number = |rewriter: &mut Rewriter<'_>, value: f32| {
        rewriter.constant(&base, Tensor::from_fn(Shape::new([])?, |_| value))
    };
    // high − max(high − x, 0), or low + the part of x − low between 0 and high − low.
    let (origin, op, [before, after]) = match (min.is_finite(), max.is_finite()) {
        (false, false) => return rewriter.emit(&node.name, output, Op::Identity, &[x]).map(Some),
        (false, true) => (max, Op::Relu, [Op::Sub, Op::Sub]),
        (true, false) => (min, Op::Relu, [Op::Add, Op::Add]),
        (true, true) if min == max => {
            let zero = rewriter.emit(&node.name, &base, Op::Sub, &[x, x])?;
            let value = number(rewriter, min)?;
            return rewriter.emit(&node.name, output, Op::Add, &[zero, value]).map(Some);
        }
        (true, true) => (min, Op::Clip { min: 0.0, max: max - min }, [Op::Add, Op::Add]),
    };
    let shifted = match before {
        Op::Sub => {
            let origin = number(rewriter, origin)?;
            rewriter.emit(&node.name, &base, Op::Sub, &[origin, x])?
        }
        op => {
            let origin = number(rewriter, -origin)?;
            rewriter.emit(&node.name, &base, op, &[x, origin])?
        }
    };
    let limited = rewriter.emit(&node.name, &base, op, &[shifted])?;
    let origin = number(rewriter, origin)?;
    let inputs = if after == Op::Sub { [origin, limited] } else { [limited, origin] };
    rewriter.emit(&node.name, output, after, &inputs).map(Some)
}

fn concat(rewriter: &mut Rewriter<'_>, node: &Node, inputs: &[ValueId]) -> Result<Option<ValueId>> {
    let private = inputs.iter().copied().find(|&id| rewriter.constant_of(id).is_none());
    let Some(private) = private else { return Ok(None) };
    if inputs.iter().all(|&id| rewriter.constant_of(id).is_none()) {
        return Ok(None);
    }
    let mut parts = Vec::with_capacity(inputs.len());
    for &id in inputs {
        parts.push(match rewriter.constant_of(id) {
            Some(constant) => shared(rewriter, &node.name, private, constant.as_ref().clone())?,
            None => id,
        });
    }
    rewriter.emit(&node.name, rewriter.old_name(node.output), node.op.clone(), &parts).map(Some)
}

fn multiply(rewriter: &mut Rewriter<'_>, node: &Node, inputs: &[ValueId]) -> Result<Option<ValueId>> {
    let target = rewriter.old_shape(node.output).clone();
    let (x, c) = match (rewriter.constant_of(inputs[0]), rewriter.constant_of(inputs[1])) {
        (None, Some(_)) => (inputs[0], inputs[1]),
        (Some(_), None) => (inputs[1], inputs[0]),
        _ => return Ok(None),
    };
    let from = rewriter.shape(x).clone();
    if from == target {
        return Ok(None);
    }
    let output = rewriter.old_name(node.output);
    let base = format!("{output}.repeated");
    let mut dims = vec![1; target.rank() - from.rank()];
    dims.extend_from_slice(&from);
    let mut x = rewriter.emit(&node.name, &base, Op::Reshape { shape: Shape::new(dims.clone())? }, &[x])?;
    for axis in 0..target.rank() {
        if dims[axis] != target[axis] {
            let op = Op::Gather { axis, indices: vec![0; target[axis]] };
            x = rewriter.emit(&node.name, &base, op, &[x])?;
        }
    }
    rewriter.emit(&node.name, output, Op::Mul, &[x, c]).map(Some)
}
