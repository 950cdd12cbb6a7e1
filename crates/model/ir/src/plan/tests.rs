//! A small plan through verifier and files, whole and damaged.

use std::collections::BTreeMap;

use serde_json::Value;
use veilflow_spec::math::Function;
use veilflow_spec::{Conv2dShape, LinearShape, Pool2dShape};

use super::*;
use crate::{IrError, Parameters, Shape, Weights};

fn value(shape: &[usize], width: u32, scale: i32, magnitude: u32, non_negative: bool) -> PlanValue {
    PlanValue { shape: Shape::new(shape).unwrap(), width, scale, magnitude, non_negative }
}

/// conv → relu-truncate → max-pool → extend.
pub(crate) fn small() -> Plan {
    let conv = Conv2dShape {
        in_channels: 1,
        in_height: 4,
        in_width: 4,
        out_channels: 2,
        kernel: [3, 3],
        stride: [1, 1],
        pads: [1; 4],
        dilation: [1, 1],
        groups: 1,
    };
    let pool = Pool2dShape {
        channels: 2,
        in_height: 4,
        in_width: 4,
        kernel: [2, 2],
        stride: [2, 2],
        pad: [0, 0],
        out_height: 2,
        out_width: 2,
    };
    let shape = LinearShape::Conv2d(conv);
    let node =
        |layer: &str, op, input, output| PlanNode { layer: layer.into(), op, inputs: vec![input], output };
    Plan {
        name: "small".into(),
        preprocessing: "grey, 0..1".into(),
        settings: Settings {
            weight_bits: 8,
            activation_bits: 9,
            state_bits: 9,
            margin_percent: 200,
            calibration_inputs: 1,
            ranges: Ranges::Calibrated,
        },
        values: vec![
            value(&[1, 1, 4, 4], 20, 8, 9, false),
            value(&[1, 2, 4, 4], 20, 15, 19, false),
            value(&[1, 2, 4, 4], 13, 8, 12, true),
            value(&[1, 2, 2, 2], 13, 8, 12, true),
            value(&[1, 2, 2, 2], 20, 8, 12, true),
        ],
        inputs: vec![PlanInput { name: "x".into(), value: 0, one_hot: false }],
        nodes: vec![
            node(
                "conv1",
                PlanOp::Linear { shape, weight_bits: 8, weight_scale: 7, weights_of: None, bounds: None },
                0,
                1,
            ),
            node("relu1", PlanOp::ReluTruncate { shift: 7 }, 1, 2),
            node("pool1", PlanOp::MaxPool { pool }, 2, 3),
            node("pool1", PlanOp::Extend { to: 20 }, 3, 4),
        ],
        outputs: vec![PlanOutput { name: "y".into(), value: 4, softmax: true, reveal: Reveal::Scores }],
        checks: Checks::default(),
    }
}

fn weights(plan: &Plan) -> Weights {
    let parameters = Parameters { weights: (-9..9).collect(), bias: vec![1 << 40, -5] };
    Weights::new(plan, BTreeMap::from([(0, parameters)])).unwrap()
}

#[test]
fn the_small_plan_verifies_and_prints() {
    let plan = small();
    plan.verify().unwrap();
    let text = "plan small\ninput %0: 1x1x4x4 i20.8 <2^9 `x`\n\
        %1: 1x2x4x4 i20.15 <2^19 = conv[kernel=3x3 stride=1x1 pads=[1, 1, 1, 1] dilation=1x1 groups=1 weights=i8.7](%0) `conv1`\n\
        %2: 1x2x4x4 u13.8 <2^12 = relu-truncate[shift=7](%1) `relu1`\n\
        %3: 1x2x2x2 u13.8 <2^12 = max-pool[kernel=2x2 stride=2x2 pad=[0, 0]](%2) `pool1`\n\
        %4: 1x2x2x2 u20.8 <2^12 = extend[to=20](%3) `pool1`\noutput %4 `y` softmax\n";
    assert_eq!(plan.to_string(), text);
}

#[test]
fn each_broken_rule_is_found_at_its_node() {
    type Breakage = fn(&mut Plan);
    let breakages: [(&str, Breakage); 11] = [
        ("`conv1 (step 0)` (conv): makes 20 bits", |p| p.values[1].width = 21),
        ("`conv1 (step 0)` (conv): makes 20 bits at scale 15", |p| p.values[1].scale = 14),
        ("`relu1 (step 1)` (relu-truncate): shift by 20 of 20 bits", |p| {
            p.nodes[1].op = PlanOp::ReluTruncate { shift: 20 };
        }),
        ("`relu1 (step 1)` (truncate-extend): from 13 to 13 bits", |p| {
            p.nodes[1].op = PlanOp::TruncateExtend { shift: 7, to: 13 };
        }),
        ("`relu1 (step 1)` (clip): a limit of 1048575 in 20 bits", |p| {
            p.nodes[1].op = PlanOp::Clip { limit: (1 << 20) - 1 };
        }),
        ("`pool1 (step 2)` (max-pool): makes 13 bits", |p| p.values[3].non_negative = false),
        ("`pool1 (step 3)` (extend): from 13 to 13 bits", |p| p.nodes[3].op = PlanOp::Extend { to: 13 }),
        ("`relu1 (step 1)` (relu-truncate): reads value 3 before", |p| p.nodes[1].inputs = vec![3]),
        ("value 2: magnitude 13 in 13 bits", |p| p.values[2].magnitude = 13),
        ("value 4 isn't its own", |p| p.nodes.push(p.nodes[3].clone())),
        ("output `y` isn't defined", |p| p.outputs[0].value = 9),
    ];
    for (expected, breakage) in breakages {
        let mut plan = small();
        breakage(&mut plan);
        let message = plan.verify().unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_plan_file_comes_back_and_damage_is_noticed() {
    let plan = small();
    let bytes = plan.encode();
    assert!(bytes.starts_with(b"veilflow-plan 2 "));
    assert_eq!(Plan::decode(&bytes).unwrap(), plan);
    for end in 0..bytes.len() {
        assert!(Plan::decode(&bytes[..end]).is_err(), "cut to {end} bytes");
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        assert!(Plan::decode(&damaged).is_err(), "byte {at}");
    }
    let newer = String::from_utf8(bytes).unwrap().replacen("veilflow-plan 2", "veilflow-plan 3", 1);
    let message = Plan::decode(newer.as_bytes()).unwrap_err().to_string();
    assert_eq!(message, "veilflow-plan file: version 3; this program reads 2");
}

/// A forger can make the checksum fit; then the verifier stands alone.
#[test]
fn forged_numbers_never_pass_unchecked() {
    fn numbers(value: &mut Value, visit: &mut dyn FnMut(&mut Value)) {
        match value {
            Value::Number(_) => visit(value),
            Value::Array(items) => items.iter_mut().for_each(|v| numbers(v, visit)),
            Value::Object(fields) => fields.values_mut().for_each(|v| numbers(v, visit)),
            _ => {}
        }
    }
    let original = serde_json::to_value(small()).unwrap();
    let mut count = 0;
    numbers(&mut original.clone(), &mut |_| count += 1);
    for target in 0..count {
        for forged in [0i64, 1, 3, 63, 64, 65, 4096, 1 << 24, 1 << 40, i64::MAX, -1, i64::MIN] {
            let mut json = original.clone();
            let mut index = 0;
            numbers(&mut json, &mut |v| {
                if index == target {
                    *v = forged.into();
                }
                index += 1;
            });
            let Ok(plan) = serde_json::from_value::<Plan>(json) else { continue };
            if plan.verify().is_ok() {
                let elements: usize = plan.values.iter().map(|v| v.shape.elements()).sum();
                assert!(elements < 1 << 20, "number {target} = {forged} makes {elements} elements");
                // Texts and sizes of a verified plan can be asked for.
                let _ = (plan.to_string(), plan.parameters(), plan.multiplications());
            }
        }
    }
}

#[test]
fn a_weights_file_comes_back_and_damage_is_noticed() {
    let plan = small();
    let weights = weights(&plan);
    let bytes = weights.encode();
    assert_eq!(Weights::decode(&plan, &bytes).unwrap(), weights);
    for end in 0..bytes.len() {
        assert!(Weights::decode(&plan, &bytes[..end]).is_err(), "cut to {end} bytes");
    }
    for at in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[at] ^= 1;
        assert!(Weights::decode(&plan, &damaged).is_err(), "byte {at}");
    }
    let mut other = plan.clone();
    other.name.push('2');
    let message = Weights::decode(&other, &bytes).unwrap_err().to_string();
    assert_eq!(message, "veilflow-weights file: the weights belong to another plan");
    assert_eq!(
        format!("{weights:?} {:?}", weights.of(0)),
        "Weights(1 layers) Some(Parameters(18 weights, 2 biases))"
    );
}

#[test]
fn weights_must_fit_their_plan() {
    let plan = small();
    let refused = |parameters| Weights::new(&plan, parameters).unwrap_err().to_string();
    let layer =
        |weights: Vec<i64>| BTreeMap::from([(0, Parameters { weights: weights.into(), bias: vec![0; 2] })]);
    assert!(refused(BTreeMap::new()).contains("0 layers for a plan of 1"));
    assert!(refused(layer(vec![0; 17])).contains("layer `conv1` has the wrong size"));
    assert!(refused(layer(vec![128; 18])).contains("a weight of layer `conv1` doesn't fit 8 bits"));
}

#[test]
fn files_are_written_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (plan_path, weights_path) = (folder.path().join("plan"), folder.path().join("weights"));
    let plan = small();
    plan.save(&plan_path).unwrap();
    weights(&plan).save(&weights_path).unwrap();
    assert_eq!(Plan::load(&plan_path).unwrap(), plan);
    assert_eq!(Weights::load(&plan, &weights_path).unwrap(), weights(&plan));
    let names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(names.len(), 2, "no leftovers: {names:?}");
    assert!(Plan::load(&weights_path).unwrap_err().to_string().contains("another kind of file"));
    let nowhere = folder.path().join("missing").join("plan");
    assert!(matches!(plan.save(&nowhere), Err(IrError::File { .. })));
}

#[cfg(unix)]
#[test]
fn weights_are_for_their_owners_eyes() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights");
    weights(&small()).save(&path).unwrap();
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o077, 0);
}

#[test]
fn numbers_become_integers_and_back() {
    let value = value(&[4], 8, 3, 6, false);
    let encoded = value.encode(&[1.0, -1.06, 100.0, f32::NAN]);
    assert_eq!(encoded.values.to_signed(), [8, -8, 63, 0]);
    // 100 exceeds the range, and NaN is no number at all.
    assert_eq!(encoded.outside, 2);
    assert_eq!(value.decode(&encoded.values)[..2], [1.0, -1.0]);
    assert!(value.contains(-64) && !value.contains(64));
}

/// x → W·x, σ of it, a product of both, slices, a sum, c less it, and W once more.
pub(crate) fn recurrent() -> Plan {
    let shape = LinearShape::MatMul(veilflow_spec::MatMulShape { rows: 4, inner: 4, columns: 1 });
    let layer = |weights_of| PlanOp::Linear {
        shape: shape.clone(),
        weight_bits: 8,
        weight_scale: 6,
        weights_of,
        bounds: None,
    };
    let node = |op, inputs: &[usize], output| PlanNode {
        layer: format!("n{output}"),
        op,
        inputs: inputs.to_vec(),
        output,
    };
    let scalar = Shape::new([]).unwrap();
    Plan {
        values: vec![
            value(&[1, 4], 20, 6, 7, false),
            value(&[1, 4], 20, 12, 18, false),
            value(&[1, 4], 16, 14, 15, true),
            value(&[1, 4], 30, 26, 29, false),
            value(&[1, 2], 30, 26, 29, false),
            value(&[1, 1], 30, 26, 29, false),
            value(&[1, 1], 30, 26, 29, false),
            value(&[1, 4], 20, 12, 18, false),
        ],
        inputs: vec![PlanInput { name: "x".into(), value: 0, one_hot: false }],
        nodes: vec![
            node(layer(None), &[0], 1),
            node(PlanOp::Apply { function: crate::Function::Sigmoid, width: 16, scale: 14 }, &[1], 2),
            node(PlanOp::Multiply { width: 30 }, &[1, 2], 3),
            node(PlanOp::Gather { axis: 1, indices: vec![3, 0] }, &[3], 4),
            node(PlanOp::ReduceSum { axes: vec![1] }, &[4], 5),
            node(PlanOp::SubtractFrom { constant: scalar, bounds: None }, &[5], 6),
            node(layer(Some(0)), &[0], 7),
        ],
        outputs: vec![
            PlanOutput { name: "y".into(), value: 6, softmax: false, reveal: Reveal::Scores },
            PlanOutput { name: "z".into(), value: 7, softmax: false, reveal: Reveal::Scores },
        ],
        ..small()
    }
}

#[test]
fn functions_products_and_slices_verify_and_print() {
    let plan = recurrent();
    plan.verify().unwrap();
    assert_eq!(Plan::decode(&plan.encode()).unwrap(), plan);
    let text = plan.to_string();
    for line in [
        "%2: 1x4 u16.14 <2^15 = apply[sigmoid to=16.14](%1) `n2`",
        "%3: 1x4 i30.26 <2^29 = multiply[to=30](%1, %2) `n3`",
        "%4: 1x2 i30.26 <2^29 = gather[axis=1 indices=3,0](%3) `n4`",
        "%5: 1x1 i30.26 <2^29 = reduce-sum[axes=[1]](%4) `n5`",
        "%6: 1x1 i30.26 <2^29 = subtract-from[scalar](%5) `n6`",
        "%7: 1x4 i20.12 <2^18 = matmul[4x4x1 weights=i8.6 of step 0](%0) `n7`",
    ] {
        assert!(text.contains(line), "no {line:?} in\n{text}");
    }
    type Breakage = fn(&mut Plan);
    let breakages: [(&str, Breakage); 8] = [
        ("(apply): an argument has 8..=32 bits", |p| {
            (p.values[0].scale, p.values[1].scale) = (14, 20);
        }),
        ("(apply): a result has scale 4..=14", |p| {
            p.nodes[1].op = PlanOp::Apply { function: crate::Function::Sigmoid, width: 17, scale: 15 };
        }),
        ("(multiply): 37 bits of factors of 20 and 16 bits", |p| {
            p.nodes[2].op = PlanOp::Multiply { width: 37 };
        }),
        ("(multiply): 19 bits of factors", |p| p.nodes[2].op = PlanOp::Multiply { width: 19 }),
        ("(gather): index 4 along axis 1", |p| {
            p.nodes[3].op = PlanOp::Gather { axis: 1, indices: vec![4] };
        }),
        ("(reduce-sum): axes [2] of 1x2", |p| p.nodes[4].op = PlanOp::ReduceSum { axes: vec![2] }),
        ("(matmul): step 6 has no such weights", |p| {
            let PlanOp::Linear { weights_of, .. } = &mut p.nodes[6].op else { panic!() };
            *weights_of = Some(6);
        }),
        ("(matmul): step 0 has no such weights", |p| {
            let PlanOp::Linear { weight_bits, .. } = &mut p.nodes[6].op else { panic!() };
            *weight_bits = 9;
        }),
    ];
    for (expected, breakage) in breakages {
        let mut plan = recurrent();
        breakage(&mut plan);
        let message = plan.verify().unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn weights_that_several_layers_take_are_stored_once() {
    let plan = recurrent();
    let parameters = |weights: &std::sync::Arc<[i64]>, bias| Parameters { weights: weights.clone(), bias };
    let weights: std::sync::Arc<[i64]> = (0..16).collect();
    let nodes = BTreeMap::from([
        (0, parameters(&weights, vec![1; 4])),
        (5, parameters(&[].into(), vec![7])),
        (6, parameters(&weights, vec![2; 4])),
    ]);
    let weights = Weights::new(&plan, nodes.clone()).unwrap();
    let bytes = weights.encode();
    let read = Weights::decode(&plan, &bytes).unwrap();
    assert_eq!(read, weights);
    assert!(std::sync::Arc::ptr_eq(&read.of(0).unwrap().weights, &read.of(6).unwrap().weights));
    assert_eq!(bytes.len() - bytes.iter().position(|&b| b == b'\n').unwrap() - 1, 32 + 16 * 4 + 9 * 8);
    let mut other = nodes;
    other.get_mut(&6).unwrap().weights = (1..17).collect();
    let message = Weights::new(&plan, other).unwrap_err().to_string();
    assert!(message.contains("layer `n7` has weights of its own"), "{message}");
}

/// What calibration saw is no guarantee.
#[test]
fn guarantees_come_from_rings_and_operations_alone() {
    let mut plan = recurrent();
    let intervals = plan.guarantees();
    for value in &mut plan.values {
        (value.magnitude, value.non_negative) = (0, true);
    }
    assert_eq!(plan.guarantees(), intervals);

    let plan = small();
    let positive = Interval { low: 0, high: (1 << 12) - 1 };
    let wanted = [Interval::of_ring(20), Interval::of_ring(20), positive, positive, positive];
    assert_eq!(plan.guarantees(), wanted);
}

/// Images come from declared ranges, before reduction.
#[test]
fn images_exceed_what_a_plan_has_no_room_for() {
    let mut plan = small();
    let ranges: Vec<Interval> = plan.values.iter().map(PlanValue::range).collect();
    let relu = Interval { low: 0, high: (1 << 12) - 1 };
    assert_eq!(plan.images(), [ranges[0], Interval::ANY, relu, relu, relu]);
    assert_eq!(plan.overflows(), [0], "a layer of any weights");

    let bias = ConstantBounds { least: 0, most: 1 };
    let mut of_norm = |norm| {
        if let PlanOp::Linear { bounds, .. } = &mut plan.nodes[0].op {
            *bounds = Some(LayerBounds { norm, bias });
        }
        (plan.images()[1], plan.overflows())
    };
    assert_eq!(of_norm(1 << 9), (Interval { low: -1 << 18, high: (1 << 18) + 1 }, vec![]));
    assert_eq!(of_norm(1 << 11).1, [0], "2^9·2^11 exceeds 2^19");

    // A sum over windows of 4 elements of up to 2^12 doesn't fit 13 bits.
    if let PlanOp::MaxPool { pool } = plan.nodes[2].op.clone() {
        plan.nodes[2].op = PlanOp::AveragePool { pool, count_padding: true };
    }
    plan.verify().unwrap();
    assert_eq!((plan.images()[3], plan.overflows()), (Interval::ANY, vec![0, 2]));
}

/// A function of an argument that it has no value for counts as an overflow, whatever the result.
#[test]
fn functions_overflow_outside_their_domain() {
    let applied = |function, non_negative| {
        let mut plan = small();
        plan.nodes.truncate(1);
        plan.nodes[0].op = PlanOp::Apply { function, width: 16, scale: 8 };
        plan.values = vec![value(&[4], 16, 8, 12, non_negative), value(&[4], 16, 8, 15, true)];
        plan.outputs[0].value = 1;
        plan.verify().unwrap();
        plan.overflows()
    };
    assert_eq!(applied(Function::Sigmoid, false), [0; 0]);
    assert_eq!(applied(Function::Exp, false), [0]);
    assert_eq!(applied(Function::Sqrt, true), [0; 0]);
    assert_eq!(applied(Function::Sqrt, false), [0]);
}

/// Norms and constants bound sums where the weights are held to them, and are told only where they do.
#[test]
fn bounds_bind_the_weights_and_idle_ones_are_dropped() {
    let bias = ConstantBounds { least: 0, most: 256 };
    let bounded = |norm| {
        let mut plan = small();
        if let PlanOp::Linear { bounds, .. } = &mut plan.nodes[0].op {
            *bounds = Some(LayerBounds { norm, bias });
        }
        plan
    };
    // 18 weights a row of up to 9, a 20 bit input at 9 bits after a narrowing that there is not.
    let mut plan = bounded(1 << 12);
    plan.drop_idle_bounds();
    assert_eq!(plan, small(), "2^12·2^19 fills 20 bits");

    let numbers =
        |weights: Vec<i64>, bias| BTreeMap::from([(0, Parameters { weights: weights.into(), bias })]);
    let plan = bounded(64);
    let fits = || vec![7, -7, 7, -7, 7, -7, 7, -7, 8];
    let both = [fits(), fits()].concat();
    Weights::new(&plan, numbers(both.clone(), vec![0, 256])).unwrap();
    let mut larger = both.clone();
    larger[17] = 9;
    for (weights, bias) in [(larger, vec![0, 0]), (both.clone(), vec![0, -1]), (both, vec![257, 0])] {
        let message = Weights::new(&plan, numbers(weights, bias)).unwrap_err().to_string();
        assert!(message.contains("numbers of layer `conv1` exceed the plan's bounds"), "{message}");
    }

    // What an extension reads may be known by them. After a ReLU its sign is known without.
    let dropped = |activation: &[(PlanOp, u32)]| {
        let mut plan = bounded(64);
        let conv = PlanNode { inputs: vec![1], output: 2, ..plan.nodes[0].clone() };
        let extend =
            PlanNode { layer: "n".into(), op: PlanOp::Extend { to: 20 }, inputs: vec![0], output: 1 };
        plan.nodes = vec![extend, conv];
        plan.values.truncate(2);
        plan.values.insert(0, value(&[1, 1, 4, 4], 10, 8, 9, false));
        let mut x = 2;
        for (op, width) in activation.iter().cloned().chain([(PlanOp::Extend { to: 40 }, 40)]) {
            let non_negative = x > 2 || matches!(op, PlanOp::Relu);
            plan.values.push(value(&[1, 2, 4, 4], width, 15, 12, non_negative));
            plan.nodes.push(PlanNode { layer: "n".into(), op, inputs: vec![x], output: x + 1 });
            x += 1;
        }
        plan.outputs[0].value = x;
        plan.verify().unwrap();
        let whole = plan.clone();
        plan.drop_idle_bounds();
        plan != whole
    };
    assert!(!dropped(&[]));
    assert!(dropped(&[(PlanOp::Relu, 20)]));
    assert!(!dropped(&[(PlanOp::Relu, 20), (PlanOp::Narrow { to: 17 }, 17)]), "the narrowing must hold it");

    let constants = |constants: &[i64]| ConstantBounds::of(constants);
    assert_eq!(constants(&[3, -5]), ConstantBounds { least: -8, most: 4 });
    assert_eq!(constants(&[4, 4]), ConstantBounds { least: 0, most: 4 });
    assert_eq!(constants(&[i64::MIN, i64::MAX]), ConstantBounds { least: i64::MIN, most: i64::MAX });
    assert!(LayerBounds::of(&[i64::MIN, i64::MAX], &[0]).is_none());
}

/// Names in a plan steer no terminal: those that come from a network are cleaned, those in a file refused.
#[test]
fn texts_are_plain() {
    for strange in ["a\u{1b}[31mred\u{7}", "\u{9b}2J", "x\u{202e}y", "two\nlines", "\u{2066}"] {
        let rename: [fn(&mut Plan, &str); 4] = [
            |p, text| p.name = text.into(),
            |p, text| p.nodes[1].layer = text.into(),
            |p, text| p.inputs[0].name = text.into(),
            |p, text| p.preprocessing = text.into(),
        ];
        for rename in rename {
            let mut plan = small();
            rename(&mut plan, strange);
            let message = plan.verify().unwrap_err().to_string();
            assert!(message.contains("characters that steer a terminal"), "{message}");
            plan.clean_texts();
            plan.verify().unwrap();
        }
    }
    let mut plan = small();
    plan.drop_names();
    plan.verify().unwrap();
    let layers: Vec<&str> = plan.nodes.iter().map(|node| node.layer.as_str()).collect();
    assert_eq!(layers, ["layer 0", "layer 1", "layer 2", "layer 2"]);
    let names = [&plan.name, &plan.inputs[0].name, &plan.outputs[0].name];
    assert_eq!(names, ["model", "input 0", "output 0"]);
}

/// A plan of bounded ranges shows that nothing overflows, and holds weights to it.
#[test]
fn bounded_ranges_are_checked() {
    let mut plan = small();
    plan.settings.ranges = Ranges::Bounded;
    plan.verify().unwrap();
    assert_eq!(plan.images()[1], plan.values[1].range(), "the weights are held to it");

    // Rows of norm 2^10 take inputs in −2^9..2^9 to sums in −2^19..2^19. A bias can bring them out of there.
    let numbers = |weight: i64, bias| {
        let row = [vec![-128; 7], vec![-127, weight]].concat();
        let weights = [row.clone(), row].concat().into();
        Weights::new(&plan, BTreeMap::from([(0, Parameters { weights, bias: vec![0, bias] })]))
    };
    numbers(0, 0).unwrap();
    numbers(0, 511).unwrap();
    for (weight, bias) in [(0, 512), (0, -1536), (-2, 0), (127, 0)] {
        let message = numbers(weight, bias).unwrap_err().to_string();
        assert!(message.contains("layer `conv1` may overflow with these numbers"), "{message}");
    }

    plan.values[4].magnitude = 11;
    let message = plan.verify().unwrap_err().to_string();
    assert!(message.contains("`pool1 (step 3)` (extend): may overflow"), "{message}");
}

/// A sign as a number: 0 or 1 in the width that its readers take.
#[test]
fn signs_verify_and_print() {
    let signs = |to, width, magnitude| {
        let mut plan = small();
        plan.nodes.truncate(1);
        plan.nodes[0].op = PlanOp::Positive { to };
        plan.values = vec![value(&[4], 20, 8, 19, false), value(&[4], width, 0, magnitude, true)];
        plan.outputs[0].value = 1;
        plan.settings.ranges = Ranges::Bounded;
        plan
    };
    let plan = signs(9, 9, 1);
    plan.verify().unwrap();
    assert_eq!(Plan::decode(&plan.encode()).unwrap(), plan);
    assert!(plan.to_string().contains("%1: 4 u9.0 <2^1 = positive[to=9](%0) `conv1`"), "{plan}");
    let bit = Interval { low: 0, high: 1 };
    assert_eq!((plan.images()[1], plan.guarantees()[1]), (bit, bit));
    for (to, width, magnitude, expected) in [
        (1, 1, 0, "(positive): 0 or 1 in 1 bits"),
        (65, 64, 1, "(positive): 0 or 1 in 65 bits"),
        (9, 8, 1, "(positive): makes 9 bits"),
        (9, 9, 0, "(positive): may overflow"),
    ] {
        let message = signs(to, width, magnitude).verify().unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}
