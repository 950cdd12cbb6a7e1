//! Runs a plan between two parties: a session, offline then online, with a report.
//!
//! [`Session::open_for`] shakes hands and sets the supplier of correlations up; what it knows of the peer
//! afterwards is only that it runs the same plan with the same parameters.

mod error;
mod handover;
mod joined_pairs;
mod layer;
mod links;
mod node;
mod options;
mod phase;
mod possession;
mod predict;
mod prepare;
mod progress;
mod run;
mod session;
mod stock;
mod supplier;
mod supply;
mod usage;

pub use error::{ExecError, Result};
pub use links::{Connect, Links, ServerCache};
pub use options::SessionOptions;
pub use phase::{Phase, Stopwatch};
pub use possession::{Held, InputAt, WeightsAt};
pub use predict::{Machine, Prediction, SupplyCost, Times, choose_tuning, online_cost};
pub use prepare::{Prepared, Preparer};
pub use progress::{Progress, Step};
pub use run::{Online, Outcome};
pub use session::Session;
pub use stock::{Ahead, MAX_AHEAD, Stock, with_stock};
pub use supplier::SupplierKind;
pub use usage::{cpu_seconds, peak_rss_bytes};
pub use veilflow_helper::WeightMasks;
pub use veilflow_two_party::WeightCache;
