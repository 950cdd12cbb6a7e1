//! Sign and carry of shared values, both from one comparison of private shares.
//!
//! For shares x₀, x₁ the carry out of the low s bits is [x₀ + x₁ ≥ 2^s] = [(2^s − 1 − x₀) < x₁] on s bits: P0
//! enters the complement of its share, P1 its share. MSB(x) = msb(x₀) ⊕ msb(x₁) ⊕ carry out of the low ℓ − 1
//! bits.
//!
//! What is sent is sent by the comparison tree, so each side sees masked bits only.

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_ring::{Bits, RingVec};
use veilflow_spec::msb as private_msb;

use crate::{CompareTree, Party, Result, Tuning};

/// This party's side of a carry comparison.
pub(crate) fn operand(role: Role, x: &RingVec) -> Vec<u64> {
    match role {
        Role::P0 => x.values().iter().map(|v| !v).collect(),
        Role::P1 => x.values().to_vec(),
    }
}

/// The complement of a shared bit: P0 flips its share.
pub fn negate(role: Role, bits: Bits) -> Bits {
    if role == Role::P0 { bits.not() } else { bits }
}

/// The carry out of the low s bits (spec: `carry`).
#[derive(Debug, Clone)]
pub struct Carry {
    tree: CompareTree,
}

impl Carry {
    /// The carry out of the low `s` bits. All bits of a ring give the wrap; none give zeros for free.
    pub fn new(s: u32, tuning: Tuning) -> Self {
        Self { tree: CompareTree::new(s, None, tuning) }
    }

    /// Cost of `n` elements.
    pub fn cost(&self, n: usize) -> Cost {
        self.tree.cost(n)
    }

    /// Shares of the carry, from shares of elements of at least s bits.
    pub fn run(&self, party: &mut Party, x: &RingVec) -> Result<Bits> {
        Ok(self.tree.run(party, &operand(party.role, x))?.0)
    }
}

/// The sign bit and the carry out of the low s bits, from one tree.
#[derive(Debug, Clone)]
pub struct MsbAndCarry {
    tree: CompareTree,
}

impl MsbAndCarry {
    /// Of elements of `bits` bits, with the carry out of the low `s` < `bits`.
    pub fn new(bits: u32, s: u32, tuning: Tuning) -> Self {
        Self { tree: CompareTree::new(bits - 1, (s > 0 && bits > 1).then_some(s), tuning) }
    }

    /// Cost of `n` elements.
    pub fn cost(&self, n: usize) -> Cost {
        self.tree.cost(n)
    }

    /// Shares of the sign bits and of the carries.
    pub fn run(&self, party: &mut Party, x: &RingVec) -> Result<(Bits, Bits)> {
        let (below, carry) = self.tree.run(party, &operand(party.role, x))?;
        Ok((private_msb(x).xor(&below), carry.unwrap_or_else(|| Bits::zeros(x.len()))))
    }
}

/// The sign bit (spec: `msb`).
#[derive(Debug, Clone)]
pub struct Msb(MsbAndCarry);

impl Msb {
    /// Of elements of `bits` bits.
    pub fn new(bits: u32, tuning: Tuning) -> Self {
        Self(MsbAndCarry::new(bits, 0, tuning))
    }

    /// Cost of `n` elements.
    pub fn cost(&self, n: usize) -> Cost {
        self.0.cost(n)
    }

    /// Shares of the sign bits.
    pub fn run(&self, party: &mut Party, x: &RingVec) -> Result<Bits> {
        Ok(self.0.run(party, x)?.0)
    }
}

/// The bit [x ≥ 0] (spec: `drelu`).
#[derive(Debug, Clone)]
pub struct Drelu(Msb);

impl Drelu {
    /// Of elements of `bits` bits.
    pub fn new(bits: u32, tuning: Tuning) -> Self {
        Self(Msb::new(bits, tuning))
    }

    /// Cost of `n` elements.
    pub fn cost(&self, n: usize) -> Cost {
        self.0.cost(n)
    }

    /// Shares of the bits.
    pub fn run(&self, party: &mut Party, x: &RingVec) -> Result<Bits> {
        let sign = self.0.run(party, x)?;
        Ok(negate(party.role, sign))
    }
}
