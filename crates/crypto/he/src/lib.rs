//! Homomorphic encryption for linear layers: exact products of encrypted vectors mod 2^ℓ with small integer polynomials.
//!
//! The scheme is BFV without relinearisation: RLWE over Z_Q\[X\]/(X^N + 1) with the message in the high bits, scaled by
//! exactly Q/2^ℓ, so that arithmetic is mod 2^ℓ for any width ℓ. One party, the *client*, holds the secret key and encrypts;
//! the other, the *server*, multiplies by its own small polynomials, and replies. Neither chooses its share: the client's messages
//! come out of encryption, the server's shares are the leading bits of its replies, which stay at home.
//!
//! 1. [`SecretKey::generate`], [`SecretKey::public_key`] → [`PublicKey::from_bytes`].
//! 2. [`Encryptor::encrypt`] → [`Place::read`]: the coefficients that matter of one polynomial, and a seed.
//! 3. [`Sum`] or [`Inputs::combine`]: products, in points or in coefficients ([`Form`]).
//! 4. [`PackingKeys::pack`], if replies would have room to spare: many products in one.
//! 5. [`Replier::reply`] → [`Decryptor::decrypt`]: flooded, re-randomised, switched to a small modulus, shared.
//!
//! [`Parameters`] are refused unless 128-bit secure; [`Budget`] computes, for a bound on the weights, how many bits each
//! message takes, and refuses what cannot decrypt with certainty or cannot hide its noise.

mod budget;
mod error;
mod fresh;
mod inputs;
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
pub use error::{HeError, Result};
pub use fresh::{Encryptor, Slots, fresh_bits, fresh_bytes};
pub use inputs::{Inputs, Place};
pub use keys::{PublicKey, SecretKey, public_key_bytes};
pub use ntt::{KernelTime, kernel_times};
pub use packing::{PackingKeys, packing_keys_bytes};
pub use parameters::{Parameters, SECURITY_TABLE};
pub use poly::Form;
pub use product::{Combination, Product, ScaledMonomial, Sum, WeightPoly};
pub use reply::{Decryptor, Replier, reply_bytes};
