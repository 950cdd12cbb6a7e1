//! Matrix products by the same weights that don't wait for each other become one.
//!
//! In an unrolled loop the products of the input are such: none depends on the state. Values have levels, one more than
//! their inputs' for every op that computes and none for moves of elements; of two products on one level neither
//! depends on the other. What their inputs hold is traced through the moves to whole rows of other values, so that the
//! one product runs over rows as they were before they were sliced, each of them once however many products read it,
//! and in place of each old product stand the rows of the new one that it made.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::rc::Rc;

use veilflow_ir::{Graph, Node, Op, Shape, ValueId, layout};

use super::rewriter::Rewriter;
use crate::Error;

/// The most elements traced for one product.
const MAX_TRACED: usize = 1 << 24;

/// The most moves traced through.
const MAX_MOVES: usize = 64;

/// A row of a value seen as rows of one length.
type Row = (ValueId, usize);

/// The weights and the level of the input: what products that become one share.
type Key = (ValueId, usize);

/// The graph with products joined, and whether that changed it.
pub(super) fn batch(graph: &Graph) -> Result<(Graph, bool), Error> {
    let levels = levels(graph);
    let level = |id: ValueId| levels[id.index()];
    let mut groups: HashMap<Key, Vec<&Node>> = HashMap::new();
    for node in graph.nodes() {
        if let Some(key) = key(graph, node, &levels) {
            groups.entry(key).or_default().push(node);
        }
    }
    groups.retain(|_, nodes| nodes.len() > 1);
    let elements = |nodes: &[&Node]| nodes.iter().map(|n| graph.shape(n.inputs[0]).elements()).sum::<usize>();
    groups.retain(|_, nodes| elements(nodes) <= MAX_TRACED);
    if groups.is_empty() {
        return Ok((graph.clone(), false));
    }
    // By level, all inputs of a group are known when its first product comes.
    let mut order: Vec<&Node> = graph.nodes().iter().collect();
    order.sort_by_key(|node| level(node.output));
    let mut rewriter = Rewriter::new(graph)?;
    let mut traces = Traces::default();
    let mut joined: HashSet<ValueId> = HashSet::new();
    for node in order {
        let group = key(graph, node, &levels).and_then(|key| groups.remove(&key));
        match group {
            Some(nodes) => {
                join(&mut rewriter, &mut traces, &nodes)?;
                joined.extend(nodes.iter().map(|n| n.output));
            }
            None if joined.contains(&node.output) => {}
            None => {
                let inputs = rewriter.inputs(node)?;
                rewriter.keep(node, &inputs)?;
            }
        }
    }
    rewriter.finish()
}

/// For each value, the longest chain of computing ops behind it.
fn levels(graph: &Graph) -> Vec<usize> {
    let mut levels = vec![0; graph.values().len()];
    for node in graph.nodes() {
        let before = node.inputs.iter().map(|id| levels[id.index()]).max().unwrap_or(0);
        levels[node.output.index()] = before + usize::from(!is_move(&node.op));
    }
    levels
}

fn is_move(op: &Op) -> bool {
    matches!(
        op,
        Op::Reshape { .. } | Op::Identity | Op::Transpose { .. } | Op::Gather { .. } | Op::Concat { .. }
    )
}

/// The group of a product of a private value by constants.
fn key(graph: &Graph, node: &Node, levels: &[usize]) -> Option<Key> {
    let constant = |id: &ValueId| graph.constant_of(*id).is_some();
    let joins = node.op == Op::MatMul && node.inputs[1..].iter().all(constant) && !constant(&node.inputs[0]);
    joins.then(|| (node.inputs[1], levels[node.inputs[0].index()]))
}

/// Where the elements of values come from, through moves.
#[derive(Default)]
struct Traces(HashMap<ValueId, Rc<[(ValueId, usize)]>>);

impl Traces {
    /// For each element of a value of the new graph, the value it was moved from, at most `depth` moves ago, and its place
    /// there. None if a value on the way is too large.
    fn of(&mut self, r: &Rewriter<'_>, id: ValueId, depth: usize) -> Option<Rc<[(ValueId, usize)]>> {
        if let Some(trace) = self.0.get(&id) {
            return Some(Rc::clone(trace));
        }
        let elements = r.shape(id).elements();
        if elements > MAX_TRACED {
            return None;
        }
        let moved = match r.producer(id).filter(|node| depth > 0 && is_move(&node.op)) {
            Some(node) => {
                let sources = node.inputs.iter().map(|&id| self.of(r, id, depth - 1));
                let sources = sources.collect::<Option<Vec<_>>>()?;
                let shapes = node.inputs.iter().map(|&id| r.shape(id));
                let inputs: Vec<_> = sources.iter().map(Rc::as_ref).zip(shapes).collect();
                layout::moved(&node.op, &inputs)
            }
            None => None,
        };
        let trace: Rc<[_]> = moved.unwrap_or_else(|| (0..elements).map(|i| (id, i)).collect()).into();
        self.0.insert(id, Rc::clone(&trace));
        Some(trace)
    }

    /// The rows of `length` elements that make up a value: those of the values it was moved from if all are whole there,
    /// else its own.
    fn rows(&mut self, r: &Rewriter<'_>, id: ValueId, length: usize) -> Vec<Row> {
        let whole = |row: &[(ValueId, usize)]| {
            let (source, first) = row[0];
            let in_order = row.iter().enumerate().all(|(i, &at)| at == (source, first + i));
            let aligned = first.is_multiple_of(length) && r.shape(source).elements().is_multiple_of(length);
            (in_order && aligned).then_some((source, first / length))
        };
        let trace = self.of(r, id, MAX_MOVES);
        let rows = trace.and_then(|trace| trace.chunks_exact(length).map(whole).collect());
        rows.unwrap_or_else(|| (0..r.shape(id).elements() / length).map(|row| (id, row)).collect())
    }
}

/// One product over all distinct rows of the nodes' inputs, and for each node the rows that are its own.
fn join(r: &mut Rewriter<'_>, traces: &mut Traces, nodes: &[&Node]) -> Result<(), Error> {
    let first = nodes[0];
    let base = r.old_name(first.output);
    let inputs = r.inputs(first)?;
    let length = r.shape(inputs[1])[0];
    let mut rows = Vec::with_capacity(nodes.len());
    for node in nodes {
        let x = r.inputs(node)?[0];
        rows.push(traces.rows(r, x, length));
    }
    let mut used: BTreeMap<ValueId, BTreeSet<usize>> = BTreeMap::new();
    for &(source, row) in rows.iter().flatten() {
        used.entry(source).or_default().insert(row);
    }
    let mut places: HashMap<Row, usize> = HashMap::new();
    let mut parts = Vec::with_capacity(used.len());
    for (&source, used) in &used {
        let count = r.shape(source).elements() / length;
        let shape = Shape::new([count, length])?;
        let mut part = source;
        if *r.shape(source) != shape {
            part = r.emit(&first.name, &format!("{base}.rows"), Op::Reshape { shape }, &[source])?;
        }
        if used.len() < count {
            let op = Op::Gather { axis: 0, indices: used.iter().copied().collect() };
            part = r.emit(&first.name, &format!("{base}.rows"), op, &[part])?;
        }
        parts.push(part);
        for &row in used {
            places.insert((source, row), places.len());
        }
    }
    let x = match parts[..] {
        [only] => only,
        _ => r.emit(&first.name, &format!("{base}.rows"), Op::Concat { axis: 0 }, &parts)?,
    };
    // A bias that not all have is added where it belongs, to the rows of its own product.
    let same_bias = nodes.iter().all(|node| node.inputs[2..] == first.inputs[2..]);
    let mut operands = inputs;
    operands[0] = x;
    operands.truncate(if same_bias { 3 } else { 2 });
    let product = r.emit(&first.name, &format!("{base}.joined"), Op::MatMul, &operands)?;
    for (node, rows) in nodes.iter().zip(rows) {
        let indices = rows.iter().map(|row| places[row]).collect();
        let name = r.old_name(node.output);
        let shape = r.old_shape(node.output).clone();
        let mut own = r.emit(&node.name, name, Op::Gather { axis: 0, indices }, &[product])?;
        if *r.shape(own) != shape {
            own = r.emit(&node.name, name, Op::Reshape { shape }, &[own])?;
        }
        if let (false, Some(&bias)) = (same_bias, r.inputs(node)?.get(2)) {
            own = r.emit(&node.name, name, Op::Add, &[own, bias])?;
        }
        r.replace(node.output, own);
    }
    Ok(())
}
