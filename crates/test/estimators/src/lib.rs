//! Bit security of LPN with regular noise and a local code over F_2: what the known attacks cost.
//!
//! A [`Set`] has a secret of k bits, n = t · 2^d samples in t blocks of 2^d, one error in each block, and a
//! code that adds ℓ places of the secret to a sample. Every attack has a file, which says what the attack does,
//! what it costs and who published it. Where the published cost counts dense elimination of a code that is
//! in fact sparse, the file has the attack twice: as published, and with [`linear::sparse`].
//!
//! Bits are the logarithm of the number of bit operations. Memory is free, and costs of an iteration leave out
//! constants where the source does. An estimate is no proof: it says that the attacks listed cost this much.

pub mod algebraic;
pub mod gauss;
pub mod hybrid;
pub mod isd;
pub mod linear;
mod math;
pub mod pool;
pub mod regular_isd;
pub mod search;
pub mod statistical;
pub mod subcode;

use serde::Serialize;

/// Parameters of learning parity with noise: regular noise, local code, over F_2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Set {
    /// k: the length of the secret.
    pub secret: u64,
    /// t: the number of blocks, and of errors.
    pub blocks: u64,
    /// d: a block has 2^d samples.
    pub depth: u32,
    /// How many places of the secret a sample adds up.
    pub locality: u32,
}

impl Set {
    /// 2^d: samples of a block.
    pub fn block_len(&self) -> u64 {
        1 << self.depth
    }

    /// n: the samples.
    pub fn samples(&self) -> u64 {
        self.blocks << self.depth
    }

    /// Bits sent for an oblivious transfer: 128 for each level of each tree, over the samples that are not
    /// kept for the next iteration.
    pub fn bits_per_ot(&self) -> f64 {
        let levels = self.blocks * u64::from(self.depth);
        let kept = self.secret + levels;
        128.0 * levels as f64 / (self.samples() as f64 - kept as f64)
    }
}

/// What an attack costs.
#[derive(Clone, Debug, Serialize)]
pub struct Estimate {
    /// The attack.
    pub attack: &'static str,
    /// The logarithm of its bit operations.
    pub bits: f64,
    /// Who published the cost.
    pub source: &'static str,
    /// The parameters of the attack at which it is cheapest.
    pub choice: String,
}

impl Estimate {
    /// An attack without a choice of parameters that makes it work.
    pub(crate) fn impossible(attack: &'static str, source: &'static str) -> Self {
        Self { attack, bits: f64::INFINITY, source, choice: "none".to_owned() }
    }

    /// Takes the cheaper of this and `bits`.
    pub(crate) fn improve(&mut self, bits: f64, choice: impl FnOnce() -> String) {
        if bits < self.bits {
            self.bits = bits;
            self.choice = choice();
        }
    }
}

/// What all attacks cost, with the seed 1 for simulated codes.
pub fn estimates(set: &Set) -> Vec<Estimate> {
    estimates_with(set, &subcode::Simulation::default())
}

/// What all attacks cost, with a given simulation of the code.
pub fn estimates_with(set: &Set, simulation: &subcode::Simulation) -> Vec<Estimate> {
    let mut all = generic(set);
    all.extend(subcode::estimates(set, &simulation.trajectories(set)));
    all
}

/// What the attacks cost that need no simulation of the code.
pub fn generic(set: &Set) -> Vec<Estimate> {
    let parts = [
        gauss::estimates(set),
        statistical::estimates(set),
        isd::estimates(set),
        regular_isd::estimates(set),
        hybrid::estimates(set),
        algebraic::estimates(set),
        pool::estimates(set),
    ];
    parts.into_iter().flatten().collect()
}

/// The cheapest attack.
pub fn security(set: &Set) -> Estimate {
    cheapest(estimates(set))
}

/// The cheapest of `all`, which has at least one.
pub(crate) fn cheapest(all: Vec<Estimate>) -> Estimate {
    all.into_iter().min_by(|a, b| a.bits.total_cmp(&b.bits)).expect("there are attacks")
}

#[cfg(test)]
pub(crate) mod tests {
    use super::Set;

    /// A 10-local set.
    pub(crate) const fn set(secret: u64, blocks: u64, depth: u32) -> Set {
        Set { secret, blocks, depth, locality: 10 }
    }

    pub(crate) const B10: Set = set(1 << 16, 850, 10);
    pub(crate) const B11: Set = set(1 << 17, 1170, 11);
    pub(crate) const B12: Set = set(1 << 18, 1520, 12);
    pub(crate) const B13: Set = set(1 << 19, 1900, 13);
    pub(crate) const ALL: [Set; 4] = [B10, B11, B12, B13];
}
