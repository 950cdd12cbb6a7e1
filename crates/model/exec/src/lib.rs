//! Runs a plan between two parties: a session, offline then online, with a report.
//!
//! [`Session::open`] shakes hands and sets the supplier of correlations up; what it knows of the peer afterwards is only
//! that it runs the same plan with the same parameters.

mod error;
mod joined_pairs;
mod machine;
mod node;
mod phase;
mod possession;
mod predict;
mod prepare;
mod run;
mod session;
mod stock;
mod time;
mod timeline;

pub use error::{ExecError, Result};
pub use machine::Machine;
pub use phase::{Phase, Stopwatch, cpu_seconds, peak_rss_bytes};
pub use possession::{Held, InputAt, WeightsAt};
pub use predict::{Prediction, SupplyCost, choose_tuning, online_cost};
pub use prepare::{Prepared, Preparer};
pub use run::{Online, Outcome, Progress, Step};
pub use session::{Connect, Links, ServerCache, Session, SessionOptions, SupplierKind};
pub use stock::{Ahead, MAX_AHEAD, Stock, with_stock};
pub use time::Times;
pub use veilflow_helper::WeightMasks;
pub use veilflow_two_party::WeightCache;
