//! The float graph and the fixed-point plan: types, text form, verifier, files.
//!
//! Two programs live here. [`Graph`] is what an importer makes: typed [`Op`]s over `f32` tensors with static
//! shapes. It holds the weights, so it is the server's. [`Plan`] is what both parties run: integer ops, with
//! a width and a scale for every tensor, and no weights. Those are in [`Weights`], which stay with the
//! server, or in two [`Share`]s, one for each of two parties.
//!
//! Both programs print as text (`Display`), a line for each node, and both have a verifier that names the
//! node at fault. Running a plan that verifies never panics and never allocates beyond bounds, whoever wrote
//! the plan.

mod container;
mod error;
pub mod graph;
pub mod layout;
pub mod plan;
mod shape;
pub mod share;
mod tensor;
mod weights;
mod window;

pub use error::{IrError, Reason, Result};
pub use graph::{Graph, Node, Op, Output, Value, ValueId};
pub use plan::{Encoded, Plan, PlanNode, PlanOp, PlanValue};
pub use shape::{MAX_ELEMENTS, MAX_RANK, Shape};
pub use share::{InputShare, OutputShare, Share, SharingId, WeightShare};
pub use tensor::Tensor;
pub use veilflow_spec::math::Function;
pub use weights::{Parameters, Weights};
pub use window::Window;
