//! What both parties of a session choose alike.

use std::fmt;

use veilflow_ir::{Plan, PlanNode};
use veilflow_net::LinkShape;
use veilflow_online::Tuning;
use veilflow_two_party::HeSuite;

use crate::error::{ExecError, Result};
use crate::joined_pairs;
use crate::possession::{InputAt, WeightsAt};
use crate::supplier::SupplierKind;

/// The choices that both parties must make alike; the handshake compares them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SessionOptions {
    /// The supplier makes the correlations.
    pub supplier: SupplierKind,
    /// SoftSpoken's k must be 1, 2, 4 or 8; only [`SupplierKind::Ot`] uses it. An OT then takes 128/k − 1
    /// bits and 2^k/k blocks of AES.
    pub softspoken_k: usize,
    /// Batches of silent OT are sized for this link; without one they are sized for the fewest bytes.
    pub link: Option<LinkShape>,
    /// The online protocols follow these choices.
    pub tuning: Tuning,
    /// Each party works in this many threads, at least one, each with a stream of its own.
    pub threads: usize,
    /// This says who holds the weights.
    pub weights: WeightsAt,
    /// This says who holds the inputs and gets the outputs.
    pub input: InputAt,
    /// Each node's correlations are made right before the node instead of all ahead. This takes the least
    /// memory and leaves no offline phase.
    pub just_in_time: bool,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            supplier: SupplierKind::default(),
            softspoken_k: 4,
            link: None,
            tuning: Tuning::default(),
            threads: 1,
            weights: WeightsAt::default(),
            input: InputAt::default(),
            just_in_time: false,
        }
    }
}

impl SessionOptions {
    /// Checks that `plan` can be run like this.
    ///
    /// # Errors
    /// [`ExecError::Option`] for a choice that cannot be, [`ExecError::Plan`] if the plan does not pass
    /// [`Plan::verify`], [`ExecError::SharedWeights`] if the supplier makes pairs only for a server that has
    /// the weights whole, and those of [`SupplierKind::check`].
    pub fn check(&self, plan: &Plan) -> Result<()> {
        self.check_choices()?;
        plan.verify()?;
        if matches!((self.weights, self.supplier), (WeightsAt::Shared(_), SupplierKind::He)) {
            return Err(ExecError::SharedWeights);
        }
        self.supplier.check(plan)
    }

    /// Checks what does not depend on a plan.
    pub(crate) fn check_choices(&self) -> Result<()> {
        let refuse = |option, given: &dyn fmt::Display, allowed| {
            Err(ExecError::Option { option, given: given.to_string(), allowed })
        };
        if self.threads == 0 {
            return refuse("threads", &self.threads, "at least 1");
        }
        if !matches!(self.softspoken_k, 1 | 2 | 4 | 8) {
            return refuse("softspoken_k", &self.softspoken_k, "1, 2, 4 or 8");
        }
        if self.tuning.dealt && self.supplier != SupplierKind::Helper {
            return refuse("tuning.dealt", &true, "false, as only the supplier helper deals");
        }
        match self.link.map(|link| link.bandwidth_bytes_per_s) {
            Some(bandwidth) if !(1.0..=f64::MAX).contains(&bandwidth) => {
                refuse("link.bandwidth_bytes_per_s", &bandwidth, "at least 1")
            }
            _ => Ok(()),
        }
    }
}

impl SupplierKind {
    /// Checks that the supplier can make the pair of every linear layer of `plan`. Only [`SupplierKind::He`]
    /// has limits.
    ///
    /// # Errors
    /// [`ExecError::Layer`] for the first layer beyond them, with the reason.
    pub fn check(self, plan: &Plan) -> Result<()> {
        if self != Self::He {
            return Ok(());
        }
        let request = |(i, node)| Some((node, joined_pairs::request(plan, i)?));
        let (nodes, requests): (Vec<&PlanNode>, Vec<_>) =
            plan.nodes.iter().enumerate().filter_map(request).unzip();
        HeSuite::check(&requests).map_err(|(index, reason)| ExecError::Layer {
            layer: nodes[index].layer.clone(),
            weight_bits: requests[index].weight_bits,
            ring_bits: requests[index].ring.bits(),
            reason: reason.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_that_cannot_be_are_refused_by_name() {
        let refused = |options: SessionOptions| options.check_choices().unwrap_err().to_string();
        let common = SessionOptions::default();
        assert_eq!(
            refused(SessionOptions { threads: 0, ..common }),
            "threads cannot be 0: choose at least 1"
        );
        for k in [0, 3, 16] {
            let message = refused(SessionOptions { softspoken_k: k, ..common });
            assert_eq!(message, format!("softspoken_k cannot be {k}: choose 1, 2, 4 or 8"));
        }
        for bandwidth_bytes_per_s in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let link = Some(LinkShape { bandwidth_bytes_per_s, ..LinkShape::lan() });
            let message = refused(SessionOptions { link, ..common });
            assert!(message.contains("bandwidth"), "{message}");
        }
        let dealt = SessionOptions { tuning: Tuning { dealt: true, ..Tuning::default() }, ..common };
        assert!(refused(dealt).contains("only the supplier helper deals"));

        SessionOptions { supplier: SupplierKind::Helper, ..dealt }.check_choices().unwrap();
        for softspoken_k in [1, 2, 4, 8] {
            let link = Some(LinkShape::wan());
            SessionOptions { softspoken_k, link, ..common }.check_choices().unwrap();
        }
    }
}
