//! The extensions that prices choose, pinned. Whoever refits a price sees here which demands it moves to
//! another extension; both parties must then run the same version.

use veilflow_ot::ExtensionPlan;

/// SoftSpoken by its parameter, Ferret by the depth of its trees and the rounds of its set-up.
#[derive(Debug, PartialEq)]
enum Choice {
    SoftSpoken(usize),
    Ferret(usize, u64),
}

/// Nanoseconds a byte, from the fastest link to one where only bytes count.
const LINKS: [f64; 6] = [0.1, 2.65, 25.0, 80.0, 800.0, f64::INFINITY];

#[test]
fn links_and_demands_choose_these_extensions() {
    let ferret = |depths: [usize; 6], rounds| depths.map(|depth| Choice::Ferret(depth, rounds));
    let cases = [
        (0, [(); 6].map(|()| Choice::SoftSpoken(8))),
        (80_000, [(); 6].map(|()| Choice::SoftSpoken(8))),
        (84_000, ferret([9; 6], 2)),
        (200_000, ferret([9; 6], 2)),
        (1_000_000, ferret([9, 9, 9, 10, 11, 11], 3)),
        (3_000_000, ferret([9, 9, 9, 11, 12, 12], 3)),
        (10_000_000, ferret([9, 9, 9, 11, 12, 13], 3)),
        (400_000_000, ferret([9, 9, 9, 11, 12, 13], 3)),
    ];
    for (count, expected) in cases {
        let chosen = LINKS.map(|ns_per_byte| match ExtensionPlan::for_link(count, ns_per_byte) {
            ExtensionPlan::SoftSpoken { k } => Choice::SoftSpoken(k),
            ExtensionPlan::Ferret(plan) => Choice::Ferret(plan.set().depth(), plan.setup_rounds()),
        });
        assert_eq!(chosen, expected, "{count} OTs, links of {LINKS:?} ns a byte");
    }
}

/// Where two demands have one set, the trees of its first iteration and of its booster still differ.
#[test]
fn chosen_extensions_send_these_bytes_to_set_up() {
    for (count, ns_per_byte, sender, receiver) in [
        (0, 25.0, 8_209, 3_633),
        (84_000, 25.0, 8_217, 131_981),
        (200_000, 25.0, 8_217, 135_791),
        (1_000_000, 25.0, 30_969, 129_191),
        (1_000_000, 80.0, 48_249, 131_216),
        (1_000_000, 800.0, 83_961, 135_401),
        (3_000_000, 80.0, 86_985, 135_761),
        (3_000_000, f64::INFINITY, 158_697, 144_161),
        (10_000_000, 800.0, 163_881, 144_776),
        (400_000_000, 800.0, 163_881, 144_776),
    ] {
        let setup = ExtensionPlan::for_link(count, ns_per_byte).setup().expect("k is 8");
        assert_eq!(
            (setup.sender, setup.receiver),
            (sender, receiver),
            "{count} OTs at {ns_per_byte} ns a byte"
        );
    }
}
