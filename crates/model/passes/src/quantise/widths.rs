//! Widths: the least that each step needs, demanded from the outputs backwards.

use veilflow_ir::Graph;

use super::fixed::{magnitude_of, to_integer};
use super::forms::{Form, Forms, Kind};
use super::roles::{Role, node_error};
use crate::Error;

/// The widths of a network.
pub(super) struct Widths {
    /// The width at which each step works: of a comparison its bits, else its ring.
    pub(super) steps: Vec<u32>,
    /// The largest width at which each value's forms are read; 0 if unread.
    raw: Vec<u32>,
    reduced: Vec<u32>,
}

impl Widths {
    /// Widths for the forms; `spare` more bits at the outputs.
    pub(super) fn choose(
        graph: &Graph,
        forms: &Forms<'_>,
        ranges: &[f32],
        margin: f64,
        spare: u32,
    ) -> Result<Self, Error> {
        let values = graph.values().len();
        let mut widths =
            Self { steps: vec![0; forms.steps.len()], raw: vec![0; values], reduced: vec![0; values] };
        for output in graph.outputs() {
            let value = output.value.index();
            let kind = forms.native[value];
            widths.demand(value, kind, least(forms.get(value, kind)) + spare);
        }
        for (index, step) in forms.steps.iter().enumerate().rev() {
            let output = step.node.output.index();
            widths.demand_for_reduction(forms, output);
            let made = forms.get(output, step.makes);
            let inputs: Vec<Form> = step.reads.iter().map(|&(v, kind)| forms.get(v, kind)).collect();
            let x = inputs[0];
            let demanded = widths.demanded(output, step.makes).max(least(made));
            // At the output's scale, inputs take this many bits more.
            let finer = |f: &Form| (made.scale - f.scale).max(0) as u32;
            let width = match &step.role {
                Role::Linear(_) | Role::AddConstant(_) | Role::Move => demanded.max(least(x)),
                Role::Sum { .. } | Role::Concat => {
                    inputs.iter().map(|f| least(*f) + finer(f)).fold(demanded, u32::max)
                }
                Role::Relu => least(x).max((x.scale - made.scale + 1).max(0) as u32),
                Role::Clip { max } => {
                    let limit = to_integer(*max, x.scale) as f64;
                    // The sign bit, and room for 2^m + limit.
                    let sum = f64::from(x.magnitude).exp2() + limit;
                    (1 + sum.log2().ceil() as u32).max((x.scale - made.scale + 1).max(0) as u32)
                }
                Role::MaxPool(_) => least(x) + u32::from(!x.non_negative),
                Role::AveragePool { pool, .. } => {
                    let count = (pool.kernel[0] * pool.kernel[1]) as f64;
                    let seen = f64::from(ranges[output]) * margin * f64::from(made.scale).exp2();
                    let sum = seen.min(f64::from(x.magnitude + finer(&x)).exp2()) * count;
                    // The rounding term is half the count, and the count itself must fit.
                    magnitude_of((sum + count).max(2.0 * count), 0) + 1
                }
                .max(least(x) + finer(&x)),
            };
            if width > 64 {
                let reason =
                    format!("needs {width} bits; use fewer weight or activation bits, or less margin");
                return Err(node_error(step.node, reason));
            }
            widths.steps[index] = width;
            for (&(value, kind), form) in step.reads.iter().zip(&inputs) {
                let shift = if step.role.aligns() { finer(form) } else { 0 };
                widths.demand(value, kind, width - shift);
            }
        }
        for id in graph.inputs() {
            let least = least(forms.get(id.index(), Kind::Reduced));
            widths.demand(id.index(), Kind::Reduced, least);
        }
        Ok(widths)
    }

    /// The largest width at which a form is read.
    pub(super) fn demanded(&self, value: usize, kind: Kind) -> u32 {
        match kind {
            Kind::Raw => self.raw[value],
            Kind::Reduced => self.reduced[value],
        }
    }

    fn demand(&mut self, value: usize, kind: Kind, width: u32) {
        let slot = match kind {
            Kind::Raw => &mut self.raw[value],
            Kind::Reduced => &mut self.reduced[value],
        };
        *slot = width.max(*slot);
    }

    /// A raw value that is read in reduced form must have the width at which it is truncated.
    fn demand_for_reduction(&mut self, forms: &Forms<'_>, value: usize) {
        if forms.native[value] == Kind::Raw && self.reduced[value] > 0 {
            let width = truncation_width(forms, self, value);
            self.demand(value, Kind::Raw, width);
        }
    }
}

/// Bits of a form, sign included.
pub(super) fn least(form: Form) -> u32 {
    form.magnitude + 1
}

/// The width at which a raw value is truncated to its reduced form. If it must be widened again, one spare bit makes
/// that cheap.
pub(super) fn truncation_width(forms: &Forms<'_>, widths: &Widths, value: usize) -> u32 {
    let raw = forms.get(value, Kind::Raw);
    let shift = forms.reduction(value);
    let plain = least(raw).max((shift + 1).max(0) as u32);
    if shift <= 0 {
        // Bits are added: any width can be had from the start.
        return plain.max(widths.demanded(value, Kind::Reduced).saturating_add_signed(shift));
    }
    let widened = widths.demanded(value, Kind::Reduced) > plain - shift as u32;
    plain + u32::from(widened && !raw.non_negative)
}
