//! Online protocols over shares. Each equals its definition in `veilflow-spec` for every input and every
//! sharing.
//!
//! Conventions: a [`RingVec`](veilflow_ring::RingVec) held by a party is its *additive share* mod 2^ℓ, a
//! [`Bits`](veilflow_ring::Bits) its *exclusive-or share*, unless a name says `private` (known to one party)
//! or `public`. Security is against a semi-honest party: every message is masked by a correlation used once,
//! so what a party sees is uniform apart from its own output share; each file says what is sent.
//!
//! An operation is a value ([`Operation`]). It chooses its protocol when it is made, from public formats and
//! the [`Tuning`]; both parties make the same value. Its `cost` and its `run` read that choice, and the tests
//! hold the [`Cost`](veilflow_correlation::Cost) equal to the channel's meter. What is opened together in one
//! exchange ([`products`], [`ring_products`], [`and_shared`]) chooses nothing, and stays a function over a
//! list with its cost beside it.

mod adder;
mod argmax;
mod average;
mod boolean;
mod by_bits;
mod compare;
mod divide;
mod error;
mod extend;
mod factors;
mod linear;
mod lookup;
mod masked_bits;
mod matmul;
mod most_significant;
mod multiplex;
mod multiply;
mod one_hot;
mod operation;
mod overflow;
mod party;
mod pool;
mod positive;
mod prefix;
mod product;
mod rectify;
mod select;
mod share;
mod sign;
mod top_k;
mod triple;
mod truncate;
mod tuning;
mod word;
mod wrap;

pub use adder::{Carries, Digits, HighBits};
pub use argmax::ArgMax;
pub use average::{Average, AveragePool};
pub use boolean::{AndGroup, and_private, and_private_cost, and_shared, and_shared_cost};
pub use compare::CompareTree;
pub use divide::{DivideFloor, DivideTowardZero};
pub use error::{OnlineError, Result};
pub use extend::{SignExtend, ZeroExtend};
pub use linear::{Linear, LinearShared};
pub use lookup::{Lookup, LookupBits, Sections, SelectEntry};
pub use matmul::MatMul;
pub use most_significant::{MostSignificantIndex, MostSignificantOne};
pub use multiplex::Multiplex;
pub use multiply::Multiply;
pub use one_hot::{IndexBits, OneHot, OneHots, xor_rows};
pub use operation::{Activation, Operation, SAMPLE};
pub use overflow::{Outside, PARITIES, UpperBits, any, any_cost, beyond, beyond_cost};
pub use party::Party;
pub use pool::{MaxOf, MaxPool};
pub use positive::IsPositive;
pub use product::{BitToArithmetic, PrivateBits, ProductJob, ProductShape, products, products_cost};
pub use select::{Clip, Relu, ReluTruncate};
pub use share::{Reveal, SharePrivate};
pub use sign::{Carry, Drelu, Msb, MsbAndCarry, negate};
pub use top_k::TopK;
pub use triple::{ring_products, ring_products_cost};
pub use truncate::{TruncateExtend, TruncateReduce};
pub use tuning::Tuning;
pub use word::{Word, Words};
pub use wrap::{RangeClaim, WrapCount};
