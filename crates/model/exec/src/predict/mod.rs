//! What a run will send and how long it will take, known before there is a session.

mod bytes;
mod machine;
mod measure;
mod prices;
mod schedule;
mod timeline;
mod times;
mod tuning;

pub use bytes::{Prediction, SupplyCost, online_cost};
pub use machine::Machine;
pub use times::Times;
pub use tuning::choose_tuning;
