//! Products rounded to nearest: half a unit is added before the low bits are dropped. What is sent is sent by
//! the multiplication and by [`TruncateReduce`].

use veilflow_correlation::Cost;
use veilflow_online::{Multiply, Operation, Party, Result, TruncateReduce, Tuning};
use veilflow_ring::{Ring, RingVec};

/// ⌊x·y / 2^g⌉.
#[derive(Debug)]
pub(crate) struct RoundedProduct {
    multiply: Multiply,
    kept: Ring,
    half: u64,
    truncate: TruncateReduce,
}

impl RoundedProduct {
    /// Of `out` bits of products without their `dropped` = g ≥ 1 low ones.
    pub(crate) fn new(multiply: Multiply, dropped: u32, out: u32, tuning: Tuning) -> Result<Self> {
        let kept = Ring::new(dropped + out)?;
        let truncate = TruncateReduce::new(kept, dropped, tuning)?;
        Ok(Self { multiply, kept, half: 1 << (dropped - 1), truncate })
    }

    pub(crate) fn cost(&self, n: usize) -> Cost {
        self.multiply.cost(n).then(self.truncate.cost(n))
    }

    pub(crate) fn run(&self, party: &mut Party, x: &RingVec, y: &RingVec) -> Result<RingVec> {
        let product = self.multiply.run(party, x, y)?.narrow(self.kept);
        self.truncate.run(party, &party.add_public(&product, self.half))
    }
}
