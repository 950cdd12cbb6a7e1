//! Products with a helper: both factors are extended to the ring of the product, where a triple multiplies
//! them.
//!
//! What is sent is sent by comparisons and private products, so each side sees masked bits and elements only.

use veilflow_correlation::Cost;
use veilflow_ring::{Bits, Ring, RingVec};

use crate::extend::Extension;
use crate::{Party, RangeClaim, Result, Tuning, products, products_cost};

/// The readings of two factors in the ring of their product, in one exchange after the comparisons; one
/// comparison if both factors take one and are of one width.
#[derive(Debug, Clone)]
pub(crate) struct Factors {
    extensions: [Extension; 2],
    one_width: bool,
}

impl Factors {
    /// Of the signed or unsigned readings; `out` is as wide as either factor at least.
    pub(crate) fn new(
        rings: [Ring; 2],
        claims: [RangeClaim; 2],
        out: Ring,
        signed: bool,
        tuning: Tuning,
    ) -> Result<Self> {
        let extension = |i: usize| Extension::new([rings[i], out], claims[i], signed, tuning);
        Ok(Self { extensions: [extension(0)?, extension(1)?], one_width: rings[0] == rings[1] })
    }

    /// Cost of so many elements of each factor.
    pub(crate) fn cost(&self, counts: [usize; 2]) -> Cost {
        let parts = || self.extensions.iter().zip(counts);
        let compared = match self.extensions.each_ref().map(Extension::carry) {
            [Some(carry), Some(_)] if self.one_width => carry.cost(counts[0] + counts[1]),
            _ => {
                parts().filter_map(|(part, n)| Some(part.carry()?.cost(n))).fold(Cost::default(), Cost::then)
            }
        };
        compared.then(products_cost(&parts().flat_map(|(part, n)| part.shapes(n)).collect::<Vec<_>>()))
    }

    fn compare(&self, party: &mut Party, [x, y]: [&RingVec; 2]) -> Result<[Option<Bits>; 2]> {
        let [first, second] = self.extensions.each_ref().map(Extension::carry);
        if let (Some(carry), Some(_), true) = (first, second, self.one_width) {
            let mut both = x.clone();
            both.append(y);
            let carries = carry.run(party, &both)?;
            return Ok([carries.slice(0, x.len()), carries.slice(x.len(), y.len())].map(Some));
        }
        let first = first.map(|carry| carry.run(party, x)).transpose()?;
        Ok([first, second.map(|carry| carry.run(party, y)).transpose()?])
    }

    /// Shares of both factors' readings.
    pub(crate) fn run(&self, party: &mut Party, factors: [&RingVec; 2]) -> Result<[RingVec; 2]> {
        let [first, second] = &self.extensions;
        let [x, y] = [first.read(party, factors[0]), second.read(party, factors[1])];
        let [x_carry, y_carry] = self.compare(party, [&x, &y])?;
        let mut jobs = Vec::new();
        let x = first.prepare(party, x, x_carry, &mut jobs)?;
        let y = second.prepare(party, y, y_carry, &mut jobs)?;
        let mut results = products(party, jobs)?.into_iter();
        Ok([first.finish(party, x, &mut results), second.finish(party, y, &mut results)])
    }
}
