//! The suite on correlations from SoftSpoken OT: supplier and online protocols together.

use veilflow_conformance::{Suite, conformance};
use veilflow_correlation::Supplier;
use veilflow_net::{Channel, Role};
use veilflow_prim::{Block, Prg};
use veilflow_two_party::{OtPlan, OtSupplier};

fn softspoken(role: Role, channel: &mut Channel, seed: u64) -> Box<dyn Supplier> {
    let prg = Prg::from_seed(Block(u128::from(seed) << 64 | 2 | role.index() as u128));
    let k = [1, 2, 4, 8][(seed % 4) as usize];
    Box::new(OtSupplier::setup(role, channel, prg, &OtPlan::softspoken(k)).expect("base OTs"))
}

conformance!(Suite { supplier: softspoken, cases: 12 });
