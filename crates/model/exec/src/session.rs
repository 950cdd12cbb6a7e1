//! Opening a session: the handshake, then the supplier's set-up.

use std::fmt;

use veilflow_correlation::{Needs, Pools};
use veilflow_ir::Plan;
use veilflow_net::{Hello, Role, handshake};
use veilflow_online::Party;
use veilflow_prim::Prg;
use veilflow_ring::RingVec;

use crate::error::Result;
use crate::links::Links;
use crate::node::Operations;
use crate::options::SessionOptions;
use crate::phase::{Phase, Stopwatch};
use crate::possession::Held;
use crate::prepare::Preparer;
use crate::progress::Progress;
use crate::run::{Online, Outcome};
use crate::supplier::SupplierKind;
use crate::supply::SupplyPlan;

/// A party that has agreed with its peer on what to run.
pub struct Session {
    /// The online half runs plans; between runs its pools are empty.
    pub online: Online,
    /// The preparer makes their correlations.
    pub preparer: Preparer,
    /// Both parties chose these options.
    pub options: SessionOptions,
    /// The handshake and the supplier's set-up took this.
    pub set_up: Phase,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?}, {})", self.online.party.role, self.options.supplier)
    }
}

/// What the parties compare before anything else.
fn hello(plan_hash: [u8; 32], options: &SessionOptions, supply: &SupplyPlan) -> Hello {
    Hello::new(plan_hash)
        .with("supplier", options.supplier)
        .with("supplier-ot", supply)
        .with("leaf-bits", options.tuning.leaf_bits)
        .with("extra-levels", options.tuning.extra_levels)
        .with("dealt", options.tuning.dealt)
        .with("threads", options.threads)
        .with("weights", options.weights)
        .with("input", options.input)
        .with("offline", if options.just_in_time { "just-in-time" } else { "ahead" })
        .with("computational-security", 128)
        .with("statistical-security", 40)
}

impl Session {
    /// [`Session::open`] for runs of `plan`.
    ///
    /// # Errors
    /// Those of [`SessionOptions::check`], before anything is sent, and those of [`Session::open`].
    pub fn open_for<'a>(
        links: impl Into<Links<'a>>,
        role: Role,
        plan: &Plan,
        options: SessionOptions,
    ) -> Result<Self> {
        options.check(plan)?;
        let needs = Operations::new(plan, &options)?.needs(plan, options.weights);
        Self::open(links, role, plan.hash(), &needs, options)
    }

    /// Shakes hands with the peer about the plan with `plan_hash`, a run of which takes `needs`. Then sets
    /// the supplier up, over a fork of the link to the peer and with fresh randomness.
    ///
    /// # Errors
    /// A choice in `options` that cannot be, before anything is sent. Any difference in plan, parameters,
    /// version or roles, at both sides. A failing channel or failing randomness.
    pub fn open<'a>(
        links: impl Into<Links<'a>>,
        role: Role,
        plan_hash: [u8; 32],
        needs: &Needs,
        options: SessionOptions,
    ) -> Result<Self> {
        options.check_choices()?;
        let Links { peer: mut channel, helper, cache } = links.into();
        let supply = SupplyPlan::new(&options, needs)?;
        let watch = Stopwatch::start(&channel);
        handshake(&mut channel, role, &hello(plan_hash, &options, &supply))?;
        let mut offline = channel.fork()?;
        let mut set_up = watch.stop(&channel);
        let watch = Stopwatch::start(&offline);
        let mut prg = Prg::from_entropy()?;
        let runs = cache.runs.clone().filter(|_| options.supplier == SupplierKind::He);
        let supplier = supply.set_up(role, &mut offline, helper, prg.fork(), options.threads, cache)?;
        offline.flush()?;
        set_up += Phase { helper: supplier.helper_bytes(), ..watch.stop(&offline) };
        let party = Party::new(role, channel, prg).with_threads(options.threads);
        let preparer = Preparer::new(role, offline, supplier, options).with_limit(runs);
        Ok(Self { online: Online::new(party, options), preparer, options, set_up })
    }

    /// Runs `plan` and makes each node's correlations right before it, which takes memory for the largest
    /// node only. Returns what the correlations took, by node and last for the check, and the outcome.
    ///
    /// # Errors
    /// Those of [`Preparer::prepare`] and of [`Online::run`].
    pub fn just_in_time(
        &mut self,
        plan: &Plan,
        weights: Held<'_>,
        input: Option<&[RingVec]>,
        progress: Progress<'_>,
    ) -> Result<(Vec<Phase>, Outcome)> {
        let Self { online, preparer, .. } = self;
        preparer.begin(plan, weights)?;
        let mut offline = Vec::with_capacity(plan.nodes.len());
        let outcome = online.run_on(Pools::default(), plan, weights, input, progress, |pools, index| {
            offline.push(preparer.prepare_node(plan, index, weights, pools)?);
            Ok(())
        })?;
        Ok((offline, outcome))
    }
}
