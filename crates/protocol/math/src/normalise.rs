//! Rows of shared values divided by their norm.
//!
//! The sum of squares is exact; its leading one is found once a row, and with it the root and the word 2^(d/2), whose bits are
//! pairs of the one-hot place. What is sent is sent by the operations it is made of.

use veilflow_correlation::Cost;
use veilflow_online::{
    OnlineError, Party, RangeClaim, Result, Tuning, WordShape, WordTerm, multiply_cost, multiply_signed,
    ring_products, ring_products_cost, sign_extend, sign_extend_cost, truncate_reduce, truncate_reduce_cost,
    words, words_cost, zero_extend, zero_extend_cost,
};
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::math::{Norm, Normalise};

use crate::division::resize;
use crate::mantissa;
use crate::pieces::public;

fn row_sums(x: &RingVec, width: usize) -> RingVec {
    let sum = |row: &[u64]| row.iter().fold(0u64, |sum, v| sum.wrapping_add(*v));
    RingVec::from_values(x.ring(), x.values().chunks(width).map(sum).collect())
}

/// Shares of x, of layer normalisation width·x less the sum of its row.
fn centre(party: &mut Party, normalise: &Normalise, x: &RingVec) -> Result<RingVec> {
    if normalise.norm == Norm::L2 {
        return Ok(x.clone());
    }
    let x = sign_extend(party, x, normalise.centred, RangeClaim::Any)?;
    let sums = row_sums(&x, normalise.width).gather((0..x.len()).map(|i| i / normalise.width));
    Ok(x.scale(normalise.width as u64).sub(&sums))
}

/// The ring to which a helper's parties extend centred values, once for squares and shifts.
fn extended(normalise: &Normalise) -> u32 {
    normalise.shifted.bits().max(2 * normalise.centred.bits())
}

/// Shares of the squares, twice as wide, and of the values in the ring in which they are shifted.
fn squares(party: &mut Party, normalise: &Normalise, x: &RingVec) -> Result<[RingVec; 2]> {
    if !party.tuning.dealt {
        let squares = multiply_signed(party, x, x)?;
        return Ok([squares, resize(party, x, normalise.shifted, RangeClaim::Any)?]);
    }
    let x = sign_extend(party, x, Ring::new(extended(normalise))?, RangeClaim::Any)?;
    let factor = x.narrow(Ring::new(2 * normalise.centred.bits())?);
    let squares = ring_products(party, &[[&factor, &factor]])?.swap_remove(0);
    Ok([squares, x.narrow(normalise.shifted)])
}

fn squares_cost(normalise: &Normalise, n: usize, tuning: Tuning) -> Cost {
    let [centred, shifted] = [normalise.centred, normalise.shifted].map(Ring::bits);
    if !tuning.dealt {
        let squares = multiply_cost([centred; 2], [RangeClaim::Any; 2], n, tuning);
        return squares.then(sign_extend_cost(centred, shifted, RangeClaim::Any, n, tuning));
    }
    sign_extend_cost(centred, extended(normalise), RangeClaim::Any, n, tuning)
        .then(ring_products_cost(&[(2 * centred, n)]))
}

/// Shares of every row divided by its norm (spec: `math::normalise`).
pub fn normalise(party: &mut Party, normalise: &Normalise, x: &RingVec) -> Result<RingVec> {
    let Normalise { width, sum, dropped, result, .. } = *normalise;
    if x.ring() != normalise.input.ring() || !x.len().is_multiple_of(width) {
        let reason = format!("not rows of {width} elements of {} bits", normalise.input.bits);
        return Err(OnlineError::Argument { op: "normalise", reason });
    }
    let rows = x.len() / width;
    let centred = centre(party, normalise, x)?;
    let [squares, centred] = squares(party, normalise, &centred)?;
    let squares = if squares.ring() < sum {
        zero_extend(party, &squares, sum, RangeClaim::NonNegative)?
    } else {
        squares.narrow(sum)
    };
    let sums = row_sums(&squares, width).add(&public(party, sum, normalise.epsilon, rows));
    let normalised = mantissa::normalise(party, &sums, 1)?;
    let root = mantissa::apply(party, &normalise.root, &normalised.rows)?;
    let of_row = |i: usize| i / width;
    // Distances 2k and 2k + 1 from the top are both shifts by k.
    let word: Vec<Bits> = normalised.octave.rchunks(2).map(|pair| pair[0].xor(&pair[1])).collect();
    let word: Vec<Bits> = word.iter().map(|row| (0..x.len()).map(|i| row.get(of_row(i))).collect()).collect();
    let up = words(party, &[WordTerm::Times { bits: &word, x: &centred }])?.swap_remove(0);
    let product = multiply_signed(party, &up, &root.gather((0..x.len()).map(of_row)))?;
    let product = product.narrow(Ring::new(dropped + result.bits())?);
    let half = public(party, product.ring(), 1 << (dropped - 1), x.len());
    let narrow = truncate_reduce(party, &product.add(&half), dropped)?;
    sign_extend(party, &narrow, normalise.output.ring(), RangeClaim::Slack)
}

/// Cost of [`normalise`] of so many rows.
pub fn normalise_cost(normalise: &Normalise, rows: usize, tuning: Tuning) -> Cost {
    let n = rows * normalise.width;
    let [centred, sum, shifted, result] =
        [normalise.centred, normalise.sum, normalise.shifted, normalise.result].map(Ring::bits);
    let root = normalise.root.pieces.result.bits();
    let centre = match normalise.norm {
        Norm::L2 => Cost::default(),
        Norm::Layer => sign_extend_cost(normalise.input.bits, centred, RangeClaim::Any, n, tuning),
    };
    centre
        .then(squares_cost(normalise, n, tuning))
        .then(zero_extend_cost(2 * centred, sum, RangeClaim::NonNegative, n, tuning))
        .then(mantissa::normalise_cost(sum, 1, rows, tuning))
        .then(mantissa::apply_cost(&normalise.root, rows, tuning))
        .then(words_cost(&[WordShape::Times(sum / 2, shifted)], n, tuning))
        .then(multiply_cost([shifted, root], [RangeClaim::Any; 2], n, tuning))
        .then(truncate_reduce_cost(normalise.dropped + result, normalise.dropped, n, tuning))
        .then(sign_extend_cost(result, normalise.output.bits, RangeClaim::Slack, n, tuning))
}
