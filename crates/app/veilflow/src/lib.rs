//! Private neural-network inference: a server has a model, a client has an input, and the client learns the answer. The server never
//! sees the input, the client never sees the weights, and the answer equals the fixed-point answer in the clear bit for bit.

mod compile;
pub mod demo;
mod error;
pub mod folder;
mod model;
mod network;
mod output;
mod plan;
mod share;
mod share_store;
mod supplier;
mod tensor;

pub use compile::{CompileOptions, CompileReport, Precision, TensorReport, compile};
pub use error::{Cause, Error, Result};
pub use model::{ClearRun, Model, Overflow};
pub use network::Network;
pub use output::Output;
pub use plan::Plan;
pub use share::{InputShare, ModelShare, OutputShare, ShareId, SplitInput};
pub use share_store::{ShareFolders, ShareMemory, ShareStore};
pub use supplier::Supplier;
pub use tensor::TensorInfo;
pub use veilflow_data::{Error as DataError, Preprocessing, Samples};
pub use veilflow_ir::plan::Settings;
pub use veilflow_net::{NetError, Role};
