//! The commands, one a file.

pub(crate) mod compile;
pub(crate) mod demo;
pub(crate) mod eval;
pub(crate) mod helper;
pub(crate) mod infer;
pub(crate) mod inspect;
pub(crate) mod run;
pub(crate) mod serve;
pub(crate) mod share;
