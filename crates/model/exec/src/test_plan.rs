//! A plan for unit tests to build on.

use veilflow_ir::plan::{Checks, Plan, Ranges, Settings};

/// A plan without nodes.
pub(crate) fn empty() -> Plan {
    let settings = Settings {
        weight_bits: 8,
        activation_bits: 8,
        state_bits: 8,
        margin_percent: 200,
        calibration_inputs: 1,
        ranges: Ranges::Calibrated,
    };
    Plan {
        name: String::new(),
        preprocessing: String::new(),
        settings,
        values: Vec::new(),
        inputs: Vec::new(),
        nodes: Vec::new(),
        outputs: Vec::new(),
        checks: Checks::default(),
    }
}
