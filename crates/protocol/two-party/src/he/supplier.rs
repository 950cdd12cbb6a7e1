//! Silent OT for bits and elements, homomorphic encryption for linear layers.

use std::fmt;
use std::sync::Arc;

use veilflow_correlation::{
    CorrelationError, Cost, Demand, LinearPair, LinearRequest, Needs, Pools, Possession, Result, Supplier,
    SupplyCosts,
};
use veilflow_he::hiding::Distance;
use veilflow_net::{Channel, Role};
use veilflow_prim::Prg;

use crate::error::he_error;
use crate::{HeClient, HeServer, HeSuite, OtCosts, OtPlan, OtSupplier, WeightCache};

/// How a [`HeSupplier`] works: which OT extensions, and which parameters for the layers. Both parties derive
/// the same.
#[derive(Debug, Clone)]
pub struct HePlan {
    ot: OtPlan,
    suite: HeSuite,
    ns_per_byte: f64,
}

impl HePlan {
    /// The plan for `needs` on a link that takes so many nanoseconds a byte.
    ///
    /// # Errors
    /// The reason why a layer cannot be done by homomorphic encryption.
    pub fn new(needs: &Needs, ns_per_byte: f64) -> Result<Self> {
        // Rounded to what the handshake compares.
        let ns_per_byte = (ns_per_byte * 1e3).round() / 1e3;
        let nonlinear = Needs { demand: needs.demand.clone(), linear: Vec::new() };
        let suite = HeSuite::for_layers(&needs.linear, ns_per_byte).map_err(he_error)?;
        Ok(Self { ot: OtPlan::silent(&nonlinear, ns_per_byte), suite, ns_per_byte })
    }

    /// The OT extensions.
    pub fn ot(&self) -> &OtPlan {
        &self.ot
    }

    /// The parameters of the layers.
    pub fn suite(&self) -> &HeSuite {
        &self.suite
    }

    /// A bound of the statistical distance of a run, as [`HeSuite::distance`].
    ///
    /// # Errors
    /// If the needs are not those of the plan.
    pub fn distance(&self, needs: &Needs) -> Result<Distance> {
        self.suite.distance(&needs.linear).map_err(he_error)
    }

    /// What a supplier by this plan sends.
    pub fn costs(&self) -> HeCosts {
        HeCosts { ot: self.ot.costs(), suite: self.suite.clone() }
    }
}

impl fmt::Display for HePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The division of the layers follows from this price. Its digits are padded, so that what is sent is
        // as long for every link.
        write!(f, "{}, {:012.3} ns a byte", self.ot, self.ns_per_byte)
    }
}

/// The side of homomorphic encryption that a party is on.
#[derive(Debug)]
enum Side {
    Server(HeServer),
    Client(HeClient),
}

/// Correlations from silent OT, linear-layer pairs from homomorphic encryption.
#[derive(Debug)]
pub struct HeSupplier {
    ot: OtSupplier,
    side: Side,
    plan: HePlan,
}

impl HeSupplier {
    /// Sets up OT and keys. Both parties call it together, with the same plan. What is sent does not depend
    /// on the threads.
    ///
    /// # Errors
    /// If the channel fails, or points or keys of the peer are malformed.
    pub fn setup(
        role: Role,
        channel: &mut Channel,
        mut prg: Prg,
        plan: &HePlan,
        threads: usize,
    ) -> Result<Self> {
        let ot = OtSupplier::setup(role, channel, prg.fork(), &plan.ot)?.with_threads(threads);
        let side = match role {
            Role::P0 => Side::Server(HeServer::setup(channel, prg, &plan.suite)?.with_threads(threads)),
            Role::P1 => Side::Client(HeClient::setup(channel, prg, &plan.suite)?.with_threads(threads)),
        };
        Ok(Self { ot, side, plan: plan.clone() })
    }

    /// Lets a server keep transformed weights in a cache. At a client it does nothing.
    #[must_use]
    pub fn with_weight_cache(mut self, cache: Arc<WeightCache>) -> Self {
        if let Side::Server(server) = self.side {
            self.side = Side::Server(server.with_cache(cache));
        }
        self
    }
}

impl Supplier for HeSupplier {
    fn name(&self) -> &'static str {
        "he"
    }

    fn fill(&mut self, channel: &mut Channel, demand: &Demand, pools: &mut Pools) -> Result<()> {
        self.ot.fill(channel, demand, pools)
    }

    fn linear(
        &mut self,
        channel: &mut Channel,
        request: &LinearRequest,
        weights: Possession<'_>,
    ) -> Result<LinearPair> {
        let role = match &self.side {
            Side::Server(_) => Role::P0,
            Side::Client(_) => Role::P1,
        };
        match (&mut self.side, request.weights_at(role, weights)?) {
            (Side::Server(server), Some(weights)) => server.server_linear(channel, request, weights),
            (Side::Client(client), None) => client.client_linear(channel, request),
            _ => Err(CorrelationError::Weights { layer: request.layer, reason: "P0 must hold them" }),
        }
    }

    fn costs(&self) -> Box<dyn SupplyCosts> {
        Box::new(self.plan.costs())
    }
}

/// What a [`HeSupplier`] sends.
#[derive(Debug, Clone)]
pub struct HeCosts {
    ot: OtCosts,
    suite: HeSuite,
}

impl SupplyCosts for HeCosts {
    fn set_up(&self) -> Cost {
        self.ot.set_up().then(self.suite.setup_cost())
    }

    fn fill(&mut self, demand: &Demand) -> Cost {
        self.ot.fill(demand)
    }

    fn linear(&mut self, request: &LinearRequest) -> Cost {
        // A layer that does not fit was refused when the suite was made.
        self.suite.linear_cost(request).unwrap_or_default()
    }
}
