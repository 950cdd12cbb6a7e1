//! Reads TensorFlow models into the float graph: SavedModel folders, and graphs frozen into one file.
//!
//! [`import`] takes either. No TensorFlow is needed. Of a SavedModel a signature says what goes in and
//! comes out, `serving_default` unless the options name another; its variables are read from the
//! checkpoint. Of a frozen graph its placeholders are the inputs, and the outputs are what no other node
//! reads, unless the options name them. [`supported_ops`] lists the ops understood.
//!
//! Calls of functions are inlined. Loops, of either version of TensorFlow, are unrolled; lists and arrays
//! of tensors are what they are read and written by. What ops mean is the business of `veilflow-lowering`:
//! those here are made of ONNX's, so that an op's meaning is lowered once.
//!
//! # Where the private graph begins
//! Decoding of files and the features of sound are left to the client, who computes them of its own input.
//! A graph that holds them begins behind them, and a note says so.
//!
//! # Why not tract
//! `tract-tensorflow` reads frozen graphs with their loops, but no SavedModel's variables, no functions, no
//! batch norm of the third version; and it hands over a graph that it has rewritten.
//!
//! # Malformed files
//! Any bytes give a graph or an error, in bounded time and memory: prost limits nesting, functions that are
//! inlined are counted, and every offset of a checkpoint is checked.

mod checkpoint;
mod front;
mod graph;
mod loops;
mod ops;
mod proto;
mod tensor;
mod variables;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use prost::Message;
use veilflow_ir::{Graph, Reason};
use veilflow_lowering::{Dialect, ImportError, ImportOptions, MAX_FILE_BYTES, Ops, Result, lower, source};

use crate::checkpoint::Checkpoint;
use crate::graph::{Budget, Program};

/// The opset of ONNX whose ops those of TensorFlow are made of.
const OPSET: i64 = 21;

/// The file of a SavedModel folder that holds its graph.
pub const SAVED_MODEL: &str = "saved_model.pb";

/// A graph, and what its owner should know.
#[derive(Debug)]
pub struct Imported {
    /// The graph.
    pub graph: Graph,
    /// Sentences on what was left out.
    pub notes: Vec<String>,
}

/// TensorFlow's ops and how each becomes part of a graph, for other formats that have them.
pub fn ops() -> Ops {
    ops::ops()
}

/// The names of the ops that can be imported.
pub fn supported_ops() -> Vec<&'static str> {
    ops::ops().iter().map(|(name, _)| *name).chain(["Const", "Placeholder", "VarHandleOp"]).collect()
}

/// Reads the SavedModel in folder `path`, or the frozen graph in file `path`.
///
/// # Errors
/// [`ImportError::Read`] and [`ImportError::Decode`] for what is no model, and a variant for each way in
/// which a model can be unusable.
pub fn import(path: impl AsRef<Path>, options: &ImportOptions) -> Result<Imported> {
    let path = path.as_ref();
    if path.is_dir() {
        return import_saved(path, options);
    }
    if path.file_name().is_some_and(|name| name == SAVED_MODEL) {
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        return import_saved(folder, options);
    }
    import_frozen(&read(path)?, options)
}

/// Reads a frozen graph from memory.
///
/// # Errors
/// Those of [`import`].
pub fn import_frozen(bytes: &[u8], options: &ImportOptions) -> Result<Imported> {
    let graph = proto::GraphDef::decode(bytes).map_err(ImportError::decode("a frozen TensorFlow graph"))?;
    if graph.node.is_empty() {
        return Err(ImportError::Model("has no nodes: it is no frozen TensorFlow graph".into()));
    }
    let outputs = if options.outputs.is_empty() { unread(&graph) } else { options.outputs.clone() };
    if outputs.is_empty() {
        return Err(ImportError::Model("computes nothing".into()));
    }
    let ends = outputs.into_iter().map(|name| (name.clone(), name)).collect();
    Source { graph: &graph, ends, inputs: None, variables: None }.import(bytes.len(), options)
}

fn import_saved(folder: &Path, options: &ImportOptions) -> Result<Imported> {
    let bytes = read(&folder.join(SAVED_MODEL))?;
    let model = proto::SavedModel::decode(&bytes[..]).map_err(ImportError::decode("a SavedModel"))?;
    let serves =
        |meta: &&proto::MetaGraph| meta.meta_info.iter().any(|info| info.tags.iter().any(|t| t == "serve"));
    let meta = model.meta_graphs.iter().find(serves).or(model.meta_graphs.first());
    let meta = meta.ok_or_else(|| ImportError::Model("holds no graph".into()))?;
    let graph = meta.graph.as_ref().ok_or_else(|| ImportError::Model("holds no graph".into()))?;
    let (inputs, ends) = signature(meta, options)?;
    let restore = meta.saver.as_ref().and_then(|saver| saver.restore_op_name.as_deref()).unwrap_or_default();
    let variables = Some((folder.join("variables").join("variables"), restore));
    Source { graph, ends, inputs: Some(inputs), variables }.import(bytes.len(), options)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    let failed = |source| ImportError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(ImportError::TooLong { limit: MAX_FILE_BYTES });
    }
    Ok(bytes)
}

/// Inputs by the names of their nodes, and outputs with the names that they are given.
type Ends = (BTreeMap<String, source::ValueInfo>, Vec<(String, String)>);

/// What the chosen signature takes and gives.
fn signature(meta: &proto::MetaGraph, options: &ImportOptions) -> Result<Ends> {
    let of =
        |name: &str| meta.signatures.get(name).filter(|s| !s.outputs.is_empty() && !name.starts_with("__"));
    let names: Vec<&str> =
        meta.signatures.keys().map(String::as_str).filter(|name| of(name).is_some()).collect();
    let chosen = match &options.signature {
        Some(name) => of(name),
        None if names.len() == 1 => of(names[0]),
        None => of("serving_default"),
    };
    let chosen = chosen.ok_or_else(|| {
        let wanted = options.signature.as_deref().unwrap_or("serving_default");
        let list =
            if names.is_empty() { "it has none".into() } else { format!("it has `{}`", names.join("`, `")) };
        ImportError::Model(
            format!("has no signature `{wanted}`: {list}; name one as in `--signature NAME`").into(),
        )
    })?;
    let node = |info: &proto::TensorInfo| {
        let name = info.name.as_deref().unwrap_or_default();
        name.strip_suffix(":0").unwrap_or(name).to_owned()
    };
    let inputs =
        chosen.inputs.iter().map(|(key, info)| (node(info), info_of(key, info.dtype, info.shape.as_ref())));
    let outputs = chosen.outputs.iter().map(|(key, info)| (node(info), key.clone()));
    let outputs = outputs.filter(|(_, key)| options.outputs.is_empty() || options.outputs.contains(key));
    Ok((inputs.collect(), outputs.collect()))
}

fn info_of(name: &str, dtype: Option<i32>, shape: Option<&proto::Shape>) -> source::ValueInfo {
    let kind = dtype.and_then(proto::element_type).unwrap_or_default();
    let dims = shape.filter(|shape| !shape.unknown_rank);
    let dims: Option<Vec<i64>> = dims.map(|shape| shape.dim.iter().map(|d| d.size).collect());
    front::value(name, kind, dims.as_deref())
}

/// The nodes that compute something which no other node reads.
fn unread(graph: &proto::GraphDef) -> Vec<String> {
    let inputs = graph.node.iter().flat_map(|node| &node.input);
    let read: HashSet<&str> = inputs.map(|input| base(input.trim_start_matches('^'))).collect();
    let silent = ["NoOp", "Const", "Assert", "Placeholder", "SaveV2", "Assign", "AssignVariableOp"];
    let is_end =
        |node: &&proto::Node| !read.contains(node.name.as_str()) && !silent.contains(&node.op.as_str());
    graph.node.iter().filter(is_end).map(|node| node.name.clone()).collect()
}

/// The node that an input of a graph names.
fn base(input: &str) -> &str {
    match input.rsplit_once(':') {
        Some((node, index)) if index.parse::<usize>().is_ok() => node,
        _ => input,
    }
}

/// A graph, and where it begins and ends.
struct Source<'a> {
    graph: &'a proto::GraphDef,
    /// Outputs, with the names that they are given.
    ends: Vec<(String, String)>,
    /// The inputs of a signature, by node; else placeholders are the inputs.
    inputs: Option<BTreeMap<String, source::ValueInfo>>,
    /// Where variables lie, and the node that restores them.
    variables: Option<(PathBuf, &'a str)>,
}

impl Source<'_> {
    fn import(self, bytes: usize, options: &ImportOptions) -> Result<Imported> {
        let program = Program::new(self.graph);
        let (needed, front) = self.needed()?;
        let mut notes = Vec::new();
        let mut inputs = Vec::new();
        let mut names = HashMap::new();
        for node in &front {
            inputs.push(front::input(node, &self.graph.node));
            notes.push(format!(
                "the private graph begins behind `{}`: the client computes {} of its own input",
                node.name, node.op
            ));
        }
        for node in needed.iter().filter(|node| node.op == "Placeholder") {
            match self.inputs.as_ref().map(|inputs| inputs.get(&node.name)) {
                None => {
                    let kind = node.attr.get("dtype").and_then(|a| a.kind);
                    let shape = node.attr.get("shape").and_then(|a| a.shape.as_ref());
                    inputs.push(info_of(&node.name, kind, shape));
                }
                Some(Some(info)) => {
                    names.insert(node.name.clone(), info.name.clone().unwrap_or_default());
                    inputs.push(info.clone());
                }
                Some(None) => {
                    let reason = format!("reads `{}`, which isn't among the signature's inputs", node.name);
                    return Err(ImportError::Model(reason.into()));
                }
            }
        }
        let is_inner = |node: &&proto::Node| node.op != "Placeholder" && !variables::is_variable(node);
        let inner: Vec<&proto::Node> = needed.iter().copied().filter(is_inner).collect();
        let mut graph = program.flatten(&inner, &mut Budget::new())?;
        loops::rebuild(&mut graph)?;
        let stored = needed.iter().copied().filter(|node| variables::is_variable(node));
        graph.initializer.extend(self.variables(&program, stored)?);
        self.name(&mut graph, inputs, &names);
        let lowered = lower(graph, Dialect { ops: ops::ops(), opset: OPSET }, bytes, options)?;
        Ok(Imported { graph: lowered, notes })
    }

    /// The nodes that the outputs need, in the file's order; and those that the client computes.
    fn needed(&self) -> Result<(Vec<&proto::Node>, Vec<&proto::Node>)> {
        let nodes: HashMap<&str, &proto::Node> =
            self.graph.node.iter().map(|n| (n.name.as_str(), n)).collect();
        let mut stack: Vec<&str> = Vec::new();
        for (name, _) in &self.ends {
            if !nodes.contains_key(base(name)) {
                return Err(ImportError::Model(format!("has no node `{}` to output", base(name)).into()));
            }
            stack.push(base(name));
        }
        let mut seen = HashSet::new();
        while let Some(name) = stack.pop() {
            let Some(node) = nodes.get(name).filter(|_| seen.insert(name)) else { continue };
            if !front::is_front(node) {
                stack.extend(node.input.iter().filter(|i| !i.starts_with('^')).map(|input| base(input)));
            }
        }
        let all = self.graph.node.iter().filter(|node| seen.contains(node.name.as_str()));
        Ok(all.partition(|node| !front::is_front(node)))
    }

    /// The variables that are read.
    fn variables<'b>(
        &self,
        program: &Program<'_>,
        needed: impl Iterator<Item = &'b proto::Node>,
    ) -> Result<Vec<source::Tensor>> {
        let mut needed = needed.peekable();
        let Some(first) = needed.peek() else { return Ok(Vec::new()) };
        let Some((prefix, restore)) = &self.variables else {
            let reason =
                format!("has a variable, `{}`: freeze it, or give the folder of its SavedModel", first.name);
            return Err(ImportError::Model(reason.into()));
        };
        let checkpoint = Checkpoint::open(prefix)?;
        let keys = variables::restored(program, restore);
        let one = |node: &proto::Node| -> Result<source::Tensor, Reason> {
            let own = variables::own_key(node);
            let key = keys.get(node.name.as_str()).filter(|key| checkpoint.has(key)).unwrap_or(&own);
            checkpoint.variable(key, &node.name)
        };
        needed.map(|node| one(node).map_err(ImportError::from)).collect()
    }

    /// Gives the graph its inputs and outputs, under the names of the signature.
    fn name(
        &self,
        graph: &mut source::Graph,
        inputs: Vec<source::ValueInfo>,
        names: &HashMap<String, String>,
    ) {
        // Nodes inside may be called as the ends are.
        let room = |name: &str| format!("{name}:node");
        let mut moved = HashSet::new();
        let keys = names.values().chain(self.ends.iter().filter(|(from, to)| from != to).map(|(_, to)| to));
        for key in keys.filter(|key| !names.contains_key(*key)) {
            if graph.defines(key) && moved.insert(key.clone()) {
                graph.rename(key, &room(key));
            }
        }
        names.iter().for_each(|(from, to)| graph.rename(from, to));
        graph.input = inputs;
        for (from, to) in &self.ends {
            let inside = if moved.contains(from) { room(from) } else { from.clone() };
            let read = names.get(from).unwrap_or(&inside);
            if read != to {
                graph.node.push(source::Node {
                    input: vec![read.clone()],
                    output: vec![to.clone()],
                    name: Some(to.clone()),
                    op_type: Some("Identity".into()),
                    ..source::Node::default()
                });
            }
            graph.output.push(source::ValueInfo { name: Some(to.clone()), r#type: None });
        }
        graph::complete(graph);
    }
}
