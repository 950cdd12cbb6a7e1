//! Opening a session: the handshake, then the supplier's set-up.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use veilflow_correlation::{Needs, Supplier, SupplyCosts};
use veilflow_ir::Plan;
use veilflow_net::{Channel, Hello, LinkShape, Role, handshake};
use veilflow_online::{Party, Tuning};
use veilflow_prim::Prg;
use veilflow_two_party::{HePlan, HeSupplier, OtPlan, OtSupplier, WeightCache};

use crate::{ExecError, Online, Phase, Preparer, Result, Stopwatch, node};

/// Who supplies correlations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SupplierKind {
    /// SoftSpoken OT; linear layers by correlated OT.
    Ot,
    /// Silent OT (Ferret, or SoftSpoken where few OTs are needed); linear layers by correlated OT.
    Silent,
    /// Silent OT; linear layers by homomorphic encryption.
    #[default]
    He,
}

impl SupplierKind {
    /// The names there are.
    pub const NAMES: &'static str = "ot, silent, he";
}

impl FromStr for SupplierKind {
    type Err = ExecError;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "ot" => Ok(Self::Ot),
            "silent" => Ok(Self::Silent),
            "he" => Ok(Self::He),
            _ => Err(ExecError::UnknownSupplier { name: name.to_owned(), known: Self::NAMES }),
        }
    }
}

impl fmt::Display for SupplierKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ot => "ot",
            Self::Silent => "silent",
            Self::He => "he",
        })
    }
}

/// What both parties must choose alike; the handshake compares it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SessionOptions {
    /// Who supplies correlations.
    pub supplier: SupplierKind,
    /// SoftSpoken's k, for [`SupplierKind::Ot`]: 128/k − 1 bits an OT for 2^k/k blocks of CPU.
    pub softspoken_k: usize,
    /// The link, for which batches of silent OT are sized; without one, for the fewest bytes.
    pub link: Option<LinkShape>,
    /// Protocol choices.
    pub tuning: Tuning,
    /// Threads a party, each with a stream of its own.
    pub threads: usize,
    /// Make each node's correlations right before it instead of all ahead: the least memory, and no offline phase.
    pub just_in_time: bool,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            supplier: SupplierKind::default(),
            softspoken_k: 4,
            link: None,
            tuning: Tuning::default(),
            threads: 1,
            just_in_time: false,
        }
    }
}

/// Nanoseconds a byte where no link is given: 40 Mbit/s, so that bytes count for more than CPU.
const UNKNOWN_NS_PER_BYTE: f64 = 200.0;

impl SessionOptions {
    /// How correlations are made in a session that needs so much.
    pub(crate) fn supply_plan(&self, needs: &Needs) -> Result<SupplyPlan> {
        let ns_per_byte = self.link.map_or(UNKNOWN_NS_PER_BYTE, |link| 1e9 / link.bandwidth_bytes_per_s);
        Ok(match self.supplier {
            SupplierKind::Ot => SupplyPlan::Ot(OtPlan::softspoken(self.softspoken_k)),
            SupplierKind::Silent => SupplyPlan::Ot(OtPlan::silent(needs, ns_per_byte)),
            SupplierKind::He => SupplyPlan::He(HePlan::new(needs, ns_per_byte)?),
        })
    }

    fn hello(&self, plan_hash: [u8; 32], supply: &SupplyPlan) -> Hello {
        Hello::new(plan_hash)
            .with("supplier", self.supplier)
            .with("supplier-ot", supply)
            .with("leaf-bits", self.tuning.leaf_bits)
            .with("extra-levels", self.tuning.extra_levels)
            .with("threads", self.threads)
            .with("offline", if self.just_in_time { "just-in-time" } else { "ahead" })
            .with("computational-security", 128)
            .with("statistical-security", 40)
    }
}

/// How correlations are made; both parties derive the same from what they need.
pub(crate) enum SupplyPlan {
    Ot(OtPlan),
    He(HePlan),
}

impl fmt::Display for SupplyPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ot(plan) => write!(f, "{plan}"),
            Self::He(plan) => write!(f, "{plan}"),
        }
    }
}

impl SupplyPlan {
    pub(crate) fn costs(&self) -> Box<dyn SupplyCosts> {
        match self {
            Self::Ot(plan) => Box::new(plan.costs()),
            Self::He(plan) => Box::new(plan.costs()),
        }
    }

    fn set_up(
        &self,
        role: Role,
        channel: &mut Channel,
        prg: Prg,
        threads: usize,
        cache: Option<&Arc<WeightCache>>,
    ) -> Result<Box<dyn Supplier>> {
        Ok(match self {
            Self::Ot(plan) => Box::new(OtSupplier::setup(role, channel, prg, plan)?.with_threads(threads)),
            Self::He(plan) => {
                let supplier = HeSupplier::setup(role, channel, prg, plan, threads)?;
                Box::new(match cache {
                    Some(cache) => supplier.with_weight_cache(Arc::clone(cache)),
                    None => supplier,
                })
            }
        })
    }
}

/// A party that has agreed with its peer on what to run.
pub struct Session {
    /// What runs plans: the party, with empty pools.
    pub online: Online,
    /// What makes its correlations.
    pub preparer: Preparer,
    /// What both sides chose.
    pub options: SessionOptions,
    /// What the handshake and the supplier's set-up took.
    pub set_up: Phase,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?}, {})", self.online.party.role, self.options.supplier)
    }
}

impl Session {
    /// [`Session::open`] for runs of `plan`.
    ///
    /// # Errors
    /// As for [`Session::open`].
    pub fn open_for(channel: Channel, role: Role, plan: &Plan, options: SessionOptions) -> Result<Self> {
        Self::open(channel, role, plan.hash(), &node::needs(plan, options.tuning), options)
    }

    /// [`Session::open_for`] at the server, with a cache of transformed weights that all its sessions share, if it has one.
    ///
    /// # Errors
    /// As for [`Session::open`].
    pub fn serve(
        channel: Channel,
        plan: &Plan,
        options: SessionOptions,
        cache: Option<&Arc<WeightCache>>,
    ) -> Result<Self> {
        Self::open_with(channel, Role::P0, plan.hash(), &node::needs(plan, options.tuning), options, cache)
    }

    /// Shakes hands over `channel` about the plan with `plan_hash`, a run of which takes `needs`, then sets the supplier up,
    /// over a fork of the channel and with fresh randomness.
    ///
    /// # Errors
    /// Any difference in plan, parameters, version or roles, at both sides; a failing channel; failing randomness.
    pub fn open(
        channel: Channel,
        role: Role,
        plan_hash: [u8; 32],
        needs: &Needs,
        options: SessionOptions,
    ) -> Result<Self> {
        Self::open_with(channel, role, plan_hash, needs, options, None)
    }

    fn open_with(
        mut channel: Channel,
        role: Role,
        plan_hash: [u8; 32],
        needs: &Needs,
        options: SessionOptions,
        cache: Option<&Arc<WeightCache>>,
    ) -> Result<Self> {
        let supply = options.supply_plan(needs)?;
        let before = Stopwatch::start(&channel);
        handshake(&mut channel, role, &options.hello(plan_hash, &supply))?;
        let mut offline = channel.fork()?;
        let mut set_up = before.stop(&channel);
        let watch = Stopwatch::start(&offline);
        let mut prg = Prg::from_entropy()?;
        let supplier = supply.set_up(role, &mut offline, prg.fork(), options.threads, cache)?;
        offline.flush()?;
        set_up += watch.stop(&offline);
        let mut party = Party::new(role, channel, prg).with_threads(options.threads);
        party.tuning = options.tuning;
        let preparer = Preparer::new(role, offline, supplier, options.tuning);
        Ok(Self { online: Online { party }, preparer, options, set_up })
    }
}
