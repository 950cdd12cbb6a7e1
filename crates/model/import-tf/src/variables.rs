//! Which variable of a checkpoint each handle stands for.

use std::collections::HashMap;

use crate::graph::Program;
use crate::proto;

/// Ops that stand for a variable.
const VARIABLES: [&str; 4] = ["VarHandleOp", "Variable", "VariableV2", "VarHandle"];

/// Whether a node stands for a variable.
pub(crate) fn is_variable(node: &proto::Node) -> bool {
    VARIABLES.contains(&node.op.as_str())
}

/// The keys of handles, as the function that restores them has them.
pub(crate) fn restored<'a>(program: &Program<'a>, restore: &str) -> HashMap<&'a str, String> {
    keys(program, restore).unwrap_or_default()
}

fn keys<'a>(program: &Program<'a>, restore: &str) -> Option<HashMap<&'a str, String>> {
    let call = program.nodes().iter().find(|node| node.name == restore)?;
    let function = program.function(&call.attr.get("f")?.func.as_ref()?.name)?;
    let arguments = &function.signature.as_ref()?.input_arg;
    let nodes: HashMap<&str, &proto::Node> = function.node.iter().map(|n| (n.name.as_str(), n)).collect();
    let mut keys = HashMap::new();
    for assign in function.node.iter().filter(|node| node.op == "AssignVariableOp") {
        let (handle, value) = (assign.input.first()?, assign.input.get(1)?);
        let place = arguments.iter().position(|arg| arg.name.as_ref() == Some(handle))?;
        let variable = call.input.get(place)?;
        if let Some(key) = key(&nodes, value) {
            keys.insert(variable.as_str(), key);
        }
    }
    Some(keys)
}

/// The key of a restored value, which identities pass on.
fn key(nodes: &HashMap<&str, &proto::Node>, value: &str) -> Option<String> {
    let mut value = value;
    for _ in 0..4 {
        let mut parts = value.split(':');
        let node = nodes.get(parts.next()?)?;
        match node.op.as_str() {
            "RestoreV2" => {
                let index: usize = parts.nth(1)?.parse().ok()?;
                let names = nodes.get(node.input.get(1)?.split(':').next()?)?;
                let names = &names.attr.get("value")?.tensor.as_ref()?.string;
                return String::from_utf8(names.get(index)?.clone()).ok();
            }
            _ => value = node.input.first()?,
        }
    }
    None
}

/// The key of a variable that no function restores: the name that it is shared by, or its own.
pub(crate) fn own_key(node: &proto::Node) -> String {
    let shared = node.attr.get("shared_name").and_then(|a| a.s.as_ref()).filter(|s| !s.is_empty());
    shared.map_or_else(|| node.name.clone(), |s| String::from_utf8_lossy(s).into_owned())
}
