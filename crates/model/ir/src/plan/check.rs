//! Which values a run watches for leaving their range, so that the client learns whether any did.

use serde::{Deserialize, Serialize};

use super::PlanValue;
use crate::error::{Reason, refuse};

/// What a run checks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checks {
    /// Of each value so many elements are checked, drawn anew for every run; all of them if this is absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<usize>,
    /// The ranges; none if nothing is checked.
    pub ranges: Vec<RangeCheck>,
}

/// A range that a value's elements are to lie in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "check", rename_all = "kebab-case", deny_unknown_fields)]
pub enum RangeCheck {
    /// −2^m..2^m for the value's magnitude m, which is two less than its width at most: the bits above m
    /// tell.
    Magnitude {
        /// An index into the plan's values.
        value: usize,
    },
    /// The arguments that a function takes.
    Interval {
        /// An index into the plan's values.
        value: usize,
        /// The least.
        low: i64,
        /// The largest.
        high: i64,
    },
}

impl RangeCheck {
    /// The value that is checked.
    pub fn value(&self) -> usize {
        match *self {
            Self::Magnitude { value } | Self::Interval { value, .. } => value,
        }
    }

    /// Whether it can be checked of its value.
    pub(super) fn verify(&self, value: &PlanValue) -> Result<(), Reason> {
        match *self {
            Self::Magnitude { .. } if value.magnitude + 2 > value.width => {
                refuse(format!("{} bits have no room beyond 2^{}", value.width, value.magnitude))
            }
            Self::Interval { low, high, .. } => {
                let ring = value.ring();
                let holds = |v: i64| ring.to_signed(ring.from_signed(v)) == v;
                if low <= high && holds(low) && holds(high) {
                    Ok(())
                } else {
                    refuse(format!("{low}..={high} is no interval of {} bits", value.width))
                }
            }
            Self::Magnitude { .. } => Ok(()),
        }
    }
}

impl Checks {
    /// How many of `elements` are checked.
    pub fn of(&self, elements: usize) -> usize {
        self.sample.map_or(elements, |sample| sample.min(elements))
    }
}
