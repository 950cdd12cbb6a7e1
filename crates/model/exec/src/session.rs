//! Opening a session: the handshake, then the supplier's set-up.

use std::fmt;
use std::str::FromStr;

use veilflow_correlation::{Supplier, SupplyCosts};
use veilflow_net::{Channel, Hello, Role, handshake};
use veilflow_online::{Party, Tuning};
use veilflow_prim::Prg;
use veilflow_two_party::{DEFAULT_K, OtCosts, OtSupplier};

use crate::{ExecError, Online, Phase, Preparer, Result, Stopwatch};

/// Who supplies correlations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SupplierKind {
    /// SoftSpoken OT with the given k; linear layers by correlated OT.
    Ot {
        /// SoftSpoken's parameter: 128/k − 1 bits an OT for 2^k/k blocks of CPU.
        k: usize,
    },
}

impl Default for SupplierKind {
    fn default() -> Self {
        Self::Ot { k: DEFAULT_K }
    }
}

impl SupplierKind {
    /// What such a supplier sends.
    pub fn costs(self) -> Box<dyn SupplyCosts> {
        match self {
            Self::Ot { k } => Box::new(OtCosts { k }),
        }
    }
}

impl FromStr for SupplierKind {
    type Err = ExecError;

    fn from_str(name: &str) -> Result<Self> {
        match name {
            "ot" => Ok(Self::default()),
            _ => Err(ExecError::UnknownSupplier { name: name.to_owned(), known: "ot" }),
        }
    }
}

impl fmt::Display for SupplierKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ot { .. } => f.write_str("ot"),
        }
    }
}

/// What both parties must choose alike; the handshake compares it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionOptions {
    /// Who supplies correlations.
    pub supplier: SupplierKind,
    /// Protocol choices.
    pub tuning: Tuning,
    /// Threads a party, each with a stream of its own.
    pub threads: usize,
    /// Make each node's correlations right before it instead of all ahead: the least memory, and no offline phase.
    pub just_in_time: bool,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { supplier: SupplierKind::default(), tuning: Tuning::default(), threads: 1, just_in_time: false }
    }
}

impl SessionOptions {
    fn hello(&self, plan_hash: [u8; 32]) -> Hello {
        let SupplierKind::Ot { k } = self.supplier;
        Hello::new(plan_hash)
            .with("supplier", self.supplier)
            .with("softspoken-k", k)
            .with("leaf-bits", self.tuning.leaf_bits)
            .with("threads", self.threads)
            .with("offline", if self.just_in_time { "just-in-time" } else { "ahead" })
            .with("computational-security", 128)
            .with("statistical-security", 40)
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
    /// Shakes hands over `channel` about the plan with `plan_hash`, then sets the supplier up, over a fork of the
    /// channel and with fresh randomness.
    ///
    /// # Errors
    /// Any difference in plan, parameters, version or roles, at both sides; a failing channel; failing randomness.
    pub fn open(
        mut channel: Channel,
        role: Role,
        plan_hash: [u8; 32],
        options: SessionOptions,
    ) -> Result<Self> {
        let before = Stopwatch::start(&channel);
        handshake(&mut channel, role, &options.hello(plan_hash))?;
        let mut offline = channel.fork()?;
        let mut set_up = before.stop(&channel);
        let watch = Stopwatch::start(&offline);
        let mut prg = Prg::from_entropy()?;
        let supplier: Box<dyn Supplier> = match options.supplier {
            SupplierKind::Ot { k } => Box::new(OtSupplier::setup(role, &mut offline, prg.fork(), k)?),
        };
        offline.flush()?;
        set_up += watch.stop(&offline);
        let mut party = Party::new(role, channel, prg).with_threads(options.threads);
        party.tuning = options.tuning;
        let preparer = Preparer::new(role, offline, supplier, options.tuning);
        Ok(Self { online: Online { party }, preparer, options, set_up })
    }
}
