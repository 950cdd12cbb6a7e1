//! Attributes of a node, by name and type.

use std::collections::HashMap;

use veilflow_ir::Reason;

use crate::error::Result;
use crate::source;

/// The attributes of one node. Whoever reads one removes it, so what is left at the end wasn't understood.
pub struct Attributes<'a>(HashMap<&'a str, &'a source::Attribute>);

impl<'a> Attributes<'a> {
    /// The node's attributes, unless a name occurs twice.
    pub(crate) fn new(attributes: &'a [source::Attribute]) -> Result<Self, Reason> {
        let mut map = HashMap::new();
        for attribute in attributes {
            let name = attribute.name.as_deref().unwrap_or_default();
            if map.insert(name, attribute).is_some() {
                return Err(format!("attribute `{name}` is given twice").into());
            }
        }
        Ok(Self(map))
    }

    fn take<T>(
        &mut self,
        name: &str,
        kind: &str,
        read: impl Fn(&'a source::Attribute) -> Option<T>,
    ) -> Result<Option<T>, Reason> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(a) => match read(a) {
                Some(value) => Ok(Some(value)),
                None => Err(format!("attribute `{name}` is no {kind}").into()),
            },
        }
    }

    /// An integer.
    pub fn int(&mut self, name: &str) -> Result<Option<i64>, Reason> {
        self.take(name, "integer", |a| a.i)
    }

    /// A number.
    pub fn float(&mut self, name: &str) -> Result<Option<f32>, Reason> {
        self.take(name, "number", |a| a.f)
    }

    /// A string.
    pub fn string(&mut self, name: &str) -> Result<Option<String>, Reason> {
        self.take(name, "string", |a| String::from_utf8(a.s.clone()?).ok())
    }

    /// A string that another reader will read too.
    pub fn text(&self, name: &str) -> Result<Option<String>, Reason> {
        let Some(attribute) = self.0.get(name) else { return Ok(None) };
        let text = attribute.s.clone().and_then(|s| String::from_utf8(s).ok());
        text.map(Some).ok_or_else(|| format!("attribute `{name}` is no string").into())
    }

    /// Strings.
    pub fn strings(&mut self, name: &str) -> Result<Option<Vec<String>>, Reason> {
        let read =
            |a: &source::Attribute| a.strings.iter().map(|s| String::from_utf8(s.clone()).ok()).collect();
        self.take(name, "list of strings", read)
    }

    /// A tensor.
    pub fn tensor(&mut self, name: &str) -> Result<Option<&'a source::Tensor>, Reason> {
        self.take(name, "tensor", |a| a.t.as_ref())
    }

    /// A graph.
    pub fn graph(&mut self, name: &str) -> Result<Option<&'a source::Graph>, Reason> {
        self.take(name, "graph", |a| a.g.as_ref())
    }

    /// Integers.
    pub fn ints(&mut self, name: &str) -> Result<Option<Vec<i64>>, Reason> {
        self.take(name, "list of integers", |a| Some(a.ints.clone()))
    }

    /// Numbers.
    pub fn floats(&mut self, name: &str) -> Result<Option<Vec<f32>>, Reason> {
        self.take(name, "list of numbers", |a| Some(a.floats.clone()))
    }

    /// A non-negative integer.
    pub fn size(&mut self, name: &str) -> Result<Option<usize>, Reason> {
        let Some(int) = self.int(name)? else { return Ok(None) };
        usize::try_from(int).map(Some).map_err(|_| format!("attribute `{name}` is {int}").into())
    }

    /// A list of non-negative integers.
    pub fn sizes(&mut self, name: &str) -> Result<Option<Vec<usize>>, Reason> {
        let Some(ints) = self.ints(name)? else { return Ok(None) };
        let sizes: Result<_, _> = ints.iter().map(|&i| usize::try_from(i)).collect();
        sizes.map(Some).map_err(|_| format!("attribute `{name}` has a negative entry: {ints:?}").into())
    }

    /// A switch, 0 or 1. An absent one is 0.
    pub fn flag(&mut self, name: &str) -> Result<bool, Reason> {
        match self.int(name)? {
            None | Some(0) => Ok(false),
            Some(1) => Ok(true),
            Some(other) => Err(format!("attribute `{name}` is {other}, not 0 or 1").into()),
        }
    }

    /// Drops attributes that don't change the result.
    pub fn ignore(&mut self, names: &[&str]) {
        for name in names {
            self.0.remove(*name);
        }
    }

    /// Refuses the node if an attribute was left unread.
    pub(crate) fn finish(self) -> Result<(), Reason> {
        match self.0.into_keys().min() {
            Some(name) => Err(format!("attribute `{name}` isn't supported").into()),
            None => Ok(()),
        }
    }
}
