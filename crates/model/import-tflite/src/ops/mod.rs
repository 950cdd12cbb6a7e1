//! TFLite's operators, made of TensorFlow's and ONNX's.

mod convolution;
mod dense;
mod lstm;
mod rounding;
mod small;

use std::sync::LazyLock;

use veilflow_lowering::Lower::{self, Many, One};
use veilflow_lowering::{Ops, onnx};

/// Operators that are TensorFlow's, with the same inputs and attributes.
const TENSORFLOW: &[(&str, &str)] = &[
    ("ABS", "Abs"),
    ("ADD", "AddV2"),
    ("ADD_N", "AddN"),
    ("ARG_MAX", "ArgMax"),
    ("ARG_MIN", "ArgMin"),
    ("AVERAGE_POOL_2D", "AvgPool"),
    ("BATCH_MATMUL", "BatchMatMulV2"),
    ("BATCH_TO_SPACE_ND", "BatchToSpaceND"),
    ("BROADCAST_TO", "BroadcastTo"),
    ("CAST", "Cast"),
    ("CEIL", "Ceil"),
    ("COS", "Cos"),
    ("CUMSUM", "Cumsum"),
    ("DEPTH_TO_SPACE", "DepthToSpace"),
    ("DEQUANTIZE", "Identity"),
    ("DIV", "RealDiv"),
    ("ELU", "Elu"),
    ("EQUAL", "Equal"),
    ("EXP", "Exp"),
    ("EXPAND_DIMS", "ExpandDims"),
    ("FILL", "Fill"),
    ("FLOOR", "Floor"),
    ("FLOOR_DIV", "FloorDiv"),
    ("FLOOR_MOD", "FloorMod"),
    ("GATHER_ND", "GatherNd"),
    ("GREATER", "Greater"),
    ("GREATER_EQUAL", "GreaterEqual"),
    ("IDENTITY", "Identity"),
    ("IF", "If"),
    ("LEAKY_RELU", "LeakyRelu"),
    ("LESS", "Less"),
    ("LESS_EQUAL", "LessEqual"),
    ("LOCAL_RESPONSE_NORMALIZATION", "LRN"),
    ("LOG", "Log"),
    ("LOGICAL_AND", "LogicalAnd"),
    ("LOGICAL_NOT", "LogicalNot"),
    ("LOGICAL_OR", "LogicalOr"),
    ("LOGISTIC", "Sigmoid"),
    ("LOG_SOFTMAX", "LogSoftmax"),
    ("MAXIMUM", "Maximum"),
    ("MAX_POOL_2D", "MaxPool"),
    ("MEAN", "Mean"),
    ("MINIMUM", "Minimum"),
    ("MIRROR_PAD", "MirrorPad"),
    ("MUL", "Mul"),
    ("NEG", "Neg"),
    ("NOT_EQUAL", "NotEqual"),
    ("ONE_HOT", "OneHot"),
    ("PACK", "Pack"),
    ("PAD", "Pad"),
    ("PADV2", "PadV2"),
    ("POW", "Pow"),
    ("RANGE", "Range"),
    ("RANK", "Rank"),
    ("REDUCE_ALL", "All"),
    ("REDUCE_ANY", "Any"),
    ("REDUCE_MAX", "Max"),
    ("REDUCE_MIN", "Min"),
    ("REDUCE_PROD", "Prod"),
    ("RELU", "Relu"),
    ("RELU6", "Relu6"),
    ("RESIZE_BILINEAR", "ResizeBilinear"),
    ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighbor"),
    ("REVERSE_V2", "ReverseV2"),
    ("ROUND", "Round"),
    ("RSQRT", "Rsqrt"),
    ("SELECT", "Select"),
    ("SELECT_V2", "SelectV2"),
    ("SHAPE", "Shape"),
    ("SIGN", "Sign"),
    ("SIN", "Sin"),
    ("SLICE", "Slice"),
    ("SPACE_TO_BATCH_ND", "SpaceToBatchND"),
    ("SPACE_TO_DEPTH", "SpaceToDepth"),
    ("SPLIT", "Split"),
    ("SPLIT_V", "SplitV"),
    ("SQRT", "Sqrt"),
    ("SQUARE", "Square"),
    ("SQUARED_DIFFERENCE", "SquaredDifference"),
    ("SQUEEZE", "Squeeze"),
    ("STRIDED_SLICE", "StridedSlice"),
    ("SUB", "Sub"),
    ("SUM", "Sum"),
    ("TANH", "Tanh"),
    ("TILE", "Tile"),
    ("TOPK_V2", "TopKV2"),
    ("TRANSPOSE", "Transpose"),
    ("UNPACK", "Unpack"),
    ("WHILE", "While"),
    ("ZEROS_LIKE", "ZerosLike"),
];

/// Operators that are ONNX's.
const ONNX: &[(&str, &str)] = &[("GELU", "Gelu"), ("HARD_SWISH", "HardSwish"), ("PRELU", "PRelu")];

/// Operators with a lowering of their own.
const OWN: &[(&str, Lower)] = &[
    ("CONCATENATION", One(small::concatenation)),
    ("CONV_2D", One(convolution::conv)),
    ("CONV_3D", One(convolution::conv_3d)),
    ("DEPTHWISE_CONV_2D", One(convolution::depthwise)),
    ("EMBEDDING_LOOKUP", One(small::embedding)),
    ("FULLY_CONNECTED", One(dense::fully_connected)),
    ("GATHER", One(small::gather)),
    ("L2_NORMALIZATION", One(small::l2_normalization)),
    ("RELU_0_TO_1", One(small::relu_0_to_1)),
    ("RELU_N1_TO_1", One(small::relu_n1_to_1)),
    ("REQUANTIZE", One(rounding::requantize)),
    ("RESHAPE", One(small::reshape)),
    ("SCALE", One(rounding::scale)),
    ("SHIFT", One(rounding::shift)),
    ("SOFTMAX", One(small::softmax)),
    ("TRANSPOSE_CONV", One(convolution::transposed)),
    ("UNIDIRECTIONAL_SEQUENCE_LSTM", Many(lstm::unidirectional)),
];

/// What only conversion makes.
pub(crate) const INTERNAL: [&str; 4] = ["IDENTITY", "REQUANTIZE", "SCALE", "SHIFT"];

/// The operators that can be imported, by name.
pub(crate) fn ops() -> Ops {
    static ALL: LazyLock<Vec<(&'static str, Lower)>> = LazyLock::new(|| {
        let find =
            |ops: Ops, wanted: &str| ops.iter().find(|(name, _)| *name == wanted).map(|(_, lower)| *lower);
        let tensorflow = veilflow_import_tf::ops();
        let mut all: Vec<(&'static str, Lower)> = OWN.to_vec();
        all.extend(TENSORFLOW.iter().filter_map(|(name, same)| Some((*name, find(tensorflow, same)?))));
        all.extend(ONNX.iter().filter_map(|(name, same)| Some((*name, find(onnx::OPS, same)?))));
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
        assert_eq!(all.len(), TENSORFLOW.len() + ONNX.len() + OWN.len());
        assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
