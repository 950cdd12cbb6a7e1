//! Rectifiers by a masked opening: ⌊max(x, 0) / 2^s⌋ where a helper deals the mask's digits and products.
//!
//! The mask is a pair of lanes, λ mod 2^s and ρ mod 2^w with w = ℓ − s, which the parties hold as sums of
//! private parts. They open their shares' low s bits plus λ and their upper bits plus ρ, lane by lane, and
//! learn z mod 2^s and Z mod 2^w. As party i added to the lanes of its own share, x ≫ s = Z − ρ + C where C
//! is the carry out of the low lane of x's two shares. By counting wraps, C = ω − [z < λ] − κ + ω₀ + ω₁: ω is
//! the wrap of what was opened (public), κ that of λ's parts (dealt), ωᵢ party i's own as it added (private).
//! So with V = Z + 1 and c = ¬C, shared by exclusive or once [z < λ] is,
//!
//! x ≫ s = V − ρ − c, or Z − ρ if s = 0.
//!
//! Its sign bit is that of V ⊕ that of ρ ⊕ the borrow of V − ρ − c below it: the comparison tree of [z < λ],
//! then, over the digits of V and ρ, with c taking the place of the low part's result. As one side of each
//! comparison is public and of the other the helper has dealt [digit = v] for every v, leaves are local.
//!
//! Last, β = [x ≥ 0] and c are opened masked by dealt random bits b and t, as d and e. Then β = d + (1 −
//! 2d)·b, c = e + (1 − 2e)·t, and β·(V − ρ − c) is linear in what was dealt: shares of b, b·ρ, t, b·t, and ρ.
//! For d = 0 it is b·(V − e) − b·ρ − (1 − 2e)·b·t, for d = 1 what that lacks of V − e − ρ − (1 − 2e)·t.
//!
//! Where a round more is worth it ([`Tuning::extra_levels`]), b·t is dealt as a bit: β·c is then a shared bit
//! too, and is converted and taken from β·(V − ρ). Of 2w − 1 bits dealt for t and b·t that leaves 1, and the
//! conversion takes w + 1.
//!
//! Of both values x and x − c that a clip compares, one opening serves: z − c is public too, and only b and
//! b·ρ must be new. A very negative x has an x − c that wraps, so the sign of x gates that of x − c: one
//! product of shared bits. What is selected is wanted in as few bits as c takes.
//!
//! # What each side sees
//! Of the peer: lanes masked by its part of the mask, the joins' masked bits, and its shares of d and e,
//! masked by its share of b and t. Parts, b and t are used once, and uniform given all that this party holds,
//! since what the helper deals is masked by P1's stream. So everything seen is uniform.
//!
//! # Cost
//! 2ℓ + 2 bits and the joins online, or two more if s > 0; dealt are 2^m − 1 bits a digit of m bits, 2w bits
//! and, if s > 0, 2w more.

use veilflow_correlation::{Cost, Demand, Rectifier, RectifierBatch};
use veilflow_net::Role;
use veilflow_ring::{Bits, Ring, RingVec, bit_slices};

use crate::compare::{Segment, public_leaf};
use crate::operation::ActivationProtocol;
use crate::sign::negate;
use crate::{AndGroup, BitToArithmetic, CompareTree, Party, Result, Tuning, and_shared, and_shared_cost};

/// Public bits as shares.
fn only_p0(role: Role, bits: &Bits) -> Bits {
    if role == Role::P0 { bits.clone() } else { Bits::zeros(bits.len()) }
}

/// ⌊max(x, 0) / 2^s⌋ in ℓ − s bits; or x limited to 0..=c, in no more.
#[derive(Debug)]
pub(crate) struct Rectify {
    rectifier: Rectifier,
    tree: CompareTree,
    /// What x is compared with: zero, and the limit of a clip.
    thresholds: Vec<u64>,
    /// What converts β·c, where that is dealt as a bit.
    convert: Option<BitToArithmetic>,
}

impl Rectify {
    /// ReLU of elements of `ring`, of which `shift` bits are dropped, as an option beside protocols that need
    /// no helper: `None` without one, and for widths that no rectifier has.
    pub(crate) fn relu(ring: Ring, shift: u32, tuning: Tuning) -> Option<Box<dyn ActivationProtocol>> {
        Self::option(ring, ring.bits().checked_sub(shift)?, shift, &[0], tuning)
    }

    /// Elements of `ring` limited to 0..=`limit`, in the ring `out`; likewise.
    pub(crate) fn clip(
        ring: Ring,
        limit: u64,
        out: Ring,
        tuning: Tuning,
    ) -> Option<Box<dyn ActivationProtocol>> {
        Self::option(ring, out.bits(), 0, &[0, limit], tuning)
    }

    fn option(
        ring: Ring,
        kept: u32,
        shift: u32,
        thresholds: &[u64],
        tuning: Tuning,
    ) -> Option<Box<dyn ActivationProtocol>> {
        let rectifier = Rectifier {
            bits: ring.bits(),
            kept,
            shift,
            digit: tuning.leaf_bits(),
            selections: thresholds.len() as u32,
            converts: shift > 0 && tuning.extra_levels > 0,
        };
        if !tuning.dealt || !rectifier.is_valid() {
            return None;
        }
        let tree = CompareTree::new(ring.bits() - 1, (shift > 0).then_some(shift), tuning);
        let convert = rectifier.converts.then(|| BitToArithmetic::new(rectifier.out(), tuning));
        Some(Box::new(Self { rectifier, tree, thresholds: thresholds.to_vec(), convert }))
    }

    /// Shares of β·(V − ρ − c) for every threshold, and of [x ≥ 0].
    fn rectify(&self, party: &mut Party, x: &RingVec) -> Result<(Vec<RingVec>, Bits)> {
        let Self { rectifier, tree, thresholds, .. } = self;
        let (bits, shift) = (rectifier.bits, rectifier.shift);
        let n = x.len();
        let batch = party.pools.take(*rectifier, n)?;
        let (own, own_wraps) = rectifier.add(x, &batch.mask);
        let theirs = party.exchange(&own.to_bytes(), RingVec::byte_len(x.ring(), n))?;
        let (opened, wraps) = rectifier.add(&own, &RingVec::from_bytes(x.ring(), &theirs, n));

        let (digits, (dealt, rest)) =
            (rectifier.digits(), batch.rows.split_at(rectifier.rows() - rectifier.single_rows()));
        let mut upper = Vec::with_capacity(thresholds.len());
        let mut sign = Bits::default();
        let mut slots: Vec<Segment> = Vec::new();
        for threshold in thresholds {
            // Z becomes V in the upper lane.
            let step = if shift > 0 { 1 << shift } else { threshold.wrapping_neg() };
            let compared = opened.map(|v| v.wrapping_add(step));
            let public = bit_slices(compared.values(), bits as usize);
            let (mut rows, mut public) = (dealt, public.as_slice());
            for (slot, &width) in digits.iter().enumerate() {
                let (digit, higher) = public.split_at(width as usize);
                let (of_digit, of_higher) = rows.split_at((1 << width) - 1);
                (public, rows) = (higher, of_higher);
                let segment = public_leaf(party.role, digit, of_digit, slot > 0);
                match slots.get_mut(slot) {
                    Some(before) => before.append(&segment),
                    None => slots.push(segment),
                }
            }
            sign.append(&only_p0(party.role, &public[0]).xor(&rest[0]));
            upper.push(compared.map_into(rectifier.out(), |v| v >> shift));
        }
        // What makes ¬C of [z < λ].
        let rest = rest
            .get(1)
            .map(|carry| negate(party.role, carry.xor(&own_wraps).xor(&only_p0(party.role, &wraps))));
        let mut dropped = None;
        if !slots.is_empty() {
            let (borrow, low) = tree.join(party, slots, rest.as_ref())?;
            sign.xor_assign(&borrow);
            dropped = low;
        }
        let mut positive = negate(party.role, sign);
        if thresholds.len() == 2 {
            let group = AndGroup { common: positive.slice(0, n), others: vec![positive.slice(n, n)] };
            let gated = and_shared(party, &[group])?;
            positive = Bits::concat([&positive.slice(0, n), &gated[0][0]]);
        }
        let sign = positive.slice(0, n);
        Ok((self.select(party, &batch, &upper, positive, dropped)?, sign))
    }

    /// Shares of β·(V − ρ − c) for every threshold, from shares of the bits β, one threshold after another,
    /// and c.
    fn select(
        &self,
        party: &mut Party,
        batch: &RectifierBatch,
        upper: &[RingVec],
        mut secrets: Bits,
        dropped: Option<Bits>,
    ) -> Result<Vec<RingVec>> {
        let n = batch.mask.len();
        dropped.iter().for_each(|bits| secrets.append(bits));
        let masked = secrets.xor(&Bits::concat(&batch.random));
        let opened = party.open_bits(&masked)?;

        let (selectors, carries) = batch.elements.split_at(2 * upper.len());
        let carries = carries.as_chunks::<2>().0.first().map(|pair| (opened.slice(upper.len() * n, n), pair));
        let own_public = if party.role == Role::P0 { u64::MAX } else { 0 };
        let selected: Vec<RingVec> = upper
            .iter()
            .zip(selectors.as_chunks::<2>().0)
            .enumerate()
            .map(|(j, (upper, [b, product]))| {
                let flipped = opened.slice(j * n, n);
                let value = |i: usize| {
                    // V − e, of which the public part is P0's; ρ + (1 − 2e)·t; b·ρ + (1 − 2e)·b·t.
                    let mut rest = upper.values()[i];
                    let mut offset = batch.mask.values()[i] >> self.rectifier.shift;
                    let mut product = product.values()[i];
                    if let Some((carried, [t, both])) = &carries {
                        let carried = u64::from(carried.get(i));
                        let signed = |v: u64| (v ^ carried.wrapping_neg()).wrapping_add(carried);
                        rest = rest.wrapping_sub(carried);
                        offset = offset.wrapping_add(signed(t.values()[i]));
                        product = product.wrapping_add(signed(both.values()[i]));
                    }
                    let chosen = b.values()[i].wrapping_mul(rest).wrapping_sub(product);
                    let lacking = (rest & own_public).wrapping_sub(offset).wrapping_sub(chosen);
                    let flipped = u64::from(flipped.get(i)).wrapping_neg();
                    chosen ^ (chosen ^ lacking) & flipped
                };
                RingVec::from_values(self.rectifier.out(), (0..n).map(value).collect())
            })
            .collect();
        let ([b, t], [.., product], Some(convert)) = (&batch.random[..], &batch.rows[..], &self.convert)
        else {
            return Ok(selected);
        };
        // β·c = d·e ⊕ d·t ⊕ e·b ⊕ b·t.
        let (d, e) = (opened.slice(0, n), opened.slice(n, n));
        let both = product.xor(&d.and(t)).xor(&e.and(b)).xor(&only_p0(party.role, &d.and(&e)));
        let carry = convert.run(party, &both)?;
        Ok(vec![selected[0].sub(&carry)])
    }
}

impl ActivationProtocol for Rectify {
    fn cost(&self, n: usize) -> Cost {
        let rectifier = self.rectifier;
        let bytes = |bits: usize| (bits * n).div_ceil(8) as u64;
        let (lanes, selection) = (bytes(rectifier.bits as usize), bytes(rectifier.random_bits()));
        Cost::exchange(lanes, lanes, Demand::of(rectifier, n))
            .then(self.tree.join_cost(self.thresholds.len() * n))
            .then(if self.thresholds.len() == 2 { and_shared_cost(&[(1, n)]) } else { Cost::default() })
            .then(Cost::exchange(selection, selection, Demand::default()))
            .then(self.convert.map_or_else(Cost::default, |convert| convert.cost(n)))
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<(RingVec, Bits)> {
        let (parts, sign) = self.rectify(party, x)?;
        let mut parts = parts.into_iter();
        let first = parts.next().unwrap_or_else(|| RingVec::zeros(self.rectifier.out(), x.len()));
        Ok((parts.fold(first, |sum, part| sum.sub(&part)), sign))
    }
}
