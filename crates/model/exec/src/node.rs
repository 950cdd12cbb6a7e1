//! One node of a plan as a protocol: its cost, its linear request, and its run on shares.

use std::sync::Arc;

use veilflow_correlation::{Cost, Demand, LinearRequest, Needs, Possession};
use veilflow_ir::layout;
use veilflow_ir::plan::{Extension, Plan, PlanNode, PlanOp, PlanValue};
use veilflow_math as math;
use veilflow_net::Role;
use veilflow_online::{self as online, Party, RangeClaim, Tuning};
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::Pool2dShape;
use veilflow_spec::math::Spline;

use crate::error::{ExecError, Result};
use crate::joined_pairs;
use crate::layer::linear_layer;
use crate::options::SessionOptions;
use crate::possession::{Held, WeightsAt};

/// What a party adds of a node's numbers: all of them, its shares, or none.
type Parameters<'a> = Option<&'a veilflow_ir::Parameters>;

fn ring(value: &PlanValue) -> Result<Ring> {
    Ring::new(value.width).map_err(|e| ExecError::Misfit { what: e.to_string() })
}

/// What is known of a value: its sign, or that it fills less than a third of its ring.
fn range(value: &PlanValue) -> RangeClaim {
    range_of(1u128 << value.magnitude.min(64), value.non_negative, value.width)
}

/// The same for any value below `bound` in magnitude.
fn range_of(bound: u128, non_negative: bool, width: u32) -> RangeClaim {
    if non_negative && bound <= 1 << (width - 1) {
        RangeClaim::NonNegative
    } else if 3 * bound <= 1 << width {
        RangeClaim::Slack
    } else {
        RangeClaim::Any
    }
}

/// What is known of the sums that an average pooling divides.
fn sum_range(value: &PlanValue, pool: &Pool2dShape) -> RangeClaim {
    let count = (pool.kernel[0] * pool.kernel[1]) as u128;
    range_of((count << value.magnitude.min(64)) + count, value.non_negative, value.width)
}

fn extension_range(sign: Extension) -> RangeClaim {
    match sign {
        Extension::NonNegative => RangeClaim::NonNegative,
        Extension::SignedWithSlack => RangeClaim::Slack,
        Extension::Signed => RangeClaim::Any,
    }
}

/// The online cost of node `index`, its demand included.
fn cost(plan: &Plan, index: usize, options: &SessionOptions) -> Cost {
    let tuning = options.tuning;
    let node = &plan.nodes[index];
    let x = &plan.values[node.inputs[0]];
    match &node.op {
        PlanOp::Linear { .. } => {
            let cost = |layer: LinearRequest| match options.weights {
                WeightsAt::Server => online::linear_cost(&layer),
                WeightsAt::Shared(_) => online::linear_shared_cost(&layer.shape, layer.ring),
            };
            linear_layer(plan, index).map_or_else(Cost::default, cost)
        }
        PlanOp::Multiply { width } => {
            multiply_cost([x, &plan.values[node.inputs[1]]], *width, x.shape.elements(), tuning)
        }
        PlanOp::MaxPool { pool } => online::max_pool_cost(x.width, pool, tuning),
        PlanOp::AveragePool { pool, count_padding } => {
            online::average_pool_cost(x.width, pool, *count_padding, sum_range(x, pool), tuning)
        }
        PlanOp::ArgMax => {
            let width = x.shape.last().copied().unwrap_or(1);
            let out = plan.values[node.output].width;
            online::arg_max_cost(x.width, x.shape.elements() / width, width, out, tuning)
        }
        op => elementwise_cost(op, x, x.shape.elements(), tuning),
    }
}

/// Whether two nodes do the same to values of the same formats and shapes.
fn alike(plan: &Plan, [a, b]: [&PlanNode; 2]) -> bool {
    let values = |node: &PlanNode| -> Vec<&PlanValue> {
        node.inputs.iter().chain([&node.output]).map(|&i| &plan.values[i]).collect()
    };
    a.op == b.op && values(a) == values(b)
}

/// What `of` says of every node, asked once of nodes alike: the steps of a recurrent network have thousands of them.
fn of_distinct<T: Clone>(plan: &Plan, of: impl Fn(usize) -> T) -> Vec<T> {
    let mut out: Vec<T> = Vec::with_capacity(plan.nodes.len());
    let mut distinct: Vec<usize> = Vec::new();
    for (index, node) in plan.nodes.iter().enumerate() {
        out.push(match distinct.iter().find(|&&i| alike(plan, [&plan.nodes[i], node])) {
            Some(&i) => out[i].clone(),
            None => {
                distinct.push(index);
                of(index)
            }
        });
    }
    out
}

/// The [`cost`] of every node.
pub(crate) fn costs(plan: &Plan, options: &SessionOptions) -> Vec<Cost> {
    of_distinct(plan, |index| cost(plan, index, options))
}

/// The tables of every node that applies a function.
pub(crate) fn splines(plan: &Plan) -> Vec<Option<Arc<Spline>>> {
    of_distinct(plan, |index| {
        let node = &plan.nodes[index];
        node.op.spline(&plan.values[node.inputs[0]]).map(Arc::new)
    })
}

/// What a run of `plan` consumes.
pub(crate) fn needs(plan: &Plan, options: &SessionOptions) -> Needs {
    let mut needs = Needs::default();
    for (index, cost) in costs(plan, options).into_iter().enumerate() {
        needs.demand.merge(&cost.demand);
        needs.linear.extend(joined_pairs::requests(plan, index, options.weights));
    }
    needs
}

/// The cost of an op that works element by element, on `n` of them; nothing for local ops.
fn elementwise_cost(op: &PlanOp, x: &PlanValue, n: usize, tuning: Tuning) -> Cost {
    match op {
        PlanOp::Relu { compare_bits } => online::relu_within_cost(x.width, *compare_bits, n, tuning),
        PlanOp::ReluTruncate { shift, compare_bits } => {
            online::relu_truncate_cost(*compare_bits, *shift, n, tuning)
        }
        PlanOp::Clip { compare_bits, .. } => online::clip_within_cost(x.width, *compare_bits, n, tuning),
        PlanOp::TruncateReduce { shift } => online::truncate_reduce_cost(x.width, *shift, n, tuning),
        PlanOp::ArithmeticShift { shift } => {
            online::arithmetic_shift_cost(x.width, *shift, range(x), n, tuning)
        }
        PlanOp::Extend { to, sign: Extension::NonNegative } => {
            online::zero_extend_cost(x.width, *to, RangeClaim::NonNegative, n, tuning)
        }
        PlanOp::Extend { to, sign } => {
            online::sign_extend_cost(x.width, *to, extension_range(*sign), n, tuning)
        }
        PlanOp::Apply { .. } => {
            op.spline(x).map_or_else(Cost::default, |spline| math::apply_cost(&spline, n, tuning))
        }
        _ => Cost::default(),
    }
}

/// Runs an op that works element by element on a part of its input.
fn elementwise(party: &mut Party, op: &PlanOp, value: &PlanValue, x: &RingVec) -> online::Result<RingVec> {
    match op {
        PlanOp::Relu { compare_bits } => online::relu_within(party, x, *compare_bits),
        PlanOp::ReluTruncate { shift, compare_bits } => {
            online::relu_truncate(party, &x.narrow(Ring::new(*compare_bits)?), *shift)
        }
        PlanOp::Clip { limit, compare_bits } => online::clip_within(party, x, *limit, *compare_bits),
        PlanOp::TruncateReduce { shift } => online::truncate_reduce(party, x, *shift),
        PlanOp::ArithmeticShift { shift } => online::arithmetic_shift(party, x, *shift, range(value)),
        PlanOp::Extend { to, sign: Extension::NonNegative } => {
            online::zero_extend(party, x, Ring::new(*to)?, RangeClaim::NonNegative)
        }
        PlanOp::Extend { to, sign } => online::sign_extend(party, x, Ring::new(*to)?, extension_range(*sign)),
        _ => Ok(x.clone()),
    }
}

/// Runs node `index` on shares of its inputs; `spline` is its of [`splines`].
pub(crate) fn run(
    party: &mut Party,
    plan: &Plan,
    index: usize,
    held: Held<'_>,
    spline: Option<&Spline>,
    inputs: &[&RingVec],
) -> Result<RingVec> {
    let node = &plan.nodes[index];
    let (x, value) = (inputs[0], &plan.values[node.inputs[0]]);
    let out = ring(&plan.values[node.output])?;
    Ok(match &node.op {
        PlanOp::Linear { .. } => linear(party, plan, index, held, x)?,
        PlanOp::Multiply { .. } => {
            multiply(party, [value, &plan.values[node.inputs[1]]], [x, inputs[1]], out)?
        }
        PlanOp::Apply { .. } => {
            let misfit = || ExecError::Misfit { what: format!("node {index} has formats of no function") };
            let spline = spline.ok_or_else(misfit)?;
            let tuning = party.tuning;
            let demand = |n| -> Demand { math::apply_cost(spline, n, tuning).demand };
            party.map_in_threads(x, demand, |party, x| math::apply(party, spline, x))?
        }
        PlanOp::MaxPool { pool } => online::max_pool(party, x, pool)?,
        PlanOp::AveragePool { pool, count_padding } => {
            online::average_pool(party, x, pool, *count_padding, sum_range(value, pool))?
        }
        PlanOp::ArgMax => online::arg_max(party, x, value.shape.last().copied().unwrap_or(1), out)?,
        op if op.is_local() => local(party.role, plan, node, held.of(index), inputs, out),
        op => {
            let tuning = party.tuning;
            let demand = |n| -> Demand { elementwise_cost(op, value, n, tuning).demand };
            party.map_in_threads(x, demand, |party, x| elementwise(party, op, value, x))?
        }
    })
}

fn linear(party: &mut Party, plan: &Plan, index: usize, held: Held<'_>, x: &RingVec) -> Result<RingVec> {
    let request = linear_layer(plan, index)
        .ok_or_else(|| ExecError::Misfit { what: format!("node {index} is no linear layer") })?;
    let parameters = held.of(index);
    let y = match (held, parameters) {
        (Held::Share(_), Some(p)) => online::linear_shared(party, index, &request.shape, &p.weights, x)?,
        (_, Some(p)) => online::linear(party, &request, Possession::Mine(&p.weights), x)?,
        (_, None) => online::linear(party, &request, Possession::Theirs, x)?,
    };
    Ok(match parameters {
        Some(p) => veilflow_spec::add_bias(&y, &p.bias),
        None => y,
    })
}

/// The product of two shared values.
fn multiply(
    party: &mut Party,
    values: [&PlanValue; 2],
    [x, y]: [&RingVec; 2],
    out: Ring,
) -> online::Result<RingVec> {
    let tuning = party.tuning;
    let demand = |n| -> Demand { multiply_cost(values, out.bits(), n, tuning).demand };
    let parts = party.in_threads(x.len(), demand, |party, part| {
        let [x, y] = [x, y].map(|v| v.slice(part.start, part.len()));
        online::multiply_into(party, &x, &y, values.map(range), out)
    })?;
    Ok(RingVec::from_values(out, parts.into_iter().flat_map(RingVec::into_values).collect()))
}

fn multiply_cost(values: [&PlanValue; 2], out: u32, n: usize, tuning: Tuning) -> Cost {
    online::multiply_into_cost(values.map(|v| v.width), values.map(range), out, n, tuning)
}

/// Ops that each party computes on its share alone; constants are added by who holds them, or has a share of them, and borders
/// by P0.
fn local(
    role: Role,
    plan: &Plan,
    node: &PlanNode,
    parameters: Parameters<'_>,
    inputs: &[&RingVec],
    out: Ring,
) -> RingVec {
    let x = inputs[0];
    let shape = &plan.values[node.inputs[0]].shape;
    let values = |values: Vec<u64>| RingVec::from_values(out, values);
    match &node.op {
        PlanOp::Add => x.add(inputs[1]),
        PlanOp::Sub => x.sub(inputs[1]),
        PlanOp::AddConstant { constant } => match parameters {
            Some(p) => {
                let constants = layout::broadcast(&p.bias, constant, shape);
                x.add(&RingVec::from_signed(out, &constants))
            }
            None => x.clone(),
        },
        PlanOp::SubtractFrom { constant } => match parameters {
            Some(p) => {
                let constants = layout::broadcast(&p.bias, constant, shape);
                RingVec::from_signed(out, &constants).sub(x)
            }
            None => x.neg(),
        },
        PlanOp::ShiftLeft { by } => x.map_into(out, |v| v << by),
        PlanOp::Transpose { perm } => values(layout::transpose(x.values(), shape, perm)),
        PlanOp::Concat { axis } => {
            let shapes = node.inputs.iter().map(|&i| &plan.values[i].shape);
            let parts: Vec<_> = inputs.iter().map(|x| x.values()).zip(shapes).collect();
            values(layout::concat(&parts, *axis))
        }
        PlanOp::Gather { axis, indices } => values(layout::gather(x.values(), shape, *axis, indices)),
        PlanOp::ReduceSum { axes } => {
            let (terms, count) = layout::summands(x.values(), shape, axes);
            let sum = |terms: &[u64]| terms.iter().fold(0u64, |sum, &v| sum.wrapping_add(v));
            values(terms.chunks_exact(count).map(sum).collect())
        }
        PlanOp::Pad { before, after, value } => {
            let border = if role == Role::P0 { out.from_signed(*value) } else { 0 };
            values(layout::pad(x.values(), shape, before, after, border))
        }
        // Narrow, Reshape: the ring or the shape changes, the numbers stay.
        _ => x.narrow(out),
    }
}
