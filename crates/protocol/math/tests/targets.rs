//! What functions of 16-bit values cost at most, by their declared costs, which the conformance suite holds to the meter.

use veilflow_correlation::Kind;
use veilflow_math::apply_cost;
use veilflow_online::Tuning;
use veilflow_spec::math::{Fixed, Function};

const COUNT: usize = 1 << 14;

/// Random OTs an instance, online bytes an instance, rounds.
fn cost(function: Function, scales: [u32; 2], leaf_bits: u32) -> (usize, f64, u64) {
    let [input, output] = scales.map(|scale| Fixed { bits: 16, scale });
    let spline = function.spline(input, output).expect("formats in range");
    let cost = apply_cost(&spline, COUNT, Tuning { leaf_bits });
    let ots = cost.demand.iter().map(|(kind, count)| match kind {
        Kind::Triple { .. } => 2 * count,
        Kind::Table { digit, .. } => digit as usize * count,
        _ => count,
    });
    let volume = cost.volume();
    let bytes = volume.bytes.iter().sum::<u64>() as f64 / COUNT as f64;
    (ots.sum::<usize>() / COUNT, bytes, volume.rounds)
}

/// Half a bit an OT offline, as silent OT takes.
fn check(function: Function, scales: [u32; 2], max_bytes: f64, max_rounds: u64) {
    for leaf_bits in [2, 4] {
        let (ots, online, rounds) = cost(function, scales, leaf_bits);
        let bytes = online + ots as f64 / 16.0;
        println!(
            "{function:?} {scales:?} leaves {leaf_bits}: {ots} OTs, {online:.1} B online, {bytes:.1} B, {rounds} rounds"
        );
        assert!(bytes <= max_bytes, "{function:?}: {bytes} bytes");
        assert!(rounds <= max_rounds, "{function:?}: {rounds} rounds");
    }
}

#[test]
fn functions_keep_within_their_budgets() {
    check(Function::Sigmoid, [11, 14], 150.0, 20);
    check(Function::Tanh, [11, 11], 150.0, 20);
    check(Function::Exp, [12, 12], 150.0, 15);
    check(Function::ReciprocalSqrt, [12, 11], 250.0, 30);
    check(Function::Reciprocal, [12, 12], 300.0, 30);
}
