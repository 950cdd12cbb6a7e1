//! What a model says of itself before it is imported.

use veilflow_lowering::Result;

use crate::decode;

/// What a model says of itself before it is imported.
#[derive(Debug, Clone)]
pub struct ModelInfo {
    /// The names of its inputs, weights left out.
    pub inputs: Vec<String>,
    /// The op of its only node, or `several`.
    pub op: String,
}

/// The inputs of a serialised model, and what it is about.
///
/// # Errors
/// [`Decode`](veilflow_lowering::ImportError::Decode) for bytes that are no ONNX model.
pub fn model_inputs(bytes: &[u8]) -> Result<ModelInfo> {
    let graph = decode(bytes)?.graph.unwrap_or_default();
    let weights: Vec<&str> = graph.initializer.iter().filter_map(|t| t.name.as_deref()).collect();
    let names = graph.input.iter().filter_map(|input| input.name.as_deref());
    let inputs = names.filter(|name| !weights.contains(name)).map(str::to_owned).collect();
    let op = match &graph.node[..] {
        [node] => node.op_type.clone().unwrap_or_default(),
        _ => "several".to_owned(),
    };
    Ok(ModelInfo { inputs, op })
}

/// The files that a serialised model keeps tensors in, relative to its folder, each once.
///
/// # Errors
/// [`Decode`](veilflow_lowering::ImportError::Decode) for bytes that are no ONNX model.
pub fn external_files(bytes: &[u8]) -> Result<Vec<String>> {
    let graph = decode(bytes)?.graph.unwrap_or_default();
    let in_nodes = graph.node.iter().flat_map(|node| &node.attribute).filter_map(|a| a.t.as_ref());
    let entries = graph.initializer.iter().chain(in_nodes).flat_map(|tensor| &tensor.external_data);
    let locations = entries.filter(|pair| pair.key.as_deref() == Some("location"));
    let mut files: Vec<String> = locations.filter_map(|pair| pair.value.clone()).collect();
    files.sort_unstable();
    files.dedup();
    Ok(files)
}
