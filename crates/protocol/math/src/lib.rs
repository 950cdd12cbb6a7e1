//! Elementary functions of shared fixed-point values: sigmoid, tanh, erf, SiLU, GELU, exponential, logarithm, reciprocal,
//! reciprocal square root, square root ([`apply`]); division; and softmax, L2 and layer normalisation of rows.
//!
//! `veilflow_spec::math` defines each function as a table of straight pieces ([`Spline`]); here
//! the piece is looked up and evaluated over shares, exactly:
//!
//! 1. The argument's high bits, by one parallel-prefix adder or masked opening ([`high_bits`](veilflow_online::high_bits)). Of
//!    a function that is odd, the sign's exclusive or with the others gives the magnitude, for free.
//! 2. The piece's value and slope as shared bits, by one-hot rows ([`select_entry`](veilflow_online::select_entry)): two bits
//!    of traffic a piece at most, not two a bit of its entry.
//! 3. value ± slope·position by correlated OTs of falling width, all in one exchange ([`words`](veilflow_online::words())).
//!    Where a helper deals, value, slope and position become elements, and a triple multiplies the latter two.
//! 4. Truncation of the low bits, and extension where the result is much narrower than its ring.
//!
//! Nothing else is sent, so security is that of these operations.

mod division;
mod gate;
mod mantissa;
mod normalise;
mod octaves;
mod pieces;
mod softmax;
mod uniform;

use veilflow_correlation::Cost;
use veilflow_online::{OnlineError, Party, Result, Tuning};
use veilflow_ring::RingVec;
use veilflow_spec::math::Spline;

pub use division::{divide, divide_cost};
pub use normalise::{normalise, normalise_cost};
pub use softmax::{softmax, softmax_cost};

/// Shares of the function of every element (spec: `math::apply`).
pub fn apply(party: &mut Party, spline: &Spline, x: &RingVec) -> Result<RingVec> {
    if x.ring().bits() != spline.input().bits {
        let reason = format!("{} bits are not the argument's {}", x.ring().bits(), spline.input().bits);
        return Err(OnlineError::Argument { op: "math", reason });
    }
    match spline {
        Spline::Uniform(spline) => uniform::apply(party, spline, x),
        Spline::Octaves(spline) => octaves::apply(party, spline, x),
    }
}

/// Cost of [`apply`] to `n` elements.
pub fn apply_cost(spline: &Spline, n: usize, tuning: Tuning) -> Cost {
    match spline {
        Spline::Uniform(spline) => uniform::cost(spline, n, tuning),
        Spline::Octaves(spline) => octaves::cost(spline, n, tuning),
    }
}
