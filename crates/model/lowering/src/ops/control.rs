//! Branches and loops whose conditions are known at import.

use prost::Message;

use crate::error::{Refusal, Result};
use crate::literal::Literal;
use crate::lowering::{Lowering, Operand};
use crate::node::import_node;
use crate::order::needed;
use crate::scope::Binding;
use crate::source;

/// A loop of more steps is refused.
const MAX_STEPS: i64 = 1 << 16;

impl Lowering<'_> {
    /// Imports a graph of an attribute in a scope of its own; what it outputs.
    ///
    /// # Errors
    /// The refusal of one of its nodes.
    pub fn body(
        &mut self,
        body: &source::Graph,
        prefix: &str,
        inputs: impl IntoIterator<Item = Binding>,
    ) -> Result<Vec<Binding>, Refusal> {
        let bytes: usize = body.initializer.iter().map(Message::encoded_len).sum();
        self.draft.spend_elements(bytes / 4)?;
        self.draft.scopes.enter();
        self.draft.define_initializers(body.initializer.iter().cloned())?;
        for (info, input) in body.input.iter().zip(inputs) {
            let name = info.name.as_deref().unwrap_or_default();
            if !self.draft.scopes.define(name, input) {
                return Err(format!("two inputs of the body are called `{name}`").into());
            }
        }
        for index in needed(body)? {
            import_node(self.draft, self.ops, prefix, index, &body.node[index])?;
        }
        let output = |info: &source::ValueInfo| {
            let name = info.name.as_deref().unwrap_or_default();
            let binding = self.draft.scopes.get(name).cloned();
            binding.ok_or_else(|| Refusal::from(format!("its body doesn't compute `{name}`")))
        };
        let outputs = body.output.iter().map(output).collect();
        self.draft.scopes.leave();
        outputs
    }

    /// A known truth value.
    ///
    /// # Errors
    /// If it is private, or isn't one.
    pub fn truth(&mut self, index: usize) -> Result<bool, Refusal> {
        match self.literal(index).map(|literal| literal.numbers()).as_deref() {
            Some([value]) => Ok(*value != 0.0),
            Some(_) => Err("its condition must be one truth value".into()),
            None => Err("its condition depends on a private value, which would tell it".into()),
        }
    }
}

/// The branch that the known condition takes. The other one isn't imported.
pub(super) fn branch(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    let (yes, no) = (node.attributes.graph("then_branch")?, node.attributes.graph("else_branch")?);
    let chosen = if node.truth(0)? { yes } else { no };
    let chosen = chosen.ok_or("a branch is missing")?;
    let prefix = format!("{}.", node.name);
    node.body(chosen, &prefix, [])
}

/// A loop unrolled: its count, and whether it goes on, are known.
pub(super) fn repeat(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    let body = node.attributes.graph("body")?.ok_or("attribute `body` is missing")?;
    let limit = if node.has_input(0) { node.integers(0)?.first().copied().unwrap_or(0) } else { i64::MAX };
    let mut goes_on = if node.has_input(1) { node.truth(1)? } else { true };
    let states = node.input_count().saturating_sub(2);
    if body.input.len() != states + 2 || body.output.len() < states + 1 {
        return Err(format!("a body of {} inputs for {states} states", body.input.len()).into());
    }
    let mut state = Vec::with_capacity(states);
    for i in 0..states {
        state.push(Binding::from(node.operand(2 + i)?));
    }
    let mut written: Vec<Vec<Operand>> = vec![Vec::new(); body.output.len() - states - 1];
    let mut step = 0;
    while goes_on && step < limit {
        if step == MAX_STEPS {
            return Err(format!("it takes more than {MAX_STEPS} steps").into());
        }
        let known = [
            Binding::Literal(Literal::integers(vec![], vec![step])),
            Binding::Literal(Literal::integers(vec![], vec![1])),
        ];
        let prefix = format!("{}.{step}.", node.name);
        let mut outputs = node.body(body, &prefix, known.into_iter().chain(state))?;
        let rest = outputs.split_off(1);
        goes_on = match outputs.pop() {
            Some(Binding::Literal(literal)) => literal.numbers().first().is_some_and(|&v| v != 0.0),
            _ => return Err("whether it goes on depends on a private value, which would tell it".into()),
        };
        let mut rest = rest.into_iter();
        state = rest.by_ref().take(states).collect();
        for (parts, binding) in written.iter_mut().zip(rest) {
            parts.push(match binding {
                Binding::Value(id) => Operand::Value(id),
                Binding::Literal(literal) => Operand::Literal(literal),
                _ => return Err("its body outputs what can't be read".into()),
            });
        }
        step += 1;
    }
    let mut results = state;
    for (i, parts) in written.into_iter().enumerate() {
        node.at_output(states + i);
        if parts.is_empty() {
            results.push(Binding::Unreadable("the loop takes no step, so it is empty".into()));
        } else {
            results.push(super::scan::stacked(node, &parts, 0)?.into());
        }
    }
    Ok(results)
}
