//! Products of a private bit and a private element: correlated OTs.

use std::fmt;

use veilflow_net::Role;
use veilflow_prim::Prg;
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::multiplex;

use crate::batch::{Batch, redacted};
use crate::correlation::Correlation;
use crate::request::request;
use crate::rows;

/// A random element α of `sender` times a random bit c of the other party, the receiver: u + v = c·α in
/// Z_2^`bits`.
///
/// The sender expands α and u, the receiver c. A helper sends the receiver v = c·α − u, which u masks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Product {
    /// Who holds the element.
    pub sender: Role,
    /// Width of the element.
    pub bits: u32,
}

/// One party's half of random bit-by-element products: u + v = c·α mod 2^w.
pub enum ProductBatch {
    /// The party that holds the elements.
    Sender {
        /// Random elements.
        alpha: RingVec,
        /// Shares of the products.
        u: RingVec,
    },
    /// The party that holds the bits.
    Receiver {
        /// Random bits.
        choice: Bits,
        /// Shares of the products.
        v: RingVec,
    },
}
redacted!(ProductBatch);

impl ProductBatch {
    /// This party's shares of the products.
    fn share(&self) -> &RingVec {
        match self {
            Self::Sender { u: share, .. } | Self::Receiver { v: share, .. } => share,
        }
    }
}

impl Batch for ProductBatch {
    fn count(&self) -> usize {
        self.share().len()
    }
    fn slice(&self, start: usize, len: usize) -> Self {
        match self {
            Self::Sender { alpha, u } => {
                Self::Sender { alpha: alpha.slice(start, len), u: u.slice(start, len) }
            }
            Self::Receiver { choice, v } => {
                Self::Receiver { choice: choice.slice(start, len), v: v.slice(start, len) }
            }
        }
    }
    fn append(&mut self, other: &Self) {
        match (self, other) {
            (Self::Sender { alpha, u }, Self::Sender { alpha: more_alpha, u: more_u }) => {
                alpha.append(more_alpha);
                u.append(more_u);
            }
            (Self::Receiver { choice, v }, Self::Receiver { choice: more_choice, v: more_v }) => {
                choice.append(more_choice);
                v.append(more_v);
            }
            _ => unreachable!("the sender of a pool's kind fixes which half the pool holds"),
        }
    }
}

impl Product {
    fn ring(self) -> Ring {
        rows::ring(self.bits)
    }

    /// What the sender expands: α and u.
    fn elements(self, prg: &mut Prg, count: usize) -> [RingVec; 2] {
        [(); 2].map(|()| prg.ring_vec(self.ring(), count))
    }
}

impl Correlation for Product {
    type Batch = ProductBatch;
    request!(3: sender, bits);

    fn largest_table(&self) -> Option<u64> {
        Ring::new(self.bits).is_ok().then_some(1)
    }

    fn bits_each(&self) -> usize {
        3 * 64 + 1
    }

    fn dealt_bits(&self) -> usize {
        self.bits as usize
    }

    fn corrected(&self) -> Role {
        self.sender.other()
    }

    fn expand(&self, prg: &mut Prg, count: usize) -> ProductBatch {
        let [alpha, u] = self.elements(prg, count);
        ProductBatch::Sender { alpha, u }
    }

    fn correct(&self, corrected: &mut Prg, other: &mut Prg, count: usize) -> Vec<u8> {
        let [alpha, u] = self.elements(other, count);
        multiplex(&corrected.bits(count), &alpha).sub(&u).to_bytes()
    }

    fn complete(&self, prg: &mut Prg, count: usize, correction: &[u8]) -> ProductBatch {
        let v = RingVec::from_bytes(self.ring(), correction, count);
        ProductBatch::Receiver { choice: prg.bits(count), v }
    }

    fn fits(&self, batch: &ProductBatch) -> bool {
        batch.share().ring() == self.ring()
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-bit correlated OTs (sender {:?})", self.bits, self.sender)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlation::testing::halves;

    #[test]
    fn shares_add_up_to_the_element_or_to_zero() {
        for (sender, bits) in [(Role::P0, 1), (Role::P1, 13), (Role::P0, 64)] {
            let mut halves = halves(Product { sender, bits }, 130);
            halves.rotate_left(sender.index());
            let [ProductBatch::Sender { alpha, u }, ProductBatch::Receiver { choice, v }] = halves else {
                panic!("{sender:?} is the sender")
            };
            for (i, sum) in u.add(&v).values().iter().enumerate() {
                assert_eq!(*sum, if choice.get(i) { alpha.values()[i] } else { 0 }, "{bits} bits, {i}");
            }
        }
    }
}
