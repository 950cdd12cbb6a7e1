//! Opening a session: the handshake, then the supplier's set-up.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use veilflow_correlation::{CorrelationError, Needs, Supplier, SupplyCosts};
use veilflow_helper::{HelperCosts, HelperSupplier, WeightMasks};
use veilflow_ir::Plan;
use veilflow_net::{Channel, Hello, LinkShape, Role, handshake};
use veilflow_online::{Party, Tuning};
use veilflow_prim::Prg;
use veilflow_two_party::{HePlan, HeSuite, HeSupplier, OtPlan, OtSupplier, WeightCache};

use crate::{ExecError, InputAt, Online, Phase, Preparer, Result, Stopwatch, WeightsAt, joined_pairs, node};

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
    /// A third party that colludes with nobody.
    Helper,
}

impl SupplierKind {
    /// The names there are.
    pub const NAMES: &'static str = "ot, silent, he, helper";

    /// Whether it can do every linear layer of `plan`; suppliers by OT do any.
    ///
    /// # Errors
    /// [`ExecError::Layer`] for the first that it cannot, with the reason.
    pub fn check(self, plan: &Plan) -> Result<()> {
        if self != Self::He {
            return Ok(());
        }
        let layers = plan.nodes.iter().enumerate();
        for (node, request) in layers.filter_map(|(i, node)| Some((node, joined_pairs::request(plan, i)?))) {
            HeSuite::check(&request).map_err(|reason| ExecError::Layer {
                layer: node.layer.clone(),
                weight_bits: request.weight_bits,
                ring_bits: request.ring.bits(),
                supplier: self,
                source: reason.into(),
            })?;
        }
        Ok(())
    }
}

impl FromStr for SupplierKind {
    type Err = ExecError;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "ot" => Ok(Self::Ot),
            "silent" => Ok(Self::Silent),
            "he" => Ok(Self::He),
            "helper" => Ok(Self::Helper),
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
            Self::Helper => "helper",
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
    /// Where the weights are.
    pub weights: WeightsAt,
    /// Where the inputs are, and where the outputs go.
    pub input: InputAt,
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
            weights: WeightsAt::default(),
            input: InputAt::default(),
            just_in_time: false,
        }
    }
}

/// Nanoseconds a byte where no link is given: 40 Mbit/s, so that bytes count for more than CPU.
const UNKNOWN_NS_PER_BYTE: f64 = 200.0;

impl SessionOptions {
    /// Whether runs of `plan` can be had like this.
    ///
    /// # Errors
    /// [`ExecError::SharedWeights`] if the supplier makes no pairs for either party, and those of [`SupplierKind::check`].
    pub fn check(&self, plan: &Plan) -> Result<()> {
        match (self.weights, self.supplier) {
            (WeightsAt::Shared(_), supplier @ SupplierKind::He) => Err(ExecError::SharedWeights { supplier }),
            (_, supplier) => supplier.check(plan),
        }
    }

    /// How correlations are made in a session that needs so much.
    pub(crate) fn supply_plan(&self, needs: &Needs) -> Result<SupplyPlan> {
        let ns_per_byte = self.link.map_or(UNKNOWN_NS_PER_BYTE, |link| 1e9 / link.bandwidth_bytes_per_s);
        Ok(match self.supplier {
            SupplierKind::Ot => SupplyPlan::Ot(OtPlan::softspoken(self.softspoken_k)),
            SupplierKind::Silent => SupplyPlan::Ot(OtPlan::silent(needs, ns_per_byte)),
            SupplierKind::He => SupplyPlan::He(HePlan::new(needs, ns_per_byte)?),
            SupplierKind::Helper => SupplyPlan::Helper,
        })
    }

    fn hello(&self, plan_hash: [u8; 32], supply: &SupplyPlan) -> Hello {
        Hello::new(plan_hash)
            .with("supplier", self.supplier)
            .with("supplier-ot", supply)
            .with("leaf-bits", self.tuning.leaf_bits)
            .with("extra-levels", self.tuning.extra_levels)
            .with("dealt", self.tuning.dealt)
            .with("threads", self.threads)
            .with("weights", self.weights)
            .with("input", self.input)
            .with("offline", if self.just_in_time { "just-in-time" } else { "ahead" })
            .with("computational-security", 128)
            .with("statistical-security", 40)
    }
}

/// How correlations are made; both parties derive the same from what they need.
pub(crate) enum SupplyPlan {
    Ot(OtPlan),
    He(HePlan),
    Helper,
}

impl fmt::Display for SupplyPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ot(plan) => write!(f, "{plan}"),
            Self::He(plan) => write!(f, "{plan}"),
            Self::Helper => f.write_str("none"),
        }
    }
}

impl SupplyPlan {
    pub(crate) fn costs(&self) -> Box<dyn SupplyCosts> {
        match self {
            Self::Ot(plan) => Box::new(plan.costs()),
            Self::He(plan) => Box::new(plan.costs()),
            Self::Helper => Box::new(HelperCosts::default()),
        }
    }

    fn set_up(
        &self,
        role: Role,
        channel: &mut Channel,
        helper: Option<Connect<'_>>,
        prg: Prg,
        threads: usize,
        kept: ServerCache,
    ) -> Result<Box<dyn Supplier>> {
        Ok(match self {
            Self::Ot(plan) => Box::new(OtSupplier::setup(role, channel, prg, plan)?.with_threads(threads)),
            Self::He(plan) => {
                let supplier = HeSupplier::setup(role, channel, prg, plan, threads)?;
                Box::new(match kept.transformed {
                    Some(cache) => supplier.with_weight_cache(cache),
                    None => supplier,
                })
            }
            Self::Helper => {
                let connect = helper.ok_or(ExecError::NoHelper)?;
                let link = connect().map_err(ExecError::HelperUnreachable)?;
                Box::new(
                    HelperSupplier::setup(role, channel, link, prg, threads, kept.masks)
                        .map_err(CorrelationError::from)?,
                )
            }
        })
    }
}

/// Connects to a helper.
pub type Connect<'a> = Box<dyn FnOnce() -> veilflow_net::Result<Channel> + 'a>;

/// What the sessions of a process that serves one model keep for each other.
#[derive(Debug, Clone, Default)]
pub struct ServerCache {
    /// Transformed weights, for [`SupplierKind::He`].
    pub transformed: Option<Arc<WeightCache>>,
    /// Masks of the weights, for [`SupplierKind::Helper`]: a helper may then keep the masked weights.
    pub masks: Option<Arc<WeightMasks>>,
}

/// A party's connections, and what its sessions keep.
pub struct Links<'a> {
    /// To the peer.
    pub peer: Channel,
    /// To the helper, for [`SupplierKind::Helper`]: the same one as the peer's. It is called once the parties have shaken hands,
    /// so that a helper need not wait for them to.
    pub helper: Option<Connect<'a>>,
    /// What there is from earlier sessions, and what this one adds to.
    pub kept: ServerCache,
}

impl fmt::Debug for Links<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Links({:?}, helper: {})", self.peer, self.helper.is_some())
    }
}

impl From<Channel> for Links<'_> {
    fn from(peer: Channel) -> Self {
        Self { peer, helper: None, kept: ServerCache::default() }
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
    /// As for [`Session::open`], and those of [`SessionOptions::check`], before anything is sent.
    pub fn open_for<'a>(
        links: impl Into<Links<'a>>,
        role: Role,
        plan: &Plan,
        options: SessionOptions,
    ) -> Result<Self> {
        options.check(plan)?;
        Self::open(links, role, plan.hash(), &node::needs(plan, &options), options)
    }

    /// Shakes hands over the link to the peer about the plan with `plan_hash`, a run of which takes `needs`, then sets the supplier up,
    /// over a fork of that link and with fresh randomness.
    ///
    /// # Errors
    /// Any difference in plan, parameters, version or roles, at both sides; a failing channel; failing randomness.
    pub fn open<'a>(
        links: impl Into<Links<'a>>,
        role: Role,
        plan_hash: [u8; 32],
        needs: &Needs,
        options: SessionOptions,
    ) -> Result<Self> {
        let Links { peer: mut channel, helper, kept } = links.into();
        let supply = options.supply_plan(needs)?;
        let before = Stopwatch::start(&channel);
        handshake(&mut channel, role, &options.hello(plan_hash, &supply))?;
        let mut offline = channel.fork()?;
        let mut set_up = before.stop(&channel);
        let watch = Stopwatch::start(&offline);
        let mut prg = Prg::from_entropy()?;
        let supplier = supply.set_up(role, &mut offline, helper, prg.fork(), options.threads, kept)?;
        offline.flush()?;
        set_up += Phase { helper: supplier.helper_bytes(), ..watch.stop(&offline) };
        let mut party = Party::new(role, channel, prg).with_threads(options.threads);
        party.tuning = options.tuning;
        let preparer = Preparer::new(role, offline, supplier, options);
        Ok(Self { online: Online { party, options }, preparer, options, set_up })
    }
}
