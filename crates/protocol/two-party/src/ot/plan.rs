//! Which extensions serve a demand, and what a supplier by them sends.

use std::fmt;

use veilflow_correlation::{Cost, Demand, Flow, LinearRequest, Needs, SupplyCosts};
use veilflow_net::Role;
use veilflow_ot::{ExtensionForecast, ExtensionPlan, Traffic};

use super::linear;
use super::pieces::{ROLES, batches, runs};

/// Which OT extension serves each direction: from P0, and from P1.
#[derive(Debug, Clone, PartialEq)]
pub struct OtPlan([ExtensionPlan; 2]);

impl OtPlan {
    /// SoftSpoken OT with parameter `k` in both directions.
    pub fn softspoken(k: usize) -> Self {
        Self([ExtensionPlan::SoftSpoken { k }, ExtensionPlan::SoftSpoken { k }])
    }

    /// The extensions that serve `needs` quickest on a link that takes `ns_per_byte` nanoseconds a byte:
    /// Ferret with sets of the right size, or SoftSpoken where few OTs are needed.
    pub fn silent(needs: &Needs, ns_per_byte: f64) -> Self {
        Self(Self::count(needs).map(|count| ExtensionPlan::for_link(count, ns_per_byte)))
    }

    /// The extensions: from P0, and from P1.
    pub fn extensions(&self) -> &[ExtensionPlan; 2] {
        &self.0
    }

    /// How many OTs `needs` takes, from P0 and from P1.
    fn count(needs: &Needs) -> [usize; 2] {
        let pieces = batches(&needs.demand).concat();
        let mut total: [usize; 2] =
            ROLES.map(|sender| pieces.iter().flat_map(|&piece| runs(piece, sender)).sum());
        needs.linear.iter().for_each(|layer| total[layer.holder.other().index()] += linear::ots(layer));
        total
    }

    /// What a supplier by this plan sends.
    pub fn costs(&self) -> OtCosts {
        OtCosts { plan: self.clone(), forecasts: self.0.each_ref().map(ExtensionPlan::forecast) }
    }
}

impl fmt::Display for OtPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |plan: &ExtensionPlan| match plan {
            ExtensionPlan::SoftSpoken { k } => format!("softspoken-{k}"),
            ExtensionPlan::Ferret(plan) => format!("ferret-{}x{}", plan.set().trees(), plan.set().leaves()),
        };
        write!(f, "{} {}", name(&self.0[0]), name(&self.0[1]))
    }
}

/// What an [`OtSupplier`](crate::OtSupplier) sends.
#[derive(Debug, Clone)]
pub struct OtCosts {
    plan: OtPlan,
    forecasts: [ExtensionForecast; 2],
}

impl OtCosts {
    /// The messages that make so many OTs from `sender`: bytes by P0 and by P1.
    fn extend(&mut self, sender: Role, count: usize) -> [u64; 2] {
        // The set-up refuses what is no valid parameter.
        let traffic = self.forecasts[sender.index()].extend(count).unwrap_or_default();
        let mut bytes = [0; 2];
        bytes[sender.index()] = traffic.sender;
        bytes[sender.other().index()] = traffic.receiver;
        bytes
    }
}

impl SupplyCosts for OtCosts {
    fn set_up(&self) -> Cost {
        let mut flows = Vec::new();
        for (direction, plan) in self.plan.0.iter().enumerate() {
            let Traffic { sender, receiver } = plan.setup().unwrap_or_default();
            flows.push(if direction == 0 {
                Flow::Exchange(sender, receiver)
            } else {
                Flow::Exchange(receiver, sender)
            });
        }
        Cost { flows, demand: Demand::default() }
    }

    fn fill(&mut self, demand: &Demand) -> Cost {
        let mut cost = Cost::default();
        for pieces in batches(demand) {
            let mut total = [0; 2];
            for sender in ROLES {
                for count in pieces.iter().flat_map(|&piece| runs(piece, sender)) {
                    let bytes = self.extend(sender, count);
                    total = [total[0] + bytes[0], total[1] + bytes[1]];
                }
            }
            cost.flows.push(Flow::Exchange(total[0], total[1]));
        }
        cost
    }

    fn linear(&mut self, request: &LinearRequest) -> Cost {
        linear::cost(request, |count| self.extend(request.holder.other(), count))
    }
}
