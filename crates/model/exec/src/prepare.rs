//! The offline phase: correlations for every node of a plan, before any input exists.

use std::fmt;
use std::mem;
use std::sync::Arc;

use veilflow_correlation::{LinearRequest, Needs, Pools, Possession, Supplier};
use veilflow_ir::plan::Plan;
use veilflow_net::{Channel, Role};
use veilflow_ring::RingVec;

use crate::error::Result;
use crate::joined_pairs;
use crate::node::OperationCache;
use crate::options::SessionOptions;
use crate::phase::{Phase, Stopwatch};
use crate::possession::Held;
use crate::progress::{Progress, Step};
use crate::run_limit::RunLimit;

/// Correlations for one run of a plan. The run takes them by value, so they serve once.
#[derive(Debug)]
pub struct Prepared {
    pub(crate) pools: Pools,
    /// Making them took this, by node, and last for the check.
    pub nodes: Vec<Phase>,
}

/// A party's supplier, with a stream of its own to the peer's.
pub struct Preparer {
    role: Role,
    /// The stream leads to the peer's supplier.
    pub channel: Channel,
    supplier: Box<dyn Supplier>,
    options: SessionOptions,
    /// What each node of the run that began still consumes.
    needs: Vec<Needs>,
    operations: OperationCache,
    /// Runs that are prepared count here.
    limit: Option<Arc<RunLimit>>,
}

impl fmt::Debug for Preparer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Preparer({:?}, {})", self.role, self.supplier.name())
    }
}

/// What this party holds of the weights of `request`. Of a share, only the bits of the request's ring say
/// anything.
enum LayerWeights<'a> {
    Theirs,
    Whole(&'a [i64]),
    Share(Vec<i64>),
}

impl<'a> LayerWeights<'a> {
    fn of(request: &LinearRequest, role: Role, node: usize, held: Held<'a>) -> Self {
        match (held, held.of(node)) {
            (_, Some(_)) if request.holder != role => Self::Theirs,
            (Held::Share(_), Some(share)) => {
                Self::Share(RingVec::from_signed(request.ring, &share.weights).to_signed())
            }
            (_, Some(whole)) => Self::Whole(&whole.weights),
            (_, None) => Self::Theirs,
        }
    }

    fn possession(&self) -> Possession<'_> {
        match self {
            Self::Theirs => Possession::Theirs,
            Self::Whole(weights) => Possession::Mine(weights),
            Self::Share(weights) => Possession::Mine(weights),
        }
    }
}

impl Preparer {
    pub(crate) fn new(
        role: Role,
        channel: Channel,
        supplier: Box<dyn Supplier>,
        options: SessionOptions,
    ) -> Self {
        let (needs, operations) = (Vec::new(), OperationCache::default());
        Self { role, channel, supplier, options, needs, operations, limit: None }
    }

    /// Counts runs, if anything does.
    pub(crate) fn with_limit(mut self, limit: Option<Arc<RunLimit>>) -> Self {
        self.limit = limit;
        self
    }

    pub(crate) fn role(&self) -> Role {
        self.role
    }

    /// Makes the correlations of one run of `plan`, node by node, and last those of its check.
    ///
    /// # Errors
    /// Weights that do not fit the party or the plan; a failing channel or supplier.
    pub fn prepare(&mut self, plan: &Plan, weights: Held<'_>, progress: Progress<'_>) -> Result<Prepared> {
        self.begin(plan, weights)?;
        let mut pools = Pools::default();
        let mut nodes = Vec::with_capacity(plan.nodes.len() + 1);
        for index in 0..=plan.nodes.len() {
            if index < plan.nodes.len() {
                progress(Step { online: false, node: index });
            }
            nodes.push(self.prepare_node(plan, index, weights, &mut pools)?);
        }
        Ok(Prepared { pools, nodes })
    }

    /// Tells the supplier what a run of `plan` takes.
    pub(crate) fn begin(&mut self, plan: &Plan, weights: Held<'_>) -> Result<()> {
        weights.check(self.role, plan, self.options.weights)?;
        if let Some(limit) = &self.limit {
            limit.take()?;
        }
        let operations = self.operations.get(plan, &self.options)?;
        self.needs = operations.needs_by_node(plan, self.options.weights).collect();
        self.supplier.announce(&self.needs)?;
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

    /// Makes what node `index` consumes, or past the last node the check, after [`Preparer::begin`].
    pub(crate) fn prepare_node(
        &mut self,
        plan: &Plan,
        index: usize,
        held: Held<'_>,
        pools: &mut Pools,
    ) -> Result<Phase> {
        let (role, needs) = (self.role, mem::take(&mut self.needs[index]));
        let ((), phase) = self.measure(|supplier, channel| {
            supplier.fill(channel, &needs.demand, pools)?;
            for request in needs.linear {
                let weights = LayerWeights::of(&request, role, index, held);
                let pair = supplier.linear(channel, &request, weights.possession())?;
                for (node, part) in joined_pairs::split(plan, index, pair) {
                    pools.put_linear(node, request.holder, part);
                }
            }
            Ok(())
        })?;
        Ok(phase)
    }
}
