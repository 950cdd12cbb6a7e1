//! Whether elements are above zero.
//!
//! What is sent is sent by the comparisons, the selection and the conversion, so each side sees masked bits
//! and elements only.

use veilflow_correlation::Cost;
use veilflow_ring::{Ring, RingVec};

use crate::{BitToArithmetic, Drelu, Multiplex, Operation, Party, RangeClaim, Result, Tuning};

/// [x > 0] as an element of another ring (spec: `is_positive`).
///
/// x > 0 is x − 1 ≥ 0 for every x but the least, −2^(ℓ−1), of which x − 1 wraps. A claim rules the least out.
/// Without one, [x ≥ 0] is compared beside it, which is 0 for the least and for all others no less than
/// [x − 1 ≥ 0], so that the product of both is right.
#[derive(Debug, Clone)]
pub struct Positive {
    sign: Drelu,
    arithmetic: BitToArithmetic,
    /// What multiplies by [x ≥ 0].
    select: Option<Multiplex>,
}

impl Positive {
    /// Of elements of `ring`, with results in `out`.
    pub fn new(ring: Ring, out: Ring, claim: RangeClaim, tuning: Tuning) -> Self {
        let select = (claim == RangeClaim::Any).then(|| Multiplex::new(out));
        Self { sign: Drelu::new(ring.bits(), tuning), arithmetic: BitToArithmetic::new(out, tuning), select }
    }
}

impl Operation for Positive {
    fn cost(&self, n: usize) -> Cost {
        match self.select {
            None => self.sign.cost(n).then(self.arithmetic.cost(n)),
            Some(select) => self.sign.cost(2 * n).then(self.arithmetic.cost(n)).then(select.cost(n)),
        }
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        let n = x.len();
        let mut compared = x.sub(&party.only_p0(RingVec::from_values(x.ring(), vec![1; n])));
        let Some(select) = self.select else {
            let above = self.sign.run(party, &compared)?;
            return self.arithmetic.run(party, &above);
        };
        compared.append(x);
        let signs = self.sign.run(party, &compared)?;
        let above = self.arithmetic.run(party, &signs.slice(0, n))?;
        select.run(party, &signs.slice(n, n), &above)
    }
}
