//! Plans of bounded ranges: the proof that a plan carries, and inputs that try to break it.

use veilflow_ir::Encoded;
use veilflow_ring::RingVec;

use super::*;

/// Inputs in range: the ends of the range, alone and mixed, and random ones.
fn inputs(plan: &Plan) -> Vec<Vec<Encoded>> {
    let encode = |pick: &mut dyn FnMut(usize, [i128; 2]) -> i128| -> Vec<Encoded> {
        let values = plan.inputs.iter().map(|input| &plan.values[input.value]);
        let encoded = values.map(|value| {
            let (range, elements) = (value.range(), value.shape.elements());
            let integers: Vec<i64> = (0..elements).map(|i| pick(i, [range.low, range.high]) as i64).collect();
            let outside = integers.iter().filter(|&&integer| !value.contains(integer)).count();
            Encoded { values: RingVec::from_signed(value.ring(), &integers), outside }
        });
        encoded.collect()
    };
    let mut state = 1u64;
    let mut random = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i128::from(state >> 33)
    };
    let mut all = vec![encode(&mut |_, ends| ends[0]), encode(&mut |_, ends| ends[1])];
    all.extend((1..20).map(|stripe| encode(&mut |i, ends| ends[i / stripe % 2])));
    for _ in 0..20 {
        all.push(encode(&mut |_, ends| ends[(random() & 1) as usize]));
        all.push(encode(&mut |_, [low, high]| low + random() % (high - low + 1)));
    }
    all
}

/// How many inputs in range make something overflow.
fn overflowing(Compiled { plan, weights, .. }: &Compiled) -> usize {
    let overflows = |input| !clear::run_encoded(plan, weights, input).unwrap().overflows.is_empty();
    inputs(plan).into_iter().filter(|input| overflows(input.clone())).count()
}

/// The plan proves that nothing overflows, and nothing does.
pub(super) fn check(compiled: &Compiled) {
    let plan = &compiled.plan;
    assert_eq!(plan.settings.ranges, Ranges::Bounded);
    assert_eq!(plan.overflows(), [0; 0], "{plan}");
    assert_eq!(overflowing(compiled), 0, "{plan}");
}

/// A plan of each kind of ranges for one graph, calibrated on small inputs and one at the end of the range.
fn both(graph: &Graph) -> [Compiled; 2] {
    let dims = graph.shape(graph.inputs()[0]).to_vec();
    let mut calibration: Vec<Vec<Tensor>> = (0..8).map(|seed| vec![tensor(&dims, 0.3, seed)]).collect();
    // One element says how large inputs can be.
    let data = calibration[0][0].data().to_vec();
    calibration.push(vec![Tensor::from_fn(shape(&dims), |i| if i == 0 { 3.0 } else { data[i] })]);
    [Ranges::Calibrated, Ranges::Bounded].map(|ranges| {
        let options = Options { ranges, margin_percent: 100, ..Options::default() };
        compile(graph, &calibration, &options).unwrap()
    })
}

/// Of a network of residual sums, clips, bottlenecks and pools, deep enough that ranges would grow beyond any
/// ring.
fn deep() -> Graph {
    let (mut b, mut x) = Builder::new(&[1, 4, 8, 8]);
    for block in 0..8 {
        let wide = b.conv(x, 8, 1, 1);
        let wide = b.node(if block % 2 == 0 { Op::Relu } else { Op::Clip { min: 0.0, max: 2.0 } }, &[wide]);
        let narrow = b.conv(wide, 4, 3, 1);
        x = b.node(Op::Add, &[x, narrow]);
        if block == 3 {
            x = b.pool(x, true);
        }
    }
    let most = b.conv(x, 6, 3, 1);
    let most = b.node(Op::Relu, &[most]);
    let mean = b.pool(most, false);
    b.graph.output(mean, false);
    b.graph
}

#[test]
fn deep_networks_do_not_grow() {
    let [calibrated, bounded] = both(&deep());
    assert!(overflowing(&calibrated) > 10, "the inputs are harmless");
    assert_ne!(calibrated.plan.overflows(), [0; 0], "nothing to prove");
    check(&bounded);
    let [narrow, wide] = [&calibrated, &bounded].map(|c| c.plan.widths().1);
    assert!(wide <= narrow + 14, "{wide} bits instead of {narrow}\n{}", bounded.plan);
    let count = |op: &str| ops(&bounded).iter().filter(|found| **found == op).count();
    assert!(count("clip") > 8, "{}", bounded.plan);
    // A calibrated plan that says it is bounded is refused.
    let mut forged = calibrated.plan.clone();
    forged.settings.ranges = Ranges::Bounded;
    let message = forged.verify().unwrap_err().to_string();
    assert!(message.contains("may overflow, though ranges are said to be bounded"), "{message}");
}

#[test]
fn a_state_is_limited_in_every_step() {
    let (mut b, x) = Builder::new(&[1, 6]);
    let (w, u) = (b.constant(&[6, 6], 0.9), b.constant(&[6, 6], 0.9));
    let mut h = b.node(Op::MatMul, &[x, w]);
    for _ in 0..30 {
        let gate = b.node(Op::MatMul, &[h, u]);
        let gate = b.node(Op::Apply { function: veilflow_ir::Function::Sigmoid }, &[gate]);
        let kept = b.node(Op::Mul, &[gate, h]);
        h = b.node(Op::Add, &[kept, gate]);
    }
    b.graph.output(h, false);
    let [calibrated, bounded] = both(&b.graph);
    assert_ne!(calibrated.plan.overflows(), [0; 0], "nothing to prove");
    check(&bounded);
    assert!(ops(&bounded).iter().filter(|op| **op == "clip").count() >= 28, "{}", bounded.plan);
}
