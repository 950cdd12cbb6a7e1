//! One node of the file: which op lowers it, and what its outputs stand for.

use crate::attributes::Attributes;
use crate::draft::Draft;
use crate::error::{ImportError, Refusal, Result};
use crate::lowering::{Lower, Lowering, Ops};
use crate::scope::Binding;
use crate::source;

/// Lowers a node by one of `ops`. `prefix` sets apart what the steps of a loop are called.
pub(crate) fn import_node(
    draft: &mut Draft,
    ops: Ops,
    prefix: &str,
    index: usize,
    node: &source::Node,
) -> Result<()> {
    let op = node.op_type.clone().unwrap_or_default();
    let first = node.output.iter().find(|name| !name.is_empty());
    let given = node.name.as_ref().filter(|n| !n.is_empty()).or(first);
    let name = format!("{prefix}{}", given.cloned().unwrap_or_else(|| format!("#{index}")));
    let domain = node.domain.as_deref().unwrap_or_default();
    let op = if matches!(domain, "" | "ai.onnx") { op } else { format!("{domain}.{op}") };
    let Some((_, lower)) = ops.iter().find(|(known, _)| *known == op) else {
        let known: Vec<&str> = ops.iter().map(|(known, _)| *known).collect();
        return Err(ImportError::UnsupportedOp { node: name, op, supported: known.join(", ") });
    };
    lower_node(draft, ops, prefix, &name, *lower, node).map_err(|refusal| match refusal {
        Refusal::Reason(reason) => ImportError::Node { node: name, op, reason },
        Refusal::Error(error) => error,
    })
}

fn lower_node(
    draft: &mut Draft,
    ops: Ops,
    prefix: &str,
    name: &str,
    lower: Lower,
    node: &source::Node,
) -> Result<(), Refusal> {
    draft.spend_node()?;
    let attributes = Attributes::new(&node.attribute)?;
    let mut lowering = Lowering::new(draft, ops, attributes, prefix, name, node);
    let bindings = match lower {
        Lower::Move(lower) => {
            lowering.let_softmax_pass();
            vec![lower(&mut lowering)?]
        }
        Lower::One(lower) => vec![lower(&mut lowering)?],
        Lower::Many(lower) => lower(&mut lowering)?,
        Lower::Function(function) => vec![lowering.apply(function)?],
    };
    lowering.name_outputs(&bindings);
    let passed = lowering.passed_softmax();
    lowering.attributes.finish()?;
    let mut bindings = bindings.into_iter().map(|binding| match binding {
        Binding::Value(id) if passed => Binding::Softmax(id),
        binding => binding,
    });
    for (i, output) in node.output.iter().enumerate() {
        let missing = || Binding::Unreadable(format!("output {i} of `{name}` isn't supported").into());
        let binding = bindings.next().unwrap_or_else(missing);
        if !output.is_empty() && !draft.scopes.define(output, binding) {
            return Err(format!("output `{output}` is defined twice").into());
        }
    }
    Ok(())
}
