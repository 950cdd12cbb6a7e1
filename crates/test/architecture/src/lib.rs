//! The rules of ARCHITECTURE.md that a machine can check.
//!
//! Each rule is a function from facts about the workspace to the [`Violation`]s it finds, so that it is
//! tested on made-up workspaces that break it. The facts of the real one are gathered in
//! `tests/workspace.rs`.

mod circles;
mod comments;
mod facade;
mod modules;
mod rules;
mod sources;
mod storey;
mod strings;
mod violation;
mod workspace;

pub use circles::{crate_circles, module_circles};
pub use comments::{comment_violations, max_width};
pub use facade::facade_violations;
pub use rules::{feature_violations, lint_violations, storey_violations};
pub use sources::{UNSAFE_ROOMS, unsafe_violations};
pub use storey::Storey;
pub use strings::string_errors;
pub use violation::{Arrow, Violation};
pub use workspace::{Crate, Library, Sources};
