//! The suite on correlations from Ferret silent OT.

use veilflow_conformance::{Suite, conformance};
use veilflow_correlation::{Demand, Needs, Supplier, Triple};
use veilflow_net::{Channel, Role};
use veilflow_prim::{Block, Prg};
use veilflow_two_party::{OtPlan, OtSupplier};

fn silent(role: Role, channel: &mut Channel, seed: u64) -> Box<dyn Supplier> {
    let prg = Prg::from_seed(Block(u128::from(seed) << 64 | 4 | role.index() as u128));
    // Enough OTs for Ferret to be worth it; a check uses a few of them.
    let needs = Needs { demand: Demand::of(Triple { payload: 1 }, 1 << 17), linear: Vec::new() };
    let plan = OtPlan::silent(&needs, 1e3);
    assert_ne!(plan, OtPlan::softspoken(8), "so many OTs are cheaper by Ferret");
    Box::new(OtSupplier::setup(role, channel, prg, &plan).expect("set-up"))
}

conformance!(Suite { supplier: silent, cases: 2, dealt: false });
