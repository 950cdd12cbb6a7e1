//! What activations cost at most, by their declared costs, which the conformance suite holds to the meter.

use veilflow_online::{Clip, Operation, Relu, ReluTruncate, Tuning};
use veilflow_ring::Ring;

const COUNT: usize = 1 << 10;

fn dealt(leaf_bits: u32, extra_levels: u32) -> Tuning {
    Tuning { leaf_bits, extra_levels, dealt: true }
}

fn ring(bits: u32) -> Ring {
    Ring::new(bits).unwrap()
}

/// Holds [`COUNT`] elements to bits an element, those that a helper deals included, and to rounds.
fn check(what: &str, operation: &dyn Operation, max_bits: f64, max_rounds: u64) {
    let cost = operation.cost(COUNT);
    let (bits, rounds) = (8.0 * dealt(3, 2).bytes(&cost) as f64 / COUNT as f64, cost.volume().rounds);
    let measured = format!("{what}: {bits:.1} bits, {rounds} rounds");
    assert!(bits <= max_bits && rounds <= max_rounds, "{measured}");
    // A budget far above what is used would let costs creep up.
    assert!(bits > 0.98 * max_bits && rounds == max_rounds, "{measured}");
}

/// Without a link, and on one where rounds count.
#[test]
fn rectifiers_with_a_helper_keep_within_their_budgets() {
    let (fewest, quick) = (dealt(3, 2), dealt(4, 0));
    let rescale = |tuning| ReluTruncate::new(ring(28), 13, tuning).unwrap();
    check("relu", &Relu::new(ring(32), fewest), 263.0, 8);
    check("relu, few rounds", &Relu::new(ring(32), quick), 289.0, 5);
    check("relu and rescale", &rescale(fewest), 222.0, 9);
    check("relu and rescale, few rounds", &rescale(quick), 261.0, 5);
    check("clip", &Clip::new(ring(17), 11, ring(5), fewest).unwrap(), 149.0, 8);
}
