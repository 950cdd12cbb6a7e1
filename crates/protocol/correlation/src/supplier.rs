//! Who makes correlations.

use veilflow_net::Channel;

use crate::{Cost, Demand, LinearPair, LinearRequest, Pools, Result, Weights};

/// A source of correlations. Both parties call the same methods in the same order with the same public arguments.
pub trait Supplier: Send {
    /// The name users choose it by.
    fn name(&self) -> &'static str;

    /// Adds what `demand` asks for to `pools`.
    fn fill(&mut self, channel: &mut Channel, demand: &Demand, pools: &mut Pools) -> Result<()>;

    /// Makes the pair of one linear layer.
    fn linear(
        &mut self,
        channel: &mut Channel,
        request: &LinearRequest,
        weights: Weights<'_>,
    ) -> Result<LinearPair>;

    /// What it costs to have this supplier.
    fn costs(&self) -> Box<dyn SupplyCosts>;
}

/// The conversations of a supplier, known before there is one.
pub trait SupplyCosts {
    /// Making the supplier.
    fn set_up(&self) -> Cost;

    /// [`Supplier::fill`].
    fn fill(&self, demand: &Demand) -> Cost;

    /// [`Supplier::linear`].
    fn linear(&self, request: &LinearRequest) -> Cost;
}
