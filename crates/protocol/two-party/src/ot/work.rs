//! What OTs a request takes, counted for predictions of time.

use veilflow_correlation::{Demand, LinearRequest};
use veilflow_net::Role;

use super::linear;
use super::pieces::{Take, takes};

/// OTs, and what is kept of their messages. Pairs are for the direction from P0 and that from P1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OtWork {
    /// The number of random OTs.
    pub ots: [u64; 2],
    /// The number of OTs of which 64-bit words are kept.
    pub words: [u64; 2],
    /// The number of bits kept of the other OTs' messages, one message each.
    pub bits: [u64; 2],
    /// The number of ring elements sent through OTs, as rows of a linear layer.
    pub elements: u64,
}

impl OtWork {
    /// Filling pools with what `demand` asks for.
    pub fn fill(demand: &Demand) -> Self {
        let mut work = Self::default();
        for piece in demand.iter() {
            for sender in [Role::P0, Role::P1] {
                let (of, count) = (sender.index(), piece.1 as u64);
                for take in takes(piece, sender) {
                    work.ots[of] += count;
                    match take {
                        Take::Bits(bits) => work.bits[of] += count * bits as u64,
                        Take::Word => work.words[of] += count,
                    }
                }
            }
        }
        work
    }

    /// The pair of a linear layer by correlated OT.
    pub fn linear(request: &LinearRequest) -> Self {
        let count = linear::ots(request) as u64;
        let mut ots = [0; 2];
        ots[request.holder.other().index()] = count;
        Self { ots, elements: count * linear::width(request) as u64, ..Self::default() }
    }
}
