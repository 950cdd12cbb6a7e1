//! The text form: one line an input, node and output.

use std::fmt;

use veilflow_spec::{LinearShape, Pool2dShape};

use super::Plan;
use super::op::{ConstantBounds, PlanOp};
use super::value::PlanValue;
use crate::graph::Indices;

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "plan {}", self.name)?;
        for input in &self.inputs {
            writeln!(f, "input %{}: {} `{}`", input.value, self.values[input.value], input.name)?;
        }
        for node in &self.nodes {
            let inputs: Vec<String> = node.inputs.iter().map(|i| format!("%{i}")).collect();
            let output = &self.values[node.output];
            writeln!(f, "%{}: {output} = {}({}) `{}`", node.output, node.op, inputs.join(", "), node.layer)?;
        }
        for output in &self.outputs {
            let softmax = if output.softmax { " softmax" } else { "" };
            writeln!(f, "output %{} `{}`{softmax}", output.value, output.name)?;
        }
        Ok(())
    }
}

/// Shape, width, scale and magnitude: `1x64x28x28 i25.16 <2^23`. The `i` is a `u` if values are never
/// negative.
impl fmt::Display for PlanValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.non_negative { 'u' } else { 'i' };
        write!(f, "{} {sign}{}.{} <2^{}", self.shape, self.width, self.scale, self.magnitude)
    }
}

impl fmt::Display for PlanOp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Linear { shape, weight_bits, weight_scale, weights_of, bounds } => {
                match shape {
                    LinearShape::Conv2d(s) => write!(
                        f,
                        "[kernel={}x{} stride={}x{} pads={:?} dilation={}x{} groups={}",
                        s.kernel[0],
                        s.kernel[1],
                        s.stride[0],
                        s.stride[1],
                        s.pads,
                        s.dilation[0],
                        s.dilation[1],
                        s.groups
                    )?,
                    LinearShape::MatMul(s) => write!(f, "[{}x{}x{}", s.rows, s.inner, s.columns)?,
                }
                write!(f, " weights=i{weight_bits}.{weight_scale}")?;
                if let Some(bounds) = bounds {
                    write!(f, " norm={}", bounds.norm)?;
                }
                match weights_of {
                    Some(node) => write!(f, " of step {node}]"),
                    None => f.write_str("]"),
                }
            }
            Self::AddConstant { constant, bounds } | Self::SubtractFrom { constant, bounds } => {
                match bounds {
                    Some(ConstantBounds { least, most }) => write!(f, "[{constant} within={least}..={most}]"),
                    None => write!(f, "[{constant}]"),
                }
            }
            Self::Apply { function, width, scale } => write!(f, "[{function} to={width}.{scale}]"),
            Self::Gather { axis, indices } => write!(f, "[axis={axis} indices={}]", Indices(indices)),
            Self::ReduceSum { axes } => write!(f, "[axes={axes:?}]"),
            Self::TopK { count } => write!(f, "[count={count}]"),
            Self::Clip { limit } => write!(f, "[limit={limit}]"),
            Self::ReluTruncate { shift } | Self::TruncateReduce { shift } => write!(f, "[shift={shift}]"),
            Self::TruncateExtend { shift, to } => write!(f, "[shift={shift} to={to}]"),
            Self::Extend { to }
            | Self::Narrow { to }
            | Self::Positive { to }
            | Self::Multiply { width: to }
            | Self::MatrixProduct { width: to } => write!(f, "[to={to}]"),
            Self::ShiftLeft { by } => write!(f, "[by={by}]"),
            Self::MaxPool { pool } => write_pool(f, pool, ""),
            Self::AveragePool { pool, count_padding } => {
                write_pool(f, pool, if *count_padding { " count-padding" } else { "" })
            }
            Self::Transpose { perm } => write!(f, "{perm:?}"),
            Self::Concat { axis } => write!(f, "[axis={axis}]"),
            Self::Pad { before, after, value } => {
                write!(f, "[before={before:?} after={after:?} value={value}]")
            }
            Self::Add | Self::Sub | Self::Relu | Self::ArgMax | Self::Reshape => Ok(()),
        }
    }
}

fn write_pool(f: &mut fmt::Formatter<'_>, pool: &Pool2dShape, note: &str) -> fmt::Result {
    let Pool2dShape { kernel: [kh, kw], stride: [sh, sw], pad, .. } = pool;
    write!(f, "[kernel={kh}x{kw} stride={sh}x{sw} pad={pad:?}{note}]")
}
