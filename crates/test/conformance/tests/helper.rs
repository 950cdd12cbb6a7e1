//! The suite on correlations from a helper: three parties, the helper's end of each connection in a thread of
//! its own.

use std::sync::LazyLock;
use std::time::Duration;

use veilflow_conformance::{Suite, conformance};
use veilflow_correlation::Supplier;
use veilflow_helper::{Helper, HelperOptions, HelperSupplier};
use veilflow_net::{Channel, Role, memory_pair};
use veilflow_prim::{Block, Prg};

/// One helper for all tests of this file, which run at the same time.
static HELPER: LazyLock<Helper> = LazyLock::new(|| {
    Helper::new(HelperOptions { at_once: 256, threads: 1, timeout: Duration::from_secs(60), keep: 0 })
});

fn helped(role: Role, channel: &mut Channel, seed: u64) -> Box<dyn Supplier> {
    let (link, helpers_end) = memory_pair();
    std::thread::spawn(move || {
        if let Some(session) = HELPER.welcome(helpers_end).expect("an honest hello") {
            let fresh = Prg::from_entropy().expect("randomness");
            session.serve(fresh).expect("an honest session");
        }
    });
    let prg = Prg::from_seed(Block(u128::from(seed) << 64 | 6 | role.index() as u128));
    Box::new(HelperSupplier::setup(role, channel, link, prg, 1, None).expect("set-up"))
}

conformance!(Suite { supplier: helped, cases: 20, dealt: true });

mod as_for_two_parties {
    use super::*;

    conformance!(Suite { supplier: helped, cases: 20, dealt: false }, less_than, relu_truncate);
}
