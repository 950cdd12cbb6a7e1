//! The suite on correlations from the test dealer: the online protocols alone.

use veilflow_conformance::{Suite, conformance};
use veilflow_online::Leaves;
use veilflow_testkit::dealer;

conformance!(Suite { supplier: dealer, cases: 150, leaves: Leaves::Tables });

mod leaves_by_products {
    use super::*;

    conformance!(Suite { supplier: dealer, cases: 50, leaves: Leaves::Products });
}
