//! Runs a plan between two parties: a session, offline then online, with a report.
//!
//! [`Session::open`] shakes hands and sets the supplier of correlations up; what it knows of the peer afterwards is only
//! that it runs the same plan with the same parameters.

mod error;
mod node;
mod phase;
mod predict;
mod prepare;
mod run;
mod session;
mod stock;

pub use error::{ExecError, Result};
pub use phase::{Phase, Stopwatch, peak_rss_bytes};
pub use predict::{Prediction, choose_tuning, online_cost, wire_seconds};
pub use prepare::{Prepared, Preparer};
pub use run::{Online, Outcome, Progress, Step};
pub use session::{Session, SessionOptions, SupplierKind};
pub use stock::{Ahead, MAX_AHEAD, Stock, with_stock};
pub use veilflow_two_party::WeightCache;
