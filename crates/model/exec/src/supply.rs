//! How the supplier that a session chose makes correlations: what both parties derive from what they need.

use std::fmt;

use veilflow_correlation::{CorrelationError, Needs, Supplier, SupplyCosts};
use veilflow_helper::{HelperCosts, HelperSupplier};
use veilflow_net::{Channel, Role};
use veilflow_prim::Prg;
use veilflow_two_party::{Distance, HePlan, HeSupplier, OtPlan, OtSupplier};

use crate::error::{ExecError, Result};
use crate::links::{Connect, ServerCache};
use crate::options::SessionOptions;
use crate::supplier::SupplierKind;

/// Nanoseconds a byte where no link is given: 40 Mbit/s, so that bytes count for more than CPU.
const UNKNOWN_NS_PER_BYTE: f64 = 200.0;

/// The parameters of a supplier. The handshake compares their text.
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
    /// The parameters for runs that need so much.
    pub(crate) fn new(options: &SessionOptions, needs: &Needs) -> Result<Self> {
        let ns_per_byte = options.link.map_or(UNKNOWN_NS_PER_BYTE, |link| 1e9 / link.bandwidth_bytes_per_s);
        Ok(match options.supplier {
            SupplierKind::Ot => Self::Ot(OtPlan::softspoken(options.softspoken_k)),
            SupplierKind::Silent => Self::Ot(OtPlan::silent(needs, ns_per_byte)),
            SupplierKind::He => Self::He(HePlan::new(needs, ns_per_byte)?),
            SupplierKind::Helper => Self::Helper,
        })
    }

    /// What the supplier will send.
    pub(crate) fn costs(&self) -> Box<dyn SupplyCosts> {
        match self {
            Self::Ot(plan) => Box::new(plan.costs()),
            Self::He(plan) => Box::new(plan.costs()),
            Self::Helper => Box::new(HelperCosts::default()),
        }
    }

    /// What a run that needs so much leaves unhidden.
    pub(crate) fn distance(&self, needs: &Needs) -> Result<Distance> {
        match self {
            Self::He(plan) => Ok(plan.distance(needs)?),
            Self::Ot(_) | Self::Helper => Ok(Distance::default()),
        }
    }

    /// Sets this party's supplier up, together with the peer's at the other end of `channel`.
    pub(crate) fn set_up(
        &self,
        role: Role,
        channel: &mut Channel,
        helper: Option<Connect<'_>>,
        prg: Prg,
        threads: usize,
        cache: ServerCache,
    ) -> Result<Box<dyn Supplier>> {
        Ok(match self {
            Self::Ot(plan) => Box::new(OtSupplier::setup(role, channel, prg, plan)?.with_threads(threads)),
            Self::He(plan) => {
                let supplier = HeSupplier::setup(role, channel, prg, plan, threads)?;
                Box::new(match cache.transformed {
                    Some(weights) => supplier.with_weight_cache(weights),
                    None => supplier,
                })
            }
            Self::Helper => {
                let connect = helper.ok_or(ExecError::NoHelper)?;
                let link = connect().map_err(ExecError::HelperUnreachable)?;
                let supplier = HelperSupplier::setup(role, channel, link, prg, threads, cache.masks);
                Box::new(supplier.map_err(CorrelationError::from)?)
            }
        })
    }
}
