//! The public choices by which operations choose their protocols.

use std::cmp::Ordering;

use veilflow_correlation::{Cost, Kind};

/// Public choices both parties make alike; the handshake binds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tuning {
    /// Width of a comparison leaf in bits, 1..=4: 2 sends fewest bytes (3 for most where a helper deals), 4
    /// takes fewest rounds.
    pub leaf_bits: u32,
    /// Levels of a comparison beyond the fewest: each is a round more and saves 2 bits and an OT. With any, a
    /// rectifier that drops bits takes a round more too where a helper deals, and fewer bits.
    pub extra_levels: u32,
    /// Whether a helper deals correlations: protocols then take any that is cheap to deal, where two parties
    /// would have to make it by OT.
    pub dealt: bool,
}

impl Tuning {
    /// The width of a leaf, within its limits.
    pub(crate) fn leaf_bits(self) -> u32 {
        self.leaf_bits.clamp(1, 4)
    }

    /// Bytes of a cost by which protocols choose: between the parties, and from a helper if there is one.
    pub fn bytes(self, cost: &Cost) -> u64 {
        let online: u64 = cost.volume().bytes.iter().sum();
        let dealt = |(kind, count): (Kind, usize)| (kind.dealt_bits() * count).div_ceil(8) as u64;
        online + if self.dealt { cost.demand.iter().map(dealt).sum() } else { 0 }
    }

    /// Whether `one` takes fewer bytes than `other`: but for a tenth, rounds decide.
    pub(crate) fn prefers(self, one: &Cost, other: &Cost) -> bool {
        let [a, b] = [one, other].map(|cost| (self.bytes(cost), cost.volume().rounds));
        match a.1.cmp(&b.1) {
            Ordering::Less => 10 * a.0 < 11 * b.0,
            Ordering::Equal => a.0 < b.0,
            Ordering::Greater => 11 * a.0 < 10 * b.0,
        }
    }
}

impl Default for Tuning {
    fn default() -> Self {
        Self { leaf_bits: 2, extra_levels: 0, dealt: false }
    }
}
