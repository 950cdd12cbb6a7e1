//! Runs a plan between two parties: a session, offline then online, with a report.
//!
//! [`Session::open_for`] shakes hands and sets the supplier of correlations up. After that a party knows of
//! its peer only that it runs the same plan with the same parameters. [`Preparer::prepare`] makes the
//! correlations of a run before any input exists, and [`Online::run`] consumes them. A [`Stock`] prepares in
//! the background for the runs to come, and [`Session::just_in_time`] prepares node by node during the
//! run. [`Prediction`] and [`Times`] say beforehand what a run will send and how long it will take.
//!
//! # Example
//! Server and client in a thread each, connected in memory:
//!
//! ```
//! use std::sync::Arc;
//! use std::thread;
//!
//! use veilflow_exec::{Held, Session, SessionOptions};
//! use veilflow_ir::{Graph, Op, Shape, Tensor};
//! use veilflow_net::{Role, memory_pair};
//! use veilflow_passes::{Compiled, Options, clear, compile};
//!
//! // A network of one layer. Its plan is public; its weights are the server's.
//! let mut graph = Graph::new("sums");
//! let x = graph.input("x", Shape::new([1, 2])?)?;
//! let weights = Tensor::new(Shape::new([2, 2])?, vec![1.0, 0.5, 1.0, -0.5])?;
//! let weights = graph.constant("w", Arc::new(weights))?;
//! let y = graph.node("y", "y", Op::MatMul, &[x, weights])?;
//! graph.output(y, false);
//! let input = vec![Tensor::new(Shape::new([1, 2])?, vec![0.75, 0.25])?];
//! let Compiled { plan, weights, .. } = compile(&graph, &[input.clone()], &Options::default())?;
//!
//! let (to_client, to_server) = memory_pair();
//! let options = SessionOptions::default();
//! let outputs = thread::scope(|scope| {
//!     let server = scope.spawn(|| {
//!         let mut session = Session::open_for(to_client, Role::P0, &plan, options)?;
//!         let prepared = session.preparer.prepare(&plan, Held::Whole(&weights), &|_| {})?;
//!         session.online.run(prepared, &plan, Held::Whole(&weights), None, &|_| {})
//!     });
//!     let mut session = Session::open_for(to_server, Role::P1, &plan, options)?;
//!     let prepared = session.preparer.prepare(&plan, Held::Nothing, &|_| {})?;
//!     let encoded = clear::encode(&plan, &input)?;
//!     let values: Vec<_> = encoded.into_iter().map(|input| input.values).collect();
//!     let outcome = session.online.run(prepared, &plan, Held::Nothing, Some(&values), &|_| {})?;
//!     server.join().expect("the server does not panic")?;
//!     Ok::<_, Box<dyn std::error::Error>>(outcome.outputs)
//! })?;
//! // Bit for bit what the plan computes in the clear.
//! assert_eq!(outputs, Some(clear::run(&plan, &weights, &input)?.outputs));
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```

mod check;
mod error;
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
mod run_limit;
mod session;
mod stock;
mod supplier;
mod supply;
#[cfg(test)]
mod test_plan;
mod usage;

pub use error::{ExecError, Result};
pub use links::{Connect, Links, ServerCache};
pub use options::SessionOptions;
pub use phase::{Phase, Stopwatch};
pub use possession::{Held, InputAt, WeightsAt};
pub use predict::{Machine, Prediction, SupplyCost, Times, choose_tuning, online_cost};
pub use prepare::{Prepared, Preparer};
pub use progress::{Progress, Step};
pub use run::{Online, Outcome, Overflow};
pub use run_limit::{RunLimit, most_runs};
pub use session::Session;
pub use stock::{MAX_READY, Stock};
pub use supplier::SupplierKind;
pub use usage::{cpu_seconds, peak_rss_bytes};
pub use veilflow_helper::WeightMasks;
pub use veilflow_two_party::{Distance, WeightCache};
