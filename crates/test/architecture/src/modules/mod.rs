//! The modules of a library or binary, read from its sources, and what their names stand for.

mod paths;
mod resolve;
mod tree;

pub(crate) use paths::references;
pub(crate) use resolve::Target;
pub(crate) use tree::{Modules, Reach, ident_of, is_documented, is_public};
