//! What import has made so far.

use veilflow_ir::{Graph, Node, Op, ValueId};

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use crate::error::{ImportError, Refusal, Result};
use crate::limits::MAX_NODES;
use crate::literal::Literal;
use crate::scope::{Binding, Scopes};
use crate::source;

/// The graph so far, what names stand for, and what may still be spent.
pub(crate) struct Draft {
    pub(crate) graph: Graph,
    pub(crate) scopes: Scopes,
    pub(crate) opset: i64,
    /// Inputs of the network whose first dimension the file leaves open; it was taken for a batch of one.
    pub(crate) open: Vec<ValueId>,
    /// The node that makes each value.
    makers: HashMap<ValueId, usize>,
    /// Values made of constants alone.
    known: HashSet<ValueId>,
    /// The element types of names, where the file gives them.
    pub(crate) types: HashMap<String, i32>,
    /// Constants by a hash of what they hold, so that the steps of a loop share those that they make.
    pub(crate) interned: HashMap<u64, ValueId>,
    /// Where external tensors lie.
    pub(crate) folder: Option<PathBuf>,
    /// How many elements may still be computed at import, lest a short file fill the memory.
    elements: usize,
    /// How many nodes may still be imported or made, lest a loop run for ever.
    nodes: usize,
}

impl Draft {
    /// An empty draft of a graph called `name`, from a file of so many bytes.
    pub(crate) fn new(name: String, opset: i64, bytes: usize) -> Self {
        let elements = (1 << 24) + 4 * bytes;
        let (graph, scopes) = (Graph::new(name), Scopes::default());
        Self {
            graph,
            scopes,
            opset,
            open: Vec::new(),
            makers: HashMap::new(),
            known: HashSet::new(),
            types: HashMap::new(),
            interned: HashMap::new(),
            folder: None,
            elements,
            nodes: MAX_NODES,
        }
    }

    /// Adds a node to the graph. What it makes of constants alone counts as known.
    pub(crate) fn node(
        &mut self,
        name: String,
        output: String,
        op: Op,
        inputs: &[ValueId],
    ) -> Result<ValueId> {
        let known = inputs.iter().all(|&id| self.is_known(id));
        let id = self.graph.node(name, output, op, inputs)?;
        self.makers.insert(id, self.graph.nodes().len() - 1);
        if known {
            self.known.insert(id);
        }
        Ok(id)
    }

    /// Whether a value is a constant, or made of constants alone.
    pub(crate) fn is_known(&self, id: ValueId) -> bool {
        self.graph.constant_of(id).is_some() || self.known.contains(&id)
    }

    /// The node that makes a value.
    pub(crate) fn maker(&self, id: ValueId) -> Option<&Node> {
        self.makers.get(&id).map(|&index| &self.graph.nodes()[index])
    }

    /// Accounts for `count` elements made at import.
    pub(crate) fn spend_elements(&mut self, count: usize) -> Result<(), Refusal> {
        let left = self.elements.checked_sub(count);
        self.elements = left.ok_or("too much is computed from the file's constants")?;
        Ok(())
    }

    /// Accounts for a node imported or made.
    pub(crate) fn spend_node(&mut self) -> Result<(), Refusal> {
        let left = self.nodes.checked_sub(1);
        self.nodes = left.ok_or_else(|| format!("unrolled, the model has more than {MAX_NODES} nodes"))?;
        Ok(())
    }

    /// Defines the initializers of a graph in the innermost scope.
    pub(crate) fn define_initializers(
        &mut self,
        tensors: impl IntoIterator<Item = source::Tensor>,
    ) -> Result<()> {
        for tensor in tensors {
            let name = tensor.name.clone().unwrap_or_default();
            let decoded = Literal::decode(tensor, self.folder.as_deref());
            let binding = decoded.map_or_else(Binding::Unreadable, Binding::Literal);
            if !self.scopes.define(&name, binding) {
                return Err(ImportError::Tensor { tensor: name, reason: "defined twice".into() });
            }
        }
        Ok(())
    }
}
