//! Resizing along each dimension: nearest elements are moved, others are sums by known weights.

use veilflow_ir::{Op, ValueId};

use super::axis::axis;
use crate::error::{Refusal, Result};
use crate::lowering::{Lowered, Lowering};

/// How elements are found and blended.
struct Method {
    mode: String,
    coordinates: String,
    nearest: String,
    cubic: f64,
    exclude_outside: bool,
    antialias: bool,
    extrapolation: f64,
}

/// A dimension to resize: from `size` elements to `target`, by `scale`, within the region if one is cut out.
struct Side {
    size: usize,
    target: usize,
    scale: f64,
    region: [f64; 2],
}

pub(super) fn resize(node: &mut Lowering<'_>) -> Lowered {
    let x = node.value(0)?;
    let text = |node: &mut Lowering<'_>, name: &str, default: &str| -> Result<String, Refusal> {
        Ok(node.attributes.string(name)?.unwrap_or_else(|| default.to_owned()))
    };
    let old = node.opset() < 11;
    let method = Method {
        mode: text(node, "mode", "nearest")?,
        coordinates: text(
            node,
            "coordinate_transformation_mode",
            if old { "asymmetric" } else { "half_pixel" },
        )?,
        nearest: text(node, "nearest_mode", if old { "floor" } else { "round_prefer_floor" })?,
        cubic: f64::from(node.attributes.float("cubic_coeff_a")?.unwrap_or(-0.75)),
        exclude_outside: node.attributes.flag("exclude_outside")?,
        antialias: node.attributes.flag("antialias")?,
        extrapolation: f64::from(node.attributes.float("extrapolation_value")?.unwrap_or(0.0)),
    };
    let policy = text(node, "keep_aspect_ratio_policy", "stretch")?;
    let shape = node.shape(x).clone();
    let rank = shape.rank();
    let axes = match node.attributes.ints("axes")? {
        Some(axes) => axes.iter().map(|&a| axis(a, rank, false)).collect::<Result<Vec<_>, _>>()?,
        None => (0..rank).collect(),
    };
    let list = |node: &mut Lowering<'_>, index: usize| {
        if !node.has_input(index) {
            return Ok(None);
        }
        match node.literal(index) {
            Some(literal) if literal.len() == 0 => Ok(None),
            Some(literal) => Ok(Some(literal.numbers())),
            None => Err(Refusal::from("its sizes must be known at import")),
        }
    };
    let (region, scales, sizes) = match node.opset() {
        ..11 => match node.attributes.floats("scales")?.filter(|s| !s.is_empty()) {
            Some(scales) => (None, Some(scales.iter().map(|&s| f64::from(s)).collect()), None),
            None => (None, list(node, 1)?, None),
        },
        _ => (list(node, 1)?, list(node, 2)?, list(node, 3)?),
    };
    let given = scales.as_ref().or(sizes.as_ref()).ok_or("it has neither scales nor sizes")?;
    if given.len() != axes.len() || given.iter().any(|v| !v.is_finite() || *v <= 0.0 || *v > 1e9) {
        return Err(format!("{given:?} for {} dimensions", axes.len()).into());
    }
    let mut sides = Vec::with_capacity(axes.len());
    for (i, &axis) in axes.iter().enumerate() {
        let size = shape[axis];
        let region = match &region {
            Some(r) if r.len() == 2 * axes.len() => [r[i], r[axes.len() + i]],
            _ => [0.0, 1.0],
        };
        let (target, scale) = match (&scales, &sizes) {
            (Some(scales), _) => {
                let extent =
                    if method.coordinates == "tf_crop_and_resize" { region[1] - region[0] } else { 1.0 };
                ((size as f64 * extent * scales[i]).floor() as usize, scales[i])
            }
            (None, Some(sizes)) => (sizes[i] as usize, sizes[i] / size as f64),
            (None, None) => unreachable!("one of them was given"),
        };
        sides.push(Side { size, target, scale, region });
    }
    if sizes.is_some() && policy != "stretch" {
        let larger = policy == "not_smaller";
        let pick = |a: f64, b: f64| if larger { a.max(b) } else { a.min(b) };
        let scale = sides.iter().map(|s| s.scale).reduce(pick).unwrap_or(1.0);
        for side in &mut sides {
            (side.scale, side.target) = (scale, (scale * side.size as f64).round() as usize);
        }
    }
    let mut x = x;
    for (side, &axis) in sides.iter().zip(&axes) {
        if side.target == 0 {
            return Err("it would leave nothing".into());
        }
        let unchanged = side.target == side.size && side.scale == 1.0;
        if !(unchanged && method.coordinates != "tf_crop_and_resize") {
            x = method.apply(node, x, axis, side)?;
        }
    }
    node.last(Op::Identity, &[x])
}

/// Of opset 7 the scales are an attribute, of opset 9 an input. Coordinates are asymmetric.
pub(super) fn upsample(node: &mut Lowering<'_>) -> Lowered {
    resize(node)
}

impl Method {
    fn apply(
        &self,
        node: &mut Lowering<'_>,
        x: ValueId,
        axis: usize,
        side: &Side,
    ) -> Result<ValueId, Refusal> {
        node.draft.spend_elements(side.target)?;
        if self.mode == "nearest" && self.coordinates != "tf_crop_and_resize" {
            let indices = (0..side.target).map(|o| self.nearest(self.coordinate(o, side)?, side.size));
            return node.gathered(x, axis, indices.collect::<Result<Vec<_>, _>>()?);
        }
        // The dimension becomes the last, and is multiplied by a known matrix.
        let rank = node.shape(x).rank();
        let (mut table, mut constant) = (vec![0f32; side.size * side.target], vec![0f32; side.target]);
        node.draft.spend_elements(table.len())?;
        for o in 0..side.target {
            let at = self.coordinate(o, side)?;
            if self.coordinates == "tf_crop_and_resize" && !(0.0..=(side.size - 1) as f64).contains(&at) {
                constant[o] = self.extrapolation as f32;
                continue;
            }
            for (i, weight) in self.weights(at, side)? {
                table[i * side.target + o] += weight as f32;
            }
        }
        let mut perm: Vec<usize> = (0..rank).filter(|&i| i != axis).collect();
        perm.push(axis);
        let mut inverse = vec![0; rank];
        perm.iter().enumerate().for_each(|(i, &p)| inverse[p] = i);
        let moved = node.transposed(x, &perm)?;
        let w = node.table(&[side.size, side.target], |i| table[i])?;
        let mut product = node.step("blended", Op::MatMul, &[moved, w])?;
        if constant.iter().any(|&c| c != 0.0) {
            let border = node.table(&[side.target], |i| constant[i])?;
            product = node.add(product, border)?;
        }
        node.transposed(product, &inverse)
    }

    /// Where output element `o` lies among the input's.
    fn coordinate(&self, o: usize, side: &Side) -> Result<f64, Refusal> {
        // Lengths are those before the target is cut to a whole number.
        let (o, size, length) = (o as f64, side.size as f64, side.scale * side.size as f64);
        Ok(match self.coordinates.as_str() {
            "half_pixel" => (o + 0.5) / side.scale - 0.5,
            "pytorch_half_pixel" => {
                if side.target > 1 {
                    (o + 0.5) / side.scale - 0.5
                } else {
                    0.0
                }
            }
            "half_pixel_symmetric" => {
                // The target is cut to a whole number; the difference goes to both sides.
                let adjustment = side.target as f64 / length;
                let offset = size / 2.0 * (1.0 - adjustment);
                offset + (o + 0.5) / side.scale - 0.5
            }
            "align_corners" => {
                if length > 1.0 {
                    o * (size - 1.0) / (length - 1.0)
                } else {
                    0.0
                }
            }
            "asymmetric" => o / side.scale,
            "tf_half_pixel_for_nn" => (o + 0.5) / side.scale,
            "tf_crop_and_resize" => {
                let [start, end] = side.region;
                if side.target > 1 {
                    start * (size - 1.0) + o * (end - start) * (size - 1.0) / (side.target as f64 - 1.0)
                } else {
                    0.5 * (start + end) * (size - 1.0)
                }
            }
            other => return Err(format!("coordinate mode `{other}` isn't supported").into()),
        })
    }

    fn nearest(&self, at: f64, size: usize) -> Result<usize, Refusal> {
        let rounded = match self.nearest.as_str() {
            "floor" => at.floor(),
            "ceil" => at.ceil(),
            "round_prefer_ceil" => (at + 0.5).floor(),
            "round_prefer_floor" => (at - 0.5).ceil(),
            other => return Err(format!("nearest_mode `{other}` isn't supported").into()),
        };
        Ok(rounded.clamp(0.0, (size - 1) as f64) as usize)
    }

    /// The elements that make up the value at a coordinate, with their weights.
    fn weights(&self, at: f64, side: &Side) -> Result<Vec<(usize, f64)>, Refusal> {
        if self.mode == "nearest" {
            return Ok(vec![(self.nearest(at, side.size)?, 1.0)]);
        }
        let (reach, kernel): (f64, Box<dyn Fn(f64) -> f64>) = match self.mode.as_str() {
            "linear" => (1.0, Box::new(|d: f64| (1.0 - d.abs()).max(0.0))),
            "cubic" => (2.0, Box::new(move |d: f64| cubic(self.cubic, d.abs()))),
            other => return Err(format!("mode `{other}` isn't supported").into()),
        };
        let stretch = if self.antialias && side.scale < 1.0 { 1.0 / side.scale } else { 1.0 };
        let (first, last) = ((at - reach * stretch).ceil(), (at + reach * stretch).floor());
        let mut weights = Vec::new();
        let mut i = first;
        while i <= last {
            let inside = i >= 0.0 && i <= (side.size - 1) as f64;
            let weight = kernel((i - at) / stretch);
            if weight != 0.0 && (inside || !self.exclude_outside) {
                weights.push((i.clamp(0.0, (side.size - 1) as f64) as usize, weight));
            }
            i += 1.0;
        }
        let sum: f64 = weights.iter().map(|w| w.1).sum();
        weights.iter_mut().for_each(|w| w.1 /= sum);
        Ok(weights)
    }
}

/// The cubic convolution kernel of parameter a (Keys, 1981).
fn cubic(a: f64, d: f64) -> f64 {
    if d <= 1.0 {
        ((a + 2.0) * d - (a + 3.0)) * d * d + 1.0
    } else if d < 2.0 {
        ((a * d - 5.0 * a) * d + 8.0 * a) * d - 4.0 * a
    } else {
        0.0
    }
}
