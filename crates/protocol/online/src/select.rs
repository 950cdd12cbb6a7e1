//! Selection by a shared bit, and the activations made of it.

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::multiplex as private_multiplex;

use crate::rectify::{rectify, rectify_cost};
use crate::sign::{msb_and_carry, msb_and_carry_cost, negate};
use crate::truncate::{check_shift, local_shift};
use crate::{
    OnlineError, Party, ProductJob, ProductShape, Result, Tuning, bit_to_arithmetic, bit_to_arithmetic_cost,
    drelu, drelu_cost, products, products_cost,
};

/// Shares of b·x (spec: `multiplex`). 2(w + 1) bits, one round.
///
/// b·x₀ = b₀·x₀ + b₁·(1 − 2b₀)·x₀: a local term and a product of P1's bit with P0's element; likewise for x₁.
pub fn multiplex(party: &mut Party, b: &Bits, x: &RingVec) -> Result<RingVec> {
    Ok(multiplex_many(party, b, &[x])?.swap_remove(0))
}

/// Selects several vectors by the same bits, in one exchange.
pub(crate) fn multiplex_many(party: &mut Party, b: &Bits, xs: &[&RingVec]) -> Result<Vec<RingVec>> {
    if xs.iter().any(|x| x.len() != b.len()) {
        return Err(OnlineError::argument("multiplex", "bits and elements differ in number"));
    }
    let mut jobs = Vec::with_capacity(2 * xs.len());
    let mut local = Vec::with_capacity(xs.len());
    for x in xs {
        let chosen = private_multiplex(b, x);
        let element = ProductJob::Element(x.sub(&chosen.scale(2)));
        let bit = ProductJob::Bit(b.clone(), x.ring());
        jobs.extend(if party.role == Role::P0 { [element, bit] } else { [bit, element] });
        local.push(chosen);
    }
    let results = products(party, jobs)?;
    Ok(local.iter().zip(results.chunks(2)).map(|(x, pair)| x.add(&pair[0]).add(&pair[1])).collect())
}

/// Cost of [`multiplex`] of `n` elements of `bits` bits.
pub fn multiplex_cost(bits: u32, n: usize) -> Cost {
    multiplex_many_cost(&[bits], n)
}

const ROLES: [Role; 2] = [Role::P0, Role::P1];

pub(crate) fn multiplex_many_cost(widths: &[u32], n: usize) -> Cost {
    let jobs: Vec<_> =
        widths.iter().flat_map(|&w| ROLES.map(|role| ProductShape::Element(role, w, n))).collect();
    products_cost(&jobs)
}

/// Which way costs fewer bytes, those that a helper deals included: by a masked opening, or by a comparison and a selection.
fn is_masked(bits: u32, compare: u32, s: u32, thresholds: usize, tuning: Tuning) -> bool {
    tuning.dealt
        && tuning.bytes(&rectify_cost(bits, compare, s, thresholds, 64, tuning))
            < tuning.bytes(&compared_cost(bits, compare, s, thresholds * 64, tuning))
}

/// Cost of a comparison, and a selection by its result.
fn compared_cost(bits: u32, compare: u32, s: u32, n: usize, tuning: Tuning) -> Cost {
    if s == 0 {
        return drelu_cost(compare, n, tuning).then(multiplex_cost(bits, n));
    }
    msb_and_carry_cost(bits, s, n, tuning)
        .then(bit_to_arithmetic_cost(bits - s, n, tuning))
        .then(multiplex_cost(bits - s, n))
}

/// Shares of max(x, 0) (spec: `relu`).
pub fn relu(party: &mut Party, x: &RingVec) -> Result<RingVec> {
    relu_within(party, x, x.ring().bits())
}

/// Cost of [`relu`] of `n` elements of `bits` bits.
pub fn relu_cost(bits: u32, n: usize, tuning: Tuning) -> Cost {
    relu_within_cost(bits, bits, n, tuning)
}

/// Shares of max(x, 0) where the low `compare` bits tell the sign: fewer bits are compared than selected.
pub fn relu_within(party: &mut Party, x: &RingVec, compare: u32) -> Result<RingVec> {
    let narrow = Ring::new(compare)?;
    if narrow > x.ring() {
        return Err(OnlineError::argument("relu", format!("cannot compare {compare} bits")));
    }
    if is_masked(x.ring().bits(), compare, 0, 1, party.tuning) {
        return Ok(rectify(party, x, compare, 0, &[0])?.swap_remove(0));
    }
    let b = drelu(party, &x.narrow(narrow))?;
    multiplex(party, &b, x)
}

/// Cost of [`relu_within`] of `n` elements of `bits` bits.
pub fn relu_within_cost(bits: u32, compare: u32, n: usize, tuning: Tuning) -> Cost {
    if is_masked(bits, compare, 0, 1, tuning) {
        return rectify_cost(bits, compare, 0, 1, n, tuning);
    }
    compared_cost(bits, compare, 0, n, tuning)
}

/// Shares of ⌊max(x, 0) / 2^s⌋ in ℓ − s bits (spec: `relu_truncate`): the tree that tells the sign also gives the
/// carry that truncation needs, so both cost one comparison.
pub fn relu_truncate(party: &mut Party, x: &RingVec, s: u32) -> Result<RingVec> {
    check_shift("relu_truncate", s, x.ring())?;
    if s == 0 {
        return relu(party, x);
    }
    let bits = x.ring().bits();
    if is_masked(bits, bits, s, 1, party.tuning) {
        return Ok(rectify(party, x, bits, s, &[0])?.swap_remove(0));
    }
    let out = Ring::new(bits - s)?;
    let (sign, carry) = msb_and_carry(party, x, s)?;
    let truncated = local_shift(x, s, out).add(&bit_to_arithmetic(party, &carry, out)?);
    let b = negate(party, sign);
    multiplex(party, &b, &truncated)
}

/// Cost of [`relu_truncate`].
pub fn relu_truncate_cost(bits: u32, s: u32, n: usize, tuning: Tuning) -> Cost {
    if is_masked(bits, bits, s, 1, tuning) {
        return rectify_cost(bits, bits, s, 1, n, tuning);
    }
    compared_cost(bits, bits, s, n, tuning)
}

/// Shares of relu(x) − relu(x − c) for public c (spec: `clip`), both in one pass.
pub fn clip(party: &mut Party, x: &RingVec, c: u64) -> Result<RingVec> {
    clip_within(party, x, c, x.ring().bits())
}

/// Cost of [`clip`] of `n` elements of `bits` bits.
pub fn clip_cost(bits: u32, n: usize, tuning: Tuning) -> Cost {
    clip_within_cost(bits, bits, n, tuning)
}

/// Shares of relu(x) − relu(x − c) for public c where the low `compare` bits tell the signs of x and of x − c.
pub fn clip_within(party: &mut Party, x: &RingVec, c: u64, compare: u32) -> Result<RingVec> {
    let (bits, n) = (x.ring().bits(), x.len());
    if (1..=bits).contains(&compare) && is_masked(bits, compare, 0, 2, party.tuning) {
        let parts = rectify(party, x, compare, 0, &[0, c])?;
        return Ok(parts[0].sub(&parts[1]));
    }
    let mut both = x.clone();
    both.append(&x.sub(&party.only_p0(RingVec::from_values(x.ring(), vec![c; n]))));
    let y = relu_within(party, &both, compare)?;
    Ok(y.slice(0, n).sub(&y.slice(n, n)))
}

/// Cost of [`clip_within`] of `n` elements of `bits` bits.
pub fn clip_within_cost(bits: u32, compare: u32, n: usize, tuning: Tuning) -> Cost {
    if is_masked(bits, compare, 0, 2, tuning) {
        return rectify_cost(bits, compare, 0, 2, n, tuning);
    }
    relu_within_cost(bits, compare, 2 * n, tuning)
}
