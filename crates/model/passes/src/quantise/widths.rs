//! The least width that each step needs, demanded from the outputs backwards.

use veilflow_ir::{Function, Graph};

use super::bits::{factor_width, least};
use super::fixed::{magnitude_of, to_integer};
use super::fixed_op::{FixedOp, node_error};
use super::forms::Forms;
use super::options::Check;
use super::room::rooms;
use super::step::{Form, Stage};
use crate::error::Result;

/// The width that holds the logarithm of every argument, the smallest included.
fn log_width(argument: Form, width: u32, made: Form) -> u32 {
    let scale = argument.scale.max(0).unsigned_abs();
    let largest = std::f64::consts::LN_2 * f64::from(scale.max(width.saturating_sub(scale)));
    magnitude_of(largest, made.scale) + 1
}

/// The width of an index.
pub(super) const ARG_MAX_WIDTH: u32 = 32;

/// The widths at which a product of matrices reads its factors: together they hold the result.
pub(super) fn matrix_width(factors: [Form; 2], width: u32) -> [u32; 2] {
    let [x, y] = factors.map(factor_width);
    [x.max(width.saturating_sub(y)), y]
}

/// The most bits that functions make.
const MAX_FUNCTION_WIDTH: u32 = 32;

/// The widths of a network.
pub(super) struct Widths {
    /// The width at which each step works: for a comparison its bits, else its ring.
    pub(super) steps: Vec<u32>,
    /// The largest width at which each value's raw form is read, 0 if nothing reads it.
    raw: Vec<u32>,
    /// The same for the reduced form.
    reduced: Vec<u32>,
    /// Whether a product reads the reduced form.
    factor: Vec<bool>,
}

impl Widths {
    /// Widths for the forms, with a bit to spare at the outputs: differences of elements may be taken.
    pub(super) fn choose(graph: &Graph, forms: &Forms<'_>, check: Check) -> Result<Self> {
        let (values, rooms) = (graph.values().len(), rooms(graph, forms, check));
        let mut widths = Self {
            steps: vec![0; forms.steps.len()],
            raw: vec![0; values],
            reduced: vec![0; values],
            factor: vec![false; values],
        };
        for output in graph.outputs() {
            let value = output.value.index();
            let stage = forms.native[value];
            widths.demand(value, stage, least(forms.get(value, stage)) + 1);
        }
        for (index, step) in forms.steps.iter().enumerate().rev() {
            let output = step.node.output.index();
            widths.demand_for_reduction(forms, output);
            let made = forms.get(output, step.makes);
            let inputs: Vec<Form> = step.reads.iter().map(|&(v, stage)| forms.get(v, stage)).collect();
            let x = inputs[0];
            let demanded = widths.demanded(output, step.makes).max(least(made));
            // At the output's scale, inputs take this many bits more.
            let finer = |f: &Form| (made.scale - f.scale).max(0) as u32;
            let rounding = |made: Form| forms.rounding_bits(step.reads[0], x.scale - made.scale);
            let width = match &step.op {
                FixedOp::Linear(_)
                | FixedOp::AddConstant(_)
                | FixedOp::SubtractFrom(_)
                | FixedOp::ReduceSum { .. }
                | FixedOp::Move => demanded.max(least(x)),
                FixedOp::Product => {
                    let [x, y] = [0, 1].map(|i| factor_width(inputs[i]));
                    demanded.clamp(x.max(y), x + y)
                }
                FixedOp::MatrixProduct => {
                    let [x, y] = [0, 1].map(|i| factor_width(inputs[i]));
                    demanded.max(x).max(y)
                }
                FixedOp::Positive => demanded.max(2),
                FixedOp::ArgMax { .. } => ARG_MAX_WIDTH,
                FixedOp::Floor => least(x).max((x.scale + 2).max(2) as u32),
                // A result that must be wider is extended.
                FixedOp::Apply(function) => {
                    let most = match function {
                        // These take an argument of as many integer bits.
                        Function::Silu | Function::Gelu => {
                            forms.argument_width(x, *function).saturating_add_signed(made.scale - x.scale)
                        }
                        _ => MAX_FUNCTION_WIDTH,
                    };
                    let demanded = match function {
                        Function::Log => demanded.max(log_width(x, forms.argument_width(x, *function), made)),
                        _ => demanded,
                    };
                    demanded.min(most.min(MAX_FUNCTION_WIDTH)).max(made.scale.unsigned_abs() + 2)
                }
                FixedOp::Sum { .. } | FixedOp::Concat => {
                    inputs.iter().map(|f| least(*f) + finer(f)).fold(demanded, u32::max)
                }
                FixedOp::Relu => (least(x) + rounding(made)).max((x.scale - made.scale + 1).max(0) as u32),
                // The limit has to fit, also where x is known to stay below it.
                FixedOp::Clip { max } => {
                    let limit = magnitude_of(to_integer(*max, x.scale) as f64, 0);
                    (least(x) + rounding(made)).max(limit + 1).max((x.scale - made.scale + 1).max(0) as u32)
                }
                FixedOp::MaxPool(_) => least(x) + u32::from(!x.non_negative),
                FixedOp::AveragePool { pool, .. } => {
                    let count = (pool.kernel[0] * pool.kernel[1]) as f64;
                    // Every window of values that keep their range fits, with the rounding term beside it.
                    let sum = f64::from(x.magnitude + finer(&x)).exp2() * count;
                    magnitude_of(sum + count, 0) + 1
                }
            };
            let width = width.max(rooms[index]);
            if width > 64 {
                let reason =
                    format!("needs {width} bits; use fewer weight or activation bits, or less margin");
                return Err(node_error(step.node, reason));
            }
            widths.steps[index] = width;
            for (&(value, stage), form) in step.reads.iter().zip(&inputs) {
                let read = match step.op {
                    FixedOp::Product => {
                        widths.factor[value] |= stage == Stage::Reduced;
                        factor_width(*form)
                    }
                    FixedOp::MatrixProduct => {
                        widths.factor[value] |= stage == Stage::Reduced;
                        let mine = (value, stage) == step.reads[0];
                        matrix_width([inputs[0], inputs[1]], width)[usize::from(!mine)]
                    }
                    FixedOp::Positive => least(*form).max(2),
                    FixedOp::ArgMax { .. } => least(*form) + if form.non_negative { 0 } else { 1 },
                    FixedOp::Apply(function) => {
                        forms.argument_width(*form, function) - form.scale.min(0).unsigned_abs()
                    }
                    _ if step.op.aligns() => width - finer(form),
                    _ => width,
                };
                widths.demand(value, stage, read);
            }
        }
        for id in graph.inputs() {
            let least = least(forms.get(id.index(), Stage::Reduced));
            widths.demand(id.index(), Stage::Reduced, least);
        }
        Ok(widths)
    }

    /// The largest width at which a form is read.
    pub(super) fn demanded(&self, value: usize, stage: Stage) -> u32 {
        match stage {
            Stage::Raw => self.raw[value],
            Stage::Reduced => self.reduced[value],
        }
    }

    fn demand(&mut self, value: usize, stage: Stage, width: u32) {
        let slot = match stage {
            Stage::Raw => &mut self.raw[value],
            Stage::Reduced => &mut self.reduced[value],
        };
        *slot = width.max(*slot);
    }

    /// A raw value that is read in reduced form must have the width at which it is truncated.
    fn demand_for_reduction(&mut self, forms: &Forms<'_>, value: usize) {
        if forms.native[value] == Stage::Raw && self.reduced[value] > 0 {
            let width = truncation_width(forms, self, value);
            self.demand(value, Stage::Raw, width);
        }
    }
}

/// A reduced form that must be so many bits wider than its magnitude needs is made by truncating a wider raw
/// form. One that must be wider still is extended, and so is a factor: the extension compares once, and all
/// that read it know its range.
const SPARE_BITS: u32 = 2;

/// The width at which a raw value is truncated to its reduced form.
pub(super) fn truncation_width(forms: &Forms<'_>, widths: &Widths, value: usize) -> u32 {
    let raw = forms.get(value, Stage::Raw);
    let shift = forms.reduction(value);
    let limited = forms.is_limited(value);
    // A signed value is limited with an offset, which takes a bit as a half unit does.
    let offset = u32::from(limited && !raw.non_negative);
    let more = offset.max(forms.rounding_bits((value, Stage::Raw), shift));
    let plain = (least(raw) + more).max((shift + 1).max(0) as u32);
    if limited {
        return plain;
    }
    if shift <= 0 {
        // Bits are added, so any width can be had from the start.
        return plain.max(widths.demanded(value, Stage::Reduced).saturating_add_signed(shift));
    }
    let demanded = widths.demanded(value, Stage::Reduced) + shift as u32;
    match demanded.saturating_sub(plain) {
        more @ 0..=SPARE_BITS if !widths.factor[value] => plain + more,
        _ => plain,
    }
}
