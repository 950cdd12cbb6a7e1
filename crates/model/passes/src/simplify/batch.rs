//! Ops that do the same to rows of values and don't wait for each other become one.
//!
//! A value's level is the number of computing ops on the longest way to it. Moves of elements don't count. Of
//! two ops on one level neither depends on the other.
//!
//! Matrix products by the same weights become one. In an unrolled loop these are the products of the input,
//! which don't depend on the state, and those of several chains of the same weights. Ops that follow such a
//! product, with rows of it in every operand, become one too.
//!
//! Operands are traced through moves back to whole rows of other values. The one op runs over these rows as
//! they were before they were sliced, and over each of them once, however many ops read it. Each old op is
//! replaced by its rows of the new one.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use veilflow_ir::{Graph, Node, Op, Shape, ValueId, layout};

use super::rewriter::Rewriter;
use crate::error::Result;

/// The most elements that are traced for one op.
const MAX_TRACED: usize = 1 << 24;

/// The most moves that a trace goes through.
const MAX_MOVES: usize = 64;

/// A row of a value, by its index among the value's rows of one length.
type Row = (ValueId, usize);

/// What ops that may become one have in common.
#[derive(PartialEq, Eq, Hash)]
struct Key {
    op: String,
    /// For each operand the constant, if it is one. The biases of products may differ.
    constants: Vec<Option<ValueId>>,
    /// The level of the output.
    level: usize,
    /// The length of the output's rows.
    columns: usize,
}

impl Key {
    /// The group of an op that acts on rows.
    fn of(graph: &Graph, node: &Node, levels: &[usize]) -> Option<Self> {
        let output = graph.shape(node.output);
        let columns = *output.last()?;
        let constant = |id: &ValueId| graph.constant_of(*id).map(|_| *id);
        let rowwise = |id: &ValueId| match graph.constant_of(*id) {
            // One number, or one for each column.
            Some(c) => [&[][..], &[1], &[1, 1], &[columns], &[1, columns]].contains(&&c.shape()[..]),
            None => graph.shape(*id) == output,
        };
        let (acts, operands) = match node.op {
            Op::MatMul => (node.inputs[1..].iter().all(|id| constant(id).is_some()), &node.inputs[..2]),
            Op::Apply { .. } | Op::Add | Op::Sub | Op::Mul => {
                (node.inputs.iter().all(rowwise), &node.inputs[..])
            }
            _ => return None,
        };
        let constants: Vec<_> = operands.iter().map(constant).collect();
        let private = constants.contains(&None);
        let level = levels[node.output.index()];
        (acts && private).then(|| Self { op: format!("{:?}", node.op), constants, level, columns })
    }
}

/// The graph with such ops joined, and whether there were any.
pub(super) fn batch(graph: &Graph) -> Result<(Graph, bool)> {
    let levels = levels(graph);
    let mut groups: HashMap<Key, Vec<&Node>> = HashMap::new();
    for node in graph.nodes() {
        if let Some(key) = Key::of(graph, node, &levels) {
            groups.entry(key).or_default().push(node);
        }
    }
    let elements = |nodes: &[&Node]| nodes.iter().map(|n| graph.shape(n.inputs[0]).elements()).sum::<usize>();
    groups.retain(|_, nodes| nodes.len() > 1 && elements(nodes) <= MAX_TRACED);
    if groups.is_empty() {
        return Ok((graph.clone(), false));
    }
    // In the order of levels, all operands of a group are known when its first op comes.
    let mut order: Vec<&Node> = graph.nodes().iter().collect();
    order.sort_by_key(|node| levels[node.output.index()]);
    let mut rewriter = Rewriter::new(graph)?;
    let mut traces = Traces::default();
    let mut joined: HashSet<ValueId> = HashSet::new();
    for node in order {
        if let Some(nodes) = Key::of(graph, node, &levels).and_then(|key| groups.remove(&key)) {
            for nodes in traces.related(&mut rewriter, nodes)? {
                join(&mut rewriter, &nodes)?;
                joined.extend(nodes.iter().map(|(n, _)| n.output));
            }
        }
        if !joined.contains(&node.output) {
            let inputs = rewriter.inputs(node)?;
            rewriter.keep(node, &inputs)?;
        }
    }
    if joined.is_empty() {
        return Ok((graph.clone(), false));
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

/// Where the rows of values come from, through moves, by value and length of a row.
#[derive(Default)]
struct Traces(HashMap<(ValueId, usize), Rc<[Row]>>);

impl Traces {
    /// The rows of `length` elements that make up a value of the new graph. They are traced back through at
    /// most `depth` moves, as far as those move whole rows.
    fn rows(&mut self, rewriter: &Rewriter<'_>, id: ValueId, length: usize, depth: usize) -> Rc<[Row]> {
        if let Some(rows) = self.0.get(&(id, length)) {
            return Rc::clone(rows);
        }
        let rows = match moved_rows(rewriter, id, length).filter(|_| depth > 0) {
            Some(moved) => {
                let sources: HashMap<ValueId, Rc<[Row]>> = moved
                    .chunk_by(|a, b| a.0 == b.0)
                    .map(|run| (run[0].0, self.rows(rewriter, run[0].0, length, depth - 1)))
                    .collect();
                moved.iter().map(|(source, row)| sources[source][*row]).collect()
            }
            None => (0..rewriter.shape(id).elements() / length).map(|row| (id, row)).collect(),
        };
        self.0.insert((id, length), Rc::clone(&rows));
        rows
    }
}

/// The rows of its inputs of which a move makes a value, if a move makes it and leaves rows whole.
fn moved_rows(rewriter: &Rewriter<'_>, id: ValueId, length: usize) -> Option<Vec<Row>> {
    let node = rewriter.producer(id).filter(|node| is_move(&node.op))?;
    let sizes: Vec<usize> = node.inputs.iter().map(|&id| rewriter.shape(id).elements()).collect();
    if sizes.iter().any(|&n| n > MAX_TRACED || !n.is_multiple_of(length))
        || rewriter.shape(id).elements() > MAX_TRACED
    {
        return None;
    }
    let places: Vec<Vec<Row>> =
        node.inputs.iter().zip(&sizes).map(|(&id, &n)| (0..n).map(|i| (id, i)).collect()).collect();
    let shapes = node.inputs.iter().map(|&id| rewriter.shape(id));
    let inputs: Vec<(&[Row], &Shape)> = places.iter().map(Vec::as_slice).zip(shapes).collect();
    let whole = |row: &[Row]| {
        let (source, first) = row[0];
        let in_order = row.iter().enumerate().all(|(i, &at)| at == (source, first + i));
        (in_order && first.is_multiple_of(length)).then_some((source, first / length))
    };
    layout::moved(&node.op, &inputs)?.chunks_exact(length).map(whole).collect()
}

/// What a row of an op's output reads: a row of each of its two private operands. If there is one, its row
/// stands twice.
type Read = [Row; 2];

/// An op that becomes part of another, and what its rows read.
type Member<'a> = (&'a Node, Vec<Read>);

impl Traces {
    /// Parts a group into ops that become one, with the rows that they read. Products always become one.
    /// Other ops do if all rows of an operand are of one value, so that what becomes one had one range
    /// before.
    fn related<'a>(
        &mut self,
        rewriter: &mut Rewriter<'_>,
        nodes: Vec<&'a Node>,
    ) -> Result<Vec<Vec<Member<'a>>>> {
        let mut parts: BTreeMap<Option<[ValueId; 2]>, Vec<Member<'a>>> = BTreeMap::new();
        for node in nodes {
            let inputs = rewriter.inputs(node)?;
            let mut private = inputs.iter().copied().filter(|&id| rewriter.constant_of(id).is_none());
            let Some(a) = private.next() else { continue };
            let b = private.next().unwrap_or(a);
            let [a, b] =
                [a, b].map(|id| self.rows(rewriter, id, *rewriter.shape(id).last().unwrap_or(&1), MAX_MOVES));
            let reads: Vec<Read> = a.iter().zip(b.iter()).map(|(&a, &b)| [a, b]).collect();
            let sources = reads[0].map(|row| row.0);
            if node.op == Op::MatMul {
                parts.entry(None).or_default().push((node, reads));
            } else if reads.iter().all(|read| read.map(|row| row.0) == sources) {
                parts.entry(Some(sources)).or_default().push((node, reads));
            }
        }
        Ok(parts.into_values().filter(|nodes| nodes.len() > 1).collect())
    }
}

/// One value of these rows.
fn assemble(
    rewriter: &mut Rewriter<'_>,
    name: &str,
    base: &str,
    rows: &[Row],
    length: usize,
) -> Result<ValueId> {
    let base = format!("{base}.rows");
    let mut parts = Vec::new();
    for run in rows.chunk_by(|a, b| a.0 == b.0) {
        let source = run[0].0;
        let count = rewriter.shape(source).elements() / length;
        let shape = Shape::new([count, length])?;
        let mut part = source;
        if *rewriter.shape(source) != shape {
            part = rewriter.emit(name, &base, Op::Reshape { shape }, &[source])?;
        }
        let indices: Vec<usize> = run.iter().map(|row| row.1).collect();
        if !indices.iter().copied().eq(0..count) {
            part = rewriter.emit(name, &base, Op::Gather { axis: 0, indices }, &[part])?;
        }
        parts.push(part);
    }
    match parts[..] {
        [only] => Ok(only),
        _ => rewriter.emit(name, &base, Op::Concat { axis: 0 }, &parts),
    }
}

/// Makes one op over all distinct rows that the nodes read, and replaces each node by the rows that are its
/// own.
fn join(rewriter: &mut Rewriter<'_>, nodes: &[Member<'_>]) -> Result<()> {
    let first = nodes[0].0;
    let base = rewriter.old_name(first.output);
    let mut distinct: Vec<Read> = nodes.iter().flat_map(|(_, reads)| reads).copied().collect();
    distinct.sort_unstable();
    distinct.dedup();
    let places: HashMap<Read, usize> = distinct.iter().copied().zip(0..).collect();

    let mut inputs = rewriter.inputs(first)?;
    let same_bias = nodes.iter().all(|(node, _)| node.inputs.get(2) == first.inputs.get(2));
    if !same_bias {
        inputs.truncate(2);
    }
    let mut operands = 0..2;
    for input in &mut inputs {
        if rewriter.constant_of(*input).is_none()
            && let Some(operand) = operands.next()
        {
            let rows: Vec<Row> = distinct.iter().map(|read| read[operand]).collect();
            let length = *rewriter.shape(*input).last().unwrap_or(&1);
            *input = assemble(rewriter, &first.name, base, &rows, length)?;
        }
    }
    let all = rewriter.emit(&first.name, &format!("{base}.joined"), first.op.clone(), &inputs)?;
    for (node, reads) in nodes {
        let indices = reads.iter().map(|read| places[read]).collect();
        let (name, shape) = (rewriter.old_name(node.output), rewriter.old_shape(node.output).clone());
        let mut own = rewriter.emit(&node.name, name, Op::Gather { axis: 0, indices }, &[all])?;
        if *rewriter.shape(own) != shape {
            own = rewriter.emit(&node.name, name, Op::Reshape { shape }, &[own])?;
        }
        // A bias that not all products have is added where it belongs.
        if let (false, Some(&bias)) = (same_bias, rewriter.inputs(node)?.get(2)) {
            own = rewriter.emit(&node.name, name, Op::Add, &[own, bias])?;
        }
        rewriter.replace(node.output, own);
    }
    Ok(())
}
