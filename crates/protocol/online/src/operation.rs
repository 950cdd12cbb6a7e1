//! What an operation is: a value that has chosen its protocol.

use std::fmt;

use veilflow_correlation::Cost;
use veilflow_ring::{Bits, RingVec};

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

/// An operation that compares elements with zero, and can tell the signs that it finds.
pub trait Activation: Operation {
    /// As [`Operation::run`], with shares of the bits [x ≥ 0].
    fn run_with_sign(&self, party: &mut Party, x: &RingVec) -> Result<(RingVec, Bits)>;
}

/// One of the protocols that an activation chooses from.
pub(crate) trait ActivationProtocol: fmt::Debug + Send + Sync {
    /// See [`Operation::cost`].
    fn cost(&self, n: usize) -> Cost;

    /// See [`Activation::run_with_sign`].
    fn run(&self, party: &mut Party, x: &RingVec) -> Result<(RingVec, Bits)>;
}

impl Party {
    /// Runs an operation in the party's threads.
    pub fn run_in_threads(&mut self, operation: &dyn Operation, x: &RingVec) -> Result<RingVec> {
        let demand = |n| operation.cost(n).demand;
        self.map_in_threads(x, demand, |party, x| operation.run(party, x))
    }

    /// Likewise an activation, with the signs that it finds.
    pub fn run_with_sign_in_threads(
        &mut self,
        activation: &dyn Activation,
        x: &RingVec,
    ) -> Result<(RingVec, Bits)> {
        let demand = |n| activation.cost(n).demand;
        let parts = self.in_threads(x.len(), demand, |party, part| {
            activation.run_with_sign(party, &x.slice(part.start, part.len()))
        })?;
        let mut parts = parts.into_iter();
        let Some((mut results, mut signs)) = parts.next() else { return Ok((x.clone(), Bits::default())) };
        for (result, sign) in parts {
            results.append(&result);
            signs.append(&sign);
        }
        Ok((results, signs))
    }
}

/// Elements by which protocols are compared: enough that padding does not count.
pub const SAMPLE: usize = 64;

/// The protocol of fewest bytes, those that a helper deals included; of equals the first.
pub(crate) fn cheapest(
    first: impl ActivationProtocol + 'static,
    other: Option<Box<dyn ActivationProtocol>>,
    tuning: Tuning,
) -> Box<dyn ActivationProtocol> {
    let bytes = |protocol: &dyn ActivationProtocol| tuning.bytes(&protocol.cost(SAMPLE));
    match other {
        Some(other) if bytes(&*other) < bytes(&first) => other,
        _ => Box::new(first),
    }
}
