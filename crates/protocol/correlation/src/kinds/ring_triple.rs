//! Multiplication triples in a ring.

use std::fmt;

use veilflow_prim::Prg;
use veilflow_ring::{Ring, RingVec};

use crate::batch::batch;
use crate::correlation::Correlation;
use crate::request::request;
use crate::rows;

/// Two random shared elements and their product, in Z_2^`bits`. It takes a helper.
///
/// P0 expands a₀ and b₀, P1 a₁, b₁ and c₁. A helper sends P0 c₀ = (a₀ + a₁)·(b₀ + b₁) − c₁, which c₁ masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RingTriple {
    /// Width of the elements.
    pub bits: u32,
}

/// One party's shares of multiplication triples: c = a·b mod 2^w. Both halves look alike.
pub struct RingTripleBatch {
    /// A random factor.
    pub a: RingVec,
    /// The other factor, random as well.
    pub b: RingVec,
    /// Their product.
    pub c: RingVec,
}
batch!(RingTripleBatch { a, b, c });

impl RingTriple {
    fn ring(self) -> Ring {
        rows::ring(self.bits)
    }

    fn factors(self, prg: &mut Prg, count: usize) -> [RingVec; 2] {
        [(); 2].map(|()| prg.ring_vec(self.ring(), count))
    }
}

impl Correlation for RingTriple {
    type Batch = RingTripleBatch;
    request!(9: bits);

    fn largest_table(&self) -> Option<u64> {
        Ring::new(self.bits).is_ok().then_some(1)
    }

    fn bits_each(&self) -> usize {
        7 * 64
    }

    fn dealt_bits(&self) -> usize {
        self.bits as usize
    }

    fn expand(&self, prg: &mut Prg, count: usize) -> RingTripleBatch {
        let [a, b] = self.factors(prg, count);
        RingTripleBatch { a, b, c: prg.ring_vec(self.ring(), count) }
    }

    fn correct(&self, corrected: &mut Prg, other: &mut Prg, count: usize) -> Vec<u8> {
        let [a0, b0] = self.factors(corrected, count);
        let RingTripleBatch { a: a1, b: b1, c: c1 } = self.expand(other, count);
        a0.add(&a1).zip_map(&b0.add(&b1), u64::wrapping_mul).sub(&c1).to_bytes()
    }

    fn complete(&self, prg: &mut Prg, count: usize, correction: &[u8]) -> RingTripleBatch {
        let [a, b] = self.factors(prg, count);
        RingTripleBatch { a, b, c: RingVec::from_bytes(self.ring(), correction, count) }
    }

    fn fits(&self, batch: &RingTripleBatch) -> bool {
        [&batch.a, &batch.b, &batch.c].iter().all(|elements| elements.ring() == self.ring())
    }
}

impl fmt::Display for RingTriple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-bit multiplication triples", self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlation::testing::halves;

    #[test]
    fn the_third_is_the_product_of_the_others() {
        for bits in [1, 13, 64] {
            let [p0, p1] = halves(RingTriple { bits }, 130);
            let [a, b, c] = [(&p0.a, &p1.a), (&p0.b, &p1.b), (&p0.c, &p1.c)].map(|(x, y)| x.add(y));
            for (i, c) in c.values().iter().enumerate() {
                let product = u128::from(a.values()[i]) * u128::from(b.values()[i]);
                assert_eq!(u128::from(*c), product % (1 << bits), "{bits} bits, {i}");
            }
        }
    }
}
