//! From TensorFlow's nodes and functions to a graph of the lowering layer: calls are inlined, constants
//! become initializers, names get one form.

use std::collections::{BTreeMap, HashMap, HashSet};

use veilflow_ir::Reason;
use veilflow_lowering::{MAX_NODES, source};

use crate::{proto, tensor};

/// How deep calls may nest.
const MAX_DEPTH: usize = 64;

/// Attributes that change no result: types that the values show, hints of placement, names.
const INERT: [&str; 30] = [
    "N",
    "T",
    "Tidx",
    "Tshape",
    "Tperm",
    "Tdim",
    "Tlen",
    "Tmultiples",
    "Tpaddings",
    "Taxis",
    "Tindices",
    "Tparams",
    "Tblock_shape",
    "Tcrops",
    "Index",
    "S",
    "U",
    "Tin",
    "Tout",
    "dtype",
    "element_dtype",
    "shape_type",
    "use_cudnn_on_gpu",
    "parallel_iterations",
    "validate_indices",
    "config",
    "config_proto",
    "executor_type",
    "output_shapes",
    "debug_name",
];

/// Attributes that hold a type which matters.
const TYPES: [&str; 3] = ["DstT", "out_type", "output_type"];

/// A graph and its functions.
pub(crate) struct Program<'a> {
    nodes: &'a [proto::Node],
    functions: HashMap<&'a str, &'a proto::Function>,
}

/// What flattening has made.
#[derive(Default)]
struct Flat {
    nodes: Vec<source::Node>,
    constants: Vec<source::Tensor>,
}

/// How names in inputs are read.
enum Names<'a> {
    /// As in a graph: `node:2`.
    Graph,
    /// As in a function, `node:output:2`: its arguments, and what stands before the names of its nodes.
    Function { arguments: HashMap<&'a str, String>, prefix: String, ops: HashMap<&'a str, &'a str> },
}

/// What budget is left, and how deep a call lies.
pub(crate) struct Budget {
    nodes: usize,
    depth: usize,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { nodes: MAX_NODES, depth: 0 }
    }

    fn spend(&mut self) -> Result<(), Reason> {
        self.nodes = self.nodes.checked_sub(1).ok_or("with its functions inlined, it has too many nodes")?;
        Ok(())
    }
}

impl<'a> Program<'a> {
    pub(crate) fn new(graph: &'a proto::GraphDef) -> Self {
        let functions = graph.library.iter().flat_map(|library| &library.function);
        let named = functions.filter_map(|f| Some((f.signature.as_ref()?.name.as_deref()?, f)));
        Self { nodes: &graph.node, functions: named.collect() }
    }

    /// The nodes of the graph itself.
    pub(crate) fn nodes(&self) -> &'a [proto::Node] {
        self.nodes
    }

    pub(crate) fn function(&self, name: &str) -> Option<&'a proto::Function> {
        self.functions.get(name).copied()
    }

    /// Some of the nodes, with their calls inlined. Inputs and outputs are the caller's to fill in.
    pub(crate) fn flatten(
        &self,
        nodes: &[&'a proto::Node],
        budget: &mut Budget,
    ) -> Result<source::Graph, Reason> {
        let mut flat = Flat::default();
        for node in nodes {
            self.emit(&mut flat, node, &Names::Graph, budget)?;
        }
        Ok(finished(flat, Vec::new(), Vec::new()))
    }

    /// A function as a graph of its own.
    fn body(&self, name: &str, budget: &mut Budget) -> Result<source::Graph, Reason> {
        let function = self.functions.get(name).ok_or_else(|| format!("it has no function `{name}`"))?;
        let mut flat = Flat::default();
        let inputs: Vec<String> = arguments(function).map(str::to_owned).collect();
        let outputs = self.inline(&mut flat, function, "", inputs.clone(), budget)?;
        Ok(finished(flat, inputs, outputs))
    }

    /// Adds the nodes of a function called with these arguments; the names of what it returns.
    fn inline(
        &self,
        flat: &mut Flat,
        function: &'a proto::Function,
        prefix: &str,
        given: Vec<String>,
        budget: &mut Budget,
    ) -> Result<Vec<String>, Reason> {
        if budget.depth == MAX_DEPTH {
            return Err("its functions call each other too deep".into());
        }
        budget.depth += 1;
        let names: Vec<&str> = arguments(function).collect();
        if names.len() != given.len() {
            return Err(
                format!("a function of {} arguments is called with {}", names.len(), given.len()).into()
            );
        }
        let names = Names::Function {
            arguments: names.into_iter().zip(given).collect(),
            prefix: prefix.to_owned(),
            ops: function.node.iter().map(|node| (node.name.as_str(), node.op.as_str())).collect(),
        };
        for node in &function.node {
            self.emit(flat, node, &names, budget)?;
        }
        budget.depth -= 1;
        let returned = function.signature.iter().flat_map(|s| &s.output_arg).map(|arg| {
            let name = arg.name.as_deref().unwrap_or_default();
            let value =
                function.ret.get(name).ok_or_else(|| format!("a function doesn't return `{name}`"))?;
            Ok(names.resolve(value))
        });
        returned.collect()
    }

    fn emit(
        &self,
        flat: &mut Flat,
        node: &'a proto::Node,
        names: &Names<'a>,
        budget: &mut Budget,
    ) -> Result<(), Reason> {
        budget.spend()?;
        let name = names.own(&node.name);
        let inputs =
            node.input.iter().filter(|input| !input.starts_with('^')).map(|input| names.resolve(input));
        let inputs: Vec<String> = inputs.collect();
        if node.op == "Const" {
            // One that is no tensor of numbers matters only if something reads it.
            let made = node.attr.get("value").and_then(|value| value.tensor.as_ref()).map(tensor::constant);
            let mut made = made.and_then(Result::ok).unwrap_or_default();
            made.name = Some(name);
            flat.constants.push(made);
            return Ok(());
        }
        let called = match node.op.as_str() {
            "PartitionedCall" | "StatefulPartitionedCall" => {
                let called = node.attr.get("f").and_then(|f| f.func.as_ref()).map(|f| f.name.as_str());
                Some(
                    called
                        .and_then(|f| self.function(f))
                        .ok_or_else(|| format!("`{name}` calls no function"))?,
                )
            }
            op => self.function(op),
        };
        if let Some(function) = called {
            let results = self.inline(flat, function, &format!("{name}/"), inputs, budget)?;
            for (i, result) in results.into_iter().enumerate() {
                budget.spend()?;
                let output = if i == 0 { name.clone() } else { format!("{name}:{i}") };
                flat.nodes.push(source::Node {
                    input: vec![result],
                    output: vec![output],
                    name: Some(name.clone()),
                    op_type: Some("Identity".into()),
                    ..source::Node::default()
                });
            }
            return Ok(());
        }
        let mut attributes = Vec::new();
        for (key, value) in &node.attr {
            attributes.extend(self.attribute(key, value, budget)?);
        }
        flat.nodes.push(source::Node {
            input: inputs,
            output: vec![name.clone()],
            name: Some(name),
            op_type: Some(node.op.clone()),
            attribute: attributes,
            domain: None,
        });
        Ok(())
    }

    fn attribute(
        &self,
        name: &str,
        value: &proto::Attr,
        budget: &mut Budget,
    ) -> Result<Option<source::Attribute>, Reason> {
        if name.starts_with('_') || INERT.contains(&name) {
            return Ok(None);
        }
        let mut made = source::Attribute { name: Some(name.to_owned()), ..source::Attribute::default() };
        if let Some(called) = &value.func {
            if self.functions.contains_key(called.name.as_str()) {
                made.g = Some(self.body(&called.name, budget)?);
            }
        } else if let Some(list) = &value.list {
            made.ints.clone_from(&list.i);
            made.floats.clone_from(&list.f);
            made.strings.clone_from(&list.s);
        } else if let Some(shape) = &value.shape {
            if shape.unknown_rank {
                return Ok(None);
            }
            made.ints = shape.dim.iter().map(|d| d.size).collect();
        } else if let Some(kind) = value.kind {
            if !TYPES.contains(&name) {
                return Ok(None);
            }
            made.i = proto::element_type(kind).map(i64::from);
        } else {
            made.i = value.i.or(value.b.map(i64::from));
            made.f = value.f;
            made.s.clone_from(&value.s);
        }
        Ok(Some(made))
    }
}

impl Names<'_> {
    /// The global name of a node.
    fn own(&self, name: &str) -> String {
        match self {
            Self::Graph => name.to_owned(),
            Self::Function { prefix, .. } => format!("{prefix}{name}"),
        }
    }

    /// The global name of what an input names. A node's first output is called as the node is.
    fn resolve(&self, input: &str) -> String {
        match self {
            Self::Graph => input.strip_suffix(":0").unwrap_or(input).to_owned(),
            Self::Function { arguments, prefix, ops } => {
                let mut parts = input.split(':');
                let (node, output) = (parts.next().unwrap_or_default(), parts.next());
                if let (Some(given), None) = (arguments.get(node), output) {
                    return given.clone();
                }
                let base =
                    output.map_or(0, |output| first(ops.get(node).copied().unwrap_or_default(), output));
                let index = base + parts.next().and_then(|i| i.parse::<usize>().ok()).unwrap_or(0);
                if index == 0 { format!("{prefix}{node}") } else { format!("{prefix}{node}:{index}") }
            }
        }
    }
}

/// The place of an op's named output among all that it has, where there are several names.
fn first(op: &str, output: &str) -> usize {
    match (op, output) {
        ("FusedBatchNorm" | "FusedBatchNormV2" | "FusedBatchNormV3", "batch_mean")
        | ("TopK" | "TopKV2", "indices")
        | ("TensorListPopBack", "tensor")
        | ("TensorArrayV3", "flow")
        | ("Switch", "output_true")
        | ("Merge", "value_index")
        | ("Unique", "idx") => 1,
        ("FusedBatchNorm" | "FusedBatchNormV2" | "FusedBatchNormV3", "batch_variance") => 2,
        _ => 0,
    }
}

fn arguments(function: &proto::Function) -> impl Iterator<Item = &str> {
    let arguments = function.signature.iter().flat_map(|signature| &signature.input_arg);
    arguments.map(|arg| arg.name.as_deref().unwrap_or_default())
}

fn named(name: String) -> source::ValueInfo {
    source::ValueInfo { name: Some(name), r#type: None }
}

fn finished(flat: Flat, inputs: Vec<String>, outputs: Vec<String>) -> source::Graph {
    let mut graph = source::Graph {
        node: flat.nodes,
        name: None,
        initializer: flat.constants,
        input: inputs.into_iter().map(named).collect(),
        output: outputs.into_iter().map(named).collect(),
        value_info: Vec::new(),
    };
    complete(&mut graph);
    graph
}

/// Lists the outputs that others read of each node: the file only has the nodes.
pub(crate) fn complete(graph: &mut source::Graph) {
    let mut most: BTreeMap<String, usize> = BTreeMap::new();
    let mut note = |name: &str| {
        if let Some((node, index)) =
            name.rsplit_once(':').and_then(|(n, i)| Some((n, i.parse::<usize>().ok()?)))
        {
            let slot = most.entry(node.to_owned()).or_default();
            *slot = (*slot).max(index.min(MAX_NODES));
        }
    };
    read_by(graph, &mut note);
    let made: HashSet<String> = graph.node.iter().flat_map(|node| node.output.clone()).collect();
    for node in &mut graph.node {
        let Some(first) = node.output.first().filter(|_| node.output.len() == 1).cloned() else { continue };
        let last = most.get(&first).copied().unwrap_or(0);
        let more = (1..=last).map(|i| format!("{first}:{i}"));
        // What a call returns is a node each.
        node.output.extend(more.filter(|name| !made.contains(name)));
    }
}

/// The names that nodes and outputs of a graph read, those in graphs of attributes included.
fn read_by(graph: &source::Graph, note: &mut impl FnMut(&str)) {
    graph.output.iter().filter_map(|output| output.name.as_deref()).for_each(&mut *note);
    for node in &graph.node {
        node.input.iter().for_each(|input| note(input));
        for inner in node.attribute.iter().filter_map(|attribute| attribute.g.as_ref()) {
            // Such a graph is closed, but for loops of the first version.
            inner.node.iter().flat_map(|node| &node.input).for_each(|input| note(input));
        }
    }
}
