//! One lowering for each supported ONNX op.

mod axis;
mod elementwise;
mod indexing;
mod integers;
mod layout;
mod matrix;
mod recurrent;
mod reduction;
mod scan;
mod window;

use veilflow_ir::Function;

use crate::lowering::Lower::{self, Many, One};

/// The ops that can be imported, by name.
pub(crate) const OPS: [(&str, Lower); 52] = [
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
    ("Erf", Lower::Function(Function::Erf)),
    ("Exp", Lower::Function(Function::ExpSigned)),
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
    ("Log", Lower::Function(Function::Log)),
    ("MatMul", One(matrix::matmul)),
    ("MaxPool", One(window::max_pool)),
    ("Mul", One(elementwise::mul)),
    ("Neg", One(elementwise::neg)),
    ("Pad", One(layout::pad)),
    ("Pow", One(elementwise::pow)),
    ("RNN", Many(recurrent::rnn)),
    ("Reciprocal", Lower::Function(Function::Reciprocal)),
    ("ReduceL2", One(reduction::l2)),
    ("ReduceMean", One(reduction::mean)),
    ("ReduceSum", One(reduction::sum)),
    ("ReduceSumSquare", One(reduction::sum_square)),
    ("Relu", One(elementwise::relu)),
    ("Reshape", One(layout::reshape)),
    ("Scan", Many(scan::scan)),
    ("Shape", One(integers::shape)),
    ("Sigmoid", Lower::Function(Function::Sigmoid)),
    ("Slice", One(indexing::slice)),
    ("Softmax", One(elementwise::softmax)),
    ("Split", Many(indexing::split)),
    ("Sqrt", Lower::Function(Function::Sqrt)),
    ("Squeeze", One(layout::squeeze)),
    ("Sub", One(elementwise::sub)),
    ("Sum", One(elementwise::sum)),
    ("Tanh", Lower::Function(Function::Tanh)),
    ("Transpose", One(layout::transpose)),
    ("Unsqueeze", One(layout::unsqueeze)),
];

/// The names of the ONNX ops that can be imported.
pub fn supported_ops() -> [&'static str; OPS.len()] {
    OPS.map(|(name, _)| name)
}
