//! Loops and branches whose conditions are known at import.

use veilflow_lowering::{Binding, Lowering, Refusal};

/// A loop of more steps is refused.
const MAX_STEPS: usize = 1 << 16;

/// A known truth value.
fn truth(binding: Option<&Binding>) -> Result<bool, Refusal> {
    match binding {
        Some(Binding::Literal(literal)) => match literal.numbers()[..] {
            [value] => Ok(value != 0.0),
            _ => Err("its condition must be one truth value".into()),
        },
        _ => Err("its condition depends on a private value, which would tell it".into()),
    }
}

/// A loop, unrolled.
pub(super) fn repeat(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    let (cond, body) = (node.attributes.graph("cond")?, node.attributes.graph("body")?);
    let (Some(cond), Some(body)) = (cond, body) else {
        return Err("its condition or its body is missing".into());
    };
    let mut state = (0..node.input_count()).map(|i| node.input(i)).collect::<Result<Vec<Binding>, _>>()?;
    if [cond.input.len(), body.input.len(), body.output.len()] != [state.len(); 3] {
        return Err(format!("{} variables for a body of {}", state.len(), body.input.len()).into());
    }
    for step in 0..MAX_STEPS {
        let prefix = format!("{}.{step}.", node.name());
        if !truth(node.body(cond, &prefix, state.iter().cloned())?.first())? {
            return Ok(state);
        }
        state = node.body(body, &prefix, state)?;
    }
    Err(format!("it takes more than {MAX_STEPS} steps").into())
}

/// The branch that a known condition takes.
pub(super) fn branch(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    let (yes, no) = (node.attributes.graph("then_branch")?, node.attributes.graph("else_branch")?);
    let taken = if truth(Some(&node.input(0)?))? { yes } else { no };
    let taken = taken.ok_or("a branch is missing")?;
    let inputs = (1..node.input_count()).map(|i| node.input(i)).collect::<Result<Vec<Binding>, _>>()?;
    let prefix = format!("{}.", node.name());
    node.body(taken, &prefix, inputs)
}
