//! Recurrent cells, unrolled.

use veilflow_ir::Function;

use super::*;

const STEPS: usize = 5;
const STATE: usize = 4;

impl Builder {
    fn slice(&mut self, x: ValueId, axis: usize, indices: std::ops::Range<usize>) -> ValueId {
        self.node(Op::Gather { axis, indices: indices.collect() }, &[x])
    }

    fn apply(&mut self, function: Function, x: ValueId) -> ValueId {
        self.node(Op::Apply { function }, &[x])
    }

    /// A GRU over the rows of x: z, r = σ(W·x + U·h), n = tanh(W·x + r·(U·h)), h′ = n + z·(h − n). Every
    /// step's state.
    fn gru(&mut self, x: ValueId) -> Vec<ValueId> {
        let inputs = self.graph.shape(x)[1];
        let (w, b) = (self.constant(&[inputs, 3 * STATE], 0.7), self.constant(&[3 * STATE], 0.5));
        let (u, c) = (self.constant(&[STATE, 3 * STATE], 0.7), self.constant(&[3 * STATE], 0.5));
        let all = self.node(Op::MatMul, &[x, w, b]);
        let first = self.slice(x, 0, 0..1);
        let start = self.constant(&[inputs, STATE], 0.5);
        let mut h = self.node(Op::MatMul, &[first, start]);
        let mut states = Vec::new();
        for step in 0..STEPS {
            let wx = self.slice(all, 0, step..step + 1);
            let uh = self.node(Op::MatMul, &[h, u, c]);
            let [wx_gates, wx_new] = [0..2 * STATE, 2 * STATE..3 * STATE].map(|r| self.slice(wx, 1, r));
            let [uh_gates, uh_new] = [0..2 * STATE, 2 * STATE..3 * STATE].map(|r| self.slice(uh, 1, r));
            let gates = self.node(Op::Add, &[wx_gates, uh_gates]);
            let gates = self.apply(Function::Sigmoid, gates);
            let [z, r] = [0..STATE, STATE..2 * STATE].map(|range| self.slice(gates, 1, range));
            let reset = self.node(Op::Mul, &[r, uh_new]);
            let new = self.node(Op::Add, &[wx_new, reset]);
            let new = self.apply(Function::Tanh, new);
            let change = self.node(Op::Sub, &[h, new]);
            let kept = self.node(Op::Mul, &[z, change]);
            h = self.node(Op::Add, &[new, kept]);
            states.push(h);
        }
        states
    }
}

fn linear_nodes(compiled: &Compiled) -> Vec<(usize, Option<usize>, u32)> {
    let of = |(i, node): (usize, &veilflow_ir::PlanNode)| match node.op {
        PlanOp::Linear { weights_of, weight_bits, .. } => Some((i, weights_of, weight_bits)),
        _ => None,
    };
    compiled.plan.nodes.iter().enumerate().filter_map(of).collect()
}

#[test]
fn steps_share_weights_and_work_with_more_bits() {
    let (mut b, x) = Builder::new(&[STEPS, 3]);
    let h = *b.gru(x).last().unwrap();
    let w = b.constant(&[STATE, 2], 0.7);
    let y = b.node(Op::MatMul, &[h, w]);
    b.options.weight_bits = 11;
    let compiled = b.check(&[y]);
    let layers = linear_nodes(&compiled);
    let plan = &compiled.plan;
    assert_eq!(layers.len(), 3 + STEPS, "{plan}");
    let owner = layers[2].0;
    assert_eq!(layers[2].1, None);
    assert!(layers[3..2 + STEPS].iter().all(|l| l.1 == Some(owner)), "{plan}");
    assert!(layers[..2 + STEPS].iter().all(|l| l.2 == 16), "{plan}");
    assert_eq!(layers[2 + STEPS].2, 11, "{plan}");
    // One copy in memory and in the file.
    let [first, last] = [owner, layers[1 + STEPS].0].map(|i| &compiled.weights.of(i).unwrap().weights);
    assert!(Arc::ptr_eq(first, last));
    let bytes = compiled.weights.encode();
    assert!(bytes.len() < 4 * (2 * 12 * 4 + 12 + 8) + 8 * 12 * 8 + 8 * 40 + 200, "{} bytes", bytes.len());
    assert_eq!(Weights::decode(plan, &bytes).unwrap(), compiled.weights);
}

#[test]
fn every_step_has_room_for_what_any_step_may_reach() {
    let (mut b, x) = Builder::new(&[STEPS, 3]);
    let states = b.gru(x);
    let all = b.node(Op::Concat { axis: 0 }, &states);
    b.graph.output(all, false);
    // Calibration moves the state in the last step only.
    let input = |step: usize, size: f32| {
        let row = tensor(&[3], size, 9).into_data();
        vec![Tensor::from_fn(shape(&[STEPS, 3]), |i| if i / 3 == step { row[i % 3] } else { 0.0 })]
    };
    let calibration = [input(0, 0.1), input(STEPS - 1, 2.0)];
    let compiled = compile(&b.graph, &calibration, &Options::default()).unwrap();
    let Compiled { plan, weights, .. } = &compiled;
    for step in 1..STEPS {
        let run = clear::run(plan, weights, &input(step, 2.5)).unwrap();
        assert_eq!(run.overflows, [], "step {step}\n{plan}");
        let expected = float::run(&b.graph, &input(step, 2.5)).unwrap();
        for (e, a) in expected[0].data().iter().zip(&run.decode(plan)[0]) {
            assert!((e - a).abs() < 0.002, "{e} became {a}\n{plan}");
        }
    }
    // Steps that play the same part have the same formats.
    let formats = |name: &str| -> Vec<(u32, i32, u32)> {
        let nodes = plan.nodes.iter().filter(|n| n.op.to_string().starts_with(name));
        nodes.map(|n| &plan.values[n.inputs[0]]).map(|v| (v.width, v.scale, v.magnitude)).collect()
    };
    for function in ["apply[sigmoid", "apply[tanh"] {
        let found = formats(function);
        assert_eq!(found.len(), STEPS, "{plan}");
        assert!(found.iter().all(|f| *f == found[0]), "{found:?}");
    }
    // What no step was seen near is reported.
    assert!(!clear::run(plan, weights, &input(2, 60.0)).unwrap().overflows.is_empty());
}
