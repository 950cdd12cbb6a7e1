//! Parameter sets.

use serde::Serialize;
use veilflow_ot::LpnSet;

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

impl From<LpnSet> for Set {
    fn from(set: LpnSet) -> Self {
        Self {
            secret: set.secret_len() as u64,
            blocks: set.trees() as u64,
            depth: set.depth() as u32,
            locality: set.locality() as u32,
        }
    }
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
