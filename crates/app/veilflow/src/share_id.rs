//! The number of a sharing.

use std::fmt;

use veilflow_ir::SharingId;

/// What both halves of a sharing have in common: a random number, public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShareId(pub(crate) SharingId);

/// In hexadecimal, as files of shares are named.
impl fmt::Display for ShareId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
