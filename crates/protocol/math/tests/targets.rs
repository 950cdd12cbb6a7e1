//! What functions of 16-bit values cost at most, by their declared costs, which the conformance suite holds to the meter.

use veilflow_correlation::Kind;
use veilflow_math::apply_cost;
use veilflow_online::Tuning;
use veilflow_spec::math::{Fixed, Function};

const COUNT: usize = 1 << 14;

/// Random OTs an instance, online bytes an instance, rounds.
fn cost(function: Function, scales: [u32; 2]) -> (usize, f64, u64) {
    let [input, output] = scales.map(|scale| Fixed { bits: 16, scale });
    let spline = function.spline(input, output).expect("formats in range");
    let cost = apply_cost(&spline, COUNT, Tuning::default());
    let ots = cost.demand.iter().map(|(kind, count)| match kind {
        Kind::Triple { .. } => 2 * count,
        Kind::Table { digit, .. } => digit as usize * count,
        _ => count,
    });
    let volume = cost.volume();
    let bytes = volume.bytes.iter().sum::<u64>() as f64 / COUNT as f64;
    (ots.sum::<usize>() / COUNT, bytes, volume.rounds)
}

/// Bytes with half a bit an OT offline, as silent OT takes.
#[test]
fn functions_of_16_bits_keep_within_their_budgets() {
    let budgets = [
        (Function::Sigmoid, [11, 14], 132.0, 15),
        (Function::Tanh, [11, 11], 116.0, 15),
        (Function::Erf, [11, 12], 118.0, 15),
        (Function::Silu, [11, 11], 126.0, 15),
        (Function::Gelu, [11, 11], 116.0, 15),
        (Function::Exp, [12, 12], 126.0, 15),
        (Function::ReciprocalSqrt, [12, 11], 222.0, 23),
        (Function::Reciprocal, [12, 12], 208.0, 23),
        (Function::Sqrt, [12, 12], 216.0, 24),
    ];
    for (function, scales, max_bytes, max_rounds) in budgets {
        let (ots, online, rounds) = cost(function, scales);
        let bytes = online + ots as f64 / 16.0;
        let measured =
            format!("{function:?} {scales:?}: {ots} OTs, {online:.1} bytes online, {rounds} rounds");
        assert!(bytes <= max_bytes && rounds <= max_rounds, "{measured}");
        // A budget far above what is used would let costs creep up.
        assert!(bytes > 0.95 * max_bytes && rounds == max_rounds, "{measured}");
    }
}
