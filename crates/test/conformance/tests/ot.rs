//! The suite on correlations from SoftSpoken OT: supplier and online protocols together.

use veilflow_conformance::{SERVER, Suite, conformance};
use veilflow_correlation::{Demand, Kind, Pools, Supplier};
use veilflow_net::{Channel, Role, memory_pair};
use veilflow_online::Leaves;
use veilflow_prim::{Block, Prg};
use veilflow_two_party::{OtPlan, OtSupplier};

fn softspoken(role: Role, channel: &mut Channel, seed: u64) -> Box<dyn Supplier> {
    let prg = Prg::from_seed(Block(u128::from(seed) << 64 | 2 | role.index() as u128));
    let k = [1, 2, 4, 8][(seed % 4) as usize];
    Box::new(OtSupplier::setup(role, channel, prg, &OtPlan::softspoken(k)).expect("base OTs"))
}

/// Before a byte is sent, by name.
#[test]
fn leaves_by_products_are_refused() {
    let (mut p0, mut p1) = memory_pair();
    let outcome = |role, channel: &mut Channel| {
        let mut supplier = softspoken(role, channel, 3);
        let before = channel.meter();
        let demand = Demand::of(Kind::Leaf { digit: 2, payload: 2 }, 10);
        let outcome = supplier.fill(channel, &demand, &mut Pools::default());
        assert_eq!(channel.meter(), before);
        outcome.unwrap_err().to_string()
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| outcome(Role::P1, &mut p1));
        for error in [outcome(Role::P0, &mut p0), other.join().unwrap()] {
            assert_eq!(error, "the ot supplier makes no leaves of 2 bits (payload 2)");
        }
    });
}

conformance!(Suite { supplier: softspoken, cases: 12, leaves: Leaves::Tables, holders: SERVER });
