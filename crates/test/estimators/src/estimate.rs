//! What attacks cost.

use serde::Serialize;

/// What an attack costs.
#[derive(Clone, Debug, Serialize)]
pub struct Estimate {
    /// The attack.
    pub attack: &'static str,
    /// The logarithm of its bit operations.
    pub bits: f64,
    /// Who published the cost.
    pub source: &'static str,
    /// The parameters of the attack at which it is cheapest.
    pub choice: String,
}

impl Estimate {
    /// An attack without a choice of parameters that makes it work.
    pub(crate) fn impossible(attack: &'static str, source: &'static str) -> Self {
        Self { attack, bits: f64::INFINITY, source, choice: "none".to_owned() }
    }

    /// Takes the cheaper of this and `bits`.
    pub(crate) fn improve(&mut self, bits: f64, choice: impl FnOnce() -> String) {
        if bits < self.bits {
            self.bits = bits;
            self.choice = choice();
        }
    }
}

/// The cheapest of `all`, which has at least one.
pub(crate) fn cheapest(all: Vec<Estimate>) -> Estimate {
    all.into_iter().min_by(|a, b| a.bits.total_cmp(&b.bits)).expect("there are attacks")
}
