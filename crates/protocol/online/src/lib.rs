//! Online protocols over shares. Each equals its definition in `veilflow-spec` for every input and every sharing.
//!
//! Conventions: a [`RingVec`](veilflow_ring::RingVec) held by a party is its *additive share* mod 2^ℓ, a
//! [`Bits`](veilflow_ring::Bits) its *exclusive-or share*, unless a name says `private` (known to one party) or `public`.
//! Both parties call the same function with the same public arguments. Security is against a semi-honest party: every
//! message is masked by a correlation used once, so what a party sees is uniform apart from its own output share; each
//! file says what is sent. Every operation declares its [`Cost`](veilflow_correlation::Cost) by a function of the same
//! name with `_cost`, held equal to the channel's meter by the tests.

mod adder;
mod argmax;
mod boolean;
mod compare;
mod divide;
mod error;
mod extend;
mod factors;
mod legacy;
mod linear;
mod lookup;
mod masked_bits;
mod matmul;
mod most_significant;
mod multiplex;
mod multiply;
mod one_hot;
mod operation;
mod party;
mod pool;
mod product;
mod rectify;
mod select;
mod share;
mod sign;
mod triple;
mod truncate;
mod word;
mod wrap;

pub use adder::{carries, carries_cost, digits, digits_cost, high_bits, high_bits_cost};
pub use argmax::ArgMax;
pub use boolean::{AndGroup, and_private, and_private_cost, and_shared, and_shared_cost};
pub use compare::CompareTree;
pub use divide::{average, average_cost, average_pool, average_pool_cost, divide_floor, divide_floor_cost};
pub use error::{OnlineError, Result};
pub use extend::{SignExtend, ZeroExtend};
pub use legacy::*;
pub use linear::{linear, linear_cost, linear_shared, linear_shared_cost};
pub use lookup::{
    Sections, lookup, lookup_bits, lookup_bits_cost, lookup_cost, select_entry, select_entry_cost,
};
pub use matmul::{matmul_signed, matmul_signed_cost};
pub use most_significant::{most_significant_index, most_significant_index_cost};
pub use multiplex::Multiplex;
pub use multiply::{
    divide_toward_zero, divide_toward_zero_cost, multiply_cost, multiply_into, multiply_into_cost,
    multiply_signed, multiply_unsigned,
};
pub use one_hot::{
    IndexBits, OneHot, most_significant_one, most_significant_one_cost, one_hots, one_hots_cost,
};
pub use operation::Operation;
pub use party::{Party, Tuning};
pub use pool::{MaxOf, MaxPool};
pub use product::{BitToArithmetic, PrivateBits, ProductJob, ProductShape, products, products_cost};
pub use select::{Clip, Relu, ReluTruncate};
pub use share::{reveal_to, reveal_to_cost, share_private, share_private_cost};
pub use sign::{Carry, Drelu, Msb, MsbAndCarry};
pub use triple::{ring_products, ring_products_cost};
pub use truncate::{ArithmeticShift, TruncateReduce};
pub use word::{WordShape, WordTerm, words, words_cost};
pub use wrap::{RangeClaim, WrapCount};
