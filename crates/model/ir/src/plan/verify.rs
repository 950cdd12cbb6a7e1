//! Re-checks a whole plan, trusting nothing in it.

use veilflow_spec::{LinearShape, Pool2dShape};

use super::{Checks, MAX_PLAN_ELEMENTS, MAX_PLAN_NODES, Plan, PlanOp, PlanValue, Ranges};
use crate::error::{IrError, Reason, Result, refuse};
use crate::graph::Op;
use crate::shape::Shape;

/// The most multiplications or pooled elements of one node.
const MAX_WORK: u128 = 1 << 40;

/// The most products that one node takes of private elements.
const MAX_PRODUCTS: u128 = 1 << 30;

/// The longest name or note, in bytes.
const MAX_TEXT: usize = 1 << 12;

impl Plan {
    /// Checks every value's bounds, and every node's shapes, widths, scales and signs; where ranges are
    /// bounded, also that nothing overflows.
    ///
    /// A run of a plan that passed makes no ring of an impossible width, reads nothing out of bounds and
    /// allocates at most [`MAX_PLAN_ELEMENTS`] elements for a tensor.
    ///
    /// # Errors
    /// [`IrError::Plan`] or [`IrError::Node`] with the first rule that is broken.
    pub fn verify(&self) -> Result<()> {
        let invalid = |reason: String| Err(IrError::Plan(reason.into()));
        if self.nodes.len() > MAX_PLAN_NODES || self.values.len() > MAX_PLAN_NODES {
            return invalid(format!("more than {MAX_PLAN_NODES} nodes or values"));
        }
        if self.texts().any(|text| text.len() > MAX_TEXT) {
            return invalid(format!("a text of more than {MAX_TEXT} bytes"));
        }
        if !self.has_plain_texts() {
            return invalid("a text with characters that steer a terminal".to_owned());
        }
        for (index, value) in self.values.iter().enumerate() {
            if let Err(reason) = check_value(value) {
                return invalid(format!("value {index}: {reason}"));
            }
        }
        let mut defined = vec![false; self.values.len()];
        for input in &self.inputs {
            match defined.get_mut(input.value) {
                Some(slot) if !*slot => *slot = true,
                _ => return invalid(format!("input `{}` is no value of its own", input.name)),
            }
        }
        for (index, node) in self.nodes.iter().enumerate() {
            self.check_node(index, &defined).map_err(|reason| self.node_error(index, reason))?;
            match defined.get_mut(node.output) {
                Some(slot) if !*slot => *slot = true,
                _ => {
                    return Err(self.node_error(index, format!("value {} isn't its own", node.output).into()));
                }
            }
        }
        if let Some(dangling) = defined.iter().position(|d| !d) {
            return invalid(format!("value {dangling} is never defined"));
        }
        if self.inputs.is_empty() || self.outputs.is_empty() {
            return invalid("no input or no output".to_owned());
        }
        if let Some(output) = self.outputs.iter().find(|o| o.value >= self.values.len()) {
            return invalid(format!("output `{}` isn't defined", output.name));
        }
        match self.overflows().first() {
            Some(&index) if self.settings.ranges == Ranges::Bounded => {
                return Err(
                    self.node_error(index, "may overflow, though ranges are said to be bounded".into())
                );
            }
            _ => {}
        }
        self.check_checks().map_err(IrError::Plan)
    }

    /// Each value may be checked for its magnitude, and for one interval beside it.
    fn check_checks(&self) -> Result<(), Reason> {
        let Checks { sample, ranges } = &self.checks;
        if ranges.len() > 2 * self.values.len() || sample.is_some_and(|sample| sample == 0) {
            return refuse("more checks than values, or checks of nothing");
        }
        for check in ranges {
            let index = check.value();
            let Some(value) = self.values.get(index) else {
                return refuse(format!("a check of value {index}, which is missing"));
            };
            check
                .verify(value)
                .map_err(|reason| Reason::from(format!("check of value {index}: {reason}")))?;
        }
        Ok(())
    }

    fn check_node(&self, index: usize, defined: &[bool]) -> Result<(), Reason> {
        let node = &self.nodes[index];
        if !node.op.accepts(node.inputs.len()) {
            return refuse(format!("{} inputs", node.inputs.len()));
        }
        if let Some(&late) = node.inputs.iter().find(|&&i| !defined.get(i).is_some_and(|d| *d)) {
            return refuse(format!("reads value {late} before it is defined"));
        }
        let inputs: Vec<&PlanValue> = node.inputs.iter().map(|&i| &self.values[i]).collect();
        let output =
            self.values.get(node.output).ok_or_else(|| format!("value {} is missing", node.output))?;
        let made = node.op.make(&inputs)?;
        self.check_weights(index, &node.op)?;
        if (made.width, made.scale, made.non_negative) != (output.width, output.scale, output.non_negative) {
            return refuse(format!(
                "makes {} bits at scale {} (non-negative: {}), declared {} at {} ({})",
                made.width, made.scale, made.non_negative, output.width, output.scale, output.non_negative
            ));
        }
        check_shape(&node.op, &inputs, &output.shape)
    }

    /// Weights may only be taken from an earlier layer whose weights have the same layout and format.
    fn check_weights(&self, index: usize, op: &PlanOp) -> Result<(), Reason> {
        let PlanOp::Linear { shape, weight_bits, weight_scale, weights_of: Some(owner), .. } = op else {
            return Ok(());
        };
        match self.nodes[..index].get(*owner).map(|node| &node.op) {
            Some(PlanOp::Linear { shape: s, weight_bits: b, weight_scale: f, weights_of: None, .. })
                if shape.has_weights_like(s) && (b, f) == (weight_bits, weight_scale) =>
            {
                Ok(())
            }
            _ => refuse(format!("step {owner} has no such weights")),
        }
    }
}

fn check_value(value: &PlanValue) -> Result<(), Reason> {
    if !(1..=64).contains(&value.width) || value.magnitude >= value.width {
        return refuse(format!("magnitude {} in {} bits", value.magnitude, value.width));
    }
    if value.scale.unsigned_abs() > 128 {
        return refuse(format!("scale {}", value.scale));
    }
    if value.shape.elements() > MAX_PLAN_ELEMENTS {
        return refuse(format!("shape {} has more than {MAX_PLAN_ELEMENTS} elements", value.shape));
    }
    Ok(())
}

fn check_shape(op: &PlanOp, inputs: &[&PlanValue], output: &Shape) -> Result<(), Reason> {
    let shapes: Vec<&Shape> = inputs.iter().map(|v| &v.shape).collect();
    let x = shapes[0];
    let expect = |expected: Shape| {
        if expected == *output { Ok(()) } else { refuse(format!("makes {expected}, declared {output}")) }
    };
    match op {
        PlanOp::Linear { shape, .. } => {
            shape.validate().map_err(|e| e.to_string())?;
            let work = shape.weight_len() as u128 * shape.out_len() as u128 / shape.bias_len() as u128;
            if work > MAX_WORK || shape.weight_len() > 4 * MAX_PLAN_ELEMENTS {
                return refuse("too much work for one layer");
            }
            let fits = shape.in_len() == x.elements() && shape.out_len() == output.elements();
            let planes = match shape {
                LinearShape::Conv2d(s) => output[..] == [1, s.out_channels, s.out_height(), s.out_width()],
                LinearShape::MatMul(_) => true,
            };
            if fits && planes { Ok(()) } else { refuse(format!("from {x} to {output}")) }
        }
        PlanOp::AddConstant { constant, .. } | PlanOp::SubtractFrom { constant, .. } => {
            match x.broadcast(constant) {
                Some(same) if same == *x => expect(same),
                _ => refuse(format!("a constant of shape {constant} for {x}")),
            }
        }
        PlanOp::Add | PlanOp::Sub | PlanOp::Multiply { .. } if shapes[1] != x => {
            refuse(format!("{x} and {}", shapes[1]))
        }
        PlanOp::MatrixProduct { .. } => {
            let work = output.elements() as u128 * x.last().copied().unwrap_or(1) as u128;
            if work > MAX_PRODUCTS {
                return refuse(format!("{work} products of private elements"));
            }
            expect(Op::MatrixProduct.infer(&shapes)?)
        }
        PlanOp::MaxPool { pool } | PlanOp::AveragePool { pool, .. } => {
            check_pool(pool, x)?;
            expect(
                Shape::new([1, pool.channels, pool.out_height, pool.out_width]).map_err(|e| e.to_string())?,
            )
        }
        PlanOp::ArgMax => match x.split_last() {
            Some((_, rows)) if rows.iter().product::<usize>() == output.elements() => Ok(()),
            _ => refuse(format!("from {x} to {output}")),
        },
        PlanOp::TopK { count } if x.rank() == 1 => expect(Shape::new([*count]).map_err(|e| e.to_string())?),
        PlanOp::TopK { .. } => refuse(format!("the largest elements of {x}")),
        PlanOp::Reshape if x.elements() == output.elements() => Ok(()),
        PlanOp::Reshape => refuse(format!("from {x} to {output}")),
        PlanOp::Transpose { perm } => expect(Op::Transpose { perm: perm.clone() }.infer(&shapes)?),
        PlanOp::Concat { axis } => expect(Op::Concat { axis: *axis }.infer(&shapes)?),
        PlanOp::Gather { axis, indices } => {
            expect(Op::Gather { axis: *axis, indices: indices.clone() }.infer(&shapes)?)
        }
        PlanOp::ReduceSum { axes } => expect(Op::ReduceSum { axes: axes.clone() }.infer(&shapes)?),
        PlanOp::Pad { before, after, .. } => {
            expect(Op::Pad { before: before.clone(), after: after.clone(), value: 0.0 }.infer(&shapes)?)
        }
        _ => expect(x.clone()),
    }
}

fn check_pool(pool: &Pool2dShape, x: &Shape) -> Result<(), Reason> {
    if !pool.is_valid() || x[..] != [1, pool.channels, pool.in_height, pool.in_width] {
        return refuse(format!("windows that don't fit {x}"));
    }
    let area = pool.kernel.map(|k| k as u128);
    let outputs = [pool.channels, pool.in_height.max(pool.out_height), pool.out_width].map(|n| n as u128);
    let work = outputs.iter().product::<u128>().saturating_mul(area[0] * area[1]);
    if work > MAX_WORK { refuse("too much work for one pooling") } else { Ok(()) }
}
