//! Errors of what lies below, as suppliers report them.

use veilflow_correlation::CorrelationError;
use veilflow_he::HeError;
use veilflow_ot::OtError;

/// A channel that fails is told as such, wherever it does.
pub(crate) fn ot_error(source: OtError) -> CorrelationError {
    match source {
        OtError::Net(error) => CorrelationError::Net(error),
        other => CorrelationError::Supplier { supplier: "ot", source: other.into() },
    }
}

pub(crate) fn he_error(source: HeError) -> CorrelationError {
    CorrelationError::Supplier { supplier: "he", source: source.into() }
}
