//! Sign, carry and wrap of shared values, all from one comparison of private shares.
//!
//! For shares x₀, x₁ the carry out of the low s bits is [x₀ + x₁ ≥ 2^s] = [(2^s − 1 − x₀) < x₁] on s bits: P0 enters the
//! complement of its share, P1 its share. MSB(x) = msb(x₀) ⊕ msb(x₁) ⊕ carry out of the low ℓ − 1 bits.
//!
//! What is sent is sent by the comparison tree and by private products, so each side sees masked bits and elements only.

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::msb as private_msb;

use crate::product::{conversion_job, conversion_shape, converted, private_bits_job, private_bits_shape};
use crate::{CompareTree, Party, ProductJob, ProductShape, Result, Tuning, products, products_cost};

/// What is publicly known of a shared value's range. A false claim makes results wrong, never insecure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RangeClaim {
    /// Nothing.
    Any,
    /// |x| < 2^ℓ / 3, signed.
    Slack,
    /// x < 2^(ℓ−1): the sign bit is zero.
    NonNegative,
}

/// This party's side of a carry comparison.
fn operand(party: &Party, x: &RingVec) -> Vec<u64> {
    match party.role {
        Role::P0 => x.values().iter().map(|v| !v).collect(),
        Role::P1 => x.values().to_vec(),
    }
}

/// Shares of the carry out of the low `s` bits (spec: `carry`). `s` = ℓ gives the wrap; `s` = 0 gives zeros for free.
pub fn carry(party: &mut Party, x: &RingVec, s: u32) -> Result<Bits> {
    let tree = CompareTree::new(s.min(x.ring().bits()), None, party.tuning);
    let operand = operand(party, x);
    Ok(tree.run(party, &operand)?.0)
}

/// Cost of [`carry`].
pub fn carry_cost(s: u32, n: usize, tuning: Tuning) -> Cost {
    CompareTree::new(s, None, tuning).cost(n)
}

fn msb_tree(bits: u32, s: u32, tuning: Tuning) -> CompareTree {
    CompareTree::new(bits - 1, (s > 0 && bits > 1).then_some(s), tuning)
}

/// Shares of the sign bit and of the carry out of the low `s` < ℓ bits, from one tree.
pub fn msb_and_carry(party: &mut Party, x: &RingVec, s: u32) -> Result<(Bits, Bits)> {
    let tree = msb_tree(x.ring().bits(), s, party.tuning);
    let operand = operand(party, x);
    let (below, carry) = tree.run(party, &operand)?;
    Ok((private_msb(x).xor(&below), carry.unwrap_or_else(|| Bits::zeros(x.len()))))
}

/// Cost of [`msb_and_carry`].
pub(crate) fn msb_and_carry_cost(bits: u32, s: u32, n: usize, tuning: Tuning) -> Cost {
    msb_tree(bits, s, tuning).cost(n)
}

/// Shares of the sign bit (spec: `msb`).
pub fn msb(party: &mut Party, x: &RingVec) -> Result<Bits> {
    Ok(msb_and_carry(party, x, 0)?.0)
}

/// Cost of [`msb`] of `n` elements of `bits` bits; that of [`drelu`] is the same.
pub fn msb_cost(bits: u32, n: usize, tuning: Tuning) -> Cost {
    msb_and_carry_cost(bits, 0, n, tuning)
}

/// The complement of a shared bit: P0 flips its share.
pub(crate) fn negate(party: &Party, bits: Bits) -> Bits {
    if party.role == Role::P0 { bits.not() } else { bits }
}

/// Shares of [x ≥ 0] (spec: `drelu`).
pub fn drelu(party: &mut Party, x: &RingVec) -> Result<Bits> {
    let sign = msb(party, x)?;
    Ok(negate(party, sign))
}

/// Cost of [`drelu`].
pub fn drelu_cost(bits: u32, n: usize, tuning: Tuning) -> Cost {
    msb_cost(bits, n, tuning)
}

/// Product jobs for MW, and how their results join. Run beside other jobs, in one exchange.
pub(crate) struct WrapCount {
    jobs: usize,
    out: Ring,
    local: RingVec,
    form: Form,
}

enum Form {
    /// MW = a₀ + a₁ − a₀a₁ + b₀b₁.
    Slack,
    /// MW = m₀ + m₁ − m₀m₁.
    NonNegative,
    /// The shares of wrap and sign as bits, each converted.
    Bits([Bits; 2]),
}

impl WrapCount {
    /// Prepares the jobs that yield MW mod 2^w. For [`RangeClaim::Any`] this runs a comparison of ℓ bits first.
    pub(crate) fn prepare(
        party: &mut Party,
        x: &RingVec,
        range: RangeClaim,
        out: Ring,
        jobs: &mut Vec<ProductJob>,
    ) -> Result<Self> {
        let before = jobs.len();
        let modulus = 1u128 << x.ring().bits();
        let at_least = |thirds: u128| -> Bits {
            x.values().iter().map(|&v| 3 * u128::from(v) >= thirds * modulus).collect()
        };
        let (local, form) = match range {
            RangeClaim::NonNegative => {
                let sign = private_msb(x);
                jobs.push(private_bits_job(party, &sign, out));
                (RingVec::from_bits(out, &sign), Form::NonNegative)
            }
            RangeClaim::Slack => {
                let third = at_least(1);
                jobs.push(private_bits_job(party, &third, out));
                jobs.push(private_bits_job(party, &at_least(2), out));
                (RingVec::from_bits(out, &third), Form::Slack)
            }
            RangeClaim::Any => {
                let bits = x.ring().bits();
                let tree = wrap_tree(bits, party.tuning);
                let operand = operand(party, x);
                let (wrap, below) = tree.run(party, &operand)?;
                let below = below.unwrap_or_else(|| Bits::zeros(x.len()));
                let sign = private_msb(x).xor(&below);
                jobs.extend(conversion_job(party, &wrap, out));
                jobs.extend(conversion_job(party, &sign, out));
                (RingVec::zeros(out, x.len()), Form::Bits([wrap, sign]))
            }
        };
        Ok(Self { jobs: jobs.len() - before, out, local, form })
    }

    /// Shares of MW from the first of `results`, which are used up.
    pub(crate) fn finish(self, results: &mut impl Iterator<Item = RingVec>) -> RingVec {
        let products: Vec<RingVec> = results.by_ref().take(self.jobs).collect();
        match self.form {
            Form::NonNegative => self.local.sub(&products[0]),
            Form::Slack => self.local.sub(&products[0]).add(&products[1]),
            Form::Bits([wrap, sign]) => {
                let mut products = products.iter();
                converted(&wrap, products.next(), self.out).add(&converted(&sign, products.next(), self.out))
            }
        }
    }

    /// The jobs' costs, and what runs before them.
    pub(crate) fn cost(
        bits: u32,
        range: RangeClaim,
        out_bits: u32,
        n: usize,
        tuning: Tuning,
    ) -> (Cost, Vec<ProductShape>) {
        let private = private_bits_shape(out_bits, n, tuning);
        match range {
            RangeClaim::NonNegative => (Cost::default(), vec![private]),
            RangeClaim::Slack => (Cost::default(), vec![private; 2]),
            RangeClaim::Any => {
                let job = conversion_shape(out_bits, n, tuning);
                (wrap_tree(bits, tuning).cost(n), job.into_iter().chain(job).collect())
            }
        }
    }
}

/// A tree over all ℓ bits (the wrap) that also yields the carry into the sign bit.
fn wrap_tree(bits: u32, tuning: Tuning) -> CompareTree {
    CompareTree::new(bits, (bits > 1).then(|| bits - 1), tuning)
}

/// Shares of MW = wrap + MSB, how often 2^ℓ must be taken from x₀ + x₁ to reach the signed x (spec: `msb_wrap_count`).
///
/// With [`RangeClaim::Slack`]: MW is 0 iff both shares are below 2^ℓ/3, 2 iff both are at least 2·2^ℓ/3, else 1, so two
/// private products suffice (arXiv 2509.01178). With [`RangeClaim::NonNegative`]: the wrap alone, 1 iff either share has its
/// top bit set. With [`RangeClaim::Any`]: one comparison and two conversions.
pub fn wrap_count(party: &mut Party, x: &RingVec, range: RangeClaim, out: Ring) -> Result<RingVec> {
    let mut jobs = Vec::new();
    let count = WrapCount::prepare(party, x, range, out, &mut jobs)?;
    let results = if jobs.is_empty() { Vec::new() } else { products(party, jobs)? };
    Ok(count.finish(&mut results.into_iter()))
}

/// Cost of [`wrap_count`].
pub fn wrap_count_cost(bits: u32, range: RangeClaim, out_bits: u32, n: usize, tuning: Tuning) -> Cost {
    let (cost, jobs) = WrapCount::cost(bits, range, out_bits, n, tuning);
    if jobs.is_empty() { cost } else { cost.then(products_cost(&jobs)) }
}
