//! Constants of equal content become one, and so do nodes that do the same to the same values.
//!
//! Steps of an unrolled loop then read the same weights, whatever the exporter or other rules made of them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use veilflow_ir::{Graph, Tensor, ValueId};

use super::rewriter::Rewriter;
use crate::error::Result;

/// A constant, compared bit for bit.
struct Content(Arc<Tensor>);

impl Content {
    fn bits(&self) -> impl Iterator<Item = u32> {
        self.0.data().iter().map(|v| v.to_bits())
    }
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.shape() == other.0.shape() && self.bits().eq(other.bits())
    }
}

impl Eq for Content {}

impl Hash for Content {
    /// The first elements tell most constants apart.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.shape().hash(state);
        self.bits().take(64).for_each(|bits| bits.hash(state));
    }
}

/// The graph with equal constants and nodes made one, and whether there were any.
pub(super) fn deduplicate(graph: &Graph) -> Result<(Graph, bool)> {
    let mut rewriter = Rewriter::new(graph)?;
    let mut constants: HashMap<Content, ValueId> = HashMap::new();
    for id in graph.ids().filter(|&id| rewriter.is_live(id)).collect::<Vec<_>>() {
        let Some(tensor) = graph.constant_of(id) else { continue };
        match constants.entry(Content(Arc::clone(tensor))) {
            Entry::Vacant(slot) => _ = slot.insert(id),
            Entry::Occupied(original) => rewriter.merge_constants(id, *original.get())?,
        }
    }
    let mut nodes: HashMap<(String, Vec<ValueId>), ValueId> = HashMap::new();
    for node in graph.nodes().iter().filter(|node| rewriter.is_live(node.output)).collect::<Vec<_>>() {
        let inputs = rewriter.inputs(node)?;
        match nodes.entry((format!("{:?}", node.op), inputs.clone())) {
            Entry::Vacant(slot) => {
                slot.insert(rewriter.keep(node, &inputs)?);
            }
            Entry::Occupied(original) => rewriter.replace(node.output, *original.get()),
        }
    }
    rewriter.finish()
}
