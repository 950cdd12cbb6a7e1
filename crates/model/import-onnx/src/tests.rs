//! Models built in memory: what they become, and how they fail.

use prost::Message;
use veilflow_ir::Op;

use veilflow_lowering::source::{self, data_type};

use crate::proto;
use crate::{ImportError, import_bytes};

fn floats(name: &str, dims: &[i64]) -> source::Tensor {
    let len = dims.iter().product::<i64>();
    source::Tensor {
        name: Some(name.into()),
        dims: dims.to_vec(),
        data_type: Some(data_type::FLOAT),
        raw_data: Some((0..len).flat_map(|i| (i as f32 / 8.0 - 1.0).to_le_bytes()).collect()),
        ..Default::default()
    }
}

fn scalar(name: &str, value: f32) -> source::Tensor {
    let (dims, float_data) = (vec![], vec![value]);
    source::Tensor {
        name: Some(name.into()),
        dims,
        float_data,
        data_type: Some(data_type::FLOAT),
        ..Default::default()
    }
}

fn integers(name: &str, values: &[i64]) -> source::Tensor {
    source::Tensor {
        name: Some(name.into()),
        dims: vec![values.len() as i64],
        data_type: Some(data_type::INT64),
        int64_data: values.to_vec(),
        ..Default::default()
    }
}

fn ints(name: &str, ints: &[i64]) -> source::Attribute {
    source::Attribute { name: Some(name.into()), ints: ints.to_vec(), ..Default::default() }
}

fn int(name: &str, i: i64) -> source::Attribute {
    source::Attribute { name: Some(name.into()), i: Some(i), ..Default::default() }
}

fn float(name: &str, f: f32) -> source::Attribute {
    source::Attribute { name: Some(name.into()), f: Some(f), ..Default::default() }
}

fn texts(name: &str, texts: &[&str]) -> source::Attribute {
    let strings = texts.iter().map(|s| s.as_bytes().to_vec()).collect();
    source::Attribute { name: Some(name.into()), strings, ..Default::default() }
}

fn graph(name: &str, graph: source::Graph) -> source::Attribute {
    source::Attribute { name: Some(name.into()), g: Some(graph), ..Default::default() }
}

fn text(name: &str, s: &str) -> source::Attribute {
    source::Attribute { name: Some(name.into()), s: Some(s.into()), ..Default::default() }
}

fn node(op: &str, inputs: &[&str], output: &str, attribute: Vec<source::Attribute>) -> source::Node {
    source::Node {
        input: inputs.iter().map(|&s| s.to_owned()).collect(),
        output: vec![output.to_owned()],
        name: Some(format!("{op}_1")),
        op_type: Some(op.to_owned()),
        attribute,
        domain: None,
    }
}

/// A model with input `x`; a dimension of 0 stays symbolic.
fn model(
    opset: i64,
    x: &[i64],
    constants: Vec<source::Tensor>,
    nodes: Vec<source::Node>,
    output: &str,
) -> proto::Model {
    let dim = |&d: &i64| match d {
        0 => source::Dimension { dim_value: None, dim_param: Some("N".into()) },
        d => source::Dimension { dim_value: Some(d), dim_param: None },
    };
    let shape = Some(source::TensorShape { dim: x.iter().map(dim).collect() });
    let tensor_type = Some(source::TensorType { elem_type: Some(data_type::FLOAT), shape });
    let info = |name: &str, r#type| source::ValueInfo { name: Some(name.into()), r#type };
    proto::Model {
        graph: Some(source::Graph {
            value_info: vec![],
            node: nodes,
            name: Some("test".into()),
            initializer: constants,
            input: vec![info("x", Some(source::Type { tensor_type }))],
            output: vec![info(output, None)],
        }),
        opset_import: vec![proto::OperatorSet { domain: None, version: Some(opset) }],
    }
}

fn small() -> proto::Model {
    let constants = vec![
        floats("w", &[2, 1, 3, 3]),
        floats("b", &[2]),
        scalar("low", 0.0),
        scalar("high", 6.0),
        floats("fc", &[3, 18]),
        integers("flat", &[0, -1]),
    ];
    let nodes = vec![
        node("Conv", &["x", "w", "b"], "y", vec![ints("pads", &[1, 1, 1, 1])]),
        node("Clip", &["y", "low", "high"], "c", vec![]),
        node(
            "MaxPool",
            &["c"],
            "p",
            vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2]), int("ceil_mode", 1)],
        ),
        node("Reshape", &["p", "flat"], "f", vec![]),
        node("Gemm", &["f", "fc"], "g", vec![int("transB", 1), float("alpha", 0.5)]),
        node("Softmax", &["g"], "s", vec![]),
    ];
    model(13, &[0, 1, 5, 5], constants, nodes, "s")
}

fn import(model: &proto::Model) -> Result<veilflow_ir::Graph, ImportError> {
    import_bytes(&model.encode_to_vec())
}

fn refusal(model: &proto::Model) -> String {
    import(model).expect_err("the model must be refused").to_string()
}

/// The op of a model's only node.
fn only_op(model: &proto::Model) -> Op {
    import(model).unwrap().nodes()[0].op.clone()
}

#[test]
fn a_model_becomes_its_graph() {
    let expected = "graph test\ninput %x: 1x1x5x5\nconst %w: 2x1x3x3\nconst %b: 2\nconst %fc: 3x18\n\
        const %g.number: scalar\n%y: 1x2x5x5 = conv[kernel=3x3 pads=1,1,1,1](%x, %w, %b)\n\
        %c: 1x2x5x5 = clip[0..=6](%y)\n%p: 1x2x3x3 = max-pool[kernel=2x2 stride=2x2 pads=0,0,1,1](%c)\n\
        %f: 1x18 = reshape(%p)\n%g.part: 18x3 = transpose[1, 0](%fc)\n%g.part.1: 18x3 = mul(%g.part, %g.number)\n\
        %g.product: 1x3 = matmul(%f, %g.part.1)\n%g: 1x3 = identity(%g.product)\noutput %g softmax\n";
    assert_eq!(import(&small()).unwrap().to_string(), expected);
}

#[test]
fn clip_limits_move_from_attributes_to_inputs() {
    let old = model(9, &[1, 2], vec![], vec![node("Clip", &["x"], "y", vec![float("max", 6.0)])], "y");
    assert_eq!(only_op(&old), Op::Clip { min: f32::NEG_INFINITY, max: 6.0 });
    let constants = vec![scalar("high", 6.0)];
    let new = model(11, &[1, 2], constants, vec![node("Clip", &["x", "", "high"], "y", vec![])], "y");
    assert_eq!(only_op(&new), Op::Clip { min: f32::NEG_INFINITY, max: 6.0 });
}

#[test]
fn automatic_padding_is_resolved() {
    let pool = |auto_pad: &str| {
        let attributes =
            vec![ints("kernel_shape", &[3, 2]), ints("strides", &[2, 2]), text("auto_pad", auto_pad)];
        match only_op(&model(13, &[1, 1, 5, 6], vec![], vec![node("MaxPool", &["x"], "y", attributes)], "y"))
        {
            Op::MaxPool { window } => (window.pad_before, window.pad_after),
            op => panic!("{op}"),
        }
    };
    assert_eq!(pool("SAME_UPPER"), ([1, 0], [1, 0]));
    assert_eq!(pool("VALID"), ([0, 0], [0, 0]));
    let even = |auto_pad: &str| {
        let attributes = vec![ints("kernel_shape", &[2, 2]), text("auto_pad", auto_pad)];
        match only_op(&model(13, &[1, 1, 4, 4], vec![], vec![node("MaxPool", &["x"], "y", attributes)], "y"))
        {
            Op::MaxPool { window } => (window.pad_before, window.pad_after),
            op => panic!("{op}"),
        }
    };
    assert_eq!(even("SAME_UPPER"), ([0, 0], [1, 1]));
    assert_eq!(even("SAME_LOWER"), ([1, 1], [0, 0]));
}

/// The rule of ONNX: a last window that would begin in the padding after the input is dropped.
#[test]
fn ceil_mode_adds_a_window_only_over_real_elements() {
    let sizes = |size: i64, kernel: i64, stride: i64, pad: i64| {
        let attributes = vec![
            ints("kernel_shape", &[kernel, kernel]),
            ints("strides", &[stride, stride]),
            ints("pads", &[pad; 4]),
            int("ceil_mode", 1),
        ];
        let graph = import(&model(
            13,
            &[1, 1, size, size],
            vec![],
            vec![node("MaxPool", &["x"], "y", attributes)],
            "y",
        ));
        let graph = graph.unwrap();
        graph.shape(graph.outputs()[0].value)[2]
    };
    assert_eq!(sizes(4, 3, 2, 0), 2);
    assert_eq!(sizes(5, 3, 2, 0), 2);
    // ⌈(3 + 2 − 2)/2⌉ + 1 = 3 windows, the third at index 4 beyond 1 + 3.
    assert_eq!(sizes(3, 2, 2, 1), 2);
}

#[test]
fn what_is_not_supported_says_so() {
    let refused =
        |nodes: Vec<source::Node>| refusal(&model(13, &[1, 2, 4, 4], vec![floats("w", &[2])], nodes, "y"));
    let det = refused(vec![node("Det", &["x"], "y", vec![])]);
    assert!(det.starts_with("node `Det_1`: op Det isn't supported; supported are Abs, Acos,"), "{det}");
    let cut = refused(vec![node("NonMaxSuppression", &["x"], "y", vec![])]);
    assert!(cut.contains("isn't supported (end the model before it"), "{cut}");
    let unknown = refused(vec![node("Relu", &["x"], "y", vec![int("slope", 1)])]);
    assert_eq!(unknown, "node `Relu_1` (Relu): attribute `slope` isn't supported");
    let missing = refused(vec![node("Relu", &["z"], "y", vec![])]);
    assert_eq!(missing, "node `Relu_1` (Relu): input `z` isn't defined before it");
    let several = refused(vec![
        node("Det", &["x"], "d", vec![]),
        node("Relu", &["d"], "r", vec![]),
        node("DeformConv", &["x"], "u", vec![]),
        node("Add", &["r", "u"], "y", vec![]),
    ]);
    let expected = "2 nodes are refused:\n- node `Det_1`: op Det isn't supported\n\
        - node `DeformConv_1`: op DeformConv isn't supported (where the offsets are known, write it as a matrix \
        product over the pixels)\n\
        2 nodes that depend on them weren't tried\n";
    assert!(several.starts_with(expected), "{several}");
}

/// What drops elements at random is no identity.
#[test]
fn dropout_is_the_identity_outside_training() {
    let mode = |training: bool, raw: bool| source::Tensor {
        name: Some("mode".into()),
        data_type: Some(data_type::BOOL),
        raw_data: raw.then(|| vec![u8::from(training)]),
        int32_data: if raw { Vec::new() } else { vec![training.into()] },
        ..Default::default()
    };
    let dropout = |mode| {
        let node = node("Dropout", &["x", "ratio", "mode"], "y", vec![]);
        model(13, &[1, 4], vec![scalar("ratio", 0.5), mode], vec![node], "y")
    };
    for raw in [false, true] {
        assert_eq!(only_op(&dropout(mode(false, raw))), Op::Identity);
        let message = refusal(&dropout(mode(true, raw)));
        assert!(
            message.starts_with("node `Dropout_1` (Dropout): training mode isn't supported"),
            "{message}"
        );
    }
}

#[test]
fn a_closing_softmax_is_left_to_the_reader_and_an_inner_one_is_computed() {
    let closing = |then: &str| {
        let nodes = vec![node("Softmax", &["x"], "s", vec![]), node(then, &["s"], "y", vec![])];
        import(&model(13, &[1, 4], vec![], nodes, "y")).unwrap()
    };
    let graph = closing("Identity");
    assert!(graph.outputs()[0].softmax && graph.nodes().iter().all(|n| n.op == Op::Identity), "{graph}");
    let graph = closing("Relu");
    let is_exp = |n: &&veilflow_ir::Node| matches!(n.op, Op::Apply { function } if function == veilflow_ir::Function::ExpSigned);
    assert!(!graph.outputs()[0].softmax && graph.nodes().iter().filter(is_exp).count() == 1, "{graph}");
}

#[test]
fn unusable_tensors_and_inputs_say_why() {
    let with = |tensor: source::Tensor| {
        refusal(&model(13, &[1, 4], vec![tensor], vec![node("Add", &["x", "w"], "y", vec![])], "y"))
    };
    let location = source::StringPair { key: Some("location".into()), value: Some("big.bin".into()) };
    let external = source::Tensor { external_data: vec![location], raw_data: None, ..floats("w", &[4]) };
    assert!(with(external).contains("input `w`: its data is external, in `big.bin`"));
    assert!(with(floats("w", &[5])).contains("shapes 1x4 and 5 don't broadcast"));
    let short = source::Tensor { dims: vec![1 << 40], ..floats("w", &[4]) };
    assert!(with(short).contains("more than 2^28 elements"));
    let overflow = source::Tensor { dims: vec![1 << 40; 3], ..floats("w", &[4]) };
    assert!(with(overflow).contains("are too large"));
    let text = source::Tensor { data_type: Some(8), ..floats("w", &[4]) };
    assert!(with(text).contains("type string isn't supported"));
    let nan = source::Tensor { raw_data: Some(f32::NAN.to_le_bytes().repeat(4)), ..floats("w", &[4]) };
    assert!(with(nan).contains("not a number"));

    let symbolic = model(13, &[1, 0], vec![], vec![node("Relu", &["x"], "y", vec![])], "y");
    let message = refusal(&symbolic);
    assert!(message.contains("leaves dimension 1 of input `x` (`N`) open: give each a size"), "{message}");
    let old = model(5, &[1, 4], vec![], vec![node("Relu", &["x"], "y", vec![])], "y");
    assert_eq!(refusal(&old), "the model has opset 5; at least 6 is needed");
}

/// An LSTM of two steps, 3 features and a state of 2; W, R, B, P as given.
fn lstm(dims: [&[i64]; 4], attributes: Vec<source::Attribute>) -> proto::Model {
    let names = ["w", "r", "b", "p"];
    let constants = names.iter().zip(dims).map(|(name, dims)| floats(name, dims)).collect();
    let lstm = node("LSTM", &["x", "w", "r", "b", "", "", "", "p"], "y", attributes);
    model(14, &[2, 1, 3], constants, vec![lstm], "y")
}

const LSTM: [&[i64]; 4] = [&[1, 8, 3], &[1, 8, 2], &[1, 16], &[1, 6]];

#[test]
fn a_recurrence_projects_its_sequence_once_and_shares_its_weights() {
    let graph = import(&lstm(LSTM, vec![int("hidden_size", 2)])).unwrap();
    let products: Vec<_> = graph.nodes().iter().filter(|n| n.op == Op::MatMul).collect();
    // The whole sequence, and the state of the second step: that of the first is zero.
    assert_eq!(products.len(), 2);
    assert_eq!(graph.shape(products[0].inputs[0])[..], [2, 3]);
    assert_eq!(graph.shape(products[1].inputs[0])[..], [1, 2]);

    let mut longer = lstm(LSTM, vec![]);
    let shape = longer.graph.as_mut().unwrap().input[0].r#type.as_mut().unwrap();
    shape.tensor_type.as_mut().unwrap().shape.as_mut().unwrap().dim[0].dim_value = Some(4);
    let graph = import(&longer).unwrap();
    let states: Vec<_> = graph.nodes().iter().filter(|n| n.op == Op::MatMul).skip(1).collect();
    assert_eq!(states.len(), 3);
    assert!(states.iter().all(|n| n.inputs[1] == states[0].inputs[1]));
}

/// A number of steps that the file leaves open is not one step.
#[test]
fn sequences_have_a_fixed_number_of_steps() {
    let mut open = lstm(LSTM, vec![]);
    let shape = open.graph.as_mut().unwrap().input[0].r#type.as_mut().unwrap();
    shape.tensor_type.as_mut().unwrap().shape.as_mut().unwrap().dim[0].dim_value = None;
    let message = refusal(&open);
    assert!(message.contains("the first dimension of input `x` is time"), "{message}");
    // An open batch is one sample, also where it comes first.
    let mut batch = lstm(LSTM, vec![int("layout", 1)]);
    let shape = batch.graph.as_mut().unwrap().input[0].r#type.as_mut().unwrap();
    shape.tensor_type.as_mut().unwrap().shape.as_mut().unwrap().dim[0].dim_value = None;
    import(&batch).unwrap();
}

#[test]
fn recurrences_that_are_not_supported_say_so() {
    let refused = |attributes| refusal(&lstm(LSTM, attributes));
    assert!(refused(vec![text("direction", "sideways")]).ends_with("direction `sideways`"));
    assert!(refused(vec![int("hidden_size", 3)]).contains("`hidden_size` isn't the 2"));
    let unknown = refused(vec![texts("activations", &["Sigmoid", "Softer", "Tanh"])]);
    assert!(unknown.contains("activation `Softer` isn't supported"), "{unknown}");
    assert!(refused(vec![texts("activations", &["Sigmoid"])]).contains("1 activations for 1 directions"));
    let two_directions = refused(vec![text("direction", "bidirectional")]);
    assert!(two_directions.contains("input 1 has shape 1x8x3, not [2, 8, 3]"), "{two_directions}");

    for (index, dims) in [&[1, 8, 4][..], &[1, 6, 2], &[1, 15], &[1, 5]].into_iter().enumerate() {
        let mut wrong = LSTM;
        wrong[index] = dims;
        let message = refusal(&lstm(wrong, vec![]));
        assert!(message.starts_with("node `LSTM_1` (LSTM): input"), "{message}");
    }
    let mut private = lstm(LSTM, vec![]);
    private.graph.as_mut().unwrap().node[0].input[1] = "x".into();
    assert!(refusal(&private).contains("input 1 has shape 2x1x3, not [1, 8, 3]"));
    let mut longer = lstm(LSTM, vec![]);
    longer.graph.as_mut().unwrap().initializer.push(integers("lengths", &[3]));
    longer.graph.as_mut().unwrap().node[0].input[4] = "lengths".into();
    assert!(refusal(&longer).contains("lengths [3] of 1 sequences of 2 steps"));
}

/// A scan of `body` over x from the state s0: its body's inputs are s and v, its only output the next state.
fn scan(x: &[i64], body: Vec<source::Node>, next: &str) -> proto::Model {
    let info = |name: &str| source::ValueInfo { name: Some(name.into()), r#type: None };
    let body = source::Graph {
        value_info: vec![],
        node: body,
        name: None,
        initializer: vec![],
        input: vec![info("s"), info("v")],
        output: vec![info(next)],
    };
    let scan = node("Scan", &["s0", "x"], "y", vec![graph("body", body), int("num_scan_inputs", 1)]);
    model(13, x, vec![floats("s0", &[2])], vec![scan], "y")
}

#[test]
fn a_scan_repeats_its_body() {
    let graph = import(&scan(&[3, 2], vec![node("Add", &["s", "v"], "n", vec![])], "n")).unwrap();
    assert_eq!(graph.nodes().iter().filter(|n| n.op == Op::Add).count(), 3);
    assert_eq!(graph.shape(graph.outputs()[0].value)[..], [2]);
}

#[test]
fn scans_that_cannot_be_unrolled_say_so() {
    let add = || vec![node("Add", &["s", "v"], "n", vec![])];
    let missing = refusal(&scan(&[3, 2], add(), "other"));
    assert_eq!(missing, "node `Scan_1` (Scan): its body doesn't compute `other`");
    let unknown = refusal(&scan(&[3, 2], vec![node("Add", &["s", "z"], "n", vec![])], "n"));
    assert_eq!(unknown, "node `Scan_1.0.Add_1` (Add): input `z` isn't defined before it");
    let unsupported = refusal(&scan(&[3, 2], vec![node("Det", &["s"], "n", vec![])], "n"));
    assert!(unsupported.starts_with("node `Scan_1.0.Det_1`: op Det isn't supported"), "{unsupported}");
    let endless = refusal(&scan(&[1 << 27, 2], add(), "n"));
    assert!(endless.contains("unrolled, the model has more than 262144 nodes"), "{endless}");
    let mut several = scan(&[3, 2], add(), "n");
    several.graph.as_mut().unwrap().node[0].attribute[1] = int("num_scan_inputs", 3);
    assert!(refusal(&several).contains("fewer inputs than `num_scan_inputs`"));
    several.graph.as_mut().unwrap().node[0].attribute[1] = int("num_scan_inputs", 0);
    assert!(refusal(&several).contains("a body of 2 inputs and 1 outputs for 2 inputs"));
}

/// A few bytes can't ask for gigabytes of constants.
#[test]
fn what_is_computed_at_import_is_limited() {
    let large = [1 << 14, 1 << 14];
    let fill = vec![node("ConstantOfShape", &["d"], "c", vec![]), node("Add", &["x", "c"], "y", vec![])];
    let filled = refusal(&model(13, &[1], vec![integers("d", &large)], fill, "y"));
    assert!(filled.contains("too much is computed from the file's constants"), "{filled}");
    let expand = vec![node("Expand", &["c", "d"], "e", vec![]), node("Add", &["x", "e"], "y", vec![])];
    let expanded = refusal(&model(13, &[1], vec![scalar("c", 1.0), integers("d", &large)], expand, "y"));
    assert!(expanded.contains("too much is computed from the file's constants"), "{expanded}");
}

#[test]
fn slices_and_powers_that_are_not_supported_say_so() {
    let refused = |constants: Vec<source::Tensor>, node: source::Node| {
        refusal(&model(13, &[1, 6], constants, vec![node], "y"))
    };
    let split = |sizes: &[i64]| {
        let axis = vec![int("axis", 1)];
        refused(vec![integers("s", sizes)], node("Split", &["x", "s"], "y", axis))
    };
    assert!(split(&[5]).contains("6 elements in 1 parts of sizes [5]"));
    assert!(split(&[-6]).contains("a part of negative size"));
    let gather = |index| {
        refused(vec![integers("i", &[index])], node("Gather", &["x", "i"], "y", vec![int("axis", 1)]))
    };
    assert!(gather(6).contains("index 6 along axis 1 of 1x6"));
    assert!(gather(-7).contains("index -7 along 6 elements"));
    let slice = |step| {
        let constants = vec![integers("a", &[0]), integers("b", &[0]), integers("t", &[step])];
        refused(constants, node("Slice", &["x", "a", "b", "a", "t"], "y", vec![]))
    };
    assert!(slice(0).contains("a step of 0"));
    assert!(slice(1).contains("an empty dimension"));
    let zero = refused(vec![scalar("c", 0.0)], node("Div", &["x", "c"], "y", vec![]));
    assert!(zero.contains("divides by 0"), "{zero}");
    let crop = refused(vec![integers("p", &[0, -6, 0, 0])], node("Pad", &["x", "p"], "y", vec![]));
    assert!(crop.contains("its crop leaves nothing"), "{crop}");
}

/// Every prefix and every changed byte gives a graph or an error, quickly and without a panic.
#[test]
fn damaged_files_are_refused_or_read() {
    let body = vec![node("Add", &["s", "v"], "a", vec![]), node("Sigmoid", &["a"], "n", vec![])];
    let models = [small(), lstm(LSTM, vec![text("direction", "reverse")]), scan(&[3, 2], body, "n")];
    for bytes in models.map(|model| model.encode_to_vec()) {
        for end in 0..bytes.len() {
            let _ = import_bytes(&bytes[..end]);
        }
        assert!(import_bytes(&bytes[..bytes.len() / 2]).is_err());
        for at in 0..bytes.len() {
            for change in [0x01, 0x08, 0x80, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] ^= change;
                if let Ok(graph) = import_bytes(&damaged) {
                    graph.verify().unwrap_or_else(|e| panic!("byte {at} ^ {change:#x}: {e}"));
                }
            }
        }
    }
    assert!(matches!(import_bytes(b"<html>not a model</html>"), Err(ImportError::Decode { .. })));
}

#[test]
fn constants_may_come_through_unsqueeze_and_reshape() {
    let constants = vec![floats("scale", &[2]), floats("flat", &[12]), integers("shape", &[3, 2, 1, 2])];
    let nodes = vec![
        node("Unsqueeze", &["scale"], "aligned", vec![ints("axes", &[1, 2])]),
        node("Mul", &["x", "aligned"], "scaled", vec![]),
        node("Reshape", &["flat", "shape"], "weights", vec![]),
        node("Conv", &["scaled", "weights"], "y", vec![]),
    ];
    let graph = import_bytes(&model(9, &[1, 2, 4, 4], constants, nodes, "y").encode_to_vec()).unwrap();
    let ops: Vec<&str> = graph.nodes().iter().map(|n| n.op.name()).collect();
    assert_eq!(ops, ["mul", "conv"]);
    assert_eq!(graph.shape(graph.nodes()[0].inputs[1])[..], [2, 1, 1]);
}
