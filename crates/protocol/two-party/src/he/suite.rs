//! Which parameters a set of layers works under.

use std::sync::Arc;

use veilflow_correlation::{Cost, LinearRequest};
use veilflow_he::{HeError, Parameters};
use veilflow_net::Role;

use super::HeWork;
use super::cut::Cut;
use super::prices::Prices;
use super::search::{Candidates, Choice};
use super::set::{PARAMETERS, Set};

/// Packing never has more levels: 2^8 planes in a polynomial of 8192 coefficients leave 32 to each.
const MAX_LEVELS: u32 = 8;

/// The parameter sets that two parties use together, and the keys they set up. Public.
#[derive(Debug, Clone)]
pub struct HeSuite {
    pub(super) sets: Vec<Set>,
    pub(super) prices: Prices,
}

impl HeSuite {
    /// The cheapest suite for these layers, keys included, on a link that takes `ns_per_byte` nanoseconds a
    /// byte. Both parties derive the same.
    ///
    /// # Errors
    /// The reason why a layer cannot be done at all: see [`HeSuite::check`].
    pub fn for_layers(requests: &[LinearRequest], ns_per_byte: f64) -> Result<Self, HeError> {
        Self::choose(requests, &*PARAMETERS, Prices { byte: ns_per_byte, ..Prices::MEASURED })
    }

    pub(super) fn choose(
        requests: &[LinearRequest],
        parameters: &[Arc<Parameters>],
        prices: Prices,
    ) -> Result<Self, HeError> {
        let levels = |most: u32, p: &Parameters| {
            if p.can_pack() { most.min(p.degree().trailing_zeros()) } else { 0 }
        };
        let with_levels = |most: u32| {
            let set = |p: &Arc<Parameters>| Set { parameters: Arc::clone(p), levels: levels(most, p) };
            parameters.iter().map(set).collect::<Vec<Set>>()
        };
        let all = with_levels(MAX_LEVELS);
        let candidates = requests
            .iter()
            .map(|r| Candidates::new(r, &all, &prices))
            .collect::<Result<Vec<_>, HeError>>()?;
        let mut best: Option<(f64, Self)> = None;
        for most in 0..=MAX_LEVELS {
            let mut sets = with_levels(most);
            let allowed: Vec<u32> = sets.iter().map(|set| set.levels).collect();
            let choices: Vec<&Choice> = candidates.iter().map(|c| c.best(&allowed)).collect();
            // What no layer uses is not set up.
            let mut used = vec![None; sets.len()];
            for choice in &choices {
                used[choice.set] = used[choice.set].max(Some(choice.budget.levels));
            }
            sets.iter_mut().zip(&used).for_each(|(set, used)| set.levels = used.unwrap_or(0));
            let sets: Vec<Set> =
                sets.into_iter().zip(used).filter(|(_, u)| u.is_some()).map(|(s, _)| s).collect();
            let keys: usize = sets.iter().map(Set::key_bytes).sum();
            let price = keys as f64 * prices.byte + choices.iter().map(|choice| choice.price).sum::<f64>();
            if best.as_ref().is_none_or(|(least, _)| price < *least) {
                best = Some((price, Self { sets, prices }));
            }
        }
        Ok(best.expect("levels were tried").1)
    }

    /// Whether a layer can be done at all, for compilers to ask.
    ///
    /// # Errors
    /// The reason why not: a ring or weights too wide, noise that no flood hides, a window that no polynomial
    /// holds.
    pub fn check(request: &LinearRequest) -> Result<(), HeError> {
        let sets = PARAMETERS.each_ref().map(|p| Set { parameters: Arc::clone(p), levels: 0 });
        Cut::new(request, &sets, &Prices::MEASURED).map(|_| ())
    }

    /// What [`HeClient::setup`](super::HeClient::setup) sends: public keys.
    pub fn setup_cost(&self) -> Cost {
        Cost::message(Role::P1, self.sets.iter().map(|set| set.key_bytes() as u64).sum())
    }

    /// What one pair sends.
    ///
    /// # Errors
    /// If the layer does not fit the suite's parameters, since it was not among those for which the suite was
    /// made.
    pub fn linear_cost(&self, request: &LinearRequest) -> Result<Cost, HeError> {
        Ok(self.cut(request)?.cost())
    }

    /// What one pair computes.
    ///
    /// # Errors
    /// As for [`HeSuite::linear_cost`].
    pub fn linear_work(&self, request: &LinearRequest) -> Result<HeWork, HeError> {
        Ok(self.cut(request)?.work())
    }

    pub(super) fn cut(&self, request: &LinearRequest) -> Result<Cut, HeError> {
        Cut::new(request, &self.sets, &self.prices)
    }
}
