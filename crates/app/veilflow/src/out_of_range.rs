//! What a client does about samples that the plan has no room for.

/// What becomes of a sample with elements beyond the range that the plan has room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OutOfRange {
    /// It is refused, before anything is sent.
    #[default]
    Refuse,
    /// The elements are limited to the range, and counted.
    Clip,
}
