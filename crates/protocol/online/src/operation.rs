//! What an operation is: a value that has chosen its protocol.

use std::fmt;

use veilflow_correlation::Cost;
use veilflow_ring::RingVec;

use crate::{Party, Result, Tuning};

/// An operation on shared elements, element by element.
///
/// The protocol is chosen once, where the value is made, from public formats and the [`Tuning`]. Both parties
/// make the same value. What it costs and how it runs are then two readings of one choice, so they cannot
/// differ.
///
/// Operations on other operands (bits, pairs, rows) have the same two methods on their own types.
pub trait Operation: fmt::Debug + Send + Sync {
    /// What `n` elements send, and which correlations they consume.
    fn cost(&self, n: usize) -> Cost;

    /// Shares of the results, from shares of the elements.
    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec>;
}

impl Party {
    /// Runs an operation in the party's threads.
    pub fn run_in_threads(&mut self, operation: &dyn Operation, x: &RingVec) -> Result<RingVec> {
        let demand = |n| operation.cost(n).demand;
        self.map_in_threads(x, demand, |party, x| operation.run(party, x))
    }
}

/// Elements by which protocols are compared: enough that padding does not count.
pub const SAMPLE: usize = 64;

/// The protocol of fewest bytes, those that a helper deals included; of equals the first.
pub(crate) fn cheapest(
    first: impl Operation + 'static,
    others: impl IntoIterator<Item = Box<dyn Operation>>,
    tuning: Tuning,
) -> Box<dyn Operation> {
    let bytes = |operation: &dyn Operation| tuning.bytes(&operation.cost(SAMPLE));
    others.into_iter().fold(
        Box::new(first),
        |best: Box<dyn Operation>, next| {
            if bytes(&*next) < bytes(&*best) { next } else { best }
        },
    )
}
