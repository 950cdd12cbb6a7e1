//! The inputs of a file, and the sizes that it leaves open.

use veilflow_ir::{Reason, Shape};

use crate::error::{ImportError, Result};
use crate::literal::Literal;
use crate::options::ImportOptions;
use crate::source::{self, data_type};

/// An input of the file.
pub(crate) struct Input<'a> {
    pub(crate) name: &'a str,
    tensor: Option<&'a source::TensorType>,
}

/// The sizes of open dimensions, as the caller gives them.
pub(crate) struct Sizes<'a>(&'a ImportOptions);

impl<'a> Input<'a> {
    pub(crate) fn new(info: &'a source::ValueInfo) -> Self {
        let name = info.name.as_deref().unwrap_or_default();
        Self { name, tensor: info.r#type.as_ref().and_then(|t| t.tensor_type.as_ref()) }
    }

    fn refuse(&self, reason: impl Into<Reason>) -> ImportError {
        ImportError::Input { input: self.name.to_owned(), reason: reason.into() }
    }

    /// Why nodes can't read it as a private value, if they can't.
    pub(crate) fn unreadable(&self) -> Option<Reason> {
        let Some(tensor) = self.tensor else { return Some("it isn't a tensor".into()) };
        let kind = tensor.elem_type.unwrap_or_default();
        if data_type::is_float(kind) || data_type::is_narrow_float(kind) || data_type::is_integer(kind) {
            return None;
        }
        Some(format!("it has type {}, and inputs are numbers", data_type::name(kind)).into())
    }

    /// Whether its elements are integers.
    pub(crate) fn is_integer(&self) -> bool {
        self.tensor.is_some_and(|t| data_type::is_integer(t.elem_type.unwrap_or_default()))
    }

    /// A known value under the shape of the input, if it has as many elements; and of its kind.
    pub(crate) fn fitted(&self, literal: Literal, sizes: &Sizes<'_>) -> Literal {
        let dims = self.dims().iter().enumerate().map(|(i, dim)| sizes.size(self, i, dim));
        let dims: Option<Vec<usize>> = dims.collect();
        let kind = self.tensor.and_then(|t| t.elem_type).unwrap_or_default();
        let dims = dims.filter(|d| d.iter().product::<usize>() == literal.len()).unwrap_or(literal.dims());
        match literal {
            Literal::Integers(i) if data_type::is_float(kind) && !i.values.is_empty() => {
                let values = i.values.iter().map(|&v| v as f32).collect();
                Literal::floats(dims.clone(), values).unwrap_or(Literal::Integers(i))
            }
            Literal::Integers(i) => Literal::integers(dims, i.values.clone()),
            Literal::Floats(t) => Literal::floats(dims, t.data().to_vec()).unwrap_or(Literal::Floats(t)),
        }
    }

    fn dims(&self) -> &[source::Dimension] {
        self.tensor.and_then(|t| t.shape.as_ref()).map_or(&[], |shape| &shape.dim)
    }

    /// Its shape, with the open dimensions filled in.
    pub(crate) fn shape(&self, sizes: &Sizes<'_>) -> Result<Shape> {
        if self.tensor.is_none_or(|t| t.shape.is_none()) {
            return Err(self.refuse("has no shape"));
        }
        let dims = self.dims().iter().enumerate().map(|(i, dim)| match sizes.size(self, i, dim) {
            Some(size) => Ok(size),
            None => Err(self.refuse(format!("dimension {i} (`{}`) isn't fixed", symbol(self, i, dim)))),
        });
        Ok(Shape::new(dims.collect::<Result<Vec<usize>>>()?)?)
    }

    /// Whether the file leaves the first dimension open.
    pub(crate) fn has_open_batch(&self) -> bool {
        self.dims().first().is_some_and(|dim| fixed(dim).is_none())
    }
}

impl<'a> Sizes<'a> {
    /// The sizes for these inputs.
    ///
    /// # Errors
    /// [`ImportError::Model`] that lists every dimension left open, or names a size that none needs.
    pub(crate) fn new(inputs: &[&Input<'_>], options: &'a ImportOptions) -> Result<Self> {
        let sizes = Self(options);
        let open = inputs.iter().flat_map(|input| {
            let dims = input.dims().iter().enumerate();
            dims.filter(|(_, dim)| fixed(dim).is_none()).map(move |(i, dim)| (*input, i, dim))
        });
        let open: Vec<_> = open.collect();
        let unknown = options
            .dims
            .keys()
            .find(|symbol| open.iter().all(|(input, i, dim)| !has_symbol(symbol, input, *i, dim)));
        if let Some(symbol) = unknown {
            let reason = format!("leaves no dimension `{symbol}` open");
            return Err(ImportError::Model(reason.into()));
        }
        let left: Vec<String> = open
            .iter()
            .filter(|(input, i, dim)| sizes.size(input, *i, dim).is_none() && !sizes.names(input, *i))
            .map(|(input, i, dim)| {
                format!("dimension {i} of input `{}` (`{}`)", input.name, symbol(input, *i, dim))
            })
            .collect();
        let is_left = |(input, i, dim): &&(&Input<'_>, usize, &source::Dimension)| {
            sizes.size(input, *i, dim).is_none() && !sizes.names(input, *i)
        };
        let Some(&first) = open.iter().find(is_left) else { return Ok(sizes) };
        match left.first() {
            None => Ok(sizes),
            Some(_) => {
                let (list, (input, i, dim)) = (left.join(", "), first);
                let example = symbol(input, i, dim);
                let reason = format!("leaves {list} open: give each a size, as in `--dim {example}=100`");
                Err(ImportError::Model(reason.into()))
            }
        }
    }

    /// The size of dimension `i` of an input. A first dimension that nobody fixes is one inference.
    fn size(&self, input: &Input<'_>, i: usize, dim: &source::Dimension) -> Option<usize> {
        let named = self.0.dims.iter().find(|(symbol, _)| has_symbol(symbol, input, i, dim));
        let batch = if i == 0 { Some(self.0.batch.unwrap_or(1)) } else { None };
        fixed(dim).or(named.map(|(_, &size)| size)).or(batch)
    }

    /// How many indices an input may choose from: as the caller says, or a table of the model.
    pub(crate) fn classes(&self, input: &Input<'_>, table: Option<usize>) -> Option<usize> {
        self.0.classes.get(input.name).copied().filter(|&c| c > 0).or(table)
    }

    /// Whether the caller fixes dimension `i` of an input.
    pub(crate) fn names(&self, input: &Input<'_>, i: usize) -> bool {
        let dim = input.dims().get(i);
        dim.is_some_and(|dim| self.0.dims.keys().any(|symbol| has_symbol(symbol, input, i, dim)))
            || (i == 0 && self.0.batch.is_some())
    }
}

/// Whether `symbol` names dimension `i` of an input: by the file's symbol, or as `INPUT.I`.
fn has_symbol(symbol: &str, input: &Input<'_>, i: usize, dim: &source::Dimension) -> bool {
    let by_place =
        || symbol.rsplit_once('.').is_some_and(|(name, at)| name == input.name && at == i.to_string());
    dim.dim_param.as_deref() == Some(symbol) || by_place()
}

/// The size that the file gives a dimension.
fn fixed(dim: &source::Dimension) -> Option<usize> {
    dim.dim_value.filter(|&v| v > 0).and_then(|v| usize::try_from(v).ok())
}

/// What the caller can name a dimension by.
fn symbol(input: &Input<'_>, i: usize, dim: &source::Dimension) -> String {
    let given = dim.dim_param.as_deref().filter(|symbol| !matches!(*symbol, "" | "?"));
    given.map_or_else(|| format!("{}.{i}", input.name), str::to_owned)
}
