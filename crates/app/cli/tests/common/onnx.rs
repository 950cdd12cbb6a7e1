//! ONNX files written by hand: the protobuf fields of `onnx.proto` that small networks need.

/// A field with a length: a text, bytes, or a message.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [varint(u64::from(number) << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

/// A field that is an integer.
fn integer(number: u8, value: u64) -> Vec<u8> {
    [varint(u64::from(number) << 3), varint(value)].concat()
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

/// A `NodeProto`.
pub(crate) fn node(name: &str, op: &str, inputs: &[&str], output: &str, attributes: &[Vec<u8>]) -> Vec<u8> {
    let mut out: Vec<u8> = inputs.iter().flat_map(|i| field(1, i.as_bytes())).collect();
    out.extend([field(2, output.as_bytes()), field(3, name.as_bytes()), field(4, op.as_bytes())].concat());
    out.extend(attributes.iter().flat_map(|a| field(5, a)));
    out
}

/// An `AttributeProto` of integers.
pub(crate) fn integers(name: &str, values: &[u64]) -> Vec<u8> {
    let values: Vec<u8> = values.iter().flat_map(|&v| integer(8, v)).collect();
    [field(1, name.as_bytes()), values, integer(20, 7)].concat()
}

/// An `AttributeProto` of one integer.
pub(crate) fn number(name: &str, value: u64) -> Vec<u8> {
    [field(1, name.as_bytes()), integer(3, value), integer(20, 2)].concat()
}

/// A `TensorProto` of floats.
pub(crate) fn tensor(name: &str, dims: &[u64], values: &[f32]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|&d| integer(1, d)).collect();
    let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
    [dims, integer(2, 1), field(8, name.as_bytes()), field(9, &raw)].concat()
}

/// A `ValueInfoProto` of floats.
fn value(name: &str, dims: &[u64]) -> Vec<u8> {
    let dims: Vec<u8> = dims.iter().flat_map(|&d| field(1, &integer(1, d))).collect();
    let tensor = [integer(1, 1), field(2, &dims)].concat();
    [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
}

/// A `ModelProto` of opset 13 from the value `input` to the value `output`.
pub(crate) fn model(nodes: &[Vec<u8>], tensors: &[Vec<u8>], input: &[u64], output: &[u64]) -> Vec<u8> {
    let graph = [
        nodes.iter().flat_map(|n| field(1, n)).collect(),
        field(2, b"by hand"),
        tensors.iter().flat_map(|t| field(5, t)).collect(),
        field(11, &value("input", input)),
        field(12, &value("output", output)),
    ]
    .concat();
    [integer(1, 8), field(7, &graph), field(8, &[field(1, b""), integer(2, 13)].concat())].concat()
}
