//! The float graph and the fixed-point plan: types, text form, verifier, files.
//!
//! Two programs live here. [`Graph`] is what an importer produces: typed [`Op`]s over `f32` tensors with static shapes.
//! It is the server's, since it holds the weights. [`Plan`] is what both parties run: integer ops with a width and a
//! scale for every tensor, and no weights; those are in [`Weights`], which stay with the server, or in two [`Share`]s of
//! them with a server each.
//!
//! Both programs print as text (`Display`), one line a node, and both have a verifier that names the node at fault. A
//! plan that verifies can be run without a panic or an absurd allocation, whoever wrote it.

mod container;
mod error;
pub mod graph;
pub mod layout;
pub mod plan;
mod shape;
pub mod share;
mod tensor;
mod weight_share;
mod weights;
mod window;

pub use error::Error;
pub use graph::{Function, Graph, Node, Op, Output, Value, ValueId};
pub use plan::{Encoded, Extension, Plan, PlanNode, PlanOp, PlanValue};
pub use shape::{MAX_ELEMENTS, MAX_RANK, Shape};
pub use share::{InputShare, OutputShare, Share, SharingId};
pub use tensor::Tensor;
pub use weight_share::WeightShare;
pub use weights::{Parameters, Weights};
pub use window::Window;
