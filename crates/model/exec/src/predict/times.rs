//! How long a run will take, from what it sends and what it computes.

use veilflow_ir::plan::Plan;

use super::bytes::Prediction;
use super::machine::Machine;
use super::schedule::Schedule;
use crate::error::Result;
use crate::joined_pairs;
use crate::node::Operations;
use crate::options::SessionOptions;
use crate::supply::SupplyPlan;

/// Predicted wall-clock seconds of one run, of the party that takes longer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Times {
    /// The handshake, the set-up and making correlations take this.
    pub offline: f64,
    /// Consuming them takes this.
    pub online: f64,
}

impl Times {
    /// Predicts a run of `plan` on `machine`, from the `prediction` for the same plan and options. Each
    /// party's threads have cores of their own.
    ///
    /// # Errors
    /// If the supplier cannot do one of the plan's layers, with the reason.
    pub fn of(
        plan: &Plan,
        options: &SessionOptions,
        prediction: &Prediction,
        machine: &Machine,
    ) -> Result<Self> {
        options.check(plan)?;
        let supply = SupplyPlan::new(options, &Operations::new(plan, options)?.needs(plan, options.weights))?;
        let mut schedule = Schedule::new(options, &supply, machine);
        schedule.set_up(&prediction.set_up);
        schedule.ask();
        let steps = || (0..=plan.nodes.len()).zip(prediction.offline.iter().zip(&prediction.online));
        for (index, (cost, online)) in steps() {
            schedule.fill(&cost.fill, &online.demand);
            if let Some(cost) = &cost.linear {
                schedule.linear(&joined_pairs::requests(plan, index, options.weights), cost)?;
            }
        }
        let offline = schedule.now();
        schedule.ask();
        // The server's online phase begins when it is asked, the client's when it asks.
        let begun = [schedule.now()[0], offline[1]];
        for (index, (_, cost)) in steps() {
            schedule.online(plan, index, cost);
        }
        schedule.output(&prediction.output);
        let online = [0, 1].map(|party| schedule.now()[party] - begun[party]);
        Ok(Self { offline: offline[0].max(offline[1]), online: online[0].max(online[1]) })
    }

    /// Both phases.
    pub fn total(&self) -> f64 {
        self.offline + self.online
    }
}
