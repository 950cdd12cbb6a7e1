//! Parameter sets of the learning-parity-with-noise assumption.

use crate::prices::FERRET_OT_NS;

/// How many blocks every output of the code adds up: the code is 10-local.
pub(crate) const LOCALITY: usize = 10;

/// A set of parameters for LPN with regular noise over F_2: from a secret of k bits, n = t · 2^d samples
/// whose noise has one error in each of t blocks of 2^d.
///
/// Each set has more than 130 bits against the attacks that `veilflow-estimators` knows, and a test there
/// fails if one has fewer than 128. The cheapest decodes a *sub-code*: samples of a local code that use few
/// places of the secret. It counts at the smallest set of places that a random code can have, not at the one
/// that we know how to find, which leaves 137 bits. `docs/parameters.md` has the figures. At a given k and d
/// bits fall with t, and so do bits an OT; sets of fewer bits an OT take a longer secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LpnSet {
    trees: usize,
    log_secret: u32,
    depth: u32,
    nominal_ns: u32,
}

impl LpnSet {
    /// n = 870,400, k = 2^16, t = 1,700, d = 9: 2.48 bits an OT. The smallest set-up.
    pub const B9: Self = Self::new(1700, 16, 9, FERRET_OT_NS[0]);
    /// n = 1,945,600, k = 2^17, t = 1,900, d = 10: 1.35 bits an OT.
    pub const B10: Self = Self::new(1900, 17, 10, FERRET_OT_NS[1]);
    /// n = 4,300,800, k = 2^18, t = 2,100, d = 11: 0.74 bits an OT.
    pub const B11: Self = Self::new(2100, 18, 11, FERRET_OT_NS[2]);
    /// n = 9,830,400, k = 2^19, t = 2,400, d = 12: 0.40 bits an OT.
    pub const B12: Self = Self::new(2400, 19, 12, FERRET_OT_NS[3]);
    /// n = 22,118,400, k = 2^20, t = 2,700, d = 13: 0.21 bits an OT. Its table of 16 MiB makes it the
    /// slowest.
    pub const B13: Self = Self::new(2700, 20, 13, FERRET_OT_NS[4]);
    /// The set that makes the bases of others.
    pub(crate) const SMALLEST: Self = Self::B9;
    /// The sets, smallest first.
    pub const ALL: [Self; 5] = [Self::B9, Self::B10, Self::B11, Self::B12, Self::B13];

    /// Any parameters, for tests: these say nothing about security.
    pub(crate) const fn new(trees: usize, log_secret: u32, depth: u32, nominal_ns: u32) -> Self {
        Self { trees, log_secret, depth, nominal_ns }
    }

    /// t: the number of errors, of blocks with one error each, and of trees.
    pub const fn trees(&self) -> usize {
        self.trees
    }

    /// d: the logarithm of the length of a block, which is the depth of a tree.
    pub const fn depth(&self) -> usize {
        self.depth as usize
    }

    /// 2^d: the outputs of one tree.
    pub const fn leaves(&self) -> usize {
        1 << self.depth
    }

    /// k: the length of the secret.
    pub const fn secret_len(&self) -> usize {
        1 << self.log_secret
    }

    /// How many places of the secret every output of the code adds up.
    pub const fn locality(&self) -> usize {
        LOCALITY
    }

    /// n: the outputs of an iteration, those kept for the next one included.
    pub const fn outputs(&self) -> usize {
        self.trees << self.depth
    }

    /// Correlated OTs that an iteration of `trees` trees starts from: the secret, and d a tree.
    pub(crate) const fn base_len(&self, trees: usize) -> usize {
        self.secret_len() + trees * self.depth()
    }

    /// Trees whose outputs start the next iteration.
    pub(crate) const fn refill_trees(&self) -> usize {
        self.base_len(self.trees).div_ceil(self.leaves())
    }

    /// Bytes that the OT sender sends for `trees` trees.
    pub(crate) const fn tree_bytes(&self, trees: usize) -> u64 {
        (16 * trees * self.depth()) as u64
    }

    /// Roughly the nanoseconds of one core that a party spends on a random OT, for comparing sets with each
    /// other: see `docs/prices.md`.
    pub const fn nominal_ns(&self) -> u32 {
        self.nominal_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_sizes_and_rates() {
        let rates = LpnSet::ALL.map(|set| {
            let kept = set.refill_trees() * set.leaves();
            8.0 * set.tree_bytes(set.trees()) as f64 / (set.outputs() - kept) as f64
        });
        assert_eq!(LpnSet::ALL.map(|s| s.outputs()), [870_400, 1_945_600, 4_300_800, 9_830_400, 22_118_400]);
        assert_eq!(LpnSet::ALL.map(|s| s.secret_len()), [65_536, 131_072, 262_144, 524_288, 1_048_576]);
        assert_eq!(
            LpnSet::ALL.map(|s| s.base_len(s.trees())),
            [80_836, 150_072, 285_244, 553_088, 1_083_676]
        );
        for (rate, stated) in rates.into_iter().zip([2.48, 1.35, 0.74, 0.40, 0.21]) {
            assert!((rate - stated).abs() < 0.005, "{rate} bits, stated as {stated}");
        }
    }
}
