//! How large a model may be.

/// The longest file read, in bytes: the limit of the protobuf format itself.
pub const MAX_FILE_BYTES: u64 = (1 << 31) - 1;

/// The most nodes imported or made, those of unrolled loops included.
pub const MAX_NODES: usize = 1 << 18;

/// How many nodes are looked at to tell what a value can be.
pub(crate) const MAX_VISITS: usize = 64;
