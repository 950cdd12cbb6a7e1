//! The suite on correlations from the test dealer: the online protocols alone.

use veilflow_conformance::{EITHER, Suite, conformance};
use veilflow_online::Leaves;
use veilflow_testkit::dealer;

conformance!(Suite { supplier: dealer, cases: 150, leaves: Leaves::Tables, holders: EITHER });

mod shared_weights {
    use super::*;

    conformance!(
        Suite { supplier: dealer, cases: 150, leaves: Leaves::Tables, holders: EITHER },
        linear_shared
    );
}

mod leaves_by_products {
    use super::*;

    conformance!(
        Suite { supplier: dealer, cases: 150, leaves: Leaves::Products, holders: EITHER },
        less_than,
        carry,
        msb,
        msb_and_carry,
        wrap_count,
        arg_max,
        relu,
        relu_truncate,
        max_pool,
        in_threads
    );
}
