//! From the decoded file to the graph.

use std::collections::HashMap;

use veilflow_ir::{Graph, Shape};

use crate::attributes::Attributes;
use crate::draft::Draft;
use crate::error::{ImportError, Refusal, Result};
use crate::input::{Input, Sizes};
use crate::lowering::{Lowering, Ops};
use crate::node::import_node;
use crate::options::ImportOptions;
use crate::order::needed;
use crate::refusals::Refusals;
use crate::scope::Binding;
use crate::source;
use crate::tables::Tables;

/// What the importer of a format tells of it.
#[derive(Clone, Copy)]
pub struct Dialect {
    /// The ops of the format, by name.
    pub ops: Ops,
    /// The opset of ONNX that its nodes follow, or those that its ops are made of.
    pub opset: i64,
}

/// Lowers a graph from a file that was `bytes` long, by the ops of its format.
///
/// # Errors
/// A variant of [`ImportError`] for each way in which a model can be unusable.
pub fn lower(
    mut source: source::Graph,
    dialect: Dialect,
    bytes: usize,
    options: &ImportOptions,
) -> Result<Graph> {
    let order = needed(&source)?;
    let mut draft = Draft::new(source.name.take().unwrap_or_default(), dialect.opset, bytes);
    draft.folder.clone_from(&options.folder);
    draft.types = types(&source);
    draft.scopes.enter();
    let tables = Tables::of(&source);
    draft.define_initializers(std::mem::take(&mut source.initializer))?;
    define_inputs(&mut draft, &source, &tables, options)?;
    let mut refusals = Refusals::default();
    for &index in &order {
        if let Err(error) = import_node(&mut draft, dialect.ops, "", index, &source.node[index]) {
            refusals.note(&mut draft, &source.node[index], error)?;
        }
    }
    refusals.finish()?;
    for output in source.output {
        let name = output.name.unwrap_or_default();
        if let Some(Binding::Indices { .. }) = draft.scopes.get(&name) {
            as_numbers(&mut draft, &name)?;
        }
        match draft.scopes.get(&name) {
            Some(Binding::Value(id)) => draft.graph.output(*id, false),
            Some(Binding::Softmax(id)) => draft.graph.output(*id, true),
            Some(Binding::Literal(literal)) => {
                let tensor = literal.to_tensor()?;
                let name = draft.graph.fresh_name(&name);
                let id = draft.graph.constant(name, tensor.into())?;
                draft.graph.output(id, false);
            }
            Some(Binding::Unreadable(reason)) => {
                return Err(ImportError::Model(format!("outputs `{name}`, but {reason}").into()));
            }
            _ => return Err(ImportError::Model(format!("doesn't compute its output `{name}`").into())),
        }
    }
    draft.graph.verify()?;
    Ok(draft.graph)
}

/// Defines the inputs: public ones as literals, others as inputs of the graph.
fn define_inputs(
    draft: &mut Draft,
    source: &source::Graph,
    tables: &Tables,
    options: &ImportOptions,
) -> Result<()> {
    // Old files list their weights among the inputs.
    let inputs = source.input.iter().filter(|i| !draft.scopes.defines(i.name.as_deref().unwrap_or_default()));
    let inputs: Vec<Input<'_>> = inputs.map(Input::new).collect();
    if let Some(missing) = options.known_names().find(|name| inputs.iter().all(|i| i.name != *name)) {
        let names: Vec<&str> = inputs.iter().map(|input| input.name).collect();
        let reason = format!("isn't among the inputs, which are `{}`", names.join("`, `"));
        return Err(ImportError::Input { input: missing.to_owned(), reason: reason.into() });
    }
    let is_known = |input: &Input<'_>| options.known_names().any(|name| name == input.name);
    let private: Vec<&Input<'_>> = inputs.iter().filter(|input| !is_known(input)).collect();
    let sizes = Sizes::new(&private, options)?;
    for input in &inputs {
        let binding = match options.known(input.name)? {
            Some(literal) => Binding::Literal(input.fitted(literal, &sizes)),
            None => private_input(draft, tables.classes(source, input.name), input, &sizes)?,
        };
        draft.scopes.define(input.name, binding);
    }
    Ok(())
}

/// A private input. Of integers that choose from a table, the client gives rows with a one.
fn private_input(
    draft: &mut Draft,
    table: Option<usize>,
    input: &Input<'_>,
    sizes: &Sizes<'_>,
) -> Result<Binding> {
    if let Some(reason) = input.unreadable() {
        return Ok(Binding::Unreadable(reason));
    }
    let shape = input.shape(sizes)?;
    let classes = if input.is_integer() { sizes.classes(input, table) } else { None };
    if let Some(classes) = classes {
        let rows = Shape::new([&shape[..], &[classes]].concat())?;
        let id = draft.graph.input(input.name, rows)?;
        draft.graph.mark_one_hot(id);
        return Ok(Binding::Indices { rows: id, dims: shape });
    }
    let id = draft.graph.input(input.name, shape)?;
    if input.has_open_batch() && !sizes.names(input, 0) {
        draft.open.push(id);
    }
    Ok(Binding::Value(id))
}

/// Lets a name stand for its indices as numbers.
fn as_numbers(draft: &mut Draft, name: &str) -> Result<()> {
    let node = source::Node { input: vec![name.to_owned()], ..source::Node::default() };
    let mut lowering = Lowering::new(draft, &[], Attributes::new(&[])?, "", name, &node);
    lowering.value(0).map(|_| ()).map_err(|refusal| match refusal {
        Refusal::Reason(reason) => ImportError::Model(reason),
        Refusal::Error(error) => error,
    })
}

/// The types that the file gives for names. What a quantisation rounds to depends on them.
fn types(graph: &source::Graph) -> HashMap<String, i32> {
    let declared = graph.input.iter().chain(&graph.value_info).filter_map(|info| {
        let kind = info.r#type.as_ref()?.tensor_type.as_ref()?.elem_type?;
        Some((info.name.clone()?, kind))
    });
    let tensors = graph.initializer.iter().filter_map(|t| Some((t.name.clone()?, t.data_type?)));
    let constants = graph.node.iter().filter(|node| node.op_type.as_deref() == Some("Constant"));
    let constants = constants.filter_map(|node| {
        let kind = node.attribute.iter().find_map(|a| a.t.as_ref())?.data_type?;
        Some((node.output.first()?.clone(), kind))
    });
    declared.chain(constants).chain(tensors).collect()
}
