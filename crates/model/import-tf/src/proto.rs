//! The part of TensorFlow's protocol buffers that import reads: `saved_model.proto`, `meta_graph.proto`,
//! `graph.proto`, `function.proto`, `op_def.proto`, `tensor.proto`, `tensor_bundle.proto`.

use std::collections::BTreeMap;

use prost::Message;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct SavedModel {
    #[prost(message, repeated, tag = "2")]
    pub(crate) meta_graphs: Vec<MetaGraph>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MetaGraph {
    #[prost(message, optional, tag = "1")]
    pub(crate) meta_info: Option<MetaInfo>,
    #[prost(message, optional, tag = "2")]
    pub(crate) graph: Option<GraphDef>,
    #[prost(message, optional, tag = "3")]
    pub(crate) saver: Option<Saver>,
    #[prost(btree_map = "string, message", tag = "5")]
    pub(crate) signatures: BTreeMap<String, Signature>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct MetaInfo {
    #[prost(string, repeated, tag = "4")]
    pub(crate) tags: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Saver {
    #[prost(string, optional, tag = "3")]
    pub(crate) restore_op_name: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Signature {
    #[prost(btree_map = "string, message", tag = "1")]
    pub(crate) inputs: BTreeMap<String, TensorInfo>,
    #[prost(btree_map = "string, message", tag = "2")]
    pub(crate) outputs: BTreeMap<String, TensorInfo>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct TensorInfo {
    #[prost(string, optional, tag = "1")]
    pub(crate) name: Option<String>,
    #[prost(int32, optional, tag = "2")]
    pub(crate) dtype: Option<i32>,
    #[prost(message, optional, tag = "3")]
    pub(crate) shape: Option<Shape>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct GraphDef {
    #[prost(message, repeated, tag = "1")]
    pub(crate) node: Vec<Node>,
    #[prost(message, optional, tag = "2")]
    pub(crate) library: Option<Library>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Library {
    #[prost(message, repeated, tag = "1")]
    pub(crate) function: Vec<Function>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Function {
    #[prost(message, optional, tag = "1")]
    pub(crate) signature: Option<OpDef>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) node: Vec<Node>,
    #[prost(btree_map = "string, string", tag = "4")]
    pub(crate) ret: BTreeMap<String, String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct OpDef {
    #[prost(string, optional, tag = "1")]
    pub(crate) name: Option<String>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) input_arg: Vec<Arg>,
    #[prost(message, repeated, tag = "3")]
    pub(crate) output_arg: Vec<Arg>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Arg {
    #[prost(string, optional, tag = "1")]
    pub(crate) name: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Node {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) op: String,
    #[prost(string, repeated, tag = "3")]
    pub(crate) input: Vec<String>,
    #[prost(btree_map = "string, message", tag = "5")]
    pub(crate) attr: BTreeMap<String, Attr>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Attr {
    #[prost(message, optional, tag = "1")]
    pub(crate) list: Option<List>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub(crate) s: Option<Vec<u8>>,
    #[prost(int64, optional, tag = "3")]
    pub(crate) i: Option<i64>,
    #[prost(float, optional, tag = "4")]
    pub(crate) f: Option<f32>,
    #[prost(bool, optional, tag = "5")]
    pub(crate) b: Option<bool>,
    #[prost(int32, optional, tag = "6")]
    pub(crate) kind: Option<i32>,
    #[prost(message, optional, tag = "7")]
    pub(crate) shape: Option<Shape>,
    #[prost(message, optional, tag = "8")]
    pub(crate) tensor: Option<Tensor>,
    #[prost(message, optional, tag = "10")]
    pub(crate) func: Option<Called>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Called {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct List {
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub(crate) s: Vec<Vec<u8>>,
    #[prost(int64, repeated, tag = "3")]
    pub(crate) i: Vec<i64>,
    #[prost(float, repeated, tag = "4")]
    pub(crate) f: Vec<f32>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Shape {
    #[prost(message, repeated, tag = "2")]
    pub(crate) dim: Vec<Dimension>,
    #[prost(bool, tag = "3")]
    pub(crate) unknown_rank: bool,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Dimension {
    #[prost(int64, tag = "1")]
    pub(crate) size: i64,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Tensor {
    #[prost(int32, tag = "1")]
    pub(crate) dtype: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) shape: Option<Shape>,
    #[prost(bytes = "vec", tag = "4")]
    pub(crate) content: Vec<u8>,
    #[prost(float, repeated, tag = "5")]
    pub(crate) float: Vec<f32>,
    #[prost(double, repeated, tag = "6")]
    pub(crate) double: Vec<f64>,
    #[prost(int32, repeated, tag = "7")]
    pub(crate) int: Vec<i32>,
    #[prost(bytes = "vec", repeated, tag = "8")]
    pub(crate) string: Vec<Vec<u8>>,
    #[prost(int64, repeated, tag = "10")]
    pub(crate) int64: Vec<i64>,
    #[prost(bool, repeated, tag = "11")]
    pub(crate) bool: Vec<bool>,
    #[prost(int32, repeated, tag = "13")]
    pub(crate) half: Vec<i32>,
    #[prost(uint32, repeated, tag = "16")]
    pub(crate) uint32: Vec<u32>,
    #[prost(uint64, repeated, tag = "17")]
    pub(crate) uint64: Vec<u64>,
}

/// Where a tensor of a checkpoint lies.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct BundleEntry {
    #[prost(int32, tag = "1")]
    pub(crate) dtype: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) shape: Option<Shape>,
    #[prost(int32, tag = "3")]
    pub(crate) shard: i32,
    #[prost(int64, tag = "4")]
    pub(crate) offset: i64,
    #[prost(int64, tag = "5")]
    pub(crate) size: i64,
}

/// The header of a checkpoint's index.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct BundleHeader {
    #[prost(int32, tag = "1")]
    pub(crate) shards: i32,
    #[prost(int32, tag = "2")]
    pub(crate) big_endian: i32,
}

/// ONNX's name for one of TensorFlow's element types, if both have it.
pub(crate) fn element_type(dtype: i32) -> Option<i32> {
    // types.proto; reference types are 100 higher.
    Some(match dtype % 100 {
        1 => 1,
        2 => 11,
        3 => 6,
        4 => 2,
        5 => 5,
        6 => 3,
        7 => 8,
        9 => 7,
        10 => 9,
        11 => 3,
        12 => 2,
        13 => 6,
        14 => 16,
        17 => 4,
        19 => 10,
        22 => 12,
        23 => 13,
        _ => return None,
    })
}
