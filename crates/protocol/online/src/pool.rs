//! Maximum pooling: a tournament of compare-and-select, all windows in step.
//!
//! What is sent is sent by the ReLUs it is made of, so each side sees masked bits and elements only.

use veilflow_correlation::Cost;
use veilflow_ring::RingVec;
use veilflow_spec::Pool2dShape;

use crate::{OnlineError, Party, Result, Tuning, relu, relu_cost};

/// Shares of the maximum of each list of elements (spec: `max_of`): max(a, b) = b + relu(a − b), neighbours first.
pub fn max_of(party: &mut Party, x: &RingVec, windows: &[Vec<usize>]) -> Result<RingVec> {
    if windows.iter().any(|w| w.is_empty() || w.iter().any(|&i| i >= x.len())) {
        return Err(OnlineError::argument("max_of", "a window is empty or reaches past the input"));
    }
    let mut fields: Vec<Vec<u64>> =
        windows.iter().map(|w| w.iter().map(|&i| x.values()[i]).collect()).collect();
    let ring = x.ring();
    while fields.iter().any(|f| f.len() > 1) {
        let pairs = fields.iter().flat_map(|f| f.chunks_exact(2));
        let differences = RingVec::from_values(ring, pairs.map(|p| p[0].wrapping_sub(p[1])).collect());
        let (bits, tuning) = (ring.bits(), party.tuning);
        let demand = |n| relu_cost(bits, n, tuning).demand;
        let excess = party.map_in_threads(&differences, demand, relu)?;
        let mut excess = excess.values().iter();
        for field in &mut fields {
            let next = field.chunks(2).map(|pair| match (pair, pair.len()) {
                ([_, b], _) => ring.add(*b, *excess.next().expect("one excess a pair")),
                (pair, _) => pair[0],
            });
            *field = next.collect();
        }
    }
    Ok(RingVec::from_values(ring, fields.into_iter().map(|f| f[0]).collect()))
}

/// Cost of [`max_of`] in a ring of `bits` bits, for windows given by their sizes and how many there are of each.
pub fn max_of_cost(bits: u32, sizes: impl IntoIterator<Item = (usize, usize)>, tuning: Tuning) -> Cost {
    let mut sizes: Vec<(usize, usize)> = sizes.into_iter().collect();
    let mut cost = Cost::default();
    while sizes.iter().any(|&(size, count)| size > 1 && count > 0) {
        cost = cost.then(relu_cost(bits, sizes.iter().map(|(size, count)| size / 2 * count).sum(), tuning));
        sizes.iter_mut().for_each(|(size, _)| *size = size.div_ceil(2));
    }
    cost
}

/// Shares of the largest element of every window (spec: `max_pool`): rows, then columns of row maxima.
pub fn max_pool(party: &mut Party, x: &RingVec, shape: &Pool2dShape) -> Result<RingVec> {
    if !shape.is_valid() || x.len() != shape.in_len() {
        return Err(OnlineError::argument("max_pool", "input and windows do not fit"));
    }
    let rows = max_of(party, x, &shape.horizontal_windows())?;
    max_of(party, &rows, &shape.vertical_windows())
}

/// Cost of [`max_pool`] in a ring of `bits` bits.
pub fn max_pool_cost(bits: u32, shape: &Pool2dShape, tuning: Tuning) -> Cost {
    max_of_cost(bits, shape.horizontal_sizes(), tuning).then(max_of_cost(
        bits,
        shape.vertical_sizes(),
        tuning,
    ))
}
