//! From the decoded file to the graph.

use veilflow_ir::{Graph, Shape};

use crate::attributes::Attributes;
use crate::error::Error;
use crate::literal::Literal;
use crate::lowering::{Lowering, Refusal};
use crate::ops::{self, Lower};
use crate::proto::{self, data_type};
use crate::scope::{Binding, Scopes};
use crate::{MAX_NODES, MIN_OPSET, ops::supported_ops};

/// The graph so far and what names stand for.
pub(crate) struct Importer {
    pub(crate) graph: Graph,
    pub(crate) scopes: Scopes,
    pub(crate) opset: i64,
    /// How many elements may still be computed at import, so that a short file can't fill the memory.
    elements: usize,
    /// How many nodes may still be imported or made, so that no loop runs for ever.
    nodes: usize,
}

impl Importer {
    /// Accounts for `count` elements made at import.
    pub(crate) fn spend_elements(&mut self, count: usize) -> Result<(), Refusal> {
        self.elements =
            self.elements.checked_sub(count).ok_or("too much is computed from the file's constants")?;
        Ok(())
    }

    /// Accounts for a node imported or made.
    pub(crate) fn spend_node(&mut self) -> Result<(), Refusal> {
        let spent = self.nodes.checked_sub(1);
        self.nodes = spent.ok_or_else(|| format!("unrolled, the model has more than {MAX_NODES} nodes"))?;
        Ok(())
    }

    /// Defines the initializers of a graph in the innermost scope.
    pub(crate) fn define_initializers(
        &mut self,
        tensors: impl IntoIterator<Item = proto::Tensor>,
    ) -> Result<(), Error> {
        for tensor in tensors {
            let name = tensor.name.clone().unwrap_or_default();
            let binding = Literal::decode(tensor).map_or_else(Binding::Unreadable, Binding::Literal);
            if !self.scopes.define(&name, binding) {
                return Err(Error::Tensor { tensor: name, reason: "defined twice".into() });
            }
        }
        Ok(())
    }

    /// Lowers one node. `prefix` sets apart what the steps of a loop are called.
    pub(crate) fn import_node(
        &mut self,
        prefix: &str,
        index: usize,
        node: &proto::Node,
    ) -> Result<(), Error> {
        let op = node.op_type.clone().unwrap_or_default();
        let first = node.output.iter().find(|name| !name.is_empty());
        let given = node.name.as_ref().filter(|n| !n.is_empty()).or(first);
        let name = format!("{prefix}{}", given.cloned().unwrap_or_else(|| format!("#{index}")));
        let domain = node.domain.as_deref().unwrap_or_default();
        let lower = if matches!(domain, "" | "ai.onnx") { ops::find(&op) } else { None };
        let Some(lower) = lower else {
            let op = if domain.is_empty() { op } else { format!("{domain}.{op}") };
            return Err(Error::UnsupportedOp { node: name, op, supported: supported_ops().join(", ") });
        };
        self.lower(prefix, &name, lower, node).map_err(|refusal| match refusal {
            Refusal::Reason(reason) => Error::Node { node: name, op, reason },
            Refusal::Error(error) => error,
        })
    }

    fn lower(&mut self, prefix: &str, name: &str, lower: Lower, node: &proto::Node) -> Result<(), Refusal> {
        self.spend_node()?;
        let attributes = Attributes::new(&node.attribute)?;
        let mut lowering = Lowering::new(self, attributes, prefix, name, node);
        let bindings = match lower {
            Lower::One(lower) => vec![lower(&mut lowering)?],
            Lower::Many(lower) => lower(&mut lowering)?,
        };
        lowering.attributes.finish()?;
        let mut bindings = bindings.into_iter();
        for (i, output) in node.output.iter().enumerate() {
            let missing = || Binding::Unreadable(format!("output {i} of `{name}` isn't supported"));
            let binding = bindings.next().unwrap_or_else(missing);
            if !output.is_empty() && !self.scopes.define(output, binding) {
                return Err(format!("output `{output}` is defined twice").into());
            }
        }
        Ok(())
    }
}

/// Imports a decoded model that was `bytes` long.
pub(crate) fn import(model: proto::Model, bytes: usize) -> Result<Graph, Error> {
    let opset = opset(&model)?;
    let source = model.graph.ok_or_else(|| Error::Model("has no graph".into()))?;
    let mut importer = Importer {
        graph: Graph::new(source.name.unwrap_or_default()),
        scopes: Scopes::default(),
        opset,
        elements: (1 << 24) + 4 * bytes,
        nodes: MAX_NODES,
    };
    importer.scopes.enter();
    importer.define_initializers(source.initializer)?;
    for input in source.input {
        let name = input.name.as_deref().unwrap_or_default();
        // Old files list their weights among the inputs.
        if !importer.scopes.defines(name) {
            let shape = input_shape(name, &input)?;
            let id = importer.graph.input(name, shape)?;
            importer.scopes.define(name, Binding::Value(id));
        }
    }
    for (index, node) in source.node.iter().enumerate() {
        importer.import_node("", index, node)?;
    }
    for output in source.output {
        let name = output.name.unwrap_or_default();
        match importer.scopes.get(&name) {
            Some(Binding::Value(id)) => importer.graph.output(*id, false),
            Some(Binding::Softmax(id)) => importer.graph.output(*id, true),
            Some(Binding::Unreadable(reason)) => {
                return Err(Error::Model(format!("outputs `{name}`, but {reason}")));
            }
            _ => return Err(Error::Model(format!("doesn't compute its output `{name}`"))),
        }
    }
    importer.graph.verify()?;
    Ok(importer.graph)
}

fn opset(model: &proto::Model) -> Result<i64, Error> {
    let is_onnx = |o: &&proto::OperatorSet| matches!(o.domain.as_deref(), None | Some("" | "ai.onnx"));
    let version = model.opset_import.iter().find(is_onnx).and_then(|o| o.version);
    match version {
        None => Err(Error::Model("names no opset".into())),
        Some(v) if v < MIN_OPSET => {
            Err(Error::Model(format!("has opset {v}; at least {MIN_OPSET} is needed")))
        }
        Some(v) => Ok(v),
    }
}

fn input_shape(name: &str, input: &proto::ValueInfo) -> Result<Shape, Error> {
    let refuse = |reason: String| Error::Input { input: name.to_owned(), reason };
    let tensor = input.r#type.as_ref().and_then(|t| t.tensor_type.as_ref());
    let tensor = tensor.ok_or_else(|| refuse("not a tensor".into()))?;
    let kind = tensor.elem_type.unwrap_or_default();
    if kind != data_type::FLOAT {
        return Err(refuse(format!("type {} isn't supported, use float", data_type::name(kind))));
    }
    let shape = tensor.shape.as_ref().ok_or_else(|| refuse("has no shape".into()))?;
    let dims: Result<Vec<usize>, Error> = (shape.dim.iter().enumerate())
        .map(|(i, d)| match (d.dim_value, i) {
            (Some(v), _) if v > 0 => usize::try_from(v).map_err(|_| refuse(format!("dimension {i} is {v}"))),
            // A batch that isn't fixed is one inference.
            (None | Some(0 | -1), 0) => Ok(1),
            _ => {
                let symbol = d.dim_param.as_deref().unwrap_or("?");
                Err(refuse(format!("dimension {i} (`{symbol}`) isn't fixed; only the batch may be symbolic")))
            }
        })
        .collect();
    Ok(Shape::new(dims?)?)
}
