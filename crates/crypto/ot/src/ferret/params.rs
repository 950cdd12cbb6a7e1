//! Parameter sets of the learning-parity-with-noise assumption.

use crate::prices::FERRET_OT_NS;

/// How many blocks every output of the code adds up: the code is 10-local.
pub(crate) const LOCALITY: usize = 10;

/// A set of parameters for LPN with regular noise over F_2: from a secret of k bits, n = t · 2^d samples
/// whose noise has one error in each of t blocks of 2^d.
///
/// The four sets are those of emp-ot since its retuning of 2026 (`emp-ot/tuning.h`): about 128 bits against
/// Gaussian elimination, statistical decoding, ISD (BJMM), the hybrid attack, ISD for regular noise and AGB
/// 2.0, as the estimators at lpnestimator.com count (ePrint 2022/712, 2025/1284, 2023/1568, 2025/1476). The
/// hybrid attack is the cheapest, with 128.7 bits for [`B10`](Self::B10); it gains from samples, and t is the
/// largest that leaves 128 bits at given k and d. Ferret's own set (n = 10,485,760, k = 452,000, t = 1,280)
/// is somewhat under 128 bits against these attacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LpnSet {
    trees: usize,
    log_secret: u32,
    depth: u32,
    nominal_ns: u32,
}

impl LpnSet {
    /// n = 870,400, k = 2^16, t = 850, d = 10: 1.37 bits an OT. The smallest set-up.
    pub const B10: Self = Self::new(850, 16, 10, FERRET_OT_NS[0]);
    /// n = 2,396,160, k = 2^17, t = 1,170, d = 11: 0.73 bits an OT.
    pub const B11: Self = Self::new(1170, 17, 11, FERRET_OT_NS[1]);
    /// n = 6,225,920, k = 2^18, t = 1,520, d = 12: 0.39 bits an OT.
    pub const B12: Self = Self::new(1520, 18, 12, FERRET_OT_NS[2]);
    /// n = 15,564,800, k = 2^19, t = 1,900, d = 13: 0.21 bits an OT. Its table of 8 MiB makes it the slowest.
    pub const B13: Self = Self::new(1900, 19, 13, FERRET_OT_NS[3]);
    /// The four sets, smallest first.
    pub const ALL: [Self; 4] = [Self::B10, Self::B11, Self::B12, Self::B13];

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
        assert_eq!(LpnSet::ALL.map(|s| s.outputs()), [870_400, 2_396_160, 6_225_920, 15_564_800]);
        assert_eq!(LpnSet::ALL.map(|s| s.secret_len()), [65_536, 131_072, 262_144, 524_288]);
        assert_eq!(LpnSet::ALL.map(|s| s.base_len(s.trees())), [74_036, 143_942, 280_384, 548_988]);
        for (rate, stated) in rates.into_iter().zip([1.37, 0.73, 0.39, 0.21]) {
            assert!((rate - stated).abs() < 0.005, "{rate} bits, stated as {stated}");
        }
    }
}
