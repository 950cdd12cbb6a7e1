//! TensorFlow's ops, made of ONNX's.

mod control;
mod convolution;
mod elementwise;
mod lists;
mod matrix;
mod pieces;
mod pooling;
mod reduction;
mod shapes;
mod slices;

use std::sync::LazyLock;

use veilflow_lowering::Lower::{self, Many, One};
use veilflow_lowering::{Ops, onnx};

/// Ops that are ONNX's under another name, with the same inputs and attributes.
const SAME: &[(&str, &str)] = &[
    ("Abs", "Abs"),
    ("Acos", "Acos"),
    ("Acosh", "Acosh"),
    ("Add", "Add"),
    ("AddN", "Sum"),
    ("AddV2", "Add"),
    ("Asin", "Asin"),
    ("Asinh", "Asinh"),
    ("Atan", "Atan"),
    ("Atanh", "Atanh"),
    ("BroadcastTo", "Expand"),
    ("Ceil", "Ceil"),
    ("ClipByValue", "Clip"),
    ("Cos", "Cos"),
    ("Cosh", "Cosh"),
    ("Div", "Div"),
    ("DivNoNan", "Div"),
    ("Einsum", "Einsum"),
    ("Elu", "Elu"),
    ("Equal", "Equal"),
    ("Erf", "Erf"),
    ("Exp", "Exp"),
    ("Floor", "Floor"),
    ("FloorMod", "Mod"),
    ("GatherNd", "GatherND"),
    ("Greater", "Greater"),
    ("GreaterEqual", "GreaterOrEqual"),
    ("Identity", "Identity"),
    ("Inv", "Reciprocal"),
    ("Less", "Less"),
    ("LessEqual", "LessOrEqual"),
    ("Log", "Log"),
    ("LogSoftmax", "LogSoftmax"),
    ("LogicalAnd", "And"),
    ("LogicalNot", "Not"),
    ("LogicalOr", "Or"),
    ("Maximum", "Max"),
    ("Minimum", "Min"),
    ("Mul", "Mul"),
    ("Neg", "Neg"),
    ("Pow", "Pow"),
    ("PreventGradient", "Identity"),
    ("Range", "Range"),
    ("ReadVariableOp", "Identity"),
    ("RealDiv", "Div"),
    ("Reciprocal", "Reciprocal"),
    ("Relu", "Relu"),
    ("Reshape", "Reshape"),
    ("Rint", "Round"),
    ("Round", "Round"),
    ("Selu", "Selu"),
    ("Sigmoid", "Sigmoid"),
    ("Sign", "Sign"),
    ("Sin", "Sin"),
    ("Sinh", "Sinh"),
    ("Size", "Size"),
    ("Snapshot", "Identity"),
    ("Softmax", "Softmax"),
    ("Softplus", "Softplus"),
    ("Softsign", "Softsign"),
    ("Sqrt", "Sqrt"),
    ("StopGradient", "Identity"),
    ("Sub", "Sub"),
    ("Tan", "Tan"),
    ("Tanh", "Tanh"),
    ("Tile", "Tile"),
];

/// Ops with a lowering of their own.
const OWN: &[(&str, Lower)] = &[
    ("All", One(reduction::all)),
    ("Any", One(reduction::any)),
    ("ArgMax", One(reduction::arg_max)),
    ("ArgMin", One(reduction::arg_min)),
    ("AvgPool", One(pooling::average)),
    ("AvgPool3D", One(pooling::average)),
    ("BatchMatMul", One(matrix::batched)),
    ("BatchMatMulV2", One(matrix::batched)),
    ("BatchMatMulV3", One(matrix::batched)),
    ("BatchToSpaceND", One(convolution::batch_to_space)),
    ("BiasAdd", One(elementwise::bias_add)),
    ("Cast", One(elementwise::cast)),
    ("CheckNumerics", One(elementwise::checked)),
    ("Concat", One(slices::concat_first)),
    ("ConcatV2", One(slices::concat)),
    ("Conv2D", One(convolution::conv)),
    ("Conv2DBackpropInput", One(convolution::transposed)),
    ("Conv3D", One(convolution::conv)),
    ("Conv3DBackpropInputV2", One(convolution::transposed)),
    ("Cumprod", One(reduction::cumulative_product)),
    ("Cumsum", One(reduction::cumulative_sum)),
    ("DepthToSpace", One(convolution::depth_to_space)),
    ("DepthwiseConv2dNative", One(convolution::depthwise)),
    ("EnsureShape", One(elementwise::checked)),
    ("Erfc", One(elementwise::erfc)),
    ("ExpandDims", One(shapes::expand_dims)),
    ("Expm1", One(elementwise::expm1)),
    ("Fill", One(shapes::fill)),
    ("FloorDiv", One(elementwise::floor_div)),
    ("FusedBatchNorm", One(convolution::batch_norm)),
    ("FusedBatchNormV2", One(convolution::batch_norm)),
    ("FusedBatchNormV3", One(convolution::batch_norm)),
    ("Gather", One(slices::gather)),
    ("GatherV2", One(slices::gather)),
    ("If", Many(control::branch)),
    ("LRN", One(pooling::local_response)),
    ("LeakyRelu", One(elementwise::leaky_relu)),
    ("LinSpace", One(shapes::lin_space)),
    ("Log1p", One(elementwise::log1p)),
    ("MatMul", One(matrix::product)),
    ("MatrixBandPart", One(matrix::band)),
    ("Max", One(reduction::max)),
    ("MaxPool", One(pooling::max)),
    ("MaxPool3D", One(pooling::max)),
    ("MaxPoolV2", One(pooling::max)),
    ("Mean", One(reduction::mean)),
    ("Min", One(reduction::min)),
    ("MirrorPad", One(slices::mirror_pad)),
    ("NotEqual", One(elementwise::not_equal)),
    ("OneHot", One(shapes::one_hot)),
    ("OnesLike", One(shapes::ones_like)),
    ("Pack", One(slices::pack)),
    ("Pad", One(slices::pad)),
    ("PadV2", One(slices::pad)),
    ("PlaceholderWithDefault", One(elementwise::checked)),
    ("Prod", One(reduction::prod)),
    ("Rank", One(shapes::rank)),
    ("Relu6", One(elementwise::relu6)),
    ("ResizeArea", One(convolution::resize_area)),
    ("ResizeBicubic", One(convolution::resize_cubic)),
    ("ResizeBilinear", One(convolution::resize_linear)),
    ("ResizeNearestNeighbor", One(convolution::resize_nearest)),
    ("ResourceGather", One(slices::gather)),
    ("ReverseV2", One(slices::reverse)),
    ("Rsqrt", One(elementwise::rsqrt)),
    ("Select", One(elementwise::select)),
    ("SelectV2", One(elementwise::select)),
    ("Shape", One(shapes::shape)),
    ("Slice", One(slices::slice)),
    ("SpaceToBatchND", One(convolution::space_to_batch)),
    ("SpaceToDepth", One(convolution::space_to_depth)),
    ("Split", Many(slices::split)),
    ("SplitV", Many(slices::split_sizes)),
    ("Square", One(elementwise::square)),
    ("SquaredDifference", One(elementwise::squared_difference)),
    ("Squeeze", One(shapes::squeeze)),
    ("StatelessIf", Many(control::branch)),
    ("StatelessWhile", Many(control::repeat)),
    ("StridedSlice", One(slices::strided)),
    ("Sum", One(reduction::sum)),
    ("TensorArrayGatherV3", One(lists::array_gather)),
    ("TensorArrayReadV3", One(lists::array_read)),
    ("TensorArrayScatterV3", One(lists::array_scatter)),
    ("TensorArraySizeV3", One(lists::array_size)),
    ("TensorArrayV3", Many(lists::array)),
    ("TensorArrayWriteV3", One(lists::array_write)),
    ("TensorListFromTensor", One(lists::from_tensor)),
    ("TensorListGetItem", One(lists::get)),
    ("TensorListLength", One(lists::length)),
    ("TensorListReserve", One(lists::reserve)),
    ("TensorListSetItem", One(lists::set)),
    ("TensorListStack", One(lists::stack)),
    ("TopKV2", Many(reduction::top_k)),
    ("Transpose", One(shapes::transpose)),
    ("TruncateDiv", One(elementwise::truncate_div)),
    ("Unpack", Many(slices::unpack)),
    ("While", Many(control::repeat)),
    ("ZerosLike", One(shapes::zeros_like)),
];

/// The ops that can be imported, by name.
pub(crate) fn ops() -> Ops {
    static ALL: LazyLock<Vec<(&'static str, Lower)>> = LazyLock::new(|| {
        let named = |(name, same): &(&'static str, &str)| {
            let lower = onnx::OPS.iter().find(|(known, _)| known == same)?.1;
            Some((*name, lower))
        };
        let mut all: Vec<(&'static str, Lower)> =
            SAME.iter().filter_map(named).chain(OWN.iter().copied()).collect();
        all.sort_by_key(|(name, _)| *name);
        all
    });
    &ALL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_op_has_one_lowering() {
        let all = ops();
        assert_eq!(all.len(), SAME.len() + OWN.len());
        assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
