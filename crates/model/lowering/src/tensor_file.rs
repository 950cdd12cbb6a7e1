//! Tensors in files of their own: serialised `TensorProto` messages, as ONNX's test data has them.

use prost::Message;
use veilflow_ir::Tensor;

use crate::error::{ImportError, Result};
use crate::literal::Literal;
use crate::source;

/// Decodes a serialised `TensorProto`.
pub(crate) fn decode_tensor(bytes: &[u8]) -> Result<Literal> {
    let tensor = source::Tensor::decode(bytes).map_err(ImportError::decode("a tensor"))?;
    let name = tensor.name.clone().unwrap_or_default();
    Literal::decode(tensor, None).map_err(|reason| ImportError::Tensor { tensor: name, reason })
}

/// The numbers in a serialised `TensorProto`, of whatever type, and whether that type is one of floats.
///
/// # Errors
/// [`ImportError::Decode`] and [`ImportError::Tensor`] for what is no tensor of numbers.
pub fn read_tensor(bytes: &[u8]) -> Result<(Tensor, bool)> {
    let literal = decode_tensor(bytes)?;
    let is_float = matches!(literal, Literal::Floats(_));
    Ok((literal.to_tensor()?, is_float))
}
