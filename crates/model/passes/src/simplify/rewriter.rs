//! Copies a graph node by node while rules replace parts of it.

use std::collections::HashMap;
use std::sync::Arc;

use veilflow_ir::{Graph, Node, Op, Shape, Tensor, ValueId};

use crate::error::Result;

/// The old graph, the new one so far, and what stands in the new one for values of the old.
pub(super) struct Rewriter<'a> {
    old: &'a Graph,
    new: Graph,
    live: Vec<bool>,
    renamed: Vec<Option<ValueId>>,
    producers: HashMap<ValueId, usize>,
    /// How often the old graph reads what a new value stands for.
    reads: HashMap<ValueId, usize>,
    old_reads: Vec<usize>,
    changed: bool,
}

impl<'a> Rewriter<'a> {
    pub(super) fn new(old: &'a Graph) -> Result<Self> {
        let mut live = vec![false; old.values().len()];
        old.outputs().iter().for_each(|o| live[o.value.index()] = true);
        for node in old.nodes().iter().rev() {
            if live[node.output.index()] {
                node.inputs.iter().for_each(|i| live[i.index()] = true);
            }
        }
        let mut rewriter = Self {
            old,
            new: Graph::new(old.name()),
            live,
            renamed: vec![None; old.values().len()],
            producers: HashMap::new(),
            reads: HashMap::new(),
            old_reads: old.uses(),
            changed: false,
        };
        for &id in old.inputs() {
            let input = rewriter.new.input(old.value(id).name.clone(), old.shape(id).clone())?;
            if old.is_one_hot(id) {
                rewriter.new.mark_one_hot(input);
            }
            rewriter.rename(id, input);
        }
        Ok(rewriter)
    }

    pub(super) fn is_live(&self, old: ValueId) -> bool {
        self.live[old.index()]
    }

    pub(super) fn note_change(&mut self) {
        self.changed = true;
    }

    pub(super) fn old_shape(&self, old: ValueId) -> &Shape {
        self.old.shape(old)
    }

    pub(super) fn old_name(&self, old: ValueId) -> &'a str {
        &self.old.value(old).name
    }

    fn rename(&mut self, old: ValueId, new: ValueId) {
        self.renamed[old.index()] = Some(new);
        *self.reads.entry(new).or_default() += self.old_reads[old.index()];
    }

    /// Lets two constants of the old graph be one in the new.
    pub(super) fn merge_constants(&mut self, duplicate: ValueId, original: ValueId) -> Result<()> {
        let new = self.renamed(original)?;
        self.rename(duplicate, new);
        self.changed = true;
        Ok(())
    }

    /// The new graph's id of an old value. A constant is copied when it is first asked for.
    pub(super) fn renamed(&mut self, old: ValueId) -> Result<ValueId> {
        if let Some(new) = self.renamed[old.index()] {
            return Ok(new);
        }
        let tensor = self.old.constant_of(old).expect("a verified graph defines values before they are read");
        let name = self.new.fresh_name(self.old_name(old));
        let new = self.new.constant(name, Arc::clone(tensor))?;
        self.rename(old, new);
        Ok(new)
    }

    /// The inputs of an old node in the new graph.
    pub(super) fn inputs(&mut self, node: &Node) -> Result<Vec<ValueId>> {
        node.inputs.iter().map(|&id| self.renamed(id)).collect()
    }

    pub(super) fn shape(&self, new: ValueId) -> &Shape {
        self.new.shape(new)
    }

    pub(super) fn constant_of(&self, new: ValueId) -> Option<Arc<Tensor>> {
        self.new.constant_of(new).cloned()
    }

    /// The node that makes a new value, if nothing but the node at hand reads it.
    pub(super) fn sole_producer(&self, new: ValueId) -> Option<Node> {
        if self.reads.get(&new) != Some(&1) {
            return None;
        }
        self.producers.get(&new).map(|&i| self.new.nodes()[i].clone())
    }

    /// The node that makes a new value, whoever reads it.
    pub(super) fn producer(&self, new: ValueId) -> Option<Node> {
        self.producers.get(&new).map(|&i| self.new.nodes()[i].clone())
    }

    /// Adds a constant named after `base`.
    pub(super) fn constant(&mut self, base: &str, tensor: Tensor) -> Result<ValueId> {
        let name = self.new.fresh_name(base);
        Ok(self.new.constant(name, Arc::new(tensor))?)
    }

    /// Adds a node called `name` whose output is named after `base`.
    pub(super) fn emit(&mut self, name: &str, base: &str, op: Op, inputs: &[ValueId]) -> Result<ValueId> {
        let output = self.new.fresh_name(base);
        let id = self.new.node(name, output, op, inputs)?;
        self.producers.insert(id, self.new.nodes().len() - 1);
        // A node made on the way to a replacement is read by the next one only.
        self.reads.insert(id, 1);
        Ok(id)
    }

    /// Lets `new` stand for the old value.
    pub(super) fn replace(&mut self, old: ValueId, new: ValueId) {
        self.changed = true;
        if self.producers.contains_key(&new) && self.reads.get(&new) == Some(&1) {
            self.reads.insert(new, 0);
        }
        self.rename(old, new);
    }

    /// Copies a node.
    pub(super) fn keep(&mut self, node: &Node, inputs: &[ValueId]) -> Result<ValueId> {
        let id = self.emit(&node.name, self.old_name(node.output), node.op.clone(), inputs)?;
        self.reads.insert(id, 0);
        self.rename(node.output, id);
        Ok(id)
    }

    /// The new graph, and whether it differs from the old.
    pub(super) fn finish(mut self) -> Result<(Graph, bool)> {
        for output in self.old.outputs() {
            let value = self.renamed(output.value)?;
            self.new.output(value, output.softmax);
        }
        Ok((self.new, self.changed))
    }
}
