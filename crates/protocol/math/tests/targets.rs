//! What functions of 16-bit values cost at most, by their declared costs, which the conformance suite holds
//! to the meter.

use veilflow_correlation::{Cost, Kind, SupplyCosts};
use veilflow_helper::HelperCosts;
use veilflow_math::{Apply, Divide, NormaliseRows, SoftmaxRows};
use veilflow_online::{Lookup, Multiply, Operation, RangeClaim, Tuning};
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::Table;
use veilflow_spec::math::{Division, Fixed, Function, Norm, Normalise, Softmax};

const COUNT: usize = 1 << 14;

fn fixed(scale: u32) -> Fixed {
    Fixed { bits: 16, scale }
}

fn elementary(function: Function, [input, output]: [u32; 2]) -> Cost {
    let spline = function.spline(fixed(input), fixed(output)).expect("formats in range");
    Apply::new(&spline, Tuning::default()).expect("a table").cost(COUNT)
}

/// Holds a cost of [`COUNT`] elements to bytes an element, with half a bit a random OT offline, and to
/// rounds.
fn check(what: &str, cost: &Cost, max_bytes: f64, max_rounds: u64) {
    let ots = cost.demand.iter().map(|(kind, count)| match kind {
        Kind::Triple(_) => 2 * count,
        Kind::Table(table) => table.digit as usize * count,
        _ => count,
    });
    let ots = ots.sum::<usize>() / COUNT;
    let volume = cost.volume();
    let online = volume.bytes.iter().sum::<u64>() as f64 / COUNT as f64;
    let bytes = online + ots as f64 / 16.0;
    let measured =
        format!("{what}: {ots} OTs, {online:.1} bytes online, {bytes:.1} in all, {} rounds", volume.rounds);
    assert!(bytes <= max_bytes && volume.rounds <= max_rounds, "{measured}");
    // A budget far above what is used would let costs creep up.
    assert!(bytes > 0.95 * max_bytes && volume.rounds == max_rounds, "{measured}");
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
        (Function::ExpSigned, [12, 12], 158.0, 15),
        (Function::ReciprocalSqrt, [12, 11], 222.0, 23),
        (Function::Reciprocal, [12, 12], 208.0, 23),
        (Function::Sqrt, [12, 12], 203.0, 24),
        (Function::Log, [12, 11], 194.0, 24),
    ];
    for (function, scales, max_bytes, max_rounds) in budgets {
        check(&format!("{function:?} {scales:?}"), &elementary(function, scales), max_bytes, max_rounds);
    }
}

#[test]
fn what_is_built_of_functions_keeps_within_its_budget() {
    let tuning = Tuning::default();
    let division = Division::new(fixed(12), fixed(12), fixed(12)).unwrap();
    check("divide", &Divide::new(&division, tuning).unwrap().cost(COUNT), 470.0, 50);
    // Rows of 64 elements; bytes are those of an element.
    let rows = COUNT / 64;
    let softmax = Softmax::new(fixed(11), fixed(12), 64).unwrap();
    check("softmax", &SoftmaxRows::new(&softmax, tuning).unwrap().cost(rows), 316.0, 89);
    let norm = |norm| {
        let norm = Normalise::new(norm, fixed(8), fixed(11), 64, 0).unwrap();
        NormaliseRows::new(&norm, tuning).unwrap().cost(rows)
    };
    check("l2", &norm(Norm::L2), 410.0, 68);
    check("layer", &norm(Norm::Layer), 685.0, 77);
}

/// With correlations from a helper: exactly the rows of docs/math.md, bytes of the parties and of the helper
/// an element.
#[test]
fn with_a_helper_functions_take_what_their_table_says() {
    let page = include_str!("../../../../docs/math.md");
    let tuning = Tuning { extra_levels: 2, dealt: true, ..Tuning::default() };
    let mut missing = Vec::new();
    let mut holds = |what: &str, cost: &Cost| {
        let (online, dealt) = (cost.volume(), HelperCosts::default().fill(&cost.demand).volume());
        let bytes = [online.bytes, dealt.helper].map(|bytes| bytes.iter().sum::<u64>() as f64 / COUNT as f64);
        let [online_bytes, dealt_bytes] = bytes;
        let all = online_bytes + dealt_bytes;
        let row =
            format!("| {what} | {online_bytes:.1} | {dealt_bytes:.1} | {all:.1} | {} |\n", online.rounds);
        if !page.contains(&row) {
            missing.push(row);
        }
    };
    let functions = [
        ("sigmoid", Function::Sigmoid, [11, 14]),
        ("tanh", Function::Tanh, [11, 11]),
        ("erf", Function::Erf, [11, 12]),
        ("SiLU", Function::Silu, [11, 11]),
        ("GELU", Function::Gelu, [11, 11]),
        ("exp of x ≤ 0", Function::Exp, [12, 12]),
        ("exp of signed x", Function::ExpSigned, [12, 12]),
        ("logarithm", Function::Log, [12, 11]),
        ("reciprocal", Function::Reciprocal, [12, 12]),
        ("reciprocal square root", Function::ReciprocalSqrt, [12, 11]),
        ("square root", Function::Sqrt, [12, 12]),
    ];
    for (what, function, [input, output]) in functions {
        let spline = function.spline(fixed(input), fixed(output)).expect("formats in range");
        holds(what, &Apply::new(&spline, tuning).unwrap().cost(COUNT));
    }
    let rows = COUNT / 64;
    let division = Division::new(fixed(12), fixed(12), fixed(12)).unwrap();
    holds("division", &Divide::new(&division, tuning).unwrap().cost(COUNT));
    let softmax = Softmax::new(fixed(11), fixed(12), 64).unwrap();
    holds("softmax", &SoftmaxRows::new(&softmax, tuning).unwrap().cost(rows));
    for (what, norm) in [("L2 normalisation", Norm::L2), ("layer normalisation", Norm::Layer)] {
        let normalise = Normalise::new(norm, fixed(8), fixed(11), 64, 0).unwrap();
        holds(what, &NormaliseRows::new(&normalise, tuning).unwrap().cost(rows));
    }
    let [narrow, wide] = [16, 32].map(|bits| Ring::new(bits).unwrap());
    let product =
        Multiply::signed_into([narrow; 2], [RangeClaim::Slack; 2], wide, tuning).unwrap().cost(COUNT);
    holds("product of two 16-bit values below a third of their ring", &product);
    for (what, bits) in [("table of 8 bits to 8", 8), ("table of 8 bits to 16", 16)] {
        let (index, out) = (Ring::new(8).unwrap(), Ring::new(bits).unwrap());
        // Entries that have nothing in common.
        let entries = (0..256).map(|v: u64| v.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29));
        let entries = RingVec::from_values(out, entries.map(|v| v.wrapping_mul(v | 1) >> 32).collect());
        let table = Table::new(index, &[entries]).unwrap();
        holds(what, &Lookup::new(&table, tuning).unwrap().cost(COUNT));
    }
    assert!(missing.is_empty(), "not in docs/math.md:\n{}", missing.concat());
}
