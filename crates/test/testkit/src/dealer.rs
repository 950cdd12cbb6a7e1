//! An ideal dealer. Both parties derive all correlations from one common seed, so either could undo the
//! other's masks. It gives tests of protocols their correlations without OT.

use veilflow_correlation::{
    CorrelationError, Cost, Demand, LinearPair, LinearRequest, Pools, Possession, Result, Supplier,
    SupplyCosts,
};
use veilflow_net::{Channel, Role};
use veilflow_prim::{Block, Prg};
use veilflow_ring::RingVec;

/// Deals correlations from a common seed. Insecure by construction; see the module.
#[derive(Debug)]
pub struct TestDealer {
    role: Role,
    prg: Prg,
}

impl TestDealer {
    /// The dealer as `role` sees it. Both parties must pass the same seed.
    pub fn insecure(role: Role, seed: u64) -> Self {
        Self { role, prg: Prg::from_seed(Block(u128::from(seed))) }
    }
}

impl Supplier for TestDealer {
    fn name(&self) -> &'static str {
        "test-dealer"
    }

    /// Each party is the helper as well: it has both parties' streams, and so the correction.
    fn fill(&mut self, _: &mut Channel, demand: &Demand, pools: &mut Pools) -> Result<()> {
        for (kind, count) in demand.iter() {
            let seeds = [(); 2].map(|()| self.prg.block());
            let correction = kind.correction(count, seeds.map(Prg::from_seed));
            let stream = Prg::from_seed(seeds[self.role.index()]);
            pools.put_dealt(kind, self.role, count, stream, &correction);
        }
        Ok(())
    }

    /// The holder of the weights knows r from the common seed, and sends W·r − s in the clear.
    fn linear(
        &mut self,
        channel: &mut Channel,
        request: &LinearRequest,
        weights: Possession<'_>,
    ) -> Result<LinearPair> {
        let mask = self.prg.ring_vec(request.ring, request.shape.in_len());
        let s = self.prg.ring_vec(request.ring, request.shape.out_len());
        match (self.role == request.holder, weights) {
            (true, Possession::Mine(weights)) => {
                channel.send(&veilflow_kernel::linear(&request.shape, weights, &mask).sub(&s).to_bytes())?;
                channel.flush()?;
                Ok(LinearPair::Holder { s })
            }
            (false, Possession::Theirs) => {
                let bytes = channel.recv_vec(RingVec::byte_len(request.ring, s.len()))?;
                let product = RingVec::from_bytes(request.ring, &bytes, s.len());
                Ok(LinearPair::Other { mask, product })
            }
            _ => Err(CorrelationError::Weights {
                layer: request.layer,
                reason: "their holder alone must have them",
            }),
        }
    }

    fn costs(&self) -> Box<dyn SupplyCosts> {
        Box::new(DealerCosts)
    }
}

/// The dealer talks for linear layers only.
struct DealerCosts;

impl SupplyCosts for DealerCosts {
    fn set_up(&self) -> Cost {
        Cost::default()
    }

    fn fill(&mut self, _: &Demand) -> Cost {
        Cost::default()
    }

    fn linear(&mut self, request: &LinearRequest) -> Cost {
        Cost::message(request.holder, RingVec::byte_len(request.ring, request.shape.out_len()) as u64)
    }
}
