//! How many indices an input of integers may choose from, as the tables tell that it is looked up in.

use std::collections::HashMap;

use crate::source;

/// Ops that pass indices on, in ONNX and elsewhere.
const PASS: [&str; 9] =
    ["Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten", "Transpose", "Expand", "ExpandDims"];

/// Ops that look up, by indices that are their second input.
const LOOK_UP: [&str; 4] = ["Gather", "GatherV2", "ResourceGather", "GATHER"];

/// Ops that are the same as their first input.
const SAME: [&str; 2] = ["Identity", "ReadVariableOp"];

/// How many names of the same indices are followed.
const MAX_CHAIN: usize = 32;

/// The number of rows of each tensor of a file, by its name.
pub(crate) struct Tables(HashMap<String, usize>);

impl Tables {
    /// Of the graph's initializers and constants.
    pub(crate) fn of(graph: &source::Graph) -> Self {
        let first = |tensor: &source::Tensor| tensor.dims.first().and_then(|&d| usize::try_from(d).ok());
        let weights = graph.initializer.iter().filter_map(|t| Some((t.name.clone()?, first(t)?)));
        let constants = graph.node.iter().filter(|node| node.op_type.as_deref() == Some("Constant"));
        let constants = constants.filter_map(|node| {
            let tensor = node.attribute.iter().find_map(|attribute| attribute.t.as_ref())?;
            Some((node.output.first()?.clone(), first(tensor)?))
        });
        let mut rows: HashMap<String, usize> = weights.chain(constants).collect();
        let same =
            graph.node.iter().filter(|node| SAME.contains(&node.op_type.as_deref().unwrap_or_default()));
        for node in same {
            if let (Some(from), Some(to)) = (node.input.first(), node.output.first())
                && let Some(&count) = rows.get(from)
            {
                rows.insert(to.clone(), count);
            }
        }
        Self(rows)
    }

    /// The rows of the table that an input is looked up in; of several the most. `None` if there is no table.
    pub(crate) fn classes(&self, graph: &source::Graph, input: &str) -> Option<usize> {
        looked_up(graph, input, |table| self.0.get(table).copied())
    }
}

fn looked_up(graph: &source::Graph, input: &str, rows: impl Fn(&str) -> Option<usize>) -> Option<usize> {
    let mut same = vec![input];
    let mut seen = 0;
    let mut most = None;
    // Longer chains are no exporter's; each name takes a pass over all nodes.
    while let Some(&name) = same.get(seen).filter(|_| seen < MAX_CHAIN) {
        seen += 1;
        for node in &graph.node {
            let op = node.op_type.as_deref().unwrap_or_default();
            let reads = |i: usize| node.input.get(i).is_some_and(|read| read == name);
            let output = node.output.first().filter(|output| !same.contains(&output.as_str()));
            if let Some(output) = output.filter(|_| reads(0) && PASS.contains(&op)) {
                same.push(output);
            }
            // Where negative indices are wrapped, others are the last choice.
            if let Some(output) =
                output.filter(|_| reads(2) && matches!(op, "SelectV2" | "SELECT_V2" | "SELECT"))
            {
                same.push(output);
            }
            if LOOK_UP.contains(&op) && reads(1) && axis(node) == 0 {
                most = most.max(rows(&node.input[0]));
            }
        }
    }
    most
}

fn axis(node: &source::Node) -> i64 {
    let axis = node.attribute.iter().find(|attribute| attribute.name.as_deref() == Some("axis"));
    axis.and_then(|attribute| attribute.i).unwrap_or(0)
}
