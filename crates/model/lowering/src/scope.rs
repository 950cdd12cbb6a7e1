//! What the names of an ONNX graph stand for.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use veilflow_ir::{Reason, Shape, ValueId};

use crate::literal::Literal;

/// What a name stands for.
#[derive(Clone)]
pub enum Binding {
    /// A value of the graph.
    Value(ValueId),
    /// A tensor known at import, which no node has read as a value yet.
    Literal(Literal),
    /// The softmax of a value, which only an output may be.
    Softmax(ValueId),
    /// Scores plus a mask of infinite numbers, as attention has them: a value, and which of its elements
    /// count. Only a softmax may read it.
    Masked(ValueId, Arc<Vec<bool>>),
    /// Private indices as an input: rows with a one in the place of each, and the dimensions of the indices.
    Indices {
        /// The input.
        rows: ValueId,
        /// What the file takes for its shape.
        dims: Shape,
    },
    /// Tensors of one shape, as lists and arrays of a loop hold them. One that isn't written yet is none.
    List(Arc<Vec<Option<Self>>>),
    /// Nothing that can be read, for this reason.
    Unreadable(Reason),
    /// What a refused node would have made.
    Blocked,
}

/// Names by scope, the innermost last. The body of a loop reads the names around it too.
#[derive(Default)]
pub(crate) struct Scopes(Vec<HashMap<String, Binding>>);

impl Scopes {
    pub(crate) fn enter(&mut self) {
        self.0.push(HashMap::new());
    }

    pub(crate) fn leave(&mut self) {
        self.0.pop();
    }

    /// What `name` stands for in the innermost scope that has it.
    pub(crate) fn get(&self, name: &str) -> Option<&Binding> {
        self.0.iter().rev().find_map(|scope| scope.get(name))
    }

    /// Whether the innermost scope has `name`.
    pub(crate) fn defines(&self, name: &str) -> bool {
        self.0.last().is_some_and(|scope| scope.contains_key(name))
    }

    /// Defines `name` in the innermost scope, and returns whether it was free.
    pub(crate) fn define(&mut self, name: &str, binding: Binding) -> bool {
        let Some(scope) = self.0.last_mut() else { return false };
        match scope.entry(name.to_owned()) {
            Entry::Occupied(_) => false,
            Entry::Vacant(slot) => {
                slot.insert(binding);
                true
            }
        }
    }

    /// Lets `name` stand for a value in the scope that defines it, so that all who read it read the same
    /// value.
    pub(crate) fn promote(&mut self, name: &str, id: ValueId) {
        if let Some(binding) = self.0.iter_mut().rev().find_map(|scope| scope.get_mut(name)) {
            *binding = Binding::Value(id);
        }
    }
}
