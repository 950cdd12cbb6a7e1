//! What declared ranges follow from.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Reason;

/// What the ranges that a plan declares follow from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ranges {
    /// What calibration saw, with margin. An input unlike those may overflow.
    #[default]
    Calibrated,
    /// What is possible: no input in range can overflow anything. A plan shows it, and it is checked when the
    /// plan is read and when the server's numbers are.
    Bounded,
}

impl Ranges {
    pub(super) fn are_calibrated(&self) -> bool {
        *self == Self::Calibrated
    }
}

impl fmt::Display for Ranges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Calibrated => "calibrated",
            Self::Bounded => "bounded",
        })
    }
}

impl FromStr for Ranges {
    type Err = Reason;

    fn from_str(s: &str) -> Result<Self, Reason> {
        match s {
            "calibrated" => Ok(Self::Calibrated),
            "bounded" => Ok(Self::Bounded),
            _ => Err(format!("ranges are calibrated or bounded, not `{s}`").into()),
        }
    }
}
