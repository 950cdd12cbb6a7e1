//! From the decoded file to the graph.

use veilflow_ir::{Graph, Reason, Shape};

use crate::draft::Draft;
use crate::error::{ImportError, Result};
use crate::limits::MIN_OPSET;
use crate::node::import_node;
use crate::ops::OPS;
use crate::proto::{self, data_type};
use crate::scope::Binding;

/// Imports a decoded model that was `bytes` long.
pub(crate) fn import(model: proto::Model, bytes: usize) -> Result<Graph> {
    let opset = opset(&model)?;
    let source = model.graph.ok_or_else(|| ImportError::Model("has no graph".into()))?;
    let mut draft = Draft::new(source.name.unwrap_or_default(), opset, bytes);
    draft.scopes.enter();
    draft.define_initializers(source.initializer)?;
    for input in source.input {
        let name = input.name.as_deref().unwrap_or_default();
        // Old files list their weights among the inputs.
        if !draft.scopes.defines(name) {
            let shape = input_shape(name, &input)?;
            let id = draft.graph.input(name, shape)?;
            if has_open_batch(&input) {
                draft.open.push(id);
            }
            draft.scopes.define(name, Binding::Value(id));
        }
    }
    for (index, node) in source.node.iter().enumerate() {
        import_node(&mut draft, &OPS, "", index, node)?;
    }
    for output in source.output {
        let name = output.name.unwrap_or_default();
        match draft.scopes.get(&name) {
            Some(Binding::Value(id)) => draft.graph.output(*id, false),
            Some(Binding::Softmax(id)) => draft.graph.output(*id, true),
            Some(Binding::Unreadable(reason)) => {
                return Err(ImportError::Model(format!("outputs `{name}`, but {reason}").into()));
            }
            _ => return Err(ImportError::Model(format!("doesn't compute its output `{name}`").into())),
        }
    }
    draft.graph.verify()?;
    Ok(draft.graph)
}

fn opset(model: &proto::Model) -> Result<i64> {
    let is_onnx = |o: &&proto::OperatorSet| matches!(o.domain.as_deref(), None | Some("" | "ai.onnx"));
    let version = model.opset_import.iter().find(is_onnx).and_then(|o| o.version);
    match version {
        None => Err(ImportError::Model("names no opset".into())),
        Some(v) if v < MIN_OPSET => {
            Err(ImportError::Model(format!("has opset {v}; at least {MIN_OPSET} is needed").into()))
        }
        Some(v) => Ok(v),
    }
}

fn input_shape(name: &str, input: &proto::ValueInfo) -> Result<Shape> {
    let refuse = |reason: Reason| ImportError::Input { input: name.to_owned(), reason };
    let tensor = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let tensor = tensor.ok_or_else(|| refuse("not a tensor".into()))?;
    let kind = tensor.elem_type.unwrap_or_default();
    if kind != data_type::FLOAT {
        return Err(refuse(format!("type {} isn't supported, use float", data_type::name(kind)).into()));
    }
    let shape = tensor.shape.as_ref().ok_or_else(|| refuse("has no shape".into()))?;
    let dims = shape.dim.iter().enumerate().map(|(i, dim)| dimension(i, dim).map_err(refuse));
    Ok(Shape::new(dims.collect::<Result<Vec<usize>>>()?)?)
}

/// Whether the file leaves the first dimension of an input open.
fn has_open_batch(input: &proto::ValueInfo) -> bool {
    let shape = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()).and_then(|t| t.shape.as_ref());
    shape.and_then(|shape| shape.dim.first()).is_some_and(|dim| dim.dim_value.is_none_or(|v| v <= 0))
}

/// The size of an input's dimension `i`. A batch that isn't fixed is one inference.
fn dimension(i: usize, dim: &proto::Dimension) -> Result<usize, Reason> {
    match (dim.dim_value, i) {
        (Some(v), _) if v > 0 => usize::try_from(v).map_err(|_| format!("dimension {i} is {v}").into()),
        (None | Some(0 | -1), 0) => Ok(1),
        _ => {
            let symbol = dim.dim_param.as_deref().unwrap_or("?");
            Err(format!("dimension {i} (`{symbol}`) isn't fixed; only the batch may be symbolic").into())
        }
    }
}
