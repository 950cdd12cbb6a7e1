//! One lowering for each supported ONNX op.

mod elementwise;
mod indexing;
mod integers;
mod layout;
mod matrix;
mod recurrent;
mod reduction;
mod scan;
mod window;

use crate::lowering::{Lowering, Refusal};
use crate::scope::Binding;

/// What a lowering returns: what its only output stands for.
type Lowered = Result<Binding, Refusal>;

/// Adds an ONNX node to the graph and says what its outputs stand for.
#[derive(Clone, Copy)]
pub(crate) enum Lower {
    /// An op with one output, or of which only the first is supported.
    One(fn(&mut Lowering<'_>) -> Lowered),
    /// An op with several outputs, in order.
    Many(fn(&mut Lowering<'_>) -> Result<Vec<Binding>, Refusal>),
}

use Lower::{Many, One};

const OPS: [(&str, Lower); 52] = [
    ("Add", One(elementwise::add)),
    ("AveragePool", One(window::average_pool)),
    ("BatchNormalization", One(elementwise::batch_normalization)),
    ("Cast", One(integers::cast)),
    ("Clip", One(elementwise::clip)),
    ("Concat", One(layout::concat)),
    ("Constant", One(layout::constant)),
    ("ConstantOfShape", One(integers::constant_of_shape)),
    ("Conv", One(window::conv)),
    ("Div", One(elementwise::div)),
    ("Dropout", One(elementwise::dropout)),
    ("Erf", One(elementwise::erf)),
    ("Exp", One(elementwise::exp)),
    ("Expand", One(indexing::expand)),
    ("Flatten", One(layout::flatten)),
    ("GRU", Many(recurrent::gru)),
    ("Gather", One(indexing::gather)),
    ("Gelu", One(elementwise::gelu)),
    ("Gemm", One(matrix::gemm)),
    ("GlobalAveragePool", One(window::global_average_pool)),
    ("GlobalMaxPool", One(window::global_max_pool)),
    ("HardSigmoid", One(elementwise::hard_sigmoid)),
    ("Identity", One(elementwise::identity)),
    ("LSTM", Many(recurrent::lstm)),
    ("Log", One(elementwise::log)),
    ("MatMul", One(matrix::matmul)),
    ("MaxPool", One(window::max_pool)),
    ("Mul", One(elementwise::mul)),
    ("Neg", One(elementwise::neg)),
    ("Pad", One(layout::pad)),
    ("Pow", One(elementwise::pow)),
    ("RNN", Many(recurrent::rnn)),
    ("Reciprocal", One(elementwise::reciprocal)),
    ("ReduceL2", One(reduction::l2)),
    ("ReduceMean", One(reduction::mean)),
    ("ReduceSum", One(reduction::sum)),
    ("ReduceSumSquare", One(reduction::sum_square)),
    ("Relu", One(elementwise::relu)),
    ("Reshape", One(layout::reshape)),
    ("Scan", Many(scan::scan)),
    ("Shape", One(integers::shape)),
    ("Sigmoid", One(elementwise::sigmoid)),
    ("Slice", One(indexing::slice)),
    ("Softmax", One(elementwise::softmax)),
    ("Split", Many(indexing::split)),
    ("Sqrt", One(elementwise::sqrt)),
    ("Squeeze", One(layout::squeeze)),
    ("Sub", One(elementwise::sub)),
    ("Sum", One(elementwise::sum)),
    ("Tanh", One(elementwise::tanh)),
    ("Transpose", One(layout::transpose)),
    ("Unsqueeze", One(layout::unsqueeze)),
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

/// The axes of an op, in an attribute before some opset and an input since.
fn axes(l: &mut Lowering<'_>) -> Result<Option<Vec<i64>>, Refusal> {
    match l.attributes.ints("axes")? {
        Some(axes) => Ok(Some(axes)),
        None if l.has_input(1) => l.integers(1).map(Some),
        None => Ok(None),
    }
}
