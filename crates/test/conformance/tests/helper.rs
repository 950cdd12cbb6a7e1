//! The suite on correlations from a helper: three parties, the helper's end of each connection in a thread of its own.

use std::sync::LazyLock;

use veilflow_conformance::{Suite, conformance};
use veilflow_correlation::Supplier;
use veilflow_helper::{Helper, HelperSupplier};
use veilflow_net::{Channel, Role, memory_pair};
use veilflow_prim::{Block, Prg};

/// One helper for all tests of this file, which run at the same time.
static HELPER: LazyLock<Helper> = LazyLock::new(|| Helper::new(256, 1));

fn helped(role: Role, channel: &mut Channel, seed: u64) -> Box<dyn Supplier> {
    let (link, helpers_end) = memory_pair();
    std::thread::spawn(move || HELPER.welcome(helpers_end).expect("an honest session"));
    let prg = Prg::from_seed(Block(u128::from(seed) << 64 | 6 | role.index() as u128));
    Box::new(HelperSupplier::setup(role, channel, link, prg, 1).expect("set-up"))
}

conformance!(Suite { supplier: helped, cases: 20 });
