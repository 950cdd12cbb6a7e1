//! What rectifiers take, ⌊max(x, 0) / 2^s⌋ of a value that is opened masked: the digits of the mask, so that
//! the parties compare a public value with them, and products of the mask with random bits, so that they
//! select by opening a bit. One opening serves two rectifiers of values that differ by a public constant. The
//! online crate's `rectify` says how all of it is used.

use std::fmt;

use veilflow_prim::Prg;
use veilflow_ring::{Bits, Ring, RingVec, bit_slices};

use super::one_hot::one_hot_rows;
use crate::batch::batch;
use crate::correlation::Correlation;
use crate::request::request;
use crate::rows;

/// A mask with the digits and products that a rectifier takes. It takes a helper.
///
/// P0 expands its part ρ₀ of the mask and its shares of the random bits, P1 its part ρ₁ and all of its
/// shares. A helper sends P0 the digits of ρ₀ + ρ₁ as one-hot rows, and b, b·ρ, t and b·t, all less P1's
/// shares, which mask them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rectifier {
    /// Width ℓ of the ring of x.
    pub bits: u32,
    /// Width of the result's ring: ℓ − s, or less where the result's high bits are not wanted.
    pub kept: u32,
    /// Bits s that are dropped of the result.
    pub shift: u32,
    /// Width of a digit of the mask at most, in bits.
    pub digit: u32,
    /// How many selections are made: 1, or if nothing is dropped 2.
    pub selections: u32,
    /// If bits are dropped, whether the product of the random bits that mask the selection and the carry is
    /// dealt as a bit, which takes the parties a conversion, instead of in the ring.
    pub converts: bool,
}

/// One party's shares for rectifiers. The mask's low s bits are λ and the rest is ρ; each is the sum of both
/// parties' parts.
pub struct RectifierBatch {
    /// This party's part of the mask, λ's part in the low bits.
    pub mask: RingVec,
    /// Exclusive-or shares: of [digit = v] for v from 1 on, of every digit of the mask; of the mask's bit at
    /// the place of the sign; and if s > 0 of the carry out of the parts of λ; and of b·t if that is to be
    /// converted.
    pub rows: Vec<Bits>,
    /// Additive shares of a random bit b and of b·ρ for each selection, and if s > 0 of another, t, and of
    /// b·t unless that is to be converted.
    pub elements: Vec<RingVec>,
    /// Exclusive-or shares of the random bits; those of elements in their lowest bits.
    pub random: Vec<Bits>,
}
batch!(RectifierBatch { mask, rows, elements, random });

/// Widths of the digits that `bits` bits are cut into, lowest first, so that digits end after the `low`
/// lowest bits.
pub fn digits(bits: u32, low: u32, width: u32) -> Vec<u32> {
    let cut = |bits: u32| (0..bits.div_ceil(width)).map(move |i| width.min(bits - i * width));
    cut(low).chain(cut(bits - low)).collect()
}

impl Rectifier {
    /// Whether there is such a rectifier: s < ℓ ≤ 64, results of 1 to ℓ − s bits, digits of 1 to 4 bits, and
    /// so many selections.
    pub fn is_valid(&self) -> bool {
        let Self { bits, kept, shift, digit, selections, converts } = *self;
        let widths =
            shift < bits && (1..=bits - shift).contains(&kept) && bits <= 64 && (1..=4).contains(&digit);
        widths && (selections == 1 || selections == 2 && shift == 0) && (shift > 0 || !converts)
    }

    /// Digits of the mask below the bit at the place of the sign, lowest first.
    pub fn digits(&self) -> Vec<u32> {
        digits(self.bits - 1, self.shift, self.digit)
    }

    /// The ring of the result, and of what is multiplied. Panics unless the rectifier is valid, as all below
    /// do.
    pub fn out(&self) -> Ring {
        rows::ring(self.kept)
    }

    /// The ring of the mask.
    fn ring(&self) -> Ring {
        rows::ring(self.bits)
    }

    /// How many [rows](RectifierBatch::rows) there are.
    pub fn rows(&self) -> usize {
        let digits: usize = self.digits().iter().map(|d| (1 << d) - 1).sum();
        digits + self.single_rows()
    }

    /// How many rows are not of digits.
    pub fn single_rows(&self) -> usize {
        1 + usize::from(self.shift > 0) + usize::from(self.converts)
    }

    /// How many random bits there are: one a selection, and if bits are dropped one for the carry.
    pub fn random_bits(&self) -> usize {
        self.selections as usize + usize::from(self.shift > 0)
    }

    /// How many of them, the first ones, are shared as [elements](RectifierBatch::elements).
    fn random_elements(&self) -> usize {
        self.random_bits() - usize::from(self.converts)
    }

    /// Adds parts lane by lane: the low s bits and the rest, neither carrying on. Also returns whether the
    /// low lane wraps.
    pub fn add(&self, a: &RingVec, b: &RingVec) -> (RingVec, Bits) {
        if self.shift == 0 {
            return (a.add(b), Bits::zeros(a.len()));
        }
        let (s, low) = (self.shift, (1u64 << self.shift) - 1);
        let sum = a.zip_map(b, |a, b| {
            ((a >> s).wrapping_add(b >> s) << s) | ((a & low).wrapping_add(b & low) & low)
        });
        let wraps = a.values().iter().zip(b.values()).map(|(a, b)| (a & low) + (b & low) > low);
        (sum, wraps.collect())
    }

    /// The rows and elements that two parts of a mask and random bits force.
    fn secrets(&self, masks: [&RingVec; 2], random: &[Bits]) -> (Vec<Bits>, Vec<RingVec>) {
        let (mask, wraps) = self.add(masks[0], masks[1]);
        let bits = bit_slices(mask.values(), self.bits as usize);
        let (mut rows, mut at) = (Vec::with_capacity(self.rows()), 0);
        for digit in self.digits() {
            rows.extend(one_hot_rows(&bits[at..at + digit as usize]));
            at += digit as usize;
        }
        rows.extend(bits.into_iter().nth(at));
        let high = mask.map_into(self.out(), |v| v >> self.shift);
        let (selectors, dropped) = random.split_at(self.selections as usize);
        let element = |bits: &Bits| RingVec::from_bits(self.out(), bits);
        let mut elements = Vec::with_capacity(2 * random.len());
        for b in selectors {
            elements.extend([element(b), veilflow_spec::multiplex(b, &high)]);
        }
        for t in dropped {
            rows.push(wraps.clone());
            let both = t.and(&selectors[0]);
            if self.converts {
                rows.push(both);
            } else {
                elements.extend([element(t), element(&both)]);
            }
        }
        (rows, elements)
    }

    /// What P0 expands: its part of the mask, and its shares of the random bits.
    fn mask_and_random(&self, prg: &mut Prg, count: usize) -> (RingVec, Vec<Bits>) {
        (prg.ring_vec(self.ring(), count), rows::draw(prg, self.random_bits(), count))
    }
}

/// The lowest bits of elements.
fn lowest_bits(elements: &RingVec) -> Bits {
    elements.values().iter().map(|v| v & 1 == 1).collect()
}

impl Correlation for Rectifier {
    type Batch = RectifierBatch;
    request!(11: bits, kept, shift, digit, selections, converts);

    /// Valid rectifiers are within all bounds.
    fn largest_table(&self) -> Option<u64> {
        self.is_valid().then_some(1)
    }

    fn bits_each(&self) -> usize {
        2 * 64 + 3 * self.rows() + 6 * 64 * self.random_bits()
    }

    /// All rows and elements, but for the lowest bit of P0's share of each random bit, which P0 draws itself.
    fn dealt_bits(&self) -> usize {
        self.rows() + self.random_elements() * (2 * self.kept as usize - 1)
    }

    fn expand(&self, prg: &mut Prg, count: usize) -> RectifierBatch {
        let mask = prg.ring_vec(self.ring(), count);
        let dealt = rows::draw(prg, self.rows(), count);
        let elements = 2 * self.random_elements();
        let elements: Vec<RingVec> = (0..elements).map(|_| prg.ring_vec(self.out(), count)).collect();
        let mut random: Vec<Bits> = elements.iter().step_by(2).map(lowest_bits).collect();
        random.extend(rows::draw(prg, self.random_bits() - random.len(), count));
        RectifierBatch { mask, rows: dealt, elements, random }
    }

    fn correct(&self, corrected: &mut Prg, other: &mut Prg, count: usize) -> Vec<u8> {
        let (mask, mut random) = self.mask_and_random(corrected, count);
        let theirs = self.expand(other, count);
        rows::add(&mut random, &theirs.random);
        let (mut rows, elements) = self.secrets([&mask, &theirs.mask], &random);
        rows::add(&mut rows, &theirs.rows);
        let mut forced = Bits::concat(&rows);
        // Of every first element of two, a random bit's, P0 has the lowest bit.
        let known = [1, 0].into_iter().cycle();
        for ((element, theirs), known) in elements.iter().zip(&theirs.elements).zip(known) {
            if let Ok(ring) = Ring::new(element.ring().bits() - known) {
                let bytes = element.sub(theirs).map_into(ring, |v| v >> known).to_bytes();
                forced.append(&Bits::from_bytes(&bytes, ring.bits() as usize * count));
            }
        }
        forced.to_bytes()
    }

    fn complete(&self, prg: &mut Prg, count: usize, correction: &[u8]) -> RectifierBatch {
        let (mask, random) = self.mask_and_random(prg, count);
        let all = Bits::from_bytes(correction, self.dealt_bits() * count);
        let mut at = 0;
        let mut next = |bits: usize| {
            at += bits * count;
            all.slice(at - bits * count, bits * count)
        };
        let rows = (0..self.rows()).map(|_| next(1)).collect();
        let (mut elements, out) = (Vec::new(), self.out());
        let mut read = |ring: Ring| RingVec::from_bytes(ring, &next(ring.bits() as usize).to_bytes(), count);
        for own in &random[..self.random_elements()] {
            let own = RingVec::from_bits(out, own);
            elements.push(match Ring::new(out.bits() - 1) {
                Ok(ring) => read(ring).map_into(out, |v| v << 1).add(&own),
                Err(_) => own,
            });
            elements.push(read(out));
        }
        RectifierBatch { mask, rows, elements, random }
    }

    fn fits(&self, batch: &RectifierBatch) -> bool {
        batch.mask.ring() == self.ring()
            && batch.rows.len() == self.rows()
            && batch.elements.len() == 2 * self.random_elements()
            && batch.random.len() == self.random_bits()
            && batch.elements.iter().all(|element| element.ring() == self.out())
    }
}

impl fmt::Display for Rectifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bits, kept, shift, digit, selections, converts } = *self;
        let widths = format!("{kept} kept, shift {shift}, digits of {digit}");
        let form = if converts { ", converted" } else { "" };
        write!(f, "rectifiers of {bits} bits ({widths}, {selections} selections{form})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlation::testing::halves;

    const SHIFTED: Rectifier =
        Rectifier { bits: 21, kept: 16, shift: 5, digit: 3, selections: 1, converts: false };
    const CASES: [Rectifier; 5] = [
        SHIFTED,
        Rectifier { converts: true, ..SHIFTED },
        Rectifier { kept: 13, shift: 0, selections: 2, ..SHIFTED },
        // Results of one bit, and the widest ones.
        Rectifier { bits: 6, kept: 1, ..SHIFTED },
        Rectifier { bits: 64, kept: 64, shift: 0, digit: 4, ..SHIFTED },
    ];

    #[test]
    fn rows_and_elements_are_those_of_mask_and_random_bits() {
        for kind in CASES {
            let [p0, p1] = halves(kind, 70);
            let bits = |p0: &[Bits], p1: &[Bits], i: usize| -> Vec<bool> {
                p0.iter().zip(p1).map(|(a, b)| a.get(i) ^ b.get(i)).collect()
            };
            for i in 0..70 {
                let random = bits(&p0.random, &p1.random, i);
                let (low, parts) = ((1u64 << kind.shift) - 1, [p0.mask.values()[i], p1.mask.values()[i]]);
                let lambda = (parts[0] & low) + (parts[1] & low);
                let rho =
                    rows::ring(kind.bits - kind.shift).add(parts[0] >> kind.shift, parts[1] >> kind.shift);
                let mut mask = rho << kind.shift | lambda & low;
                let mut rows = Vec::new();
                for digit in kind.digits() {
                    rows.extend((1..1u64 << digit).map(|v| mask & ((1 << digit) - 1) == v));
                    mask >>= digit;
                }
                rows.push(mask & 1 == 1);
                let (b, t) = (random[0], random[kind.random_bits() - 1]);
                rows.extend((kind.shift > 0).then_some(lambda > low));
                rows.extend(kind.converts.then_some(b && t));
                assert!(bits(&p0.rows, &p1.rows, i) == rows, "{kind}: rows");

                let mut elements = Vec::new();
                for &b in &random[..kind.selections as usize] {
                    elements.extend([u64::from(b), if b { kind.out().reduce(rho) } else { 0 }]);
                }
                if kind.shift > 0 && !kind.converts {
                    elements.extend([t, b && t].map(u64::from));
                }
                let sums = p0.elements.iter().zip(&p1.elements).map(|(a, b)| a.add(b).values()[i]);
                assert!(sums.collect::<Vec<_>>() == elements, "{kind}: elements");
            }
            // What both parties use as shares of random bits are the lowest bits of their elements.
            for half in [p0, p1] {
                let lowest: Vec<Bits> = half.elements.iter().step_by(2).map(lowest_bits).collect();
                assert!(half.random.starts_with(&lowest), "{kind}: random bits");
            }
        }
    }
}
