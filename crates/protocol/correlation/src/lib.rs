//! Correlated randomness: what the online protocols consume, whoever supplies it.
//!
//! An operation declares a [`Cost`]: the messages it sends and the [`Demand`] it makes. Offline, a
//! [`Supplier`] fills [`Pools`] to that demand; online, operations take from the pools. A batch is move-only
//! and is gone once taken, also when the operation that took it fails.
//!
//! | correlation | one side holds | the other side holds | relation |
//! |---|---|---|---|
//! | [`Triple`] | shares of f, g₁.., h₁.. | shares of f, g₁.., h₁.. | hⱼ = f·gⱼ |
//! | [`And`] | a, u | b, v | u ⊕ v = a·b |
//! | [`Product`] | α, u | c, v | u + v = c·α mod 2^w |
//! | [`BitProduct`] | bit a, u | bit b, v | u + v = a·b mod 2^w |
//! | [`Table`] | 2^d random messages | an index r and message r | |
//! | [`Leaf`] | m₁.., shares | n₁.., shares | sums of products mⱼ·nⱼ, for comparing digits |
//! | [`RingTriple`] | shares of a, b, c | shares of a, b, c | c = a·b mod 2^w |
//! | [`OneHot`] | shares of ρ, e₁.. | shares of ρ, e₁.. | eⱼ = [ρ = j] |
//! | [`Rectifier`] | ρ₀, shares | ρ₁, shares | digits of ρ; random bits b and b·ρ |
//! | [`MaskDigits`] | ρ₀, shares | ρ₁, shares | digits of ρ = ρ₀ + ρ₁ |
//! | [`LinearPair`] | s | r, W·r − s | |
//!
//! Each but the last is a [`Correlation`] in a file of its own, and a variant of [`Kind`].

mod batch;
mod correlation;
mod cost;
mod demand;
mod error;
mod kinds;
mod linear;
mod pool;
mod pools;
mod request;
mod rows;
mod supplier;

pub use correlation::Correlation;
pub use cost::{Cost, Flow, Volume};
pub use demand::Demand;
pub use error::CorrelationError;
pub use kinds::{Kind, digits, types::*};
pub use linear::{LinearPair, LinearRequest, Needs, Possession};
pub use pools::Pools;
pub use request::RequestError;
pub use supplier::{Supplier, SupplyCosts};

/// The result of correlation operations.
pub type Result<T> = std::result::Result<T, CorrelationError>;
