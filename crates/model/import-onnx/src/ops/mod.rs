//! One lowering for each supported ONNX op.

mod elementwise;
mod layout;
mod matrix;
mod window;

use crate::importer::{Binding, Lowering, Refusal};

/// Adds an ONNX node to the graph and says what its first output stands for.
type Lower = fn(&mut Lowering<'_>) -> Result<Binding, Refusal>;

const OPS: [(&str, Lower); 25] = [
    ("Add", elementwise::add),
    ("AveragePool", window::average_pool),
    ("BatchNormalization", elementwise::batch_normalization),
    ("Clip", elementwise::clip),
    ("Concat", layout::concat),
    ("Constant", layout::constant),
    ("Conv", window::conv),
    ("Dropout", elementwise::dropout),
    ("Flatten", layout::flatten),
    ("Gemm", matrix::gemm),
    ("GlobalAveragePool", window::global_average_pool),
    ("GlobalMaxPool", window::global_max_pool),
    ("Identity", elementwise::identity),
    ("MatMul", matrix::matmul),
    ("MaxPool", window::max_pool),
    ("Mul", elementwise::mul),
    ("Pad", layout::pad),
    ("Relu", elementwise::relu),
    ("Reshape", layout::reshape),
    ("Softmax", elementwise::softmax),
    ("Squeeze", layout::squeeze),
    ("Sub", elementwise::sub),
    ("Sum", elementwise::sum),
    ("Transpose", layout::transpose),
    ("Unsqueeze", layout::unsqueeze),
];

/// The names of the ONNX ops that can be imported.
pub fn supported_ops() -> [&'static str; OPS.len()] {
    OPS.map(|(name, _)| name)
}

/// The lowering of an op.
pub(crate) fn find(op: &str) -> Option<Lower> {
    OPS.iter().find(|(name, _)| *name == op).map(|(_, lower)| *lower)
}

/// `axis` counted from the front: ONNX counts negative ones from the back. `rank` itself is allowed if `end` is.
fn axis(axis: i64, rank: usize, end: bool) -> Result<usize, Refusal> {
    let from_front = if axis < 0 { axis.checked_add(rank as i64) } else { Some(axis) };
    let index = from_front.and_then(|a| usize::try_from(a).ok());
    index
        .filter(|&a| a < rank + usize::from(end))
        .ok_or_else(|| format!("axis {axis} of {rank} dimensions").into())
}
