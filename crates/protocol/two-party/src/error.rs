//! Errors of what lies below, as suppliers report them.

use veilflow_correlation::CorrelationError;
use veilflow_he::HeError;
use veilflow_ot::OtError;

pub(crate) fn ot_error(source: OtError) -> CorrelationError {
    CorrelationError::Supplier { supplier: "ot", source: source.into() }
}

pub(crate) fn he_error(source: HeError) -> CorrelationError {
    CorrelationError::Supplier { supplier: "he", source: source.into() }
}
