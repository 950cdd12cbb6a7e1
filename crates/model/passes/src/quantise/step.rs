//! What becomes of a node in fixed point, and of the values between nodes.

use veilflow_ir::Node;
use veilflow_ir::plan::Interval;

use super::fixed::FixedLayer;
use super::fixed_op::FixedOp;

/// Which form of a value a step reads or makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    Raw,
    Reduced,
}

/// One form of a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Form {
    pub(super) scale: i32,
    /// Integers lie in −2^m..2^m.
    pub(super) magnitude: u32,
    pub(super) non_negative: bool,
}

impl Form {
    /// The integers it has room for.
    pub(super) fn range(self) -> Interval {
        let end = 1i128 << self.magnitude;
        Interval::new(if self.non_negative { 0 } else { -end }, end - 1)
    }
}

/// A step of the network in fixed point.
pub(super) struct Step<'g> {
    pub(super) node: &'g Node,
    pub(super) op: FixedOp,
    /// The private inputs, as indices of graph values, each with the form in which it is read.
    pub(super) reads: Vec<(usize, Stage)>,
    /// The form of the output.
    pub(super) makes: Stage,
    /// The integer weights of a linear layer.
    pub(super) fixed: Option<FixedLayer>,
    /// The width of a linear layer's weights.
    pub(super) weight_bits: u32,
}
