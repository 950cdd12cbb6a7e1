//! The suite on correlations from SoftSpoken OT: supplier and online protocols together.

use veilflow_conformance::{Suite, conformance};
use veilflow_correlation::{BitProduct, Demand, Kind, Leaf, MaskDigits, OneHot, Pools, RingTriple, Supplier};
use veilflow_net::{Channel, Role, memory_pair};
use veilflow_prim::{Block, Prg};
use veilflow_two_party::{OtPlan, OtSupplier};

fn softspoken(role: Role, channel: &mut Channel, seed: u64) -> Box<dyn Supplier> {
    let prg = Prg::from_seed(Block(u128::from(seed) << 64 | 2 | role.index() as u128));
    let k = [1, 2, 4, 8][(seed % 4) as usize];
    Box::new(OtSupplier::setup(role, channel, prg, &OtPlan::softspoken(k)).expect("base OTs"))
}

/// Before a byte is sent, by name.
#[test]
fn what_only_a_helper_makes_is_refused() {
    let refused: [(Kind, &str); 5] = [
        (Leaf { digit: 2, payload: 2 }.into(), "leaves of 2 bits (payload 2)"),
        (BitProduct { bits: 7 }.into(), "products of private bits in 7 bits"),
        (RingTriple { bits: 9 }.into(), "9-bit multiplication triples"),
        (OneHot { bits: 3 }.into(), "one-hot vectors of 3 bits"),
        (MaskDigits { bits: 9, from: 4, digit: 3 }.into(), "masks of 9 bits (digits of 3, cut at 4)"),
    ];
    refused.into_iter().for_each(|(kind, name)| refuse(kind, name));
}

fn refuse(kind: Kind, name: &str) {
    let (mut p0, mut p1) = memory_pair();
    let outcome = |role, channel: &mut Channel| {
        let mut supplier = softspoken(role, channel, 3);
        let before = channel.meter();
        let demand = Demand::of(kind, 10);
        let outcome = supplier.fill(channel, &demand, &mut Pools::default());
        assert_eq!(channel.meter(), before);
        outcome.unwrap_err().to_string()
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| outcome(Role::P1, &mut p1));
        for error in [outcome(Role::P0, &mut p0), other.join().unwrap()] {
            assert_eq!(error, format!("the ot supplier makes no {name}"));
        }
    });
}

conformance!(Suite { supplier: softspoken, cases: 12, dealt: false });
