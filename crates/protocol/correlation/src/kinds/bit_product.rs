//! Products of private bits, shared in a ring.

use std::fmt;

use veilflow_net::Role;
use veilflow_prim::Prg;
use veilflow_ring::{Bits, Ring, RingVec};

use crate::batch::batch;
use crate::correlation::Correlation;
use crate::request::request;
use crate::rows;

/// A random bit a of P0 times a random bit b of P1: u + v = a·b in Z_2^`bits`. It takes a helper, or as much
/// as a [`Product`](crate::Product).
///
/// P0 expands a and u, P1 b. A helper sends P1 v = a·b − u, which u masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BitProduct {
    /// Width of the product.
    pub bits: u32,
}

/// One party's half of products of private bits in Z_2^w: a factor of its own and its share of the product.
/// Both halves look alike.
pub struct BitProductBatch {
    /// This party's random factor.
    pub factor: Bits,
    /// Its additive share of the product of both factors.
    pub share: RingVec,
}
batch!(BitProductBatch { factor, share });

impl BitProduct {
    fn ring(self) -> Ring {
        rows::ring(self.bits)
    }
}

impl Correlation for BitProduct {
    type Batch = BitProductBatch;
    request!(8: bits);

    fn largest_table(&self) -> Option<u64> {
        Ring::new(self.bits).is_ok().then_some(1)
    }

    fn bits_each(&self) -> usize {
        2 * 64 + 2
    }

    fn dealt_bits(&self) -> usize {
        self.bits as usize
    }

    fn corrected(&self) -> Role {
        Role::P1
    }

    fn expand(&self, prg: &mut Prg, count: usize) -> BitProductBatch {
        BitProductBatch { factor: prg.bits(count), share: prg.ring_vec(self.ring(), count) }
    }

    fn correct(&self, corrected: &mut Prg, other: &mut Prg, count: usize) -> Vec<u8> {
        let BitProductBatch { factor: a, share: u } = self.expand(other, count);
        RingVec::from_bits(self.ring(), &a.and(&corrected.bits(count))).sub(&u).to_bytes()
    }

    fn complete(&self, prg: &mut Prg, count: usize, correction: &[u8]) -> BitProductBatch {
        let share = RingVec::from_bytes(self.ring(), correction, count);
        BitProductBatch { factor: prg.bits(count), share }
    }

    fn fits(&self, batch: &BitProductBatch) -> bool {
        batch.share.ring() == self.ring()
    }
}

impl fmt::Display for BitProduct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "products of private bits in {} bits", self.bits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlation::testing::halves;

    #[test]
    fn shares_add_up_to_the_product() {
        for bits in [1, 13, 64] {
            let [p0, p1] = halves(BitProduct { bits }, 130);
            for (i, sum) in p0.share.add(&p1.share).values().iter().enumerate() {
                assert_eq!(*sum, u64::from(p0.factor.get(i) && p1.factor.get(i)), "{bits} bits, {i}");
            }
        }
    }
}
