//! Between real numbers and the integers that stand for them, less their zero point.

use veilflow_lowering::{Binding, Lowered, Lowering, Refusal};

/// TFLite rounds what lies between two integers away from zero. So much larger, negative numbers do so too
/// when a half is added and the rest is cut off; nothing else moves across an integer.
pub(super) const AWAY: f32 = 1.0 + 1.0 / (1 << 20) as f32;

/// As [`AWAY`], for means of a few integers: halves are frequent there, and nothing else comes near them.
const MEAN_AWAY: f32 = 1.0 + 1.0 / (1 << 14) as f32;

/// How an output is rounded: multiples of its scale, between limits.
#[derive(Clone, Copy)]
pub(super) struct Rounding {
    pub(super) scale: f32,
    low: f32,
    high: f32,
}

impl Rounding {
    /// That of the node, if its output is rounded.
    pub(super) fn read(node: &mut Lowering<'_>) -> Result<Option<Self>, Refusal> {
        let Some(scale) = node.attributes.float("out_scale")? else { return Ok(None) };
        let mut limit = |name| node.attributes.int(name).map(|limit| limit.unwrap_or(0) as f32);
        let (low, high) = (limit("low")?, limit("high")?);
        match scale.is_normal() && scale > 0.0 {
            true => Ok(Some(Self { scale, low, high })),
            false => Err(format!("a scale of {scale}").into()),
        }
    }

    /// Whether nothing below zero comes out.
    pub(super) fn is_non_negative(&self) -> bool {
        self.low >= 0.0
    }

    /// The nearest integer to x less a half, limited.
    pub(super) fn of_shifted(&self, node: &mut Lowering<'_>, x: Binding) -> Lowered {
        let x = as_value(node, x)?;
        let whole = node.floor(x)?;
        node.limited(whole, self.low, self.high).map(Binding::Value)
    }

    /// What two roundings make of x, whose sign isn't known; `moved` for each channel, which come last.
    /// Each side of zero is rounded by itself, as if it were positive.
    pub(super) fn two_sided(&self, node: &mut Lowering<'_>, x: Binding, moved: &[f32]) -> Lowered {
        let x = as_value(node, x)?;
        let up = node.table(&[moved.len()], |c| 0.5 + moved[c])?;
        let minus = node.negated(x)?;
        let mut side = |x, most: f32| {
            let shifted = node.add(x, up)?;
            let whole = node.floor(shifted)?;
            node.limited(whole, 0.0, most)
        };
        let (above, below) = (side(x, self.high)?, side(minus, -self.low)?);
        node.sub(above, below).map(Binding::Value)
    }
}

/// What TFLite's two roundings move the border between integers by, of a sum that is multiplied by
/// `factor`: it rounds to 2^−s first, where the factor lies between 2^−(s+1) and 2^−s, then to an integer.
/// Of positive sums both are one rounding after 2^−(s+1) is added, since nested floors of integers are one.
pub(super) fn twice_rounded(factor: f32) -> f32 {
    let shift = -(factor.log2().floor() + 1.0);
    if shift > 0.0 { (-(shift + 1.0)).exp2() } else { 0.0 }
}

/// A binding as a value of the graph.
pub(super) fn as_value(node: &mut Lowering<'_>, x: Binding) -> Result<veilflow_ir::ValueId, Refusal> {
    match node.call("Identity", &[x], vec![])? {
        Binding::Value(id) => Ok(id),
        Binding::Literal(literal) => node.constant("rounded", literal.to_tensor()?),
        _ => Err("it reads what is no tensor".into()),
    }
}

/// The real numbers that integers stand for.
pub(super) fn scale(node: &mut Lowering<'_>) -> Lowered {
    let scale = node.attributes.float("scale")?.unwrap_or(1.0);
    let x = node.value(0)?;
    node.scaled(x, scale).map(Binding::Value)
}

/// The integers that stand for real numbers.
pub(super) fn requantize(node: &mut Lowering<'_>) -> Lowered {
    let rounding = Rounding::read(node)?.ok_or("no scale")?;
    // A mean is rounded as the integers are stored, with their zero point.
    let mean_zero = node.attributes.int("mean_zero")?;
    let away = if mean_zero.is_some() { MEAN_AWAY } else { AWAY };
    let moved = mean_zero.unwrap_or(0) as f32 * (away - 1.0);
    let x = node.value(0)?;
    let units = node.scaled(x, away / rounding.scale)?;
    let shifted = node.shifted(units, 0.5 + moved)?;
    rounding.of_shifted(node, Binding::Value(shifted))
}

/// Integers plus a zero point.
pub(super) fn shift(node: &mut Lowering<'_>) -> Lowered {
    let zero = node.attributes.int("zero")?.unwrap_or(0);
    let x = node.value(0)?;
    node.shifted(x, zero as f32).map(Binding::Value)
}
