//! Pairs for linear layers by homomorphic encryption.
//!
//! The client encrypts its mask r, the server multiplies by W, subtracts its mask s and replies; the client decrypts
//! W·r − s mod 2^ℓ, exactly. A layer is cut into negacyclic polynomial products by `geometry` and `plan`, by the cheapest
//! division that fits. What each side sees, and the noise arithmetic, is in `docs/homomorphic-linear-layers.md`.

mod client;
mod geometry;
mod plan;
mod server;
#[cfg(test)]
mod tests;

use std::sync::{Arc, LazyLock};

pub use client::HeClient;
pub use server::HeServer;
use veilflow_correlation::{CorrelationError, Cost, LinearRequest};
use veilflow_he::{HeError, Parameters, public_key_bytes};
use veilflow_net::Role;

use plan::Plan;

/// The parameter sets: 100 bits at degree 4096, and 150 bits at 8192 for wide rings and large sums.
static SETS: LazyLock<[Arc<Parameters>; 2]> = LazyLock::new(|| {
    [(4096, 2), (8192, 3)].map(|(degree, primes)| {
        Arc::new(Parameters::new(degree, primes).expect("both are in the security table"))
    })
});

fn he_error(source: HeError) -> CorrelationError {
    CorrelationError::Supplier { supplier: "he", source: source.into() }
}

/// Whether a layer can be done at all, for compilers to ask.
///
/// # Errors
/// The reason why not: a ring or weights too wide, noise that no flood hides, a window that no polynomial holds.
pub fn he_check(request: &LinearRequest) -> Result<(), HeError> {
    Plan::new(request, &*SETS).map(|_| ())
}

/// What [`HeClient::setup`] and [`HeServer::setup`] send: the client's public keys.
pub fn he_setup_cost() -> Cost {
    setup_cost(&*SETS)
}

fn setup_cost(sets: &[Arc<Parameters>]) -> Cost {
    Cost::message(Role::P1, sets.iter().map(|set| public_key_bytes(set) as u64).sum())
}

/// What a pair sends.
///
/// # Errors
/// As [`he_check`].
pub fn he_linear_cost(request: &LinearRequest) -> Result<Cost, HeError> {
    Ok(Plan::new(request, &*SETS)?.cost())
}
