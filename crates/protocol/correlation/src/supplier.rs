//! Who makes correlations.

use veilflow_net::Channel;

use crate::{Cost, Demand, LinearPair, LinearRequest, Needs, Pools, Possession, Result};

/// A source of correlations. Both parties call the same methods in the same order with the same public arguments.
pub trait Supplier: Send {
    /// The name users choose it by.
    fn name(&self) -> &'static str;

    /// Adds what `demand` asks for to `pools`.
    fn fill(&mut self, channel: &mut Channel, demand: &Demand, pools: &mut Pools) -> Result<()>;

    /// Says what will be asked for next, in order: for each of `upcoming` its demand, then its layers. Whoever works ahead
    /// begins; for others it means nothing.
    fn announce(&mut self, _upcoming: &[Needs]) -> Result<()> {
        Ok(())
    }

    /// Payload bytes so far between this party and a helper, both ways, for what has been asked for.
    fn helper_bytes(&self) -> u64 {
        0
    }

    /// Makes the pair of one linear layer. The weights of a layer are the same whenever its pair is asked for.
    fn linear(
        &mut self,
        channel: &mut Channel,
        request: &LinearRequest,
        weights: Possession<'_>,
    ) -> Result<LinearPair>;

    /// What it costs to have such a supplier, from its beginning.
    fn costs(&self) -> Box<dyn SupplyCosts>;
}

/// The conversations of a supplier, known before there is one. Ask in the order in which the supplier will be: what it
/// has left over from one request serves the next.
pub trait SupplyCosts {
    /// Making the supplier.
    fn set_up(&self) -> Cost;

    /// [`Supplier::fill`].
    fn fill(&mut self, demand: &Demand) -> Cost;

    /// [`Supplier::linear`].
    fn linear(&mut self, request: &LinearRequest) -> Cost;
}
