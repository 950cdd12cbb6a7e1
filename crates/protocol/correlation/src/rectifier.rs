//! What a helper deals for rectifiers, ⌊max(x, 0) / 2^s⌋ of a value that is opened masked: the digits of the mask, so that the
//! parties compare a public value with them, and products of the mask with random bits, so that they select by opening a bit. One
//! opening serves two rectifiers of values that differ by a public constant.
//! The online crate's `rectify` says how it is used.

use std::fmt;

use veilflow_ring::{Bits, Ring, RingVec, bit_slices};

use crate::OneHotBatch;
use crate::batch::{Batch, append_rows, slice_rows};

/// A rectifier's widths.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rectifier {
    /// Width ℓ of the ring of x.
    pub bits: u32,
    /// The low k bits of x tell its sign.
    pub compare: u32,
    /// Bits s that are dropped of the result.
    pub shift: u32,
    /// Width of a digit of the mask at most, in bits.
    pub digit: u32,
    /// How many selections are made: 1, or if nothing is dropped 2.
    pub selections: u32,
    /// If bits are dropped, whether the product of the random bits that mask the selection and the carry is dealt as a bit, which takes
    /// the parties a conversion, instead of in the ring.
    pub converts: bool,
}

/// Widths of the digits that `bits` bits are cut into, lowest first, so that digits end after the `low` lowest bits.
pub fn digits(bits: u32, low: u32, width: u32) -> Vec<u32> {
    let cut = |bits: u32| (0..bits.div_ceil(width)).map(move |i| width.min(bits - i * width));
    cut(low).chain(cut(bits - low)).collect()
}

impl Rectifier {
    /// Whether there is such a rectifier: s < k ≤ ℓ ≤ 64, digits of 1 to 4 bits, and so many selections.
    pub fn is_valid(&self) -> bool {
        let Self { bits, compare, shift, digit, selections, converts } = *self;
        let widths = shift < compare && compare <= bits && bits <= 64 && (1..=4).contains(&digit);
        widths && (selections == 1 || selections == 2 && shift == 0) && (shift > 0 || !converts)
    }

    /// Digits of the mask below the bit at the place of the sign, lowest first.
    pub fn digits(&self) -> Vec<u32> {
        digits(self.compare - 1, self.shift, self.digit)
    }

    /// The ring of the result, and of what is multiplied. Panics unless the rectifier is valid, as all below do.
    pub fn out(&self) -> Ring {
        Ring::new(self.bits - self.shift).expect("demands hold valid widths")
    }

    /// The ring of the mask.
    pub fn mask(&self) -> Ring {
        Ring::new(self.bits).expect("demands hold valid widths")
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
    pub fn random_elements(&self) -> usize {
        self.random_bits() - usize::from(self.converts)
    }

    /// Bits that a helper sends for one: rows, and of each random bit and its product all but the bit that P0 draws itself.
    pub(crate) fn dealt_bits(&self) -> usize {
        self.rows() + self.random_elements() * (2 * (self.bits - self.shift) as usize - 1)
    }

    /// Adds parts lane by lane: the low s bits and the rest, neither carrying on. With it, whether the low lane wraps.
    pub fn add(&self, a: &RingVec, b: &RingVec) -> (RingVec, Bits) {
        let (s, low) = (self.shift, (1u64 << self.shift) - 1);
        let sum = a.zip_map(b, |a, b| {
            ((a >> s).wrapping_add(b >> s) << s) | ((a & low).wrapping_add(b & low) & low)
        });
        let wraps = a.values().iter().zip(b.values()).map(|(a, b)| (a & low) + (b & low) > low);
        (sum, wraps.collect())
    }

    /// The rows and elements that two parts of a mask and random bits force.
    pub fn secrets(&self, masks: [&RingVec; 2], random: &[Bits]) -> (Vec<Bits>, Vec<RingVec>) {
        let (mask, wraps) = self.add(masks[0], masks[1]);
        let bits = bit_slices(mask.values(), self.compare as usize);
        let (mut rows, mut at) = (Vec::with_capacity(self.rows()), 0);
        for digit in self.digits() {
            rows.extend(OneHotBatch::rows_of(&bits[at..at + digit as usize]));
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
}

/// The lowest bits of elements.
pub fn lowest_bits(elements: &RingVec) -> Bits {
    elements.values().iter().map(|v| v & 1 == 1).collect()
}

/// One party's shares for rectifiers. With the mask's low s bits λ and the rest ρ, each the sum of both parties' parts:
pub struct RectifierBatch {
    /// This party's part of the mask, λ's part in the low bits.
    pub mask: RingVec,
    /// Exclusive-or shares: of [digit = v] for v from 1 on, of every digit of the mask; of the mask's bit at the place of the sign; and
    /// if s > 0 of the carry out of the parts of λ; and of b·t if that is to be converted.
    pub rows: Vec<Bits>,
    /// Additive shares of a random bit b and of b·ρ for each selection, and if s > 0 of another, t, and of b·t unless that is to be
    /// converted.
    pub elements: Vec<RingVec>,
    /// Exclusive-or shares of the random bits; those of elements in their lowest bits.
    pub random: Vec<Bits>,
}

impl RectifierBatch {
    pub(crate) fn fits(&self, kind: &Rectifier) -> bool {
        self.mask.ring() == kind.mask()
            && self.rows.len() == kind.rows()
            && self.elements.len() == 2 * kind.random_elements()
            && self.random.len() == kind.random_bits()
            && self.elements.iter().all(|e| e.ring() == kind.out())
    }
}

impl fmt::Debug for RectifierBatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RectifierBatch(len {})", self.len())
    }
}

impl Batch for RectifierBatch {
    fn len(&self) -> usize {
        self.mask.len()
    }
    fn slice(&self, start: usize, len: usize) -> Self {
        Self {
            mask: self.mask.slice(start, len),
            rows: slice_rows(&self.rows, start, len),
            elements: self.elements.iter().map(|e| e.slice(start, len)).collect(),
            random: slice_rows(&self.random, start, len),
        }
    }
    fn append(&mut self, other: &Self) {
        self.mask.append(&other.mask);
        append_rows(&mut self.rows, &other.rows);
        append_rows(&mut self.random, &other.random);
        self.elements.iter_mut().zip(&other.elements).for_each(|(e, other)| e.append(other));
    }
}
