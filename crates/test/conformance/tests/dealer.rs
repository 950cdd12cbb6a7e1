//! The suite on correlations from the test dealer: the online protocols alone.

use veilflow_conformance::{EITHER, Suite, conformance};
use veilflow_testkit::dealer;

conformance!(Suite { supplier: dealer, cases: 150, dealt: false, holders: EITHER });

mod shared_weights {
    use super::*;

    conformance!(Suite { supplier: dealer, cases: 150, dealt: false, holders: EITHER }, linear_shared);
}

mod dealt {
    use super::*;

    conformance!(Suite { supplier: dealer, cases: 50, dealt: true, holders: EITHER });
}
