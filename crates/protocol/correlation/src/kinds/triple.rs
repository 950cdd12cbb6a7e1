//! Bit triples with a common factor.

use std::fmt;

use veilflow_prim::Prg;
use veilflow_ring::Bits;

use crate::batch::batch;
use crate::correlation::Correlation;
use crate::request::request;
use crate::rows;

/// A random shared bit f times `payload` random shared bits gⱼ: hⱼ = f·gⱼ.
///
/// P0 expands f₀ and g₀, P1 f₁, g₁ and h₁. A helper sends P0 h₀ = (f₀ ⊕ f₁)·(g₀ ⊕ g₁) ⊕ h₁, which h₁ masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Triple {
    /// How many bits are multiplied by the same bit.
    pub payload: u32,
}

/// One party's shares of bit triples with a common factor: hⱼ = f·gⱼ.
pub struct TripleBatch {
    /// The common factor.
    pub f: Bits,
    /// The other factors, one row a payload bit.
    pub g: Vec<Bits>,
    /// The products, one row a payload bit.
    pub h: Vec<Bits>,
}
batch!(TripleBatch { f, g, h });

impl Triple {
    fn rows(self) -> usize {
        self.payload as usize
    }

    fn factors(self, prg: &mut Prg, count: usize) -> (Bits, Vec<Bits>) {
        (prg.bits(count), rows::draw(prg, self.rows(), count))
    }
}

impl Correlation for Triple {
    type Batch = TripleBatch;
    request!(1: payload);

    fn largest_table(&self) -> Option<u64> {
        Some(self.payload.into())
    }

    fn bits_each(&self) -> usize {
        2 + 4 * self.rows()
    }

    fn dealt_bits(&self) -> usize {
        self.rows()
    }

    fn expand(&self, prg: &mut Prg, count: usize) -> TripleBatch {
        let (f, g) = self.factors(prg, count);
        TripleBatch { f, g, h: rows::draw(prg, self.rows(), count) }
    }

    fn correct(&self, corrected: &mut Prg, other: &mut Prg, count: usize) -> Vec<u8> {
        let (f0, g0) = self.factors(corrected, count);
        let TripleBatch { f: f1, g: g1, h: mut forced } = self.expand(other, count);
        let f = f0.xor(&f1);
        for (h, (g0, g1)) in forced.iter_mut().zip(g0.iter().zip(&g1)) {
            h.xor_assign(&g0.xor(g1).and(&f));
        }
        rows::pack(&forced)
    }

    fn complete(&self, prg: &mut Prg, count: usize, correction: &[u8]) -> TripleBatch {
        let (f, g) = self.factors(prg, count);
        TripleBatch { f, g, h: rows::unpack(correction, self.rows(), count) }
    }

    fn fits(&self, batch: &TripleBatch) -> bool {
        batch.g.len() == self.rows() && batch.h.len() == self.rows()
    }
}

impl fmt::Display for Triple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bit triples (payload {})", self.payload)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlation::testing::halves;

    #[test]
    fn products_have_a_common_factor() {
        for payload in [1, 2, 3] {
            let [p0, p1] = halves(Triple { payload }, 130);
            let f = p0.f.xor(&p1.f);
            for j in 0..payload as usize {
                assert!(p0.h[j].xor(&p1.h[j]) == f.and(&p0.g[j].xor(&p1.g[j])), "{payload}, {j}");
            }
        }
    }
}
