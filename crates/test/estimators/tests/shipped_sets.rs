//! The sets that ship have 128 bits against every attack here. A set with fewer fails the build.

use veilflow_estimators::subcode::floor;
use veilflow_estimators::{Set, estimates};
use veilflow_ot::LpnSet;

/// The bits that are promised.
const PROMISED: f64 = 128.0;

#[test]
fn every_shipped_set_keeps_128_bits_against_every_attack() {
    for set in LpnSet::ALL.map(Set::from) {
        for attack in estimates(&set).into_iter().chain(floor(&set)) {
            assert!(attack.bits >= PROMISED, "{set:?}: {attack:?}");
        }
    }
}

/// The sets that shipped before, which were chosen without sub-codes in view, do not pass.
#[test]
fn sets_chosen_for_dense_codes_fail() {
    for (secret, blocks, depth) in
        [(1 << 16, 850, 10), (1 << 17, 1170, 11), (1 << 18, 1520, 12), (1 << 19, 1900, 13)]
    {
        let set = Set { secret, blocks, depth, locality: 10 };
        assert!(estimates(&set).iter().any(|attack| attack.bits < 100.0), "{set:?}");
    }
}
