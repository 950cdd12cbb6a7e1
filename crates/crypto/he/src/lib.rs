//! Homomorphic encryption for linear layers: exact products of encrypted vectors mod 2^ℓ with small integer
//! polynomials.
//!
//! The scheme is BFV without relinearisation. One party, the *client*, holds the secret key and encrypts; the
//! other, the *server*, multiplies by its own small polynomials and replies.
//!
//! # The scheme
//! A ciphertext of a message polynomial $m$ is a pair $(c_0, c_1)$ over $\mathbb{Z}_Q\[X\]/(X^N + 1)$ with
//!
//! $$c_0 + c_1 s = \tfrac{Q}{2^\ell} m + \text{noise},$$
//!
//! where $s$ is the ternary secret key. The scale is exactly $Q/2^\ell$, so arithmetic is mod $2^\ell$ for
//! any width $\ell$. A product with a small polynomial $w$ multiplies message and noise by $w$.
//!
//! 1. [`SecretKey::generate`], [`SecretKey::public_key`] → [`PublicKey::from_bytes`].
//! 2. [`Encryptor::encrypt`] → [`Place::read`]: the coefficients that matter of one polynomial, and a seed.
//! 3. [`Sum`] or [`Inputs::combine`]: products, in points or in coefficients ([`Form`]).
//! 4. [`PackingKeys::pack`]: many products become one, where replies would have room to spare.
//! 5. [`Replier::reply`] → [`Decryptor::decrypt`]: the product is flooded, re-randomised, switched to a small
//!    modulus, and shared between the parties.
//!
//! # What each side sees
//! The server sees fresh ciphertexts, pseudorandom under RLWE. The client sees replies: their $c_1$ is
//! pseudorandom by a fresh encryption of zero, and of their $c_0$ it sees $\text{flood} + \text{noise}$. The
//! flood is a sum of three uniform integers in $-2^f..2^f$. The noise, which depends on the weights, is
//! hidden by it up to a statistical distance of $2^{-40}$, over all values of a run together ([`hiding`]).
//!
//! Neither party chooses its share. The client's messages come out of encryption: they are minus the $\ell$
//! leading bits of the RLWE sample. The server's shares are the leading bits of its replies, which stay at
//! home. So neither travels.
//!
//! # What is refused
//! [`Parameters`] are refused unless 128-bit secure ([`SECURITY_TABLE`]). For a bound on the weights, a
//! [`Budget`] computes how many bits each message takes. It refuses what cannot decrypt with certainty, and
//! what cannot hide its noise.

mod budget;
mod error;
mod fresh;
pub mod hiding;
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

pub use budget::{Budget, Load, MAX_RING_BITS, MAX_WEIGHT_BITS};
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
