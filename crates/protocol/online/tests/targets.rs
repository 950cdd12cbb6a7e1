//! What activations cost at most, by their declared costs, which the conformance suite holds to the meter.

use veilflow_correlation::Cost;
use veilflow_online::{Tuning, clip_cost, relu_cost, relu_truncate_cost, relu_within_cost};

const COUNT: usize = 1 << 10;

fn dealt(leaf_bits: u32, extra_levels: u32) -> Tuning {
    Tuning { leaf_bits, extra_levels, dealt: true }
}

/// Bits an element, those that a helper deals included, and rounds.
fn bits_and_rounds(cost: &Cost) -> (f64, u64) {
    (8.0 * dealt(3, 2).bytes(cost) as f64 / COUNT as f64, cost.volume().rounds)
}

/// Holds a cost of [`COUNT`] elements to bits an element, and to rounds.
fn check(what: &str, cost: &Cost, max_bits: f64, max_rounds: u64) {
    let (bits, rounds) = bits_and_rounds(cost);
    let measured = format!("{what}: {bits:.1} bits, {rounds} rounds");
    assert!(bits <= max_bits && rounds <= max_rounds, "{measured}");
    // A budget far above what is used would let costs creep up.
    assert!(bits > 0.98 * max_bits && rounds == max_rounds, "{measured}");
}

/// Without a link, and on one where rounds count.
#[test]
fn rectifiers_with_a_helper_keep_within_their_budgets() {
    let (fewest, quick) = (dealt(3, 2), dealt(4, 0));
    check("relu", &relu_cost(32, COUNT, fewest), 263.0, 8);
    check("relu, few rounds", &relu_cost(32, COUNT, quick), 289.0, 5);
    check("relu and rescale", &relu_truncate_cost(28, 13, COUNT, fewest), 222.0, 9);
    check("relu and rescale, few rounds", &relu_truncate_cost(28, 13, COUNT, quick), 261.0, 5);
    check("relu within 17 of 20 bits", &relu_within_cost(20, 17, COUNT, fewest), 143.0, 7);
    check("clip", &clip_cost(17, COUNT, fewest), 191.0, 7);
}
