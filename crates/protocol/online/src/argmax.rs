//! ArgMax: a tournament that carries the index along.
//!
//! What is sent is sent by the comparisons and multiplexers it is made of, so each side sees masked bits and elements only.

use veilflow_correlation::Cost;
use veilflow_ring::{Ring, RingVec};

use crate::select::{multiplex_many, multiplex_many_cost};
use crate::{OnlineError, Party, Result, Tuning, drelu, drelu_cost};

/// Shares in `out` of the index of the largest of each `width` consecutive elements (spec: `arg_max`). The lowest index
/// wins ties: neighbours a, b meet, and b + [a − b ≥ 0]·(a − b) goes on with its index.
pub fn arg_max(party: &mut Party, x: &RingVec, width: usize, out: Ring) -> Result<RingVec> {
    if width == 0 || !x.len().is_multiple_of(width) {
        return Err(OnlineError::argument("arg_max", format!("rows of {width} do not divide {}", x.len())));
    }
    let rows = x.len() / width;
    let indices = RingVec::from_values(out, (0..rows).flat_map(|_| 0..width as u64).collect());
    let (mut values, mut indices) = (x.clone(), party.only_p0(indices));
    let mut width = width;
    while width > 1 {
        let side = |v: &RingVec, odd: usize| {
            v.gather((0..rows).flat_map(|r| (0..width / 2).map(move |i| r * width + 2 * i + odd)))
        };
        let [a, b] = [side(&values, 0), side(&values, 1)];
        let [index_a, index_b] = [side(&indices, 0), side(&indices, 1)];
        let (value_step, index_step) = (a.sub(&b), index_a.sub(&index_b));
        let stays = drelu(party, &value_step)?;
        let steps = multiplex_many(party, &stays, &[&value_step, &index_step])?;
        values = with_odd_one(&values, &b.add(&steps[0]), rows, width);
        indices = with_odd_one(&indices, &index_b.add(&steps[1]), rows, width);
        width = width.div_ceil(2);
    }
    Ok(indices)
}

/// The winners of each row, followed by the row's last element if it met nobody.
fn with_odd_one(before: &RingVec, winners: &RingVec, rows: usize, width: usize) -> RingVec {
    let half = width / 2;
    let row = |r: usize| {
        let odd = (width % 2 == 1).then(|| before.values()[(r + 1) * width - 1]);
        winners.values()[r * half..(r + 1) * half].iter().copied().chain(odd)
    };
    RingVec::from_values(before.ring(), (0..rows).flat_map(row).collect())
}

/// Cost of [`arg_max`] over `rows` rows of `width` elements of `bits` bits, with indices of `out_bits` bits.
pub fn arg_max_cost(bits: u32, rows: usize, width: usize, out_bits: u32, tuning: Tuning) -> Cost {
    let (mut cost, mut width) = (Cost::default(), width);
    while width > 1 {
        let pairs = rows * (width / 2);
        cost = cost.then(drelu_cost(bits, pairs, tuning)).then(multiplex_many_cost(&[bits, out_bits], pairs));
        width = width.div_ceil(2);
    }
    cost
}
