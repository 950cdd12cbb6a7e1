//! The float graph: values with static shapes, typed nodes in execution order, constants.

mod infer;
mod op;
mod text;
mod verify;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

pub use op::Op;
pub(crate) use text::Indices;

use crate::error::{IrError, Reason, Result};
use crate::{Shape, Tensor};

/// Names a value of one graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(usize);

impl ValueId {
    /// Its index in [`Graph::values`].
    pub fn index(self) -> usize {
        self.0
    }
}

/// A tensor of the graph, seen as a name and a shape.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Its name, unique in the graph.
    pub name: String,
    /// Its shape.
    pub shape: Shape,
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What errors and reports call it.
    pub name: String,
    /// What it does.
    pub op: Op,
    /// What it reads, in the op's order.
    pub inputs: Vec<ValueId>,
    /// What it makes.
    pub output: ValueId,
}

/// A result of the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Output {
    /// The value.
    pub value: ValueId,
    /// Whether the model ends here with a softmax over all elements. Who reads the output applies it in the
    /// clear.
    pub softmax: bool,
}

/// A network over `f32` tensors: a list of nodes in execution order.
///
/// Built by [`input`](Self::input), [`constant`](Self::constant), [`node`](Self::node) and
/// [`output`](Self::output), each of which refuses what would break [`verify`](Self::verify).
#[derive(Debug, Clone, Default)]
pub struct Graph {
    name: String,
    values: Vec<Value>,
    names: HashSet<String>,
    constants: BTreeMap<ValueId, Arc<Tensor>>,
    inputs: Vec<ValueId>,
    one_hot: HashSet<ValueId>,
    nodes: Vec<Node>,
    outputs: Vec<Output>,
}

impl Graph {
    /// An empty graph.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// The network's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// All values: inputs, constants and node outputs.
    pub fn values(&self) -> &[Value] {
        &self.values
    }

    /// One value. Panics on an id of another graph.
    pub fn value(&self, id: ValueId) -> &Value {
        &self.values[id.0]
    }

    /// The shape of a value. Panics on an id of another graph.
    pub fn shape(&self, id: ValueId) -> &Shape {
        &self.value(id).shape
    }

    /// The elements of a constant. An input or a node's output has none.
    pub fn constant_of(&self, id: ValueId) -> Option<&Arc<Tensor>> {
        self.constants.get(&id)
    }

    /// The private inputs, in order.
    pub fn inputs(&self) -> &[ValueId] {
        &self.inputs
    }

    /// The nodes in execution order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The results, in order.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// For every value, how often nodes and outputs read it.
    pub fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.values.len()];
        let read = self.nodes.iter().flat_map(|n| n.inputs.iter().copied());
        for id in read.chain(self.outputs.iter().map(|o| o.value)) {
            uses[id.0] += 1;
        }
        uses
    }

    /// Multiply-accumulate operations of one run: those of convolutions and matrix products.
    pub fn multiplications(&self) -> u64 {
        let of = |node: &Node| match node.op {
            Op::Conv { .. } | Op::MatMul => {
                let weights = self.shape(node.inputs[1]);
                let inner: usize = match node.op {
                    Op::MatMul => weights[0],
                    _ => weights[1..].iter().product(),
                };
                self.shape(node.output).elements() as u64 * inner as u64
            }
            _ => 0,
        };
        self.nodes.iter().map(of).sum()
    }

    /// A name that no value has yet: `base` itself, or `base` with a number.
    pub fn fresh_name(&self, base: &str) -> String {
        let numbered = |i: usize| if i == 0 { base.to_owned() } else { format!("{base}.{i}") };
        let taken = |i: usize| self.names.contains(&numbered(i));
        // Numbers are given in order, so doubling and halving find the last one in few steps.
        let (mut used, mut free) = (0, 0);
        while taken(free) {
            (used, free) = (free, 2 * free + 1);
        }
        while free - used > 1 {
            let middle = used + (free - used) / 2;
            if taken(middle) { used = middle } else { free = middle }
        }
        numbered(free)
    }

    /// Gives a value another name.
    ///
    /// # Errors
    /// [`IrError::Value`] if the name is taken or empty.
    pub fn rename(&mut self, id: ValueId, name: impl Into<String>) -> Result<()> {
        let name = name.into();
        if name.is_empty() || self.names.contains(&name) {
            return Err(IrError::Value { value: name, reason: "a value needs a name of its own" });
        }
        let before = std::mem::replace(&mut self.values[id.0].name, name.clone());
        self.names.remove(&before);
        self.names.insert(name);
        Ok(())
    }

    /// Adds a private input.
    ///
    /// # Errors
    /// [`IrError::Value`] if the name is taken or empty.
    pub fn input(&mut self, name: impl Into<String>, shape: Shape) -> Result<ValueId> {
        let id = self.define(name.into(), shape)?;
        self.inputs.push(id);
        Ok(id)
    }

    /// Declares that an input holds indices, each as a row along the last dimension: a one in its place, and
    /// zeros. Who has the input makes the rows.
    pub fn mark_one_hot(&mut self, input: ValueId) {
        self.one_hot.insert(input);
    }

    /// Whether an input holds indices as rows with a one.
    pub fn is_one_hot(&self, input: ValueId) -> bool {
        self.one_hot.contains(&input)
    }

    /// Adds a constant: weights or a public table.
    ///
    /// # Errors
    /// [`IrError::Value`] if the name is taken or empty.
    pub fn constant(&mut self, name: impl Into<String>, tensor: Arc<Tensor>) -> Result<ValueId> {
        let id = self.define(name.into(), tensor.shape().clone())?;
        self.constants.insert(id, tensor);
        Ok(id)
    }

    /// The ids of all values, in the order of [`values`](Self::values).
    pub fn ids(&self) -> impl Iterator<Item = ValueId> + use<> {
        (0..self.values.len()).map(ValueId)
    }

    /// Gives a constant other elements, and another shape if that serves its readers as well.
    ///
    /// # Errors
    /// [`IrError::Value`] if it is no constant or a reader's output would change its shape.
    pub fn replace_constant(&mut self, id: ValueId, tensor: Arc<Tensor>) -> Result<()> {
        let refuse = |graph: &Self, reason| IrError::Value { value: graph.value(id).name.clone(), reason };
        if !self.constants.contains_key(&id) {
            return Err(refuse(self, "isn't a constant"));
        }
        let before = std::mem::replace(&mut self.values[id.0].shape, tensor.shape().clone());
        let fits = |node: &Node| {
            !node.inputs.contains(&id)
                || self.infer(&node.name, &node.op, &node.inputs).is_ok_and(|s| s == *self.shape(node.output))
        };
        if !self.nodes.iter().all(fits) {
            self.values[id.0].shape = before;
            return Err(refuse(self, "its readers need another shape"));
        }
        self.constants.insert(id, tensor);
        Ok(())
    }

    /// Adds a node. Its output is called `output` and has the shape that the op infers.
    ///
    /// # Errors
    /// [`IrError::Node`] if the op refuses its inputs, [`IrError::Value`] if the output's name is taken or
    /// empty.
    pub fn node(
        &mut self,
        name: impl Into<String>,
        output: impl Into<String>,
        op: Op,
        inputs: &[ValueId],
    ) -> Result<ValueId> {
        let name = name.into();
        let shape = self.infer(&name, &op, inputs)?;
        let output = self.define(output.into(), shape)?;
        self.nodes.push(Node { name, op, inputs: inputs.to_vec(), output });
        Ok(output)
    }

    /// Declares a result.
    pub fn output(&mut self, value: ValueId, softmax: bool) {
        self.outputs.push(Output { value, softmax });
    }

    fn infer(&self, node: &str, op: &Op, inputs: &[ValueId]) -> Result<Shape> {
        let refuse = |reason: Reason| IrError::Node { node: node.to_owned(), op: op.name(), reason };
        let shapes: Option<Vec<&Shape>> =
            inputs.iter().map(|id| self.values.get(id.0).map(|v| &v.shape)).collect();
        let shapes = shapes.ok_or_else(|| refuse("reads a value that isn't defined".into()))?;
        op.infer(&shapes).map_err(refuse)
    }

    fn define(&mut self, name: String, shape: Shape) -> Result<ValueId> {
        if name.is_empty() {
            return Err(IrError::Value { value: name, reason: "a value needs a name" });
        }
        if !self.names.insert(name.clone()) {
            return Err(IrError::Value { value: name, reason: "defined twice" });
        }
        self.values.push(Value { name, shape });
        Ok(ValueId(self.values.len() - 1))
    }
}
