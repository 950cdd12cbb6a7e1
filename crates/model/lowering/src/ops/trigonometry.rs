//! Sines and their relatives: of known numbers all of them, of private ones sine, cosine and tangent.

use std::f64::consts::{FRAC_PI_2, TAU};

use veilflow_ir::{Op, ValueId};

use crate::error::{Refusal, Result};
use crate::lowering::{Lowered, Lowering};
use crate::numbers;

/// The polynomial q with sin(2πu) = u · (1 − 4u²) · q(u²), for u from −1/2 to 1/2: the Chebyshev interpolant
/// of degree 4. The sine is off by 2.1 · 10^−7 at most, and no term is much larger than the sum.
const SINE: [f32; 5] = [6.283_182, -16.208_586, 16.758_84, -9.514_032, 3.018_092_6];

/// sin(x + shift). The turns that x has made are cut off exactly, by comparisons.
fn sine(node: &mut Lowering<'_>, x: ValueId, shift: f64) -> Result<ValueId, Refusal> {
    let turns = node.scaled(x, (1.0 / TAU) as f32)?;
    let turns = node.shifted(turns, (shift / TAU + 0.5) as f32)?;
    let whole = node.floor(turns)?;
    let part = node.sub(turns, whole)?;
    let u = node.shifted(part, -0.5)?;
    let square = node.mul(u, u)?;
    let mut q = node.scaled(square, SINE[4])?;
    for (i, &coefficient) in SINE[..4].iter().enumerate().rev() {
        q = node.shifted(q, coefficient)?;
        if i > 0 {
            q = node.mul(q, square)?;
        }
    }
    let four = node.scaled(square, 4.0)?;
    let zero_at_ends = node.inverted(four)?;
    let odd = node.mul(u, zero_at_ends)?;
    node.mul(odd, q)
}

/// A function of known numbers at once, or what `private` makes of a private input.
fn either(
    node: &mut Lowering<'_>,
    known: impl Fn(f64) -> f64,
    private: impl FnOnce(&mut Lowering<'_>, ValueId) -> Result<ValueId, Refusal>,
) -> Lowered {
    if let Some(known) = numbers::unary(node, known, |_| None)? {
        return Ok(known);
    }
    let x = node.value(0)?;
    let y = private(node, x)?;
    node.last(Op::Identity, &[y])
}

pub(super) fn sin(node: &mut Lowering<'_>) -> Lowered {
    either(node, f64::sin, |node, x| sine(node, x, 0.0))
}

pub(super) fn cos(node: &mut Lowering<'_>) -> Lowered {
    either(node, f64::cos, |node, x| sine(node, x, FRAC_PI_2))
}

pub(super) fn tan(node: &mut Lowering<'_>) -> Lowered {
    either(node, f64::tan, |node, x| {
        let (sine, cosine) = (sine(node, x, 0.0)?, sine(node, x, FRAC_PI_2)?);
        let inverse = node.reciprocal(cosine)?;
        node.mul(sine, inverse)
    })
}

/// A function of known numbers alone.
macro_rules! known {
    ($($name:ident, $f:expr;)*) => {
        $(pub(super) fn $name(node: &mut Lowering<'_>) -> Lowered {
            either(node, $f, |_, _| Err("of private numbers it isn't supported: a polynomial over their range is".into()))
        })*
    };
}

known! {
    asin, f64::asin;
    acos, f64::acos;
    atan, f64::atan;
    asinh, f64::asinh;
    acosh, f64::acosh;
    atanh, f64::atanh;
}
