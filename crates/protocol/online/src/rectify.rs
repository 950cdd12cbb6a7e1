//! Rectifiers by a masked opening: ⌊max(x, 0) / 2^s⌋ where a helper deals the mask's digits and products.
//!
//! The mask is a pair of lanes, λ mod 2^s and ρ mod 2^w with w = ℓ − s, which the parties hold as sums of private parts. They open
//! their shares' low s bits plus λ and their upper bits plus ρ, lane by lane, and learn z mod 2^s and Z mod 2^w. As party i added to
//! the lanes of its own share, x ≫ s = Z − ρ + C where C is the carry out of the low lane of x's two shares. By counting wraps,
//! C = ω − [z < λ] − κ + ω₀ + ω₁: ω is the wrap of what was opened (public), κ that of λ's parts (dealt), ωᵢ party i's own as it added
//! (private). So with V = Z + 1 and c = ¬C, shared by exclusive or once [z < λ] is,
//!
//! x ≫ s = V − ρ − c, or Z − ρ if s = 0.
//!
//! Its sign bit is that of V ⊕ that of ρ ⊕ the borrow of V − ρ − c below it: the comparison tree of [z < λ], then, over the digits of V
//! and ρ, with c taking the place of the low part's result. As one side of each comparison is public and of the other the helper has
//! dealt [digit = v] for every v, leaves are local.
//!
//! Last, β = [x ≥ 0] and c are opened masked by dealt random bits b and t, as d and e. Then β = d + (1 − 2d)·b, c = e + (1 − 2e)·t, and
//! β·(V − ρ − c) is linear in what was dealt: shares of b, b·ρ, t, b·t, and ρ. For d = 0 it is b·(V − e) − b·ρ − (1 − 2e)·b·t, for d = 1
//! what that lacks of V − e − ρ − (1 − 2e)·t.
//!
//! # What each side sees
//! Of the peer: lanes masked by its part of the mask, the joins' masked bits, and its shares of d and e, masked by its share of b
//! and t. Parts, b and t are used once, and uniform given all that this party holds, since what the helper deals is masked by P1's
//! stream. So everything seen is uniform.
//!
//! # Cost
//! 2ℓ + 2 bits and the joins online, or two more if s > 0; dealt are 2^m − 1 bits a digit of m bits, 2w bits and, if s > 0, 2w more.

use veilflow_correlation::{Cost, Demand, Kind, Rectifier, RectifierBatch, lowest_bits};
use veilflow_net::Role;
use veilflow_ring::{Bits, RingVec, bit_slices};
use veilflow_spec::multiplex;

use crate::compare::Segment;
use crate::sign::negate;
use crate::{CompareTree, OnlineError, Party, Result, Tuning};

/// A rectifier of ℓ-bit values of which the low `compare` bits tell the sign, and its tree.
fn plan(bits: u32, compare: u32, shift: u32, tuning: Tuning) -> (Rectifier, CompareTree) {
    let rectifier = Rectifier { bits, compare, shift, digit: tuning.leaf_bits() };
    (rectifier, CompareTree::new(compare - 1, (shift > 0).then_some(shift), tuning))
}

/// Public bits as shares.
fn only_p0(party: &Party, bits: &Bits) -> Bits {
    if party.role == Role::P0 { bits.clone() } else { Bits::zeros(bits.len()) }
}

/// Shares of ⌊max(x, 0) / 2^s⌋ in ℓ − s bits, where the low `compare` bits of x tell its sign; `shift` < `compare` ≤ ℓ.
pub(crate) fn rectify(party: &mut Party, x: &RingVec, compare: u32, shift: u32) -> Result<RingVec> {
    let (rectifier, tree) = plan(x.ring().bits(), compare, shift, party.tuning);
    if !rectifier.is_valid() {
        let reason = format!("{} bits, compare {compare}, shift {shift}", x.ring().bits());
        return Err(OnlineError::argument("rectify", reason));
    }
    let n = x.len();
    let batch = party.pools.take_rectifiers(Kind::Rectifier(rectifier), n)?;
    let (own, own_wraps) = rectifier.add(x, &batch.mask);
    let theirs = party.exchange(&own.to_bytes(), RingVec::byte_len(x.ring(), n))?;
    let (opened, wraps) = rectifier.add(&own, &RingVec::from_bytes(x.ring(), &theirs, n));
    // Z becomes V in the upper lane.
    let opened = if shift > 0 { opened.map(|v| v.wrapping_add(1 << shift)) } else { opened };

    let public = bit_slices(opened.values(), compare as usize);
    let mut rows = batch.rows.iter();
    let (mut slots, mut at) = (Vec::new(), 0);
    for digit in rectifier.digits() {
        let dealt: Vec<&Bits> = rows.by_ref().take((1 << digit) - 1).collect();
        slots.push(leaf(party.role, &public[at..at + digit as usize], &dealt, at > 0));
        at += digit as usize;
    }
    let mut sign = only_p0(party, &public[at]);
    rows.by_ref().take(1).for_each(|row| sign.xor_assign(row));
    // What makes ¬C of [z < λ].
    let rest = rows.next().map(|carry| negate(party, carry.xor(&own_wraps).xor(&only_p0(party, &wraps))));
    let mut dropped = None;
    if !slots.is_empty() {
        let (borrow, low) = tree.join(party, slots, rest.as_ref())?;
        sign.xor_assign(&borrow);
        dropped = low;
    }
    let positive = negate(party, sign);
    let upper = opened.map_into(rectifier.out(), |v| v >> shift);
    select(party, &rectifier, &batch, &upper, &positive, dropped.as_ref())
}

/// Shares of (lt, eq) of a public digit and a dealt one, of which `dealt` are [digit = v] for v from 1 on.
pub(crate) fn leaf(role: Role, public: &[Bits], dealt: &[&Bits], has_eq: bool) -> Segment {
    let (n, words) = (public[0].len(), public[0].words().len());
    let (mut lt, mut eq) = (Vec::with_capacity(words), Vec::with_capacity(words));
    let entries = 1 << public.len();
    for at in 0..words {
        // Under v: [digit = v], and [digit > v].
        let (mut equal, mut above) = ([0u64; 16], [0u64; 16]);
        for v in (1..entries).rev() {
            equal[v] = dealt[v - 1].words()[at];
            above[v - 1] = above[v] ^ equal[v];
        }
        equal[0] = if role == Role::P0 { !above[0] } else { above[0] };
        for (i, row) in public.iter().enumerate() {
            let bit = row.words()[at];
            for v in 0..entries >> (i + 1) {
                let choose = |table: &[u64; 16]| table[2 * v] ^ (table[2 * v] ^ table[2 * v + 1]) & bit;
                (equal[v], above[v]) = (choose(&equal), choose(&above));
            }
        }
        lt.push(above[0]);
        eq.push(equal[0]);
    }
    Segment { lt: Bits::from_words(lt, n), eq: has_eq.then(|| Bits::from_words(eq, n)) }
}

/// Shares of [x ≥ 0]·(V − ρ − c), from shares of the bits [x ≥ 0] and c.
fn select(
    party: &mut Party,
    rectifier: &Rectifier,
    batch: &RectifierBatch,
    upper: &RingVec,
    positive: &Bits,
    dropped: Option<&Bits>,
) -> Result<RingVec> {
    let n = upper.len();
    let secrets = [Some(positive), dropped].into_iter().flatten();
    let masked = secrets.zip(batch.elements.iter().step_by(2)).map(|(bit, e)| bit.xor(&lowest_bits(e)));
    let masked = Bits::concat(&masked.collect::<Vec<_>>());
    let opened = party.exchange_bits(&masked)?.xor(&masked);

    let flipped = opened.slice(0, n);
    let out = rectifier.out();
    let mask = batch.mask.map_into(out, |v| v >> rectifier.shift);
    // V − e, whose public part is P0's; ρ + (1 − 2e)·t; b·ρ + (1 − 2e)·b·t.
    let (mut rest, mut offset, mut product) = (upper.clone(), mask, batch.elements[1].clone());
    if let [_, _, t, both] = &batch.elements[..] {
        let carried = opened.slice(n, n);
        let signed = |v: &RingVec| v.sub(&multiplex(&carried, &v.scale(2)));
        rest = rest.sub(&RingVec::from_bits(out, &carried));
        offset = offset.add(&signed(t));
        product = product.add(&signed(both));
    }
    let chosen = batch.elements[0].zip_map(&rest, u64::wrapping_mul).sub(&product);
    let all = party.only_p0(rest).sub(&offset);
    Ok(chosen.add(&multiplex(&flipped, &all.sub(&chosen.scale(2)))))
}

/// Cost of [`rectify`] of `n` elements of `bits` bits.
pub(crate) fn rectify_cost(bits: u32, compare: u32, shift: u32, n: usize, tuning: Tuning) -> Cost {
    let (rectifier, tree) = plan(bits, compare, shift, tuning);
    let bytes = |bits: usize| (bits * n).div_ceil(8) as u64;
    let (lanes, selection) = (bytes(bits as usize), bytes(rectifier.random_bits()));
    Cost::exchange(lanes, lanes, Demand::of(Kind::Rectifier(rectifier), n))
        .then(tree.join_cost(n))
        .then(Cost::exchange(selection, selection, Demand::default()))
}
