//! The bits of a shared value by a masked opening, where a helper deals the mask's digits.
//!
//! The parties hold a mask ρ as a sum of private parts and open z = x + ρ. Then x = z − ρ. Of each digit the
//! helper has dealt [digit of ρ = v] for every v, and the digit of z is public, so what compares the two is
//! local, and so are the bits of their difference d, with and without a borrow: bit i of d − 1 differs from
//! that of d where the i bits below are zero. The borrows into the digits come from a parallel-prefix
//! network, and one product a bit but the lowest of each digit takes them in.
//!
//! # What each side sees
//! Of the peer: its share masked by its part of ρ, and the products' masked bits. The part is used once, and
//! uniform given all that this party holds, since what the helper deals is masked by P1's stream. So
//! everything seen is uniform.

use veilflow_correlation::{Cost, Demand, MaskDigits};
use veilflow_net::Role;
use veilflow_ring::{Bits, RingVec, bit_slices};

use crate::compare::public_leaf;
use crate::operation::SAMPLE;
use crate::prefix::Network;
use crate::{AndGroup, Party, Result, Tuning, and_shared, and_shared_cost};

/// The bits from one on, by a masked opening.
#[derive(Debug, Clone)]
pub(crate) struct MaskedBits {
    widths: MaskDigits,
    /// How many digits are below the bits.
    below: usize,
    /// That of the borrows into all digits of the bits, but the lowest digit of all.
    borrows: Network,
}

impl MaskedBits {
    fn new(widths: MaskDigits) -> Self {
        let below = widths.from.div_ceil(widths.digit) as usize;
        let borrows = Network::new((below.max(1)..widths.digits().len()).map(|digit| digit as u32));
        Self { widths, below, borrows }
    }

    /// The bits from bit `from` < `bits` on, by the digits that cost least, as an option beside a protocol
    /// that needs no helper: `None` without one.
    pub(crate) fn option(bits: u32, from: u32, tuning: Tuning) -> Option<Self> {
        if !tuning.dealt || from >= bits {
            return None;
        }
        let options = (2..=4).map(|digit| Self::new(MaskDigits { bits, from, digit }));
        options.reduce(
            |best, next| {
                if tuning.prefers(&next.cost(SAMPLE), &best.cost(SAMPLE)) { next } else { best }
            },
        )
    }

    /// Cost of `n` elements: two bits an opened bit, the borrows, and the bits that they change.
    pub(crate) fn cost(&self, n: usize) -> Cost {
        let bytes = RingVec::byte_len(self.widths.ring(), n) as u64;
        let digits = self.widths.digits();
        let taken = digits.iter().skip(self.below.max(1)).filter(|digit| **digit > 1);
        let groups: Vec<_> = taken.map(|digit| (digit - 1, n)).collect();
        Cost::exchange(bytes, bytes, Demand::of(self.widths, n))
            .then(self.borrows.cost(n))
            .then(and_shared_cost(&groups))
    }

    /// Shares of the bits, lowest first.
    pub(crate) fn run(&self, party: &mut Party, x: &RingVec) -> Result<Vec<Bits>> {
        let Self { widths, below, borrows } = self;
        let batch = party.pools.take(*widths, x.len())?;
        let opened = party.open(&x.add(&batch.mask))?;
        let mut public = bit_slices(opened.values(), widths.bits as usize);
        let mut dealt = batch.rows;
        let (mut less, mut equal, mut differences) = (Vec::new(), Vec::new(), Vec::new());
        for (i, digit) in widths.digits().into_iter().enumerate() {
            let (above, rows_above) = (public.split_off(digit as usize), dealt.split_off((1 << digit) - 1));
            if i < borrows.bits() {
                let compared = public_leaf(party.role, &public, &dealt, true);
                less.push(compared.lt);
                equal.push(compared.eq.unwrap_or_default());
            }
            if i >= *below {
                differences.push(difference(party.role, &public, &dealt));
            }
            (public, dealt) = (above, rows_above);
        }
        let borrows = borrows.run(party, less, equal)?;
        // The lowest digit of all has none.
        let into = |digit: usize| (below + digit).checked_sub(1).map(|before| &borrows[before]);
        let mut groups = Vec::new();
        for (digit, (_, changes)) in differences.iter_mut().enumerate() {
            if let Some(borrow) = into(digit).filter(|_| !changes.is_empty()) {
                groups.push(AndGroup { common: borrow.clone(), others: std::mem::take(changes) });
            }
        }
        let mut results = and_shared(party, &groups)?.into_iter();
        let mut out = Vec::new();
        for (digit, (mut bits, _)) in differences.into_iter().enumerate() {
            if let Some(borrow) = into(digit) {
                bits[0].xor_assign(borrow);
                let changes = if bits.len() > 1 { results.next().unwrap_or_default() } else { Vec::new() };
                bits[1..].iter_mut().zip(&changes).for_each(|(bit, change)| bit.xor_assign(change));
            }
            out.append(&mut bits);
        }
        Ok(out)
    }
}

/// Shares of the bits of a public digit less a dealt one, of which `dealt` are [digit = v] for v from 1 on;
/// and for each bit but the lowest, of whether a borrow changes it.
fn difference(role: Role, public: &[Bits], dealt: &[Bits]) -> (Vec<Bits>, Vec<Bits>) {
    let (n, words, width) = (public[0].len(), public[0].words().len(), public.len());
    let (entries, mask) = (1usize << width, (1usize << width) - 1);
    let mut bits = vec![Vec::with_capacity(words); width];
    let mut changes = vec![Vec::with_capacity(words); width - 1];
    for at in 0..words {
        // Under v: [v + digit = 0], turned by the public digit's bits to [public − digit = v].
        let mut table = [0u64; 16];
        for v in 1..entries {
            table[entries - v] = dealt[v - 1].words()[at];
        }
        let rest = table[1..entries].iter().fold(0, |rest, row| rest ^ row);
        table[0] = if role == Role::P0 { !rest } else { rest };
        for (i, row) in public.iter().enumerate() {
            let (bit, before) = (row.words()[at], table);
            for v in 0..entries {
                table[v] = before[v] ^ (before[v] ^ before[(v + entries - (1 << i)) & mask]) & bit;
            }
        }
        let sum = |select: &dyn Fn(usize) -> bool| {
            (0..entries).filter(|&v| select(v)).fold(0, |sum, v| sum ^ table[v])
        };
        bits.iter_mut().enumerate().for_each(|(i, out)| out.push(sum(&|v| v >> i & 1 == 1)));
        changes.iter_mut().enumerate().for_each(|(i, out)| out.push(sum(&|v| v.trailing_zeros() > i as u32)));
    }
    let rows = |words: Vec<Vec<u64>>| words.into_iter().map(|row| Bits::from_words(row, n)).collect();
    (rows(bits), rows(changes))
}
