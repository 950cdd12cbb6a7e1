//! Runs the graph in `f32`: the reference that calibration observes and fixed point is compared with.
//!
//! One thread and portable code. Convolutions run as blocked matrix products, at a few billion
//! multiplications a second.

mod conv;
mod functions;
mod kernels;

use std::sync::Arc;

use veilflow_ir::{Graph, Tensor, ValueId};

use crate::error::{PassError, Result};
pub(crate) use kernels::{conv_shape, evaluate};

/// The outputs of `graph` on these inputs, in order. A closing softmax is not applied: see [`softmax`].
///
/// # Errors
/// [`PassError::InputCount`] and [`PassError::InputShape`].
pub fn run(graph: &Graph, inputs: &[Tensor]) -> Result<Vec<Tensor>> {
    run_observed(graph, inputs, |_, _| {})
}

/// As [`run`], and shows every input and every node's output to `observe` as soon as it is known.
///
/// # Errors
/// [`PassError::InputCount`] and [`PassError::InputShape`].
pub fn run_observed(
    graph: &Graph,
    inputs: &[Tensor],
    mut observe: impl FnMut(ValueId, &Tensor),
) -> Result<Vec<Tensor>> {
    if inputs.len() != graph.inputs().len() {
        return Err(PassError::InputCount { expected: graph.inputs().len(), actual: inputs.len() });
    }
    let mut uses = graph.uses();
    let mut known: Vec<Option<Arc<Tensor>>> = vec![None; graph.values().len()];
    for (&id, tensor) in graph.inputs().iter().zip(inputs) {
        let value = graph.value(id);
        if value.shape != *tensor.shape() {
            let (expected, actual) = (value.shape.clone(), tensor.shape().clone());
            return Err(PassError::InputShape { input: value.name.clone(), expected, actual });
        }
        observe(id, tensor);
        known[id.index()] = Some(Arc::new(tensor.clone()));
    }
    let read = |known: &[Option<Arc<Tensor>>], id: ValueId| -> Arc<Tensor> {
        let constant = graph.constant_of(id).or(known[id.index()].as_ref());
        Arc::clone(constant.expect("a verified graph defines values before they are read"))
    };
    for node in graph.nodes() {
        let operands: Vec<Arc<Tensor>> = node.inputs.iter().map(|&id| read(&known, id)).collect();
        let views: Vec<&Tensor> = operands.iter().map(Arc::as_ref).collect();
        let result = evaluate(&node.op, &views, graph.shape(node.output));
        observe(node.output, &result);
        known[node.output.index()] = Some(Arc::new(result));
        for id in &node.inputs {
            uses[id.index()] -= 1;
            if uses[id.index()] == 0 {
                known[id.index()] = None;
            }
        }
    }
    Ok(graph.outputs().iter().map(|o| read(&known, o.value).as_ref().clone()).collect())
}

/// exp(xᵢ)/Σ exp(xⱼ) over all elements.
pub fn softmax(x: &Tensor) -> Tensor {
    let max = x.data().iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = x.data().iter().map(|&v| f64::from(v - max).exp()).sum();
    x.map(|v| (f64::from(v - max).exp() / sum) as f32)
}

#[cfg(test)]
mod tests;
