//! What a plan says of a value's range, as a claim that protocols use.

use veilflow_ir::plan::{Extension, PlanValue};
use veilflow_online::RangeClaim;
use veilflow_spec::Pool2dShape;

/// What is known of a value: its sign, or that it fills less than a third of its ring.
pub(super) fn of_value(value: &PlanValue) -> RangeClaim {
    below(1u128 << value.magnitude.min(64), value.non_negative, value.width)
}

/// The same for any value below `bound` in magnitude.
fn below(bound: u128, non_negative: bool, width: u32) -> RangeClaim {
    if non_negative && bound <= 1 << (width - 1) {
        RangeClaim::NonNegative
    } else if 3 * bound <= 1 << width {
        RangeClaim::Slack
    } else {
        RangeClaim::Any
    }
}

/// What is known of the sums that an average pooling divides.
pub(super) fn of_sums(value: &PlanValue, pool: &Pool2dShape) -> RangeClaim {
    let count = (pool.kernel[0] * pool.kernel[1]) as u128;
    below((count << value.magnitude.min(64)) + count, value.non_negative, value.width)
}

pub(super) fn of_extension(sign: Extension) -> RangeClaim {
    match sign {
        Extension::NonNegative => RangeClaim::NonNegative,
        Extension::SignedWithSlack => RangeClaim::Slack,
        Extension::Signed => RangeClaim::Any,
    }
}
