//! Elementary functions of shared fixed-point values: sigmoid, tanh, erf, SiLU, GELU, exponential, logarithm,
//! reciprocal, reciprocal square root, square root ([`Apply`]); division ([`Divide`]); and softmax, L2 and
//! layer normalisation of rows ([`SoftmaxRows`], [`NormaliseRows`]).
//!
//! `veilflow_spec::math` defines each function as a table of straight pieces ([`Spline`]); here
//! the piece is looked up and evaluated over shares, exactly:
//!
//! 1. The argument's high bits ([`HighBits`](veilflow_online::HighBits)): products of bits, or a masked
//!    opening and such products. Of a function that is odd, the sign's exclusive or with the others gives the
//!    magnitude, for free. A function over many orders of magnitude takes all bits, finds the leading one
//!    ([`MostSignificantOne`](veilflow_online::MostSignificantOne)) and brings it to the top: products of
//!    bits.
//! 2. The piece's value and slope as shared bits, by one-hot rows
//!    ([`LookupBits`](veilflow_online::LookupBits), [`SelectEntry`](veilflow_online::SelectEntry)): two bits
//!    of traffic a piece at most, not two a bit of its entry. Products of bits; where a helper deals, index
//!    bits are opened masked.
//! 3. value ± slope·position ([`Words`](veilflow_online::Words)): private products of falling width. Where a
//!    helper deals, value, slope and position become elements, and a triple multiplies the latter two: masked
//!    elements.
//! 4. Truncation of the low bits, by a comparison ([`Carry`](veilflow_online::Carry)), and extension where
//!    the result is much narrower than its ring ([`SignExtend`](veilflow_online::SignExtend)): masked bits,
//!    private products.
//!
//! Nothing else is sent, so security is that of these operations: each side sees masked bits and elements
//! only.

mod apply;
mod division;
mod mantissa;
mod normalise;
mod octaves;
mod pieces;
mod rounded_product;
mod rows;
mod shift_to_top;
mod softmax;
mod step;
mod truncate;
mod uniform;

pub use apply::Apply;
pub use division::Divide;
pub use normalise::NormaliseRows;
pub use softmax::SoftmaxRows;

#[cfg(doc)]
use veilflow_spec::math::Spline;
