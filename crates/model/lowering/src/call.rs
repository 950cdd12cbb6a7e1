//! Lowerings made of ONNX's ops, and of graphs in attributes.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::error::{Refusal, Result};
use crate::literal::Literal;
use crate::lowering::Lowering;
use crate::node::import_node;
use crate::ops::OPS;
use crate::scope::Binding;
use crate::source;

/// What an attribute of a call holds.
pub enum Setting<'a> {
    /// An integer or a switch.
    Int(i64),
    /// A number.
    Float(f32),
    /// A word.
    Text(&'a str),
    /// Integers.
    Ints(Vec<i64>),
}

impl Setting<'_> {
    fn attribute(self, name: &str) -> source::Attribute {
        let mut attribute = source::Attribute { name: Some(name.to_owned()), ..source::Attribute::default() };
        match self {
            Self::Int(i) => attribute.i = Some(i),
            Self::Float(f) => attribute.f = Some(f),
            Self::Text(text) => attribute.s = Some(text.as_bytes().to_vec()),
            Self::Ints(ints) => attribute.ints = ints,
        }
        attribute
    }
}

/// A key for what a literal holds.
fn key(literal: &Literal) -> Option<u64> {
    let Literal::Floats(tensor) = literal else { return None };
    let mut hasher = DefaultHasher::new();
    tensor.shape()[..].hash(&mut hasher);
    tensor.data().iter().for_each(|v| v.to_bits().hash(&mut hasher));
    Some(hasher.finish())
}

impl Lowering<'_> {
    /// What ONNX's `op` makes of inputs; `None` leaves one out. `outputs` are asked for.
    ///
    /// # Errors
    /// The op's own refusal.
    pub fn call_many(
        &mut self,
        op: &str,
        inputs: &[Option<Binding>],
        settings: Vec<(&str, Setting<'_>)>,
        outputs: usize,
    ) -> Result<Vec<Binding>, Refusal> {
        let base = self.base().to_owned();
        let name = |i: usize| format!("{base}.{i}");
        self.draft.scopes.enter();
        let mut literals = Vec::new();
        for (i, input) in inputs.iter().enumerate() {
            let Some(input) = input else { continue };
            let mut binding = input.clone();
            // Steps of a loop that make the same constant share it.
            if let Binding::Literal(literal) = &binding
                && let Some(key) = key(literal)
            {
                let shared = self.draft.interned.get(&key).copied();
                match shared.filter(|&id| self.holds(id, literal)) {
                    Some(id) => binding = Binding::Value(id),
                    None => literals.push((name(i), key)),
                }
            }
            self.draft.scopes.define(&name(i), binding);
        }
        let output = |i: usize| if i == 0 { base.clone() } else { format!("{base}:{i}") };
        let node = source::Node {
            input: (0..inputs.len())
                .map(|i| if inputs[i].is_some() { name(i) } else { String::new() })
                .collect(),
            output: (0..outputs).map(output).collect(),
            name: Some(self.name.clone()),
            op_type: Some(op.to_owned()),
            attribute: settings.into_iter().map(|(name, setting)| setting.attribute(name)).collect(),
            domain: None,
        };
        let made = import_node(self.draft, OPS, "", 0, &node);
        for (name, key) in literals {
            if let Some(&Binding::Value(id)) = self.draft.scopes.get(&name) {
                self.draft.interned.insert(key, id);
            }
        }
        let results =
            (0..outputs).map(|i| self.draft.scopes.get(&output(i)).cloned()).collect::<Option<Vec<_>>>();
        self.draft.scopes.leave();
        match made {
            Ok(()) => results.ok_or_else(|| format!("{op} makes fewer than {outputs} outputs").into()),
            Err(crate::error::ImportError::Node { reason, .. }) => Err(reason.into()),
            Err(error) => Err(error.into()),
        }
    }

    /// As [`call_many`](Self::call_many) of an op with one output and no inputs left out.
    ///
    /// # Errors
    /// The op's own refusal.
    pub fn call(
        &mut self,
        op: &str,
        inputs: &[Binding],
        settings: Vec<(&str, Setting<'_>)>,
    ) -> Result<Binding, Refusal> {
        let inputs: Vec<Option<Binding>> = inputs.iter().cloned().map(Some).collect();
        let mut made = self.call_many(op, &inputs, settings, 1)?;
        made.pop().ok_or_else(|| "no output".into())
    }

    /// Whether a value is a constant that holds this.
    fn holds(&self, id: veilflow_ir::ValueId, literal: &Literal) -> bool {
        let constant = self.draft.graph.constant_of(id);
        constant.is_some_and(|c| matches!(literal, Literal::Floats(t) if Arc::ptr_eq(c, t) || **c == **t))
    }
}
