//! How far a run is.

/// Called before each node.
pub type Progress<'a> = &'a (dyn Fn(Step) + Sync);

/// Where a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The node is about to consume correlations; if not, they are about to be made for it.
    pub online: bool,
    /// The node has this number in the plan.
    pub node: usize,
}
