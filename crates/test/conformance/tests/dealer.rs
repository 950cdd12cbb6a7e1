//! The suite on correlations from the test dealer: the online protocols alone.

use veilflow_conformance::{Suite, conformance};
use veilflow_testkit::dealer;

conformance!(Suite { supplier: dealer, cases: 150, dealt: false });

mod dealt {
    use super::*;

    conformance!(Suite { supplier: dealer, cases: 50, dealt: true });
}
