//! A slope times a position within a piece, beside other terms.
//!
//! Of two parties the position becomes an element, and the slope's bits multiply it: two exchanges of private
//! products. Where a helper deals, both become elements in one exchange and a triple multiplies them, in the
//! least ring that holds the product with a bit to spare; the bit makes its extension a single product of
//! private bits. What is sent is sent by [`Words`] and the triple.

use veilflow_correlation::Cost;
use veilflow_online::{Party, Result, Tuning, Word, Words, ring_products, ring_products_cost};
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::math::Pieces;

/// A position within a piece, before it is an element.
#[derive(Debug)]
pub(crate) struct Position {
    /// The low bits of a share of the argument; none if the word is the position itself.
    pub(crate) low: Option<RingVec>,
    /// The carry out of them, by which their sum exceeds the position; or the position's bits.
    pub(crate) word: Vec<Bits>,
}

/// How a [`Position`] comes: as low bits and a carry, or as bits.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PositionForm {
    Low,
    Word,
}

/// A product of slope and position, in the sum's ring.
#[derive(Debug)]
pub(crate) struct Product {
    /// Shares of what is known of it.
    pub(crate) known: RingVec,
    /// The rest is the product of these bits of both parties, from the place that [`Step::lacking`] tells.
    pub(crate) top: Option<Bits>,
}

/// slope · (position − middle), and other terms.
#[derive(Debug)]
pub(crate) struct Step {
    sum: Ring,
    /// What the lowest bit of a position's word counts.
    weight: u64,
    middle: u64,
    /// A gate's slope is 2·w + 1 for a word w whose highest bit counts negative and comes complemented. With
    /// that bit counted positive, 2·w exceeds the slope by this.
    excess: Option<u64>,
    /// The other terms, and what the protocol adds to them.
    words: Words,
    protocol: Protocol,
}

#[derive(Debug)]
enum Protocol {
    /// These words make the position an element; the slope's bits multiply it beside the other terms.
    ByBits(Words),
    /// Slope and position become elements of this ring beside the other terms.
    ByTriple(Ring),
    /// All slopes are zero.
    Nothing,
}

impl Step {
    /// Beside the terms of `words`.
    pub(crate) fn new(
        pieces: &Pieces,
        words: Words,
        gate: bool,
        form: PositionForm,
        tuning: Tuning,
    ) -> Result<Self> {
        let (sum, t, slope_bits) = (pieces.accumulator(), pieces.position_bits, pieces.slope_bits);
        let (bits, lost, weight) = match form {
            PositionForm::Low => (1, t, (1u64 << t).wrapping_neg()),
            PositionForm::Word => (t, 0, 1),
        };
        let position =
            |words: Words, ring: Ring| Result::Ok(words.value(bits, Ring::new(ring.bits() - lost)?));
        let (words, protocol) = match slope_bits {
            _ if !tuning.dealt => {
                (words.times(slope_bits, sum), Protocol::ByBits(position(Words::new(tuning), sum)?))
            }
            0 => (words, Protocol::Nothing),
            _ => {
                let ring = Ring::new((t + slope_bits + 1).max(pieces.dropped).min(sum.bits()))?;
                (position(words.value(slope_bits, ring), ring)?, Protocol::ByTriple(ring))
            }
        };
        let excess = gate.then(|| (1 << slope_bits) - 1);
        Ok(Self { sum, weight, middle: 1 << (t - 1), excess, words, protocol })
    }

    /// What a product lacks: products of private bits in a ring, and the place from which they count.
    pub(crate) fn lacking(&self) -> Option<(Ring, u32)> {
        let Protocol::ByTriple(ring) = self.protocol else { return None };
        let out = Ring::new(self.sum.bits() - ring.bits()).ok()?;
        Some((out, ring.bits()))
    }

    pub(crate) fn cost(&self, n: usize) -> Cost {
        let words = self.words.cost(n);
        match &self.protocol {
            Protocol::ByBits(position) => position.cost(n).then(words),
            Protocol::ByTriple(ring) => words.then(ring_products_cost(&[(ring.bits(), n)])),
            Protocol::Nothing => words,
        }
    }

    /// Shares of the terms' results, and of the product.
    pub(crate) fn run(
        &self,
        party: &mut Party,
        terms: &[Word<'_>],
        slope: &[Bits],
        position: &Position,
    ) -> Result<(Vec<RingVec>, Product)> {
        let offset = |party: &Party, ring, word: &RingVec| {
            let word = word.map_into(ring, |v| v.wrapping_mul(self.weight));
            let low = position.low.as_ref().map(|low| low.map_into(ring, |v| v));
            let position = low.map_or_else(|| word.clone(), |low| low.add(&word));
            party.add_public(&position, self.middle.wrapping_neg())
        };
        let gated = |product: RingVec, offset: &RingVec| match self.excess {
            Some(excess) => product.scale(2).sub(&offset.scale(excess)),
            None => product,
        };
        match &self.protocol {
            Protocol::ByBits(words) => {
                let word = words.run(party, &[Word::alone(&position.word)])?;
                let offset = offset(party, self.sum, &word[0]);
                let mut results = self.words.run(party, &[terms, &[Word::times(slope, &offset)]].concat())?;
                let product = results.swap_remove(terms.len());
                Ok((results, Product { known: gated(product, &offset), top: None }))
            }
            Protocol::ByTriple(ring) => {
                let factors = [Word::alone(slope), Word::alone(&position.word)];
                let mut results = self.words.run(party, &[terms, &factors].concat())?;
                let factors = results.split_off(terms.len());
                let offset = offset(party, *ring, &factors[1]);
                let product = ring_products(party, &[[&factors[0], &offset]])?.swap_remove(0);
                Ok((results, self.extend(party, gated(product, &offset))))
            }
            Protocol::Nothing => {
                let known = RingVec::zeros(self.sum, position.word[0].len());
                Ok((self.words.run(party, terms)?, Product { known, top: None }))
            }
        }
    }

    /// A triple's product in the sum's ring. Its magnitude is below a quarter of its own ring, so with a
    /// quarter more it is in the lower half: its shares wrap unless the highest bits of both are zero.
    fn extend(&self, party: &Party, product: RingVec) -> Product {
        let Some((_, place)) = self.lacking() else { return Product { known: product, top: None } };
        let quarter = 1u64 << (place - 2);
        let raised = party.add_public(&product, quarter);
        let top = veilflow_spec::msb(&raised);
        let wraps = RingVec::from_bits(self.sum, &top).map(|v| v << place);
        let known = raised.map_into(self.sum, |v| v).sub(&wraps);
        Product { known: party.add_public(&known, quarter.wrapping_neg()), top: Some(top) }
    }
}
