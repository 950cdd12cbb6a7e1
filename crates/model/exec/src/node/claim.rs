//! What holds of a value on every run, as a claim that protocols use.

use veilflow_ir::plan::Interval;
use veilflow_online::RangeClaim;
use veilflow_ring::Ring;

/// The claim that is true of every element of `ring` within an interval.
pub(super) fn of(within: Interval, ring: Ring) -> RangeClaim {
    if !Interval::of_ring(ring.bits()).contains(within) {
        RangeClaim::Any
    } else if within.is_non_negative() {
        RangeClaim::NonNegative
    } else if within.leaves_two_thirds(ring) {
        RangeClaim::Slack
    } else {
        RangeClaim::Any
    }
}
