//! From the decoded file to the graph.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use veilflow_ir::{Graph, Op, Shape, Tensor, ValueId};

use crate::attributes::Attributes;
use crate::error::Error;
use crate::literal::Literal;
use crate::ops;
use crate::proto::{self, data_type};
use crate::{MIN_OPSET, ops::supported_ops};

/// What a name of the ONNX graph stands for.
#[derive(Clone)]
pub(crate) enum Binding {
    /// A value of the graph.
    Value(ValueId),
    /// A tensor from the file that no node has read as a value yet.
    Literal(Literal),
    /// The softmax of a value: fine as an output, nowhere else.
    Softmax(ValueId),
    /// Nothing that can be read, and why.
    Unreadable(String),
}

/// The node being imported, with what its lowering needs. Lowerings return reasons; the caller adds node and op.
pub(crate) struct Lowering<'a> {
    pub(crate) graph: &'a mut Graph,
    pub(crate) attributes: Attributes,
    pub(crate) opset: i64,
    bindings: &'a mut HashMap<String, Binding>,
    inputs: Vec<String>,
    name: String,
    output: String,
}

/// Why a node was refused: a reason to be given the node's name, or an error that has it already.
pub(crate) enum Refusal {
    Reason(String),
    Graph(veilflow_ir::Error),
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::Reason(reason)
    }
}

impl From<&str> for Refusal {
    fn from(reason: &str) -> Self {
        Self::Reason(reason.to_owned())
    }
}

impl From<veilflow_ir::Error> for Refusal {
    fn from(error: veilflow_ir::Error) -> Self {
        Self::Graph(error)
    }
}

impl Lowering<'_> {
    /// The number of inputs, absent trailing ones left out.
    pub(crate) fn input_count(&self) -> usize {
        self.inputs.len()
    }

    /// Whether input `index` is given.
    pub(crate) fn has_input(&self, index: usize) -> bool {
        self.inputs.get(index).is_some_and(|n| !n.is_empty())
    }

    fn binding(&self, index: usize) -> Result<(&String, &Binding), Refusal> {
        let name = self.inputs.get(index).filter(|n| !n.is_empty());
        let name = name.ok_or_else(|| format!("input {index} is missing"))?;
        match self.bindings.get(name) {
            Some(Binding::Unreadable(reason)) => Err(format!("input `{name}`: {reason}").into()),
            Some(Binding::Softmax(_)) => {
                Err(format!("input `{name}`: a softmax is supported only as the last op").into())
            }
            Some(binding) => Ok((name, binding)),
            None => Err(format!("input `{name}` isn't defined before it").into()),
        }
    }

    /// Input `index` as a value of the graph.
    pub(crate) fn value(&mut self, index: usize) -> Result<ValueId, Refusal> {
        match self.binding(index)? {
            (_, Binding::Value(id)) => Ok(*id),
            (name, Binding::Literal(Literal::Floats(tensor))) => {
                let (name, tensor) = (name.clone(), Arc::clone(tensor));
                let id = self.graph.constant(name.clone(), tensor)?;
                self.bindings.insert(name, Binding::Value(id));
                Ok(id)
            }
            (name, _) => Err(format!("input `{name}` holds integers").into()),
        }
    }

    /// Input `index`, known at import, as floats.
    pub(crate) fn floats(&self, index: usize) -> Result<Arc<Tensor>, Refusal> {
        let (name, binding) = self.binding(index)?;
        let tensor = match binding {
            Binding::Literal(Literal::Floats(tensor)) => Some(tensor),
            Binding::Value(id) => self.graph.constant_of(*id),
            _ => None,
        };
        tensor.cloned().ok_or_else(|| format!("input `{name}` must be a constant of floats").into())
    }

    /// Whether input `index` is known at import.
    pub(crate) fn is_constant(&self, index: usize) -> bool {
        self.floats(index).is_ok()
    }

    /// Input `index`, known at import, as integers.
    pub(crate) fn integers(&self, index: usize) -> Result<Vec<i64>, Refusal> {
        match self.binding(index)? {
            (_, Binding::Literal(Literal::Integers(values))) => Ok(values.clone()),
            (name, _) => Err(format!("input `{name}` must be a constant of integers").into()),
        }
    }

    /// Adds a constant made from one of the file's.
    pub(crate) fn constant(&mut self, suffix: &str, tensor: Tensor) -> Result<ValueId, Refusal> {
        let name = self.graph.fresh_name(&format!("{}.{suffix}", self.output));
        Ok(self.graph.constant(name, Arc::new(tensor))?)
    }

    /// Adds a node before the last one.
    pub(crate) fn step(&mut self, suffix: &str, op: Op, inputs: &[ValueId]) -> Result<ValueId, Refusal> {
        let output = self.graph.fresh_name(&format!("{}.{suffix}", self.output));
        Ok(self.graph.node(self.name.clone(), output, op, inputs)?)
    }

    /// Adds the node that makes the output; a constant of another shape stays one, so that scales and weights may come
    /// through Unsqueeze or Reshape.
    pub(crate) fn last(&mut self, op: Op, inputs: &[ValueId]) -> Result<Binding, Refusal> {
        if let (Op::Reshape { shape }, [x]) = (&op, inputs)
            && let Some(tensor) = self.graph.constant_of(*x)
            && tensor.data().len() == shape.elements()
        {
            let reshaped = Tensor::clone(tensor).reshape(shape.clone())?;
            return Ok(Binding::Value(self.graph.constant(self.output.clone(), Arc::new(reshaped))?));
        }
        Ok(Binding::Value(self.graph.node(self.name.clone(), self.output.clone(), op, inputs)?))
    }
}

/// Imports a decoded model.
pub(crate) fn import(model: proto::Model) -> Result<Graph, Error> {
    let opset = opset(&model)?;
    let source = model.graph.ok_or_else(|| Error::Model("has no graph".into()))?;
    let mut bindings = HashMap::new();
    for tensor in source.initializer {
        let name = tensor.name.clone().unwrap_or_default();
        let binding = match Literal::decode(tensor) {
            Ok(literal) => Binding::Literal(literal),
            Err(reason) => Binding::Unreadable(reason),
        };
        if bindings.insert(name.clone(), binding).is_some() {
            return Err(Error::Tensor { tensor: name, reason: "defined twice".into() });
        }
    }
    let mut graph = Graph::new(source.name.unwrap_or_default());
    for input in source.input {
        let name = input.name.clone().unwrap_or_default();
        // Old files list their weights among the inputs.
        if let Entry::Vacant(slot) = bindings.entry(name) {
            let shape = input_shape(slot.key(), &input)?;
            let id = graph.input(slot.key().clone(), shape)?;
            slot.insert(Binding::Value(id));
        }
    }
    for (index, node) in source.node.into_iter().enumerate() {
        import_node(&mut graph, &mut bindings, opset, index, node)?;
    }
    for output in source.output {
        let name = output.name.unwrap_or_default();
        match bindings.get(&name) {
            Some(Binding::Value(id)) => graph.output(*id, false),
            Some(Binding::Softmax(id)) => graph.output(*id, true),
            _ => return Err(Error::Model(format!("doesn't compute its output `{name}`"))),
        }
    }
    graph.verify()?;
    Ok(graph)
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

fn import_node(
    graph: &mut Graph,
    bindings: &mut HashMap<String, Binding>,
    opset: i64,
    index: usize,
    node: proto::Node,
) -> Result<(), Error> {
    let op = node.op_type.unwrap_or_default();
    let output = node.output.first().cloned().unwrap_or_default();
    let given = node.name.filter(|n| !n.is_empty());
    let name = given.unwrap_or_else(|| if output.is_empty() { format!("#{index}") } else { output.clone() });
    let domain = node.domain.unwrap_or_default();
    let lower = if matches!(domain.as_str(), "" | "ai.onnx") { ops::find(&op) } else { None };
    let Some(lower) = lower else {
        let op = if domain.is_empty() { op } else { format!("{domain}.{op}") };
        return Err(Error::UnsupportedOp { node: name, op, supported: supported_ops().join(", ") });
    };
    let mut inputs = node.input;
    while inputs.last().is_some_and(String::is_empty) {
        inputs.pop();
    }
    let lowered = Attributes::new(node.attribute).map_err(Refusal::from).and_then(|attributes| {
        let (name, output) = (name.clone(), output.clone());
        let mut lowering = Lowering { graph, attributes, opset, bindings, inputs, name, output };
        let binding = lower(&mut lowering)?;
        lowering.attributes.finish()?;
        Ok(binding)
    });
    let binding = lowered.map_err(|refusal| match refusal {
        Refusal::Reason(reason) => Error::Node { node: name.clone(), op: op.clone(), reason },
        Refusal::Graph(error) => Error::Graph(error),
    })?;
    let unreadable = Binding::Unreadable(format!("only the first output of {op} is supported"));
    let further = node.output.iter().skip(1).map(|n| (n.clone(), unreadable.clone()));
    for (output, binding) in std::iter::once((output, binding)).chain(further) {
        if !output.is_empty() && bindings.insert(output.clone(), binding).is_some() {
            return Err(Error::Node {
                node: name,
                op,
                reason: format!("output `{output}` is defined twice"),
            });
        }
    }
    Ok(())
}
