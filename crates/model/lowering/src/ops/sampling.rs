//! Samples of an image at known places, and grids of such places.

use veilflow_ir::{Op, ValueId};

use crate::error::Result;
use crate::lowering::{Lowered, Lowering};

/// What lies outside an image.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outside {
    Zeros,
    Border,
    Reflection,
}

/// How samples are taken along one dimension.
#[derive(Clone, Copy)]
struct Sampler {
    order: Order,
    outside: Outside,
    corners: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Nearest,
    Linear,
    Cubic,
}

impl Sampler {
    /// A place from −1 to 1 as one among `size` elements.
    fn place(&self, at: f64, size: usize) -> f64 {
        let size = size as f64;
        if self.corners { (at + 1.0) / 2.0 * (size - 1.0) } else { ((at + 1.0) * size - 1.0) / 2.0 }
    }

    /// A place mirrored into the image, at its corner elements or at their outer edges.
    fn mirrored(&self, at: f64, size: usize) -> f64 {
        let (low, high) = if self.corners { (0.0, size as f64 - 1.0) } else { (-0.5, size as f64 - 0.5) };
        let span = high - low;
        if span <= 0.0 {
            return 0.0;
        }
        let from = (at - low).rem_euclid(2.0 * span);
        low + if from > span { 2.0 * span - from } else { from }
    }

    /// The element that stands at whole place `at`, if one does.
    fn element(&self, at: f64, size: usize) -> Option<usize> {
        let last = size as f64 - 1.0;
        let at = match self.outside {
            Outside::Zeros => at,
            Outside::Border => at.clamp(0.0, last),
            Outside::Reflection => self.mirrored(at, size).clamp(0.0, last),
        };
        (0.0..=last).contains(&at).then_some(at as usize)
    }

    /// The elements of a dimension that make the sample at `at`, and their weights.
    fn taps(&self, at: f64, size: usize) -> Vec<(usize, f64)> {
        let mut at = self.place(at, size);
        if self.order != Order::Cubic {
            at = match self.outside {
                Outside::Zeros => at,
                Outside::Border => at.clamp(0.0, size as f64 - 1.0),
                Outside::Reflection => self.mirrored(at, size),
            };
        }
        let (first, weights): (f64, Vec<f64>) = match self.order {
            Order::Nearest => (at.round_ties_even(), vec![1.0]),
            Order::Linear => (at.floor(), vec![1.0 - fraction(at), fraction(at)]),
            Order::Cubic => (at.floor() - 1.0, cubic(fraction(at))),
        };
        let taps = weights.into_iter().enumerate();
        taps.filter_map(|(i, w)| Some((self.element(first + i as f64, size)?, w)))
            .filter(|t| t.1 != 0.0)
            .collect()
    }
}

/// The part of a number above its floor.
fn fraction(at: f64) -> f64 {
    at - at.floor()
}

/// The weights of four neighbours by cubic convolution with a = −3/4.
fn cubic(t: f64) -> Vec<f64> {
    const A: f64 = -0.75;
    let near = |d: f64| ((A + 2.0) * d - (A + 3.0)) * d * d + 1.0;
    let far = |d: f64| ((A * d - 5.0 * A) * d + 8.0 * A) * d - 4.0 * A;
    vec![far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)]
}

/// Samples of an image `[N, C, …]` at the places of a known grid: a matrix product for each of the batch.
pub(super) fn grid_sample(node: &mut Lowering<'_>) -> Lowered {
    let order = match node.attributes.string("mode")?.as_deref() {
        None | Some("linear" | "bilinear") => Order::Linear,
        Some("nearest") => Order::Nearest,
        Some("cubic" | "bicubic") => Order::Cubic,
        Some(other) => return Err(format!("mode `{other}` isn't supported").into()),
    };
    let outside = match node.attributes.string("padding_mode")?.as_deref() {
        None | Some("zeros") => Outside::Zeros,
        Some("border") => Outside::Border,
        Some("reflection") => Outside::Reflection,
        Some(other) => return Err(format!("padding mode `{other}` isn't supported").into()),
    };
    let sampler = Sampler { order, outside, corners: node.attributes.flag("align_corners")? };
    let x = node.value(0)?;
    let grid = node
        .literal(1)
        .ok_or("its grid must be known at import: private places would need a look-up each")?;
    let (shape, places) = (node.shape(x).clone(), grid.dims());
    let rank = shape.rank().saturating_sub(2);
    if rank == 0 || places.len() != rank + 2 || places[0] != shape[0] || places[rank + 1] != rank {
        return Err(format!("a grid of dimensions {places:?} for {shape}").into());
    }
    let numbers = grid.numbers();
    let (count, samples) =
        (shape.elements() / shape[0] / shape[1], places[1..=rank].iter().product::<usize>());
    let mut parts = Vec::with_capacity(shape[0]);
    for image in 0..shape[0] {
        node.draft.spend_elements(count.saturating_mul(samples))?;
        let mut weights = vec![0.0f32; count * samples];
        for sample in 0..samples {
            let at = &numbers[(image * samples + sample) * rank..][..rank];
            let mut taps = vec![(0usize, 1.0f64)];
            for axis in 0..rank {
                // The grid's first number is the place along the last dimension.
                let here = sampler.taps(at[rank - 1 - axis], shape[2 + axis]);
                let size = shape[2 + axis];
                taps = taps
                    .iter()
                    .flat_map(|&(p, w)| here.iter().map(move |&(q, v)| (p * size + q, w * v)))
                    .collect();
            }
            taps.iter().for_each(|&(p, w)| weights[p * samples + sample] += w as f32);
        }
        let rows = node.sliced(x, 0, image..image + 1)?;
        let rows = node.reshaped(rows, &[shape[1], count])?;
        let weights = node.table(&[count, samples], |i| weights[i])?;
        let sampled = node.matmul(rows, weights)?;
        parts.push(node.reshaped(sampled, &[&[1, shape[1]], &places[1..=rank]].concat())?);
    }
    let all = node.concatenated(&parts, 0)?;
    node.last(Op::Identity, &[all])
}

/// A grid of evenly spaced places, moved by affine maps.
pub(super) fn affine_grid(node: &mut Lowering<'_>) -> Lowered {
    let corners = node.attributes.flag("align_corners")?;
    let sizes = node.integers(1)?;
    let sizes: Vec<usize> =
        sizes.iter().map(|&s| usize::try_from(s)).collect::<Result<_, _>>().map_err(|_| "a negative size")?;
    let theta = node.value(0)?;
    let [batch, rank, columns] = *node.shape(theta).clone() else { return Err("takes affine maps".into()) };
    if sizes.len() != rank + 2 || columns != rank + 1 || sizes[0] != batch || sizes.contains(&0) {
        return Err(format!("affine maps {} for a size of {sizes:?}", node.shape(theta)).into());
    }
    let spaces = &sizes[2..];
    let count = spaces.iter().try_fold(1usize, |n, &d| n.checked_mul(d)).ok_or("too large a grid")?;
    let coordinate = |place: usize, axis: usize| {
        let stride: usize = spaces[axis + 1..].iter().product();
        let (at, size) = ((place / stride % spaces[axis]) as f32, spaces[axis] as f32);
        match (corners, spaces[axis]) {
            (true, 1) => 0.0,
            (true, _) => 2.0 * at / (size - 1.0) - 1.0,
            (false, _) => (2.0 * at + 1.0) / size - 1.0,
        }
    };
    // Homogeneous places, x first: [rank + 1, count].
    let base = node.table(&[columns, count], |i| {
        let (row, place) = (i / count, i % count);
        if row == rank { 1.0 } else { coordinate(place, rank - 1 - row) }
    })?;
    let moved: ValueId = node.matmul(theta, base)?;
    let moved = node.transposed(moved, &[0, 2, 1])?;
    let grid = node.reshaped(moved, &[&[batch], spaces, &[rank]].concat())?;
    node.last(Op::Identity, &[grid])
}
