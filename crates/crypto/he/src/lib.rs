//! Homomorphic encryption for linear layers: exact products of encrypted vectors mod 2^ℓ with small integer polynomials.
//!
//! The scheme is BFV without relinearisation: RLWE over Z_Q\[X\]/(X^N + 1) with the message in the high bits, scaled by
//! exactly Q/2^ℓ, so that arithmetic is mod 2^ℓ for any width ℓ. One party, the *client*, holds the secret key and encrypts;
//! the other, the *server*, multiplies by its own small polynomials, masks, and replies:
//!
//! 1. [`SecretKey::generate`], [`SecretKey::public_key`] → [`PublicKey::from_bytes`].
//! 2. [`Encryptor::encrypt`] → [`Inputs::push`]: one polynomial and a common seed.
//! 3. [`Sum`] or [`Inputs::combine`]: products, in points or in coefficients ([`Form`]).
//! 4. [`PackingKeys::pack`], if replies would have room to spare: many products in one.
//! 5. [`Replier::reply`] → [`Decryptor::decrypt`]: masked, flooded, re-randomised, switched to a small modulus.
//!
//! [`Parameters`] are refused unless 128-bit secure; [`Budget`] computes, for a bound on the weights, how many bits each
//! message takes, and refuses what cannot decrypt with certainty or cannot hide its noise.

mod budget;
mod error;
mod keys;
mod modulus;
#[cfg(test)]
mod noise;
mod ntt;
mod packing;
mod parameters;
mod poly;
mod product;
mod reply;
mod sample;

pub use budget::{Budget, Load, MAX_RING_BITS, MAX_WEIGHT_BITS, STATISTICAL_BITS};
pub use error::HeError;
pub use keys::{Encryptor, PublicKey, SecretKey, fresh_bytes, public_key_bytes};
pub use packing::{PackingKeys, packing_keys_bytes};
pub use parameters::{Parameters, SECURITY_TABLE};
pub use product::{Combination, Form, Inputs, Product, ScaledMonomial, Sum, WeightPoly};
pub use reply::{Decryptor, Replier, reply_bytes};

type Result<T> = std::result::Result<T, HeError>;
