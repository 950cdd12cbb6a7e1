//! Functions and products of private values.

use veilflow_ir::Function;

use super::*;

/// The network x ↦ f(x² + 1), f(−x²) or f(x), as the function needs it, calibrated on numbers in −3..3.
fn applied(function: Function) -> Compiled {
    let (mut b, x) = Builder::new(&[1, 40]);
    let argument = match function {
        Function::Reciprocal | Function::ReciprocalSqrt | Function::Sqrt | Function::Log => {
            let square = b.node(Op::Mul, &[x, x]);
            let one = b.graph.constant("one", Arc::new(Tensor::from_fn(shape(&[1]), |_| 1.0))).unwrap();
            b.node(Op::Add, &[square, one])
        }
        Function::Exp => {
            let square = b.node(Op::Mul, &[x, x]);
            let minus = b.graph.constant("minus", Arc::new(Tensor::from_fn(shape(&[1]), |_| -1.0))).unwrap();
            b.node(Op::Mul, &[square, minus])
        }
        _ => x,
    };
    let y = b.node(Op::Apply { function }, &[argument]);
    if let Function::Sigmoid | Function::Tanh | Function::Erf | Function::Silu | Function::Gelu = function {
        return b.check(&[y]);
    }
    b.graph.output(y, false);
    // No interval says that an argument is positive, or small enough.
    let bounded = Options { ranges: Ranges::Bounded, ..b.options.clone() };
    let message = compile(&b.graph, &[vec![tensor(&[1, 40], 3.0, 50)]], &bounded).unwrap_err().to_string();
    assert!(message.contains("no bound keeps its argument where the function has a value"), "{message}");
    b.compared(&b.options)
}

#[test]
fn every_function_comes_close_to_its_float() {
    for function in Function::ALL {
        let compiled = applied(function);
        let applies = |op: &PlanOp| matches!(op, PlanOp::Apply { function: f, .. } if *f == function);
        assert!(compiled.plan.nodes.iter().any(|n| applies(&n.op)), "{}", compiled.plan);
    }
}

#[test]
fn arguments_that_a_function_does_not_take_are_reported() {
    let (mut b, x) = Builder::new(&[1, 3]);
    let y = b.node(Op::Apply { function: Function::Sqrt }, &[x]);
    b.graph.output(y, false);
    let input = |x: f32| vec![Tensor::from_fn(shape(&[1, 3]), |i| if i == 0 { x } else { 1.0 })];
    let compiled = compile(&b.graph, &[input(2.0)], &Options::default()).unwrap();
    let overflows = |x: f32| clear::run(&compiled.plan, &compiled.weights, &input(x)).unwrap().overflows;
    assert_eq!(overflows(1.5), []);
    assert_eq!(overflows(-1.0).len(), 1);
    assert_eq!(overflows(-1.0)[0].elements, 1);
}

#[test]
fn factors_are_repeated_to_one_shape() {
    let (mut b, x) = Builder::new(&[3, 4]);
    let row = b.node(Op::ReduceSum { axes: vec![0] }, &[x]);
    let column = b.node(Op::Gather { axis: 1, indices: vec![2] }, &[x]);
    let outer = b.node(Op::Mul, &[row, column]);
    let shifted = b.node(Op::Sub, &[outer, row]);
    let c = b.constant(&[2, 3, 4], 1.0);
    let wide = b.node(Op::Add, &[shifted, c]);
    let compiled = b.check(&[wide]);
    let found = ops(&compiled);
    assert!(["reduce-sum", "multiply", "gather", "sub"].iter().all(|op| found.contains(op)), "{found:?}");
}

#[test]
fn no_sign_of_a_sigmoid_is_lost() {
    // Whatever the formats, the plan says that results are never negative.
    for (bits, scale) in [(8, 3), (12, 8), (16, 11), (18, 9), (24, 20)] {
        for out in 4..=14u32 {
            let formats = [(bits, scale), (out + 2, out)];
            let [input, output] = formats.map(|(bits, scale)| veilflow_spec::math::Fixed { bits, scale });
            let spline = veilflow_spec::math::Function::Sigmoid.spline(input, output).unwrap();
            let step = 1u64.max(1 << bits.saturating_sub(16));
            let all: Vec<u64> = (0..1u64 << bits).step_by(step as usize).collect();
            let x = veilflow_ring::RingVec::from_values(input.ring(), all);
            let results = veilflow_spec::math::apply(&spline, &x).to_signed();
            assert!(results.iter().all(|&v| (0..=1i64 << out).contains(&v)), "{formats:?}");
        }
    }
}

#[test]
fn a_forged_recurrence_that_verifies_runs() {
    let (mut b, x) = Builder::new(&[1, 3]);
    let w = b.constant(&[3, 3], 0.6);
    let one = b.constant(&[1], 1.0);
    let y = b.node(Op::MatMul, &[x, w]);
    let gate = b.node(Op::Apply { function: Function::Sigmoid }, &[y]);
    let rest = b.node(Op::Sub, &[one, gate]);
    let product = b.node(Op::Mul, &[rest, x]);
    let again = b.node(Op::MatMul, &[product, w]);
    let row = b.node(Op::Gather { axis: 1, indices: vec![2, 0] }, &[again]);
    let square = b.node(Op::Mul, &[row, row]);
    let sum = b.node(Op::ReduceSum { axes: vec![1] }, &[square]);
    let compiled = b.check(&[sum]);
    let found = ops(&compiled);
    for op in ["apply", "multiply", "gather", "reduce-sum", "subtract-from"] {
        assert!(found.contains(&op), "{found:?}");
    }
    forgeries_run(&compiled);
}
