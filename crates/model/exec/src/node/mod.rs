//! The nodes of a plan as operations. This is the one place where a node's op becomes a protocol: prediction,
//! demand and run read the value made here.

mod claim;
mod linear;
mod local;
mod operation;
mod whole;

use std::sync::Arc;

use veilflow_correlation::{Cost, Needs};
use veilflow_ir::plan::{Interval, Plan, PlanNode, PlanOp, PlanValue, pooled_sums};
use veilflow_math::Apply;
use veilflow_online::{
    Activation, ArgMax, AveragePool, Clip, IsPositive, Linear, LinearShared, MatMul, MaxPool, Multiply,
    Operation, RangeClaim, Relu, ReluTruncate, SignExtend, TopK, TruncateExtend, TruncateReduce, ZeroExtend,
};
use veilflow_spec::MatMulShape;

use self::local::Local;
pub(crate) use self::operation::NodeOperation;
use self::operation::ring;
use self::whole::{Activated, Elementwise, Products, Rows};
use crate::check::Check;
use crate::error::{ExecError, Result};
use crate::joined_pairs;
use crate::layer::linear_layer;
use crate::options::SessionOptions;
use crate::possession::WeightsAt;

/// The operations of a plan's nodes, in order, and the check after them.
#[derive(Debug)]
pub(crate) struct Operations {
    nodes: Vec<Arc<dyn NodeOperation>>,
    /// What is checked of a run.
    pub(crate) check: Check,
    check_cost: Cost,
}

impl Operations {
    /// Of `plan` under a session's options. Nodes that do the same share one: the steps of a recurrent
    /// network have thousands of nodes, and few that differ.
    pub(crate) fn new(plan: &Plan, options: &SessionOptions) -> Result<Self> {
        let mut operations: Vec<Arc<dyn NodeOperation>> = Vec::with_capacity(plan.nodes.len());
        let within = plan.guarantees();
        let mut distinct: Vec<usize> = Vec::new();
        for (index, node) in plan.nodes.iter().enumerate() {
            let same = distinct.iter().find(|&&i| alike(plan, &within, [&plan.nodes[i], node]));
            operations.push(match same {
                Some(&i) => operations[i].clone(),
                None => {
                    // A layer's pair is its own.
                    if !matches!(node.op, PlanOp::Linear { .. }) {
                        distinct.push(index);
                    }
                    operation(plan, index, &within, options)?
                }
            });
        }
        let check = Check::new(plan, options.tuning)?;
        let check_cost = check.cost();
        Ok(Self { nodes: operations, check, check_cost })
    }

    /// The operation of node `index`.
    pub(crate) fn of(&self, index: usize) -> &dyn NodeOperation {
        &*self.nodes[index]
    }

    /// The cost of every node, and last that of the check.
    pub(crate) fn costs(&self) -> impl Iterator<Item = Cost> + '_ {
        self.nodes.iter().map(|operation| operation.cost()).chain([self.check_cost.clone()])
    }

    /// What a run consumes, node by node, and last what the check does.
    pub(crate) fn needs_by_node<'a>(
        &'a self,
        plan: &'a Plan,
        weights: WeightsAt,
    ) -> impl Iterator<Item = Needs> + 'a {
        let needs = move |(index, cost): (usize, Cost)| Needs {
            demand: cost.demand,
            linear: joined_pairs::requests(plan, index, weights),
        };
        self.costs().enumerate().map(needs)
    }

    /// What a run consumes.
    pub(crate) fn needs(&self, plan: &Plan, weights: WeightsAt) -> Needs {
        self.needs_by_node(plan, weights).fold(Needs::default(), |mut all, node| {
            all.demand.merge(&node.demand);
            all.linear.extend(node.linear);
            all
        })
    }
}

/// The operations of the plan that ran last, kept for its next run.
#[derive(Debug, Default)]
pub(crate) struct OperationCache(Option<([u8; 32], Arc<Operations>)>);

impl OperationCache {
    /// The operations of `plan` under a session's options, which stay the same.
    pub(crate) fn get(&mut self, plan: &Plan, options: &SessionOptions) -> Result<Arc<Operations>> {
        let hash = plan.hash();
        match &self.0 {
            Some((of, operations)) if *of == hash => Ok(operations.clone()),
            _ => {
                let operations = Arc::new(Operations::new(plan, options)?);
                self.0 = Some((hash, operations.clone()));
                Ok(operations)
            }
        }
    }
}

/// Whether two nodes do the same to values of the same formats, shapes and intervals.
fn alike(plan: &Plan, within: &[Interval], [a, b]: [&PlanNode; 2]) -> bool {
    let values = |node: &PlanNode| -> Vec<(&PlanValue, Interval)> {
        node.inputs.iter().chain([&node.output]).map(|&i| (&plan.values[i], within[i])).collect()
    };
    a.op == b.op && values(a) == values(b)
}

/// The operation of node `index`, where every value lies `within` an interval on every run.
fn operation(
    plan: &Plan,
    index: usize,
    within: &[Interval],
    options: &SessionOptions,
) -> Result<Arc<dyn NodeOperation>> {
    let (node, tuning) = (&plan.nodes[index], options.tuning);
    let (x, out) = (&plan.values[node.inputs[0]], ring(&plan.values[node.output])?);
    let (reads, count, x_within) = (ring(x)?, x.shape.elements(), within[node.inputs[0]]);
    let misfit = |what: &str| ExecError::Misfit { what: format!("node {index} {what}") };
    Ok(match &node.op {
        PlanOp::Linear { .. } => {
            let layer = linear_layer(plan, index).ok_or_else(|| misfit("is no linear layer"))?;
            match options.weights {
                WeightsAt::Server => Arc::new(Linear::new(layer)),
                WeightsAt::Shared(_) => Arc::new(LinearShared::new(layer)),
            }
        }
        PlanOp::Relu => activated(Relu::new(reads, tuning), count),
        PlanOp::ReluTruncate { shift } => activated(ReluTruncate::new(reads, *shift, tuning)?, count),
        PlanOp::Clip { limit } => activated(Clip::new(reads, *limit, out, tuning)?, count),
        PlanOp::TruncateReduce { shift } => elementwise(TruncateReduce::new(reads, *shift, tuning)?, count),
        PlanOp::TruncateExtend { shift, .. } => {
            let claim = claim::of(x_within, reads);
            elementwise(TruncateExtend::new(reads, *shift, out, claim, tuning)?, count)
        }
        // Of what is never negative both readings are one.
        PlanOp::Extend { .. } => match claim::of(x_within, reads) {
            claim @ RangeClaim::NonNegative => {
                elementwise(ZeroExtend::new(reads, out, claim, tuning)?, count)
            }
            claim => elementwise(SignExtend::new(reads, out, claim, tuning)?, count),
        },
        PlanOp::Apply { .. } => {
            let spline = node.op.spline(x).ok_or_else(|| misfit("has formats of no function"))?;
            elementwise(Apply::new(&spline, tuning)?, count)
        }
        PlanOp::Multiply { .. } => {
            let rings = [reads, ring(&plan.values[node.inputs[1]])?];
            let claims = [0, 1].map(|i| claim::of(within[node.inputs[i]], rings[i]));
            let multiply = Multiply::signed_into(rings, claims, out, tuning)?;
            Arc::new(Products { multiply, out, count })
        }
        PlanOp::Positive { .. } => elementwise(IsPositive::new(reads, out, tuning), count),
        PlanOp::MatrixProduct { .. } => {
            let y = &plan.values[node.inputs[1]];
            let (&[stack, rows, inner], Some(&columns)) = (&x.shape[..], y.shape.last()) else {
                return Err(misfit("multiplies no matrices"));
            };
            let shape = MatMulShape { rows, inner, columns };
            let rings = [reads, ring(y)?];
            Arc::new(MatMul::stacked(rings, out, stack, &shape, tuning)?)
        }
        PlanOp::MaxPool { pool } => Arc::new(MaxPool::new(reads, pool, tuning)?),
        PlanOp::AveragePool { pool, count_padding } => {
            let claim = claim::of(pooled_sums(x_within, pool), reads);
            Arc::new(AveragePool::new(reads, pool, *count_padding, claim, tuning)?)
        }
        PlanOp::TopK { count: best } => Arc::new(TopK::new(reads, count, *best, tuning)?),
        PlanOp::ArgMax => {
            let width = x.shape.last().copied().unwrap_or(1);
            Arc::new(Rows { arg_max: ArgMax::new(reads, width, out, tuning)?, count: count / width.max(1) })
        }
        op if op.is_local() => Arc::new(Local::new(plan, node)?),
        op => return Err(misfit(&format!("has no protocol: {op:?}"))),
    })
}

fn activated(activation: impl Activation + 'static, count: usize) -> Arc<dyn NodeOperation> {
    Arc::new(Activated { activation, count })
}

fn elementwise(operation: impl Operation + 'static, count: usize) -> Arc<dyn NodeOperation> {
    Arc::new(Elementwise { operation, count })
}
