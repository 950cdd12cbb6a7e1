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
mod linear;
mod lookup;
mod masked_bits;
mod matmul;
mod most_significant;
mod multiply;
mod one_hot;
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

pub use adder::{carries, carries_cost, digits, digits_cost, high_bits, high_bits_cost};
pub use argmax::{arg_max, arg_max_cost};
pub use boolean::{AndGroup, and_private, and_private_cost, and_shared, and_shared_cost};
pub use compare::CompareTree;
pub use divide::{average, average_cost, average_pool, average_pool_cost, divide_floor, divide_floor_cost};
pub use error::{OnlineError, Result};
pub use extend::{sign_extend, sign_extend_cost, zero_extend, zero_extend_cost};
pub use linear::{linear, linear_cost, linear_shared, linear_shared_cost};
pub use lookup::{
    Sections, lookup, lookup_bits, lookup_bits_cost, lookup_cost, select_entry, select_entry_cost,
};
pub use matmul::{matmul_signed, matmul_signed_cost};
pub use most_significant::{most_significant_index, most_significant_index_cost};
pub use multiply::{
    divide_toward_zero, divide_toward_zero_cost, multiply_cost, multiply_into, multiply_into_cost,
    multiply_signed, multiply_unsigned,
};
pub use one_hot::{
    IndexBits, OneHot, most_significant_one, most_significant_one_cost, one_hots, one_hots_cost,
};
pub use party::{Party, Tuning};
pub use pool::{max_of, max_of_cost, max_pool, max_pool_cost};
pub use product::{
    ProductJob, ProductShape, bit_to_arithmetic, bit_to_arithmetic_cost, products, products_cost,
};
pub use select::{
    clip, clip_cost, clip_within, clip_within_cost, multiplex, multiplex_cost, relu, relu_cost,
    relu_truncate, relu_truncate_cost, relu_within, relu_within_cost,
};
pub use share::{reveal_to, reveal_to_cost, share_private, share_private_cost};
pub use sign::{
    RangeClaim, carry, carry_cost, drelu, drelu_cost, msb, msb_and_carry, msb_cost, wrap_count,
    wrap_count_cost,
};
pub use triple::{ring_products, ring_products_cost};
pub use truncate::{arithmetic_shift, arithmetic_shift_cost, truncate_reduce, truncate_reduce_cost};
pub use word::{WordShape, WordTerm, words, words_cost};
