//! Elementary functions.

use veilflow_correlation::Cost;
use veilflow_online::{OnlineError, Operation, Party, Result, Tuning};
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::math::Spline;

use crate::octaves::OctaveFunction;
use crate::uniform::UniformFunction;

/// The function of every element (spec: `math::apply`).
#[derive(Debug)]
pub struct Apply {
    input: Ring,
    function: Box<dyn Operation>,
}

impl Apply {
    /// The function that `spline` tabulates.
    pub fn new(spline: &Spline, tuning: Tuning) -> Result<Self> {
        let function: Box<dyn Operation> = match spline {
            Spline::Uniform(spline) => Box::new(UniformFunction::new(spline, tuning)?),
            Spline::Octaves(spline) => Box::new(OctaveFunction::new(spline, tuning)?),
        };
        Ok(Self { input: Ring::new(spline.input().bits)?, function })
    }
}

impl Operation for Apply {
    fn cost(&self, n: usize) -> Cost {
        self.function.cost(n)
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        if x.ring() != self.input {
            let reason = format!("{} bits are not the argument's {}", x.ring().bits(), self.input.bits());
            return Err(OnlineError::Argument { op: "math", reason });
        }
        self.function.run(party, x)
    }
}
