//! Runs a plan in the clear, exactly as the parties would run it securely.
//!
//! Every op is a function of `veilflow-spec` on the same rings, so the secure run must give the same bits.
//! This run watches ranges besides. On an input unlike all that calibration saw, a tensor can leave the range
//! that the plan has room for. Then the result may be wrong, and no party notices. Here it is counted, layer
//! by layer.

use veilflow_ir::plan::RangeCheck;
use veilflow_ir::{Encoded, Plan, PlanNode, PlanOp, PlanValue, Tensor, Weights, layout};
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::{self as spec, LinearShape};

use crate::error::{PassError, Result};

/// Elements of one tensor outside their range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overflow {
    /// The layer, or the input's name.
    pub layer: String,
    /// How many elements.
    pub elements: usize,
}

/// The result of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClearRun {
    /// The outputs, in the plan's order.
    pub outputs: Vec<RingVec>,
    /// Where values left their range, in execution order. If they never did, the result is what real numbers
    /// give, up to rounding.
    pub overflows: Vec<Overflow>,
    /// For each of the plan's checks, how many elements of its value break it.
    pub flagged: Vec<usize>,
}

impl ClearRun {
    /// The largest part of a checked value's elements that break a check.
    pub fn flagged_part(&self, plan: &Plan) -> f64 {
        let part = |(range, &flagged): (&RangeCheck, &usize)| {
            flagged as f64 / plan.values[range.value()].shape.elements() as f64
        };
        plan.checks.ranges.iter().zip(&self.flagged).map(part).fold(0.0, f64::max)
    }

    /// The probability that the check of a private run tells the client that a value left its range.
    pub fn noticed(&self, plan: &Plan) -> f64 {
        let missed = |(range, &flagged): (&RangeCheck, &usize)| {
            let elements = plan.values[range.value()].shape.elements();
            let checked = plan.checks.of(elements);
            // Where not all are checked, they are drawn one by one.
            let rest = 1.0 - flagged as f64 / elements as f64;
            if checked == elements { f64::from(u8::from(flagged == 0)) } else { rest.powi(checked as i32) }
        };
        1.0 - plan.checks.ranges.iter().zip(&self.flagged).map(missed).product::<f64>()
    }

    /// The outputs as numbers.
    pub fn decode(&self, plan: &Plan) -> Vec<Vec<f32>> {
        plan.outputs.iter().zip(&self.outputs).map(|(o, v)| plan.values[o.value].decode(v)).collect()
    }
}

/// The network's inputs as integers of the plan.
///
/// # Errors
/// [`PassError::InputCount`] and [`PassError::InputShape`].
pub fn encode(plan: &Plan, inputs: &[Tensor]) -> Result<Vec<Encoded>> {
    if inputs.len() != plan.inputs.len() {
        return Err(PassError::InputCount { expected: plan.inputs.len(), actual: inputs.len() });
    }
    let encoded = plan.inputs.iter().zip(inputs).map(|(input, tensor)| {
        let value = &plan.values[input.value];
        if value.shape != *tensor.shape() {
            let (expected, actual) = (value.shape.clone(), tensor.shape().clone());
            return Err(PassError::InputShape { input: input.name.clone(), expected, actual });
        }
        Ok(value.encode(tensor.data()))
    });
    encoded.collect()
}

/// Runs a verified plan on these inputs.
///
/// # Errors
/// [`PassError::InputCount`], [`PassError::InputShape`], and [`PassError::WrongWeights`] for another plan's
/// weights.
pub fn run(plan: &Plan, weights: &Weights, inputs: &[Tensor]) -> Result<ClearRun> {
    run_encoded(plan, weights, encode(plan, inputs)?)
}

/// As [`run`], on integers of the inputs' rings, which may be any.
///
/// # Errors
/// [`PassError::WrongWeights`].
pub fn run_encoded(plan: &Plan, weights: &Weights, inputs: Vec<Encoded>) -> Result<ClearRun> {
    if weights.plan_hash() != plan.hash() {
        return Err(PassError::WrongWeights);
    }
    let mut overflows = Vec::new();
    let mut report = |layer: &str, elements: usize| {
        if elements > 0 {
            overflows.push(Overflow { layer: layer.to_owned(), elements });
        }
    };
    let mut flagged = vec![0; plan.checks.ranges.len()];
    let mut check = |value: usize, integers: &RingVec| {
        let ranges = plan.checks.ranges.iter().zip(&mut flagged);
        for (range, flagged) in ranges.filter(|(range, _)| range.value() == value) {
            *flagged = breaking(plan, range, integers);
        }
    };
    let (mut uses, carried) = (plan.uses(), plan.carried());
    let mut known: Vec<Option<RingVec>> = vec![None; plan.values.len()];
    for (input, encoded) in plan.inputs.iter().zip(inputs) {
        report(&input.name, encoded.outside);
        check(input.value, &encoded.values);
        known[input.value] = Some(encoded.values);
    }
    for (index, node) in plan.nodes.iter().enumerate() {
        let operands: Vec<&RingVec> = node.inputs.iter().map(|&i| get(&known, i)).collect();
        let mut output = plan.values[node.output].clone();
        if carried[node.output] {
            // What fits its ring does no harm.
            (output.magnitude, output.non_negative) = (output.width - 1, false);
        }
        let (result, outside) = evaluate(plan, weights, index, &output, &operands);
        report(&node.layer, outside);
        check(node.output, &result);
        known[node.output] = Some(result);
        for &i in &node.inputs {
            uses[i] -= 1;
            if uses[i] == 0 {
                known[i] = None;
            }
        }
    }
    let outputs = plan.outputs.iter().map(|o| get(&known, o.value).clone()).collect();
    Ok(ClearRun { outputs, overflows, flagged })
}

/// How many elements of a value break a check of it.
fn breaking(plan: &Plan, range: &RangeCheck, integers: &RingVec) -> usize {
    match *range {
        RangeCheck::Magnitude { value } => {
            let (flags, n) = (spec::beyond(integers, plan.values[value].magnitude), integers.len());
            (0..n).filter(|&i| (i..flags.len()).step_by(n).any(|at| flags.get(at))).count()
        }
        RangeCheck::Interval { low, high, .. } => {
            spec::outside(integers, low, high).iter().filter(|&outside| outside).count()
        }
    }
}

fn get(known: &[Option<RingVec>], value: usize) -> &RingVec {
    known[value].as_ref().expect("a verified plan defines values before they are read")
}

/// The result of node `index`, and how many of its elements are outside the range of `output`.
fn evaluate(
    plan: &Plan,
    weights: &Weights,
    index: usize,
    output: &PlanValue,
    inputs: &[&RingVec],
) -> (RingVec, usize) {
    let (node, x) = (&plan.nodes[index], inputs[0]);
    let parameters = || weights.of(index).expect("weights of this plan cover its nodes");
    let result = match &node.op {
        PlanOp::Linear { shape, .. } => {
            // Unreduced sums show what the ring would hide.
            let sums = linear(shape, &parameters().weights, x);
            let per_bias = sums.len() / parameters().bias.len();
            let sum = |(i, s): (usize, i64)| s.wrapping_add(parameters().bias[i / per_bias]);
            return checked(output, sums.into_iter().enumerate().map(sum).collect());
        }
        PlanOp::AddConstant { constant, .. } => {
            let shape = &plan.values[node.inputs[0]].shape;
            let terms = layout::broadcast(&parameters().bias, constant, shape);
            return checked(output, pairs(&x.to_signed(), &terms, i64::wrapping_add));
        }
        PlanOp::SubtractFrom { constant, .. } => {
            let shape = &plan.values[node.inputs[0]].shape;
            let terms = layout::broadcast(&parameters().bias, constant, shape);
            return checked(output, pairs(&terms, &x.to_signed(), i64::wrapping_sub));
        }
        PlanOp::Multiply { .. } => {
            return checked(output, spec::multiply_signed(x, inputs[1]).to_signed());
        }
        PlanOp::Apply { .. } => {
            let argument = &plan.values[node.inputs[0]];
            let spline = node.op.spline(argument).expect("a verified plan has formats of the function");
            let (result, domain) = (spec::math::apply(&spline, x), spline.domain());
            let strange = x.to_signed().iter().filter(|v| !domain.contains(v)).count();
            let outside = outside(output, &result).max(strange);
            return (result, outside);
        }
        PlanOp::Add => {
            return checked(output, pairs(&x.to_signed(), &inputs[1].to_signed(), i64::wrapping_add));
        }
        PlanOp::Sub => {
            return checked(output, pairs(&x.to_signed(), &inputs[1].to_signed(), i64::wrapping_sub));
        }
        PlanOp::MatrixProduct { .. } => return matrix_product(plan, node, output, [x, inputs[1]]),
        PlanOp::Positive { .. } => spec::is_positive(x, output.ring()),
        PlanOp::Relu => spec::relu(x),
        PlanOp::ReluTruncate { shift } => spec::relu_truncate(x, *shift),
        PlanOp::Clip { limit } => spec::clip(x, *limit).narrow(output.ring()),
        PlanOp::TruncateReduce { shift } => spec::truncate_reduce(x, *shift),
        PlanOp::TruncateExtend { shift, to } => spec::truncate_extend(x, *shift, ring(*to)),
        PlanOp::Extend { to } => spec::sign_extend(x, ring(*to)),
        PlanOp::Narrow { to } => x.narrow(ring(*to)),
        PlanOp::ShiftLeft { by } => x.map_into(ring(output.width), |v| v << by),
        PlanOp::MaxPool { pool } => spec::max_pool(x, pool),
        PlanOp::AveragePool { pool, count_padding } => spec::average_pool(x, pool, *count_padding),
        PlanOp::TopK { count } => spec::top_k(x, *count),
        PlanOp::ArgMax => {
            let row = plan.values[node.inputs[0]].shape.last().copied().unwrap_or(1);
            spec::arg_max(x, row, ring(output.width))
        }
        PlanOp::Reshape => x.clone(),
        PlanOp::Transpose { perm } => {
            rearranged(x, layout::transpose(x.values(), shape_of(plan, node, 0), perm))
        }
        PlanOp::Concat { axis } => {
            let parts: Vec<_> =
                (0..inputs.len()).map(|i| (inputs[i].values(), shape_of(plan, node, i))).collect();
            rearranged(x, layout::concat(&parts, *axis))
        }
        PlanOp::Gather { axis, indices } => {
            rearranged(x, layout::gather(x.values(), shape_of(plan, node, 0), *axis, indices))
        }
        PlanOp::ReduceSum { axes } => {
            let (terms, count) = layout::summands(&x.to_signed(), shape_of(plan, node, 0), axes);
            let sum = |terms: &[i64]| terms.iter().fold(0i64, |sum, &v| sum.wrapping_add(v));
            return checked(output, terms.chunks_exact(count).map(sum).collect());
        }
        PlanOp::Pad { before, after, value } => {
            let border = x.ring().from_signed(*value);
            rearranged(x, layout::pad(x.values(), shape_of(plan, node, 0), before, after, border))
        }
    };
    let outside = outside(output, &result);
    (result, outside)
}

/// Products of a stack of matrices, and how many elements the output has no room for.
fn matrix_product(
    plan: &Plan,
    node: &PlanNode,
    output: &PlanValue,
    [x, y]: [&RingVec; 2],
) -> (RingVec, usize) {
    let (left, right) = (shape_of(plan, node, 0), shape_of(plan, node, 1));
    let (rows, inner, columns) = (left[1], left[2], right[2]);
    let (x, y) = (x.to_signed(), y.to_signed());
    let mut exact = Vec::with_capacity(left[0] * rows * columns);
    for (x, y) in x.chunks_exact(rows * inner).zip(y.chunks_exact(inner * columns)) {
        for row in x.chunks_exact(inner) {
            let entry = |j: usize| {
                let terms = row.iter().zip(y[j..].iter().step_by(columns));
                terms.fold(0i64, |sum, (a, b)| sum.wrapping_add(a.wrapping_mul(*b)))
            };
            exact.extend((0..columns).map(entry));
        }
    }
    checked(output, exact)
}

/// How many elements the output has no room for.
fn outside(output: &PlanValue, result: &RingVec) -> usize {
    result.values().iter().filter(|&&v| !output.contains(result.ring().to_signed(v))).count()
}

fn ring(bits: u32) -> Ring {
    Ring::new(bits).expect("a verified plan has widths of 1..=64 bits")
}

fn shape_of<'a>(plan: &'a Plan, node: &PlanNode, input: usize) -> &'a veilflow_ir::Shape {
    &plan.values[node.inputs[input]].shape
}

fn rearranged(like: &RingVec, values: Vec<u64>) -> RingVec {
    RingVec::from_values(like.ring(), values)
}

fn pairs(a: &[i64], b: &[i64], f: impl Fn(i64, i64) -> i64) -> Vec<i64> {
    a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect()
}

/// Exact integers reduced into the output's ring, and how many it has no room for.
fn checked(output: &PlanValue, exact: Vec<i64>) -> (RingVec, usize) {
    let outside = exact.iter().filter(|&&v| !output.contains(v)).count();
    (RingVec::from_signed(output.ring(), &exact), outside)
}

/// W·x over the integers: mod 2^64, which is exact for any sensible network. Reduced it equals
/// [`veilflow_spec::linear`].
fn linear(shape: &LinearShape, weights: &[i64], x: &RingVec) -> Vec<i64> {
    veilflow_kernel::linear(shape, weights, &spec::sign_extend(x, ring(64))).to_signed()
}
