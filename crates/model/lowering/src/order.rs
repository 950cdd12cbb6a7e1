//! Which nodes of a file matter, and in which order.

use std::collections::{HashMap, HashSet};

use crate::error::{ImportError, Result};
use crate::source;

/// The nodes that the outputs need, each behind those that it reads. Files of some exporters aren't sorted.
pub(crate) fn needed(graph: &source::Graph) -> Result<Vec<usize>> {
    let mut makers = HashMap::new();
    for (index, node) in graph.node.iter().enumerate() {
        for output in node.output.iter().filter(|name| !name.is_empty()) {
            makers.entry(output.as_str()).or_insert(index);
        }
    }
    let outputs = graph.output.iter().filter_map(|output| output.name.as_deref());
    let mut stack: Vec<(usize, bool)> =
        outputs.filter_map(|name| makers.get(name)).rev().map(|&index| (index, false)).collect();
    let mut state = vec![State::New; graph.node.len()];
    let mut order = Vec::new();
    while let Some((index, left)) = stack.pop() {
        if left {
            state[index] = State::Done;
            order.push(index);
            continue;
        }
        match state[index] {
            State::Done => continue,
            State::Open => return Err(cycle(&graph.node[index])),
            State::New => {}
        }
        state[index] = State::Open;
        stack.push((index, true));
        let mut reads = Vec::new();
        collect_reads(&graph.node[index], &mut reads, 0);
        for name in reads.into_iter().rev() {
            match makers.get(name) {
                Some(&maker) if state[maker] == State::New => stack.push((maker, false)),
                Some(&maker) if state[maker] == State::Open => return Err(cycle(&graph.node[maker])),
                _ => {}
            }
        }
    }
    // Where the file's own order will do, it is kept.
    let mut place = vec![usize::MAX; graph.node.len()];
    order.iter().enumerate().for_each(|(at, &index)| place[index] = at);
    let is_sorted = order.iter().all(|&index| {
        let mut reads = Vec::new();
        collect_reads(&graph.node[index], &mut reads, 0);
        reads.into_iter().filter_map(|name| makers.get(name)).all(|&maker| maker < index)
    });
    if is_sorted {
        order.sort_unstable();
    }
    Ok(order)
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    New,
    Open,
    Done,
}

fn cycle(node: &source::Node) -> ImportError {
    let name = node.name.as_deref().filter(|name| !name.is_empty());
    let name = name.or(node.output.first().map(String::as_str)).unwrap_or("?");
    ImportError::Model(format!("has a cycle through node `{name}`").into())
}

/// How deep graphs in graphs are followed. The decoder refuses files that nest deeper.
const MAX_NESTING: usize = 100;

/// The names that a node reads, and those that the graphs in its attributes read from around them.
fn collect_reads<'a>(node: &'a source::Node, reads: &mut Vec<&'a str>, nesting: usize) {
    reads.extend(node.input.iter().map(String::as_str).filter(|name| !name.is_empty()));
    if nesting == MAX_NESTING {
        return;
    }
    for inner in node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()) {
        let mut inside = Vec::new();
        inner.node.iter().for_each(|node| collect_reads(node, &mut inside, nesting + 1));
        inside.extend(inner.output.iter().filter_map(|output| output.name.as_deref()));
        let inputs = inner.input.iter().filter_map(|input| input.name.as_deref());
        let weights = inner.initializer.iter().filter_map(|tensor| tensor.name.as_deref());
        let made = inner.node.iter().flat_map(|node| &node.output).map(String::as_str);
        let own: HashSet<&str> = inputs.chain(weights).chain(made).collect();
        reads.extend(inside.into_iter().filter(|name| !own.contains(name)));
    }
}
