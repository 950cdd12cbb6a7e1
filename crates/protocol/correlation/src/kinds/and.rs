//! Products of private bits, shared by exclusive or.

use std::fmt;

use veilflow_net::Role;
use veilflow_prim::Prg;
use veilflow_ring::Bits;

use crate::batch::batch;
use crate::correlation::Correlation;
use crate::request::request;

/// A random bit a of `sender` times a random bit b of the other party, the receiver: u ⊕ v = a·b.
///
/// The sender expands a and u, the receiver b. A helper sends the receiver v = a·b ⊕ u, which u masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct And {
    /// Who plays the OT sender.
    pub sender: Role,
}

/// One party's half of products of private bits: a factor of its own and its share of the product. Both
/// halves look alike.
pub struct AndBatch {
    /// This party's random factor.
    pub factor: Bits,
    /// Its share of the product of both factors.
    pub share: Bits,
}
batch!(AndBatch { factor, share });

impl Correlation for And {
    type Batch = AndBatch;
    request!(2: sender);

    fn largest_table(&self) -> Option<u64> {
        Some(1)
    }

    fn bits_each(&self) -> usize {
        4
    }

    fn dealt_bits(&self) -> usize {
        1
    }

    fn corrected(&self) -> Role {
        self.sender.other()
    }

    fn expand(&self, prg: &mut Prg, count: usize) -> AndBatch {
        AndBatch { factor: prg.bits(count), share: prg.bits(count) }
    }

    fn correct(&self, corrected: &mut Prg, other: &mut Prg, count: usize) -> Vec<u8> {
        let AndBatch { factor: a, share: u } = self.expand(other, count);
        a.and(&corrected.bits(count)).xor(&u).to_bytes()
    }

    fn complete(&self, prg: &mut Prg, count: usize, correction: &[u8]) -> AndBatch {
        AndBatch { factor: prg.bits(count), share: Bits::from_bytes(correction, count) }
    }

    fn fits(&self, _: &AndBatch) -> bool {
        true
    }
}

impl fmt::Display for And {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "private bit products (sender {:?})", self.sender)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlation::testing::halves;

    #[test]
    fn shares_add_up_to_the_product() {
        for sender in [Role::P0, Role::P1] {
            let [p0, p1] = halves(And { sender }, 130);
            assert!(p0.share.xor(&p1.share) == p0.factor.and(&p1.factor), "{sender:?}");
        }
    }
}
