//! Seconds of computing on a machine: counted work by the declared prices, times how the machine compares
//! with the reference.

use veilflow_correlation::{CorrelationError, Cost, Kind, LinearRequest};
use veilflow_ot::ExtensionPlan;
use veilflow_two_party::{HeSuite, HeWork, OtWork};

use super::prices::{he, online, ot};
use crate::error::Result;
use crate::supplier::SupplierKind;

/// Seconds a nanosecond.
const NS: f64 = 1e-9;

/// How much longer a machine takes than the reference machine, by what is computed. The default is the
/// reference machine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    /// This factor is for base OTs and what else sets OTs up.
    pub set_up: f64,
    /// This factor is for OTs.
    pub ot: f64,
    /// This factor is for homomorphic encryption.
    pub he: f64,
    /// This factor is for the online phase.
    pub online: f64,
}

impl Default for Machine {
    fn default() -> Self {
        Self { set_up: 1.0, ot: 1.0, he: 1.0, online: 1.0 }
    }
}

/// Seconds of the server and of the client.
pub(super) type Seconds = [f64; 2];

/// Seconds of a layer by homomorphic encryption.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct HeSeconds {
    /// The client makes its inputs.
    pub(super) encrypt: f64,
    /// The server reads them as they come.
    pub(super) read: f64,
    /// The server makes its replies.
    pub(super) reply: f64,
    /// The client reads them as they come.
    pub(super) decrypt: f64,
}

/// What a layer computes under a suite that was made for it.
pub(super) fn he_work(suite: &HeSuite, request: &LinearRequest) -> Result<HeWork> {
    let work = suite.linear_work(request);
    let failed =
        |source| CorrelationError::Supplier { supplier: SupplierKind::He.name(), source: Box::new(source) };
    Ok(work.map_err(failed)?)
}

/// The price of all that is counted.
fn sum(counts: &[(u64, f64)]) -> f64 {
    counts.iter().map(|&(count, price)| count as f64 * price).sum()
}

/// Words that a protocol reads or writes of a demand's correlations.
fn words((kind, count): (Kind, usize)) -> f64 {
    let each = match kind {
        Kind::Product(_) | Kind::BitProduct(_) | Kind::MaskDigits(_) => 1,
        Kind::RingTriple(_) => 3,
        // Its mask and every element of its shares.
        Kind::Rectifier(rectifier) => 1 + 2 * rectifier.random_bits(),
        _ => 0,
    };
    (each * count) as f64
}

impl Machine {
    /// Base OTs of both directions, and setting OT extensions up with so many bytes.
    pub(super) fn ot_set_up(&self, bytes: u64) -> f64 {
        (ot::BASE + ot::SET_UP_BYTE * bytes as f64) * NS * self.set_up
    }

    /// Making or checking so many bytes of public keys.
    pub(super) fn keys(&self, bytes: u64) -> Seconds {
        [he::CHECK_KEY_BYTE, he::MAKE_KEY_BYTE].map(|price| price * bytes as f64 * NS * self.he)
    }

    /// OTs from P0 and from P1; each takes as long at its sender as at its receiver.
    pub(super) fn ots(&self, extensions: &[ExtensionPlan; 2], work: &OtWork) -> Seconds {
        [0, 1].map(|sender| {
            let each = match &extensions[sender] {
                ExtensionPlan::SoftSpoken { k } => {
                    ot::SOFTSPOKEN + ot::SOFTSPOKEN_BLOCK * f64::from(1u32 << k) / *k as f64
                }
                ExtensionPlan::Ferret(plan) => {
                    ot::FERRET + ot::FERRET_DECLARED * f64::from(plan.set().nominal_ns())
                }
            };
            let counts =
                [(work.ots[sender], each), (work.words[sender], ot::WORD), (work.bits[sender], ot::BIT)];
            sum(&counts) * NS * self.ot
        })
    }

    /// Elements of rows that go through OTs, at either party.
    pub(super) fn rows(&self, work: &OtWork) -> f64 {
        sum(&[(work.elements, ot::ROW_ELEMENT)]) * NS * self.ot
    }

    /// A linear layer by homomorphic encryption.
    pub(super) fn he(&self, work: &HeWork) -> HeSeconds {
        let seconds = |counts: &[(u64, f64)]| sum(counts) * NS * self.he;
        HeSeconds {
            encrypt: seconds(&[(work.input_words, he::ENCRYPT_WORD), (work.elements, he::PLACE_INPUT)]),
            read: seconds(&[(work.input_words, he::READ_WORD)]),
            reply: seconds(&[
                (work.weight_words, he::TRANSFORM_WORD),
                (work.product_words, he::MULTIPLY_WORD),
                (work.monomial_words, he::MONOMIAL_WORD),
                (work.packed_words, he::PACK_WORD),
                (work.reply_words, he::REPLY_WORD),
                (work.weights, he::PLACE_WEIGHT),
                (work.elements, he::FIND_ELEMENT),
            ]),
            decrypt: seconds(&[(work.reply_words, he::DECRYPT_WORD), (work.elements, he::FIND_OUTPUT)]),
        }
    }

    /// A node of the online phase with this conversation, on vectors of so many elements, with so many
    /// multiplications by weights at the server and at the client.
    pub(super) fn online(&self, cost: &Cost, elements: usize, multiplications: [usize; 2]) -> Seconds {
        let words: f64 = cost.demand.iter().map(words).sum();
        let bytes: u64 = cost.volume().bytes.iter().sum();
        let doublings = (elements as f64 * 8.0 / online::CACHE_BYTES).max(1.0).log2();
        let memory = online::WORD * words + online::BYTE * bytes as f64 + online::ELEMENT * elements as f64;
        let both = memory * (1.0 + online::SPILL * doublings) + online::MESSAGE * cost.flows.len() as f64;
        multiplications.map(|n| (both + online::MULTIPLICATION * n as f64) * NS * self.online)
    }
}
