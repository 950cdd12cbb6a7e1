//! The offline phase: correlations for every node of a plan, before any input exists.

use std::fmt;

use veilflow_correlation::{Demand, Needs, Pools, Possession, Supplier};
use veilflow_ir::plan::Plan;
use veilflow_net::{Channel, Role};
use veilflow_ring::RingVec;

use crate::{Held, Phase, Progress, Result, SessionOptions, Step, Stopwatch, joined_pairs, node};

/// Correlations for one run of a plan. It is used by value: once.
#[derive(Debug)]
pub struct Prepared {
    pub(crate) pools: Pools,
    /// What they took, by node.
    pub nodes: Vec<Phase>,
}

/// A party's supplier, with a stream of its own to the peer's.
pub struct Preparer {
    role: Role,
    /// The stream.
    pub channel: Channel,
    /// The supplier.
    pub supplier: Box<dyn Supplier>,
    options: SessionOptions,
    /// What the nodes of the run being prepared take.
    demands: Vec<Demand>,
}

impl fmt::Debug for Preparer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Preparer({:?}, {})", self.role, self.supplier.name())
    }
}

impl Preparer {
    pub(crate) fn new(
        role: Role,
        channel: Channel,
        supplier: Box<dyn Supplier>,
        options: SessionOptions,
    ) -> Self {
        Self { role, channel, supplier, options, demands: Vec::new() }
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// Makes the correlations of one run of `plan`, node by node.
    ///
    /// # Errors
    /// Weights that do not fit the party or the plan; a failing channel or supplier.
    pub fn prepare(&mut self, plan: &Plan, weights: Held<'_>, progress: Progress<'_>) -> Result<Prepared> {
        self.begin(plan, weights)?;
        let mut pools = Pools::default();
        let mut nodes = Vec::with_capacity(plan.nodes.len());
        for index in 0..plan.nodes.len() {
            progress(Step { online: false, node: index });
            nodes.push(self.node(plan, index, weights, &mut pools)?);
        }
        Ok(Prepared { pools, nodes })
    }

    pub(crate) fn begin(&mut self, plan: &Plan, weights: Held<'_>) -> Result<()> {
        weights.check(self.role, plan, self.options.weights)?;
        self.demands = node::costs(plan, &self.options).into_iter().map(|cost| cost.demand).collect();
        let needs = |(i, demand): (usize, &Demand)| Needs {
            demand: demand.clone(),
            linear: joined_pairs::requests(plan, i, self.options.weights),
        };
        let needs: Vec<Needs> = self.demands.iter().enumerate().map(needs).collect();
        self.supplier.announce(&needs)?;
        Ok(self.channel.restart_rounds()?)
    }

    /// What `make` makes with the supplier, and what that took.
    ///
    /// # Errors
    /// Those of `make`, and a failing channel.
    pub fn measure<T>(
        &mut self,
        make: impl FnOnce(&mut dyn Supplier, &mut Channel) -> veilflow_correlation::Result<T>,
    ) -> Result<(T, Phase)> {
        let watch = Stopwatch::start(&self.channel);
        let helper_before = self.supplier.helper_bytes();
        let made = make(&mut *self.supplier, &mut self.channel)?;
        self.channel.flush()?;
        let helper = self.supplier.helper_bytes() - helper_before;
        Ok((made, Phase { helper, ..watch.stop(&self.channel) }))
    }

    /// Makes what node `index` consumes.
    pub(crate) fn node(
        &mut self,
        plan: &Plan,
        index: usize,
        weights: Held<'_>,
        pools: &mut Pools,
    ) -> Result<Phase> {
        let demand = std::mem::take(&mut self.demands[index]);
        let (role, requests) = (self.role, joined_pairs::requests(plan, index, self.options.weights));
        let ((), phase) = self.measure(|supplier, channel| {
            supplier.fill(channel, &demand, pools)?;
            for request in requests {
                let mine = weights.of(index).filter(|_| request.holder == role);
                // Of a share, only the bits of the request's ring say anything.
                let reduced = match (weights, mine) {
                    (Held::Share(_), Some(p)) => {
                        Some(RingVec::from_signed(request.ring, &p.weights).to_signed())
                    }
                    _ => None,
                };
                let possession = match (&reduced, mine) {
                    (Some(share), _) => Possession::Mine(share),
                    (None, Some(p)) => Possession::Mine(&p.weights),
                    (None, None) => Possession::Theirs,
                };
                let pair = supplier.linear(channel, &request, possession)?;
                joined_pairs::split(plan, index, pair)
                    .into_iter()
                    .for_each(|(node, pair)| pools.put_linear(node, request.holder, pair));
            }
            Ok(())
        })?;
        Ok(phase)
    }
}
