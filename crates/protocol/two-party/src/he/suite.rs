//! Which parameters a set of layers works under.

use std::sync::Arc;

use veilflow_correlation::{Cost, LinearRequest};
use veilflow_he::hiding::{Distance, Run};
use veilflow_he::{HeError, Parameters};
use veilflow_net::Role;

use super::HeWork;
use super::cut::Cut;
use super::part::run_of;
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
    pub(super) run: Run,
}

impl HeSuite {
    /// The cheapest suite for a run of these layers, keys included, on a link that takes `ns_per_byte`
    /// nanoseconds a byte. Both parties derive the same. A layer that a run does twice is there twice: what
    /// is left unhidden adds up.
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
        let (all, run) = (with_levels(MAX_LEVELS), run_of(requests));
        let candidates = requests
            .iter()
            .map(|r| Candidates::new(r, run, &all, &prices))
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
                best = Some((price, Self { sets, prices, run }));
            }
        }
        Ok(best.expect("levels were tried").1)
    }

    /// Whether a run of these layers can be done at all, for compilers to ask.
    ///
    /// # Errors
    /// The first layer that cannot, by its index, and the reason: a ring or weights too wide, noise that no
    /// flood hides, a window that no polynomial holds.
    pub fn check(requests: &[LinearRequest]) -> Result<(), (usize, HeError)> {
        let sets = PARAMETERS.each_ref().map(|p| Set { parameters: Arc::clone(p), levels: 0 });
        let run = run_of(requests);
        let refused = |(index, request)| {
            Cut::new(request, run, &sets, &Prices::MEASURED).err().map(|reason| (index, reason))
        };
        requests.iter().enumerate().find_map(refused).map_or(Ok(()), Err)
    }

    /// A bound of the statistical distance of a run from one that tells the parties nothing but their shares:
    /// what floods leave of the weights to the client, and encryption of the client's masks to the server.
    ///
    /// # Errors
    /// As for [`HeSuite::linear_cost`].
    pub fn distance(&self, requests: &[LinearRequest]) -> Result<Distance, HeError> {
        requests.iter().try_fold(Distance::default(), |sum, request| {
            let cut = self.cut(request)?;
            // A free coefficient and the message that it chooses are disjoint bits of a number modulo Q.
            let masks = request.shape.in_len() as f64
                * 2f64.powi(request.ring.bits() as i32 + 1 - cut.parameters.log_q() as i32);
            Ok(sum.and(cut.budget.distance).and(Distance { square: 0.0, sum: masks }))
        })
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
        Cut::new(request, self.run, &self.sets, &self.prices)
    }
}
