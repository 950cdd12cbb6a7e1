//! Packing: many products with few useful coefficients each become one (Chen, Dai, Kim, Song, ACNS 2021, §3).
//!
//! The automorphism X → X^g with g = 2N/2^s + 1 leaves X^i alone when 2^s divides i, and turns its sign when
//! 2^(s−1) does but 2^s does not. Of two ciphertexts whose coefficients at multiples of 2^s are useful,
//!
//! (e + X^a·o) + σ_g(e − X^a·o), a = 2^(s−1),
//!
//! holds twice the coefficients of e at multiples of 2^s, and twice those of o in the middle between. From
//! s = h down to 1, 2^h ciphertexts with useful multiples of 2^h become one that is useful everywhere. Its
//! coefficient j + 2^h·i is coefficient 2^h·i of ciphertext j, times 2^h. The inputs were divided by 2^h
//! beforehand (2 is invertible mod Q).
//!
//! σ_g turns the key s into σ_g(s). To switch back, c₁, centred, is multiplied by an encryption of P·σ_g(s)
//! modulo Q·P, with P the product of two special primes, and divided by P. That such encryptions under s
//! itself are safe is the usual circular-security assumption.

mod automorphism;
mod base_extension;
mod keys;
mod merge;

pub use keys::{PackingKeys, packing_keys_bytes};
