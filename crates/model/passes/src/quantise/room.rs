//! How wide the rings of a network's sums must be to show results beyond their range.

use veilflow_ir::Graph;

use super::fixed::{magnitude_of, to_integer};
use super::fixed_op::FixedOp;
use super::forms::Forms;
use super::options::Check;
use super::step::{Stage, Step};

/// For every step the least width of its ring: a bit more than the range of its results, or enough for all
/// that it can make of inputs in range. 0 where nothing is checked.
pub(super) fn rooms(graph: &Graph, forms: &Forms<'_>, check: Check) -> Vec<u32> {
    let carried = carried(graph, forms);
    // What each raw form can reach; a term of a sum may leave its range.
    let mut reach = vec![0.0; graph.values().len()];
    let room = |step: &Step<'_>| {
        let output = step.node.output.index();
        let made = forms.get(output, step.makes);
        let inputs = step.reads.iter().map(|&(value, stage)| {
            let form = forms.get(value, stage);
            let finer = f64::from((made.scale - form.scale).max(0)).exp2();
            let in_range = f64::from(form.magnitude).exp2();
            finer * if carried[value] && stage == Stage::Raw { reach[value] } else { in_range }
        });
        let sum: f64 = inputs.sum();
        let largest = match &step.op {
            FixedOp::Linear(_) => {
                let fixed = step.fixed.as_ref().expect("forms made integer weights for every linear layer");
                let sums = fixed.sums(forms.get(step.reads[0].0, step.reads[0].1).range());
                sums.high.max(-sums.low) as f64
            }
            FixedOp::Sum { .. } => sum,
            FixedOp::AddConstant(c) | FixedOp::SubtractFrom(c) => {
                let constant = |v: &f32| to_integer(*v, made.scale).unsigned_abs();
                let largest = c.data().iter().map(constant).max().unwrap_or(0);
                sum + (largest + forms.half_unit(output, made.scale).unsigned_abs()) as f64
            }
            FixedOp::Product => {
                let magnitude = |&(value, stage): &(usize, Stage)| forms.get(value, stage).magnitude;
                f64::from(step.reads.iter().map(magnitude).sum::<u32>()).exp2()
            }
            FixedOp::MatrixProduct => {
                let magnitude = |&(value, stage): &(usize, Stage)| forms.get(value, stage).magnitude;
                let inner = graph.shape(step.node.inputs[0]).last().copied().unwrap_or(1);
                f64::from(step.reads.iter().map(magnitude).sum::<u32>()).exp2() * inner as f64
            }
            FixedOp::ReduceSum { .. } => {
                let elements = |value| graph.shape(value).elements() as f64;
                sum * elements(step.node.inputs[0]) / elements(step.node.output)
            }
            FixedOp::Move => sum,
            _ => 0.0,
        };
        reach[output] = largest;
        let needed = magnitude_of(largest, 0);
        match check {
            _ if carried[output] || needed <= made.magnitude => 0,
            Check::Off => 0,
            // A bit beyond the sign.
            Check::Sampled => made.magnitude + 2,
            Check::Full => needed + 1,
        }
    };
    forms.steps.iter().map(room).collect()
}

/// Values whose raw forms only flow into sums.
fn carried(graph: &Graph, forms: &Forms<'_>) -> Vec<bool> {
    let mut carried: Vec<Option<bool>> = vec![None; graph.values().len()];
    graph.outputs().iter().for_each(|output| carried[output.value.index()] = Some(false));
    for step in forms.steps.iter().rev() {
        let flows_on = match step.op {
            FixedOp::Sum { .. }
            | FixedOp::AddConstant(_)
            | FixedOp::SubtractFrom(_)
            | FixedOp::ReduceSum { .. } => true,
            FixedOp::Move => carried[step.node.output.index()] == Some(true),
            _ => false,
        };
        for &(value, stage) in &step.reads {
            let flows_on = flows_on && stage == Stage::Raw;
            carried[value] = Some(flows_on && carried[value] != Some(false));
        }
    }
    carried.into_iter().map(|carried| carried == Some(true)).collect()
}
