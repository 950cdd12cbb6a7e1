//! Loops of TensorFlow's first version: Enter, Merge, Switch, NextIteration and Exit become one `While`
//! with the graphs of its condition and its body.

use std::collections::{BTreeMap, HashMap, HashSet};

use veilflow_ir::Reason;
use veilflow_lowering::source;

use crate::graph::complete;

/// The nodes of one loop: those that share a frame.
#[derive(Default)]
struct Frame {
    /// What enters and changes from step to step.
    enters: Vec<usize>,
}

/// A variable of a loop.
struct Variable {
    start: String,
    merge: String,
    next: String,
    /// The switch by which it goes to the body or leaves the loop, unless nothing reads it there.
    switch: Option<String>,
}

fn op(node: &source::Node) -> &str {
    node.op_type.as_deref().unwrap_or_default()
}

fn text(node: &source::Node, name: &str) -> Option<String> {
    let attribute = node.attribute.iter().find(|a| a.name.as_deref() == Some(name))?;
    attribute.s.as_ref().map(|s| String::from_utf8_lossy(s).into_owned())
}

fn flag(node: &source::Node, name: &str) -> bool {
    node.attribute.iter().any(|a| a.name.as_deref() == Some(name) && a.i == Some(1))
}

/// The node that a name is an output of.
fn base(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((node, index)) if index.parse::<usize>().is_ok() => node,
        _ => name,
    }
}

/// Replaces the loops of a graph, inner ones first.
pub(crate) fn rebuild(graph: &mut source::Graph) -> Result<(), Reason> {
    loop {
        let mut frames: BTreeMap<String, Frame> = BTreeMap::new();
        for (i, node) in graph.node.iter().enumerate().filter(|(_, node)| op(node) == "Enter") {
            let name = text(node, "frame_name").ok_or("an Enter without a frame")?;
            let frame = frames.entry(name).or_default();
            if !flag(node, "is_constant") {
                frame.enters.push(i);
            }
        }
        if frames.is_empty() {
            return Ok(());
        }
        let mut done = None;
        for (name, frame) in &frames {
            if let Some(rewritten) = rewritten(graph, name, frame)? {
                done = Some(rewritten);
                break;
            }
        }
        *graph = done.ok_or("its loops lie in each other in no order")?;
        complete(graph);
    }
}

/// The graph with one frame replaced, or `None` if another loop lies in it.
fn rewritten(
    graph: &source::Graph,
    frame_name: &str,
    frame: &Frame,
) -> Result<Option<source::Graph>, Reason> {
    let nodes: HashMap<&str, &source::Node> =
        graph.node.iter().filter_map(|node| Some((node.output.first()?.as_str(), node))).collect();
    let mut variables = Vec::new();
    let mut exits = Vec::new();
    for &enter in &frame.enters {
        let enter = &graph.node[enter];
        let name = enter.output.first().ok_or("an Enter without a name")?;
        let merge = graph.node.iter().find(|n| op(n) == "Merge" && n.input.contains(name));
        let merge = merge.ok_or_else(|| format!("nothing merges `{name}`"))?;
        let next = merge.input.iter().find(|i| nodes.get(base(i)).is_some_and(|n| op(n) == "NextIteration"));
        let next = next.and_then(|n| nodes.get(base(n))?.input.first());
        let next = next.ok_or_else(|| format!("nothing follows `{name}` in the next step"))?;
        let merge = merge.output.first().ok_or("a Merge without a name")?;
        let switch = graph.node.iter().find(|n| op(n) == "Switch" && n.input.first() == Some(merge));
        let switch = switch.and_then(|n| n.output.first()).cloned();
        let exit = graph
            .node
            .iter()
            .find(|n| op(n) == "Exit" && n.input.first().is_some_and(|i| switch.as_deref() == Some(base(i))));
        exits.push(exit.and_then(|n| n.output.first()).cloned().unwrap_or_else(|| format!("{merge}/left")));
        let start = enter.input.first().ok_or("an Enter of nothing")?.clone();
        variables.push(Variable { start, merge: merge.clone(), next: next.clone(), switch });
    }
    let condition = graph.node.iter().find(|n| {
        let merges = |name: &String| variables.iter().any(|v| v.merge == *name);
        op(n) == "LoopCond" && reaches(&nodes, n, merges)
    });
    let condition = condition.ok_or_else(|| format!("loop `{frame_name}` has no condition"))?;
    let test = condition.input.first().ok_or("a condition of nothing")?.clone();

    let merges: HashSet<&str> = variables.iter().map(|v| v.merge.as_str()).collect();
    let switches: HashSet<&str> = variables.iter().filter_map(|v| v.switch.as_deref()).collect();
    let Some(test_nodes) = behind(&nodes, std::slice::from_ref(&test), &merges) else { return Ok(None) };
    let nexts: Vec<String> = variables.iter().map(|v| v.next.clone()).collect();
    let Some(body_nodes) = behind(&nodes, &nexts, &switches) else { return Ok(None) };

    let into_body = |v: &Variable| v.switch.as_ref().map_or_else(|| v.merge.clone(), |s| format!("{s}:1"));
    let cond = inner(graph, &test_nodes, variables.iter().map(|v| v.merge.clone()), vec![test]);
    let body = inner(graph, &body_nodes, variables.iter().map(into_body), nexts);
    let attribute = |name: &str, g| source::Attribute {
        name: Some(name.to_owned()),
        g: Some(g),
        ..source::Attribute::default()
    };
    let inside: HashSet<&str> = test_nodes.union(&body_nodes).copied().collect();
    let is_outside = |node: &&source::Node| {
        let Some(name) = node.output.first() else { return true };
        let of_frame = op(node) == "Enter" && text(node, "frame_name").as_deref() == Some(frame_name);
        let machinery = merges.contains(name.as_str())
            || switches.contains(name.as_str())
            || exits.contains(name)
            || *name == condition.output[0]
            || op(node) == "NextIteration"
                && node.input.first().is_some_and(|i| variables.iter().any(|v| v.next == *i));
        !of_frame && !machinery && !inside.contains(name.as_str())
    };
    let mut kept: Vec<source::Node> = graph.node.iter().filter(is_outside).cloned().collect();
    // What is the same in all steps enters as it is.
    let constant = |node: &&source::Node| {
        op(node) == "Enter"
            && text(node, "frame_name").as_deref() == Some(frame_name)
            && flag(node, "is_constant")
    };
    kept.extend(graph.node.iter().filter(constant).map(|node| source::Node {
        op_type: Some("Identity".into()),
        attribute: Vec::new(),
        ..node.clone()
    }));
    kept.push(source::Node {
        input: variables.iter().map(|v| v.start.clone()).collect(),
        output: exits,
        name: Some(frame_name.to_owned()),
        op_type: Some("While".into()),
        attribute: vec![attribute("cond", cond), attribute("body", body)],
        domain: None,
    });
    Ok(Some(source::Graph { node: kept, ..graph.clone() }))
}

/// Whether a node depends on a name that `wanted` holds of.
fn reaches(
    nodes: &HashMap<&str, &source::Node>,
    from: &source::Node,
    wanted: impl Fn(&String) -> bool,
) -> bool {
    let (mut stack, mut seen) = (vec![from], HashSet::new());
    while let Some(node) = stack.pop() {
        for input in &node.input {
            if wanted(input) {
                return true;
            }
            if let Some(next) = nodes.get(base(input)).filter(|_| seen.insert(base(input).to_owned())) {
                stack.push(next);
            }
        }
    }
    false
}

/// The nodes that names depend on, up to `stops` and to what is constant in the loop; `None` if another
/// loop's exit is among them.
fn behind<'a>(
    nodes: &HashMap<&'a str, &'a source::Node>,
    from: &[String],
    stops: &HashSet<&str>,
) -> Option<HashSet<&'a str>> {
    let mut stack: Vec<String> = from.iter().map(|name| base(name).to_owned()).collect();
    let mut seen: HashSet<&'a str> = HashSet::new();
    while let Some(name) = stack.pop() {
        let Some((&key, node)) = nodes.get_key_value(name.as_str()) else { continue };
        if stops.contains(key) || seen.contains(key) || op(node) == "Enter" {
            continue;
        }
        if matches!(op(node), "Exit" | "Merge" | "Switch") {
            return None;
        }
        seen.insert(key);
        stack.extend(node.input.iter().map(|input| base(input).to_owned()));
    }
    Some(seen)
}

/// A graph of some nodes. Constants, and what doesn't change, are read from around it.
fn inner(
    graph: &source::Graph,
    nodes: &HashSet<&str>,
    inputs: impl Iterator<Item = String>,
    outputs: Vec<String>,
) -> source::Graph {
    let named = |name: String| source::ValueInfo { name: Some(name), r#type: None };
    let is_in = |node: &&source::Node| node.output.first().is_some_and(|name| nodes.contains(name.as_str()));
    source::Graph {
        node: graph.node.iter().filter(is_in).cloned().collect(),
        name: None,
        initializer: Vec::new(),
        input: inputs.map(named).collect(),
        output: outputs.into_iter().map(named).collect(),
        value_info: Vec::new(),
    }
}
