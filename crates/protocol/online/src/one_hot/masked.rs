//! One-hot vectors by opening an index masked, where a helper deals the one-hot vector of the mask (one-time
//! truth tables: Ishai, Kushilevitz, Meldgaard, Orlandi, Paskin-Cherniavsky, "On the power of correlated
//! randomness in secure computation", TCC 2013).
//!
//! What is opened tells how to permute the rows. It is uniform, as a mask is used once.

use veilflow_correlation::{Cost, Demand, MaskDigits};
use veilflow_net::Role;
use veilflow_ring::{Bits, Ring, RingVec, bit_slices};

use super::vector::{OneHot, xor_rows};
use crate::sign::negate;
use crate::{Party, Result, Tuning};

/// The widest index whose one-hot vector is dealt.
pub(super) const MAX_DEALT_BITS: u32 = 12;

/// All rows of a dealt vector: the first is what the others miss to one.
fn with_first(role: Role, mut rows: Vec<Bits>) -> Vec<Bits> {
    rows.insert(0, negate(role, xor_rows(rows[0].len(), &rows)));
    rows
}

/// The rows of an index of bits, from the dealt ones of ρ and the public shift = index ⊕ ρ: row j is row j ⊕
/// shift of ρ. For each bit of the shift, rows that differ in it change places where it is set.
pub(super) fn permuted(role: Role, dealt: Vec<Bits>, shift: &[Bits]) -> Vec<Bits> {
    let mut rows = with_first(role, dealt);
    for (t, bit) in shift.iter().enumerate() {
        for j in (0..rows.len()).filter(|j| j >> t & 1 == 0) {
            let change = rows[j].xor(&rows[j | 1 << t]).and(bit);
            rows[j].xor_assign(&change);
            rows[j | 1 << t].xor_assign(&change);
        }
    }
    rows
}

/// The one-hot vector of an element x, from the opened z = x + ρ: row j is row z − j of ρ. m bits each, for
/// 2^m − 1 dealt.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MaskedOneHot {
    widths: MaskDigits,
}

impl MaskedOneHot {
    /// Of elements of `ring`, as an option beside protocols that need no helper: `None` without one, and for
    /// wide elements.
    pub(crate) fn option(ring: Ring, tuning: Tuning) -> Option<Self> {
        let bits = ring.bits();
        let widths = MaskDigits { bits, from: 0, digit: bits };
        (tuning.dealt && bits <= MAX_DEALT_BITS).then_some(Self { widths })
    }

    /// Cost of `n` elements.
    pub(crate) fn cost(self, n: usize) -> Cost {
        let bytes = RingVec::byte_len(self.widths.ring(), n) as u64;
        Cost::exchange(bytes, bytes, Demand::of(self.widths, n))
    }

    /// Shares of the vectors.
    pub(crate) fn run(self, party: &mut Party, x: &RingVec) -> Result<OneHot> {
        let batch = party.pools.take(self.widths, x.len())?;
        let opened = party.open(&x.add(&batch.mask))?;
        let mut rows = with_first(party.role, batch.rows);
        rows[1..].reverse();
        for (t, bit) in bit_slices(opened.values(), self.widths.bits as usize).iter().enumerate() {
            let before = rows.clone();
            for (j, row) in rows.iter_mut().enumerate() {
                let from = &before[(j + before.len() - (1 << t)) % before.len()];
                row.xor_assign(&row.xor(from).and(bit));
            }
        }
        Ok(OneHot { rows, complete: true })
    }
}
