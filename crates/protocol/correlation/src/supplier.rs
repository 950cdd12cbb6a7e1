//! Who makes correlations.

use veilflow_net::Channel;

use crate::{Cost, Demand, LinearPair, LinearRequest, Needs, Pools, Possession, Result};

/// A source of correlations. Both parties call the same methods in the same order with the same public
/// arguments.
pub trait Supplier: Send {
    /// The name by which users choose it.
    fn name(&self) -> &'static str;

    /// Adds what `demand` asks for to `pools`.
    ///
    /// # Errors
    /// A kind that the supplier does not make ([`Unsupported`](crate::CorrelationError::Unsupported)), a
    /// failing channel, and whatever the supplier's own protocol refuses.
    fn fill(&mut self, channel: &mut Channel, demand: &Demand, pools: &mut Pools) -> Result<()>;

    /// Says what will be asked for next, in order: for each of `upcoming` its demand, then its layers. A
    /// supplier that works ahead begins; to others it means nothing.
    ///
    /// # Errors
    /// A failing connection to whoever works ahead, or a layer that it refuses.
    fn announce(&mut self, _upcoming: &[Needs]) -> Result<()> {
        Ok(())
    }

    /// Payload bytes so far between this party and a helper, both ways, for what has been asked for.
    fn helper_bytes(&self) -> u64 {
        0
    }

    /// Makes this party's half of the pair of one linear layer. The weights of a layer must be the same
    /// whenever its pair is asked for.
    ///
    /// # Errors
    /// Weights that do not fit the layer or are not at their holder
    /// ([`Weights`](crate::CorrelationError::Weights)), a failing channel, and whatever the supplier's own
    /// protocol refuses.
    fn linear(
        &mut self,
        channel: &mut Channel,
        request: &LinearRequest,
        weights: Possession<'_>,
    ) -> Result<LinearPair>;

    /// What it costs to have such a supplier, from its beginning.
    fn costs(&self) -> Box<dyn SupplyCosts>;
}

/// The conversations of a supplier, known before there is one. Requests must come in the order in which the
/// supplier will get them: what it has left over from one request serves the next.
pub trait SupplyCosts {
    /// What it costs to make the supplier.
    fn set_up(&self) -> Cost;

    /// What [`Supplier::fill`] costs.
    fn fill(&mut self, demand: &Demand) -> Cost;

    /// What [`Supplier::linear`] costs.
    fn linear(&mut self, request: &LinearRequest) -> Cost;
}
