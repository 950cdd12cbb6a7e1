//! What the caller of an import knows beyond the file.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use veilflow_ir::IrError;

use crate::literal::Literal;
use crate::tensor_file::decode_tensor;
use crate::{ImportError, Result};

/// What the caller of an import knows beyond the file: sizes it leaves open, and inputs that are public.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ImportOptions {
    /// The size of each dimension that the file leaves open, by its symbol; or
    /// by the name of the input and the place of the dimension, as in `x.2`.
    pub dims: BTreeMap<String, usize>,
    /// The first dimension of every input that leaves it open under no symbol of `dims`; one by default.
    pub batch: Option<usize>,
    /// How many indices an input of integers may choose from, where no table of the model tells.
    pub classes: BTreeMap<String, usize>,
    /// Which signature of a SavedModel is meant; `serving_default` by default.
    pub signature: Option<String>,
    /// The outputs that are wanted: of a frozen TensorFlow graph by the names of their nodes, of a
    /// SavedModel by the signature's, of a TFLite model by those or by tensors; all of them by default.
    pub outputs: Vec<String>,
    /// Where the files of external tensors lie: the model's folder. Without it external tensors are
    /// refused.
    #[serde(skip)]
    pub folder: Option<PathBuf>,
    /// Inputs that are known at import, hence public to whoever reads the plan.
    known: BTreeMap<String, Known>,
}

/// The value of an input that is public.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    dims: Vec<usize>,
    /// Its elements, if they are integers; else none.
    integers: Vec<i64>,
    /// Its elements, if they are floats; else none.
    floats: Vec<f32>,
}

impl Known {
    fn new(literal: &Literal) -> Self {
        let dims = literal.dims();
        match literal {
            Literal::Integers(i) => Self { dims, integers: i.values.clone(), floats: Vec::new() },
            Literal::Floats(t) => Self { dims, integers: Vec::new(), floats: t.data().to_vec() },
        }
    }

    fn literal(&self) -> Result<Literal, IrError> {
        if self.floats.is_empty() {
            return Ok(Literal::integers(self.dims.clone(), self.integers.clone()));
        }
        Literal::floats(self.dims.clone(), self.floats.clone())
    }
}

impl ImportOptions {
    /// Makes an input public: it has this value in every run. The value is a serialised `TensorProto`.
    ///
    /// # Errors
    /// [`ImportError::Tensor`] if the bytes are no tensor that import can read.
    pub fn set_tensor(&mut self, input: impl Into<String>, tensor_proto: &[u8]) -> Result<()> {
        let literal = decode_tensor(tensor_proto)?;
        self.known.insert(input.into(), Known::new(&literal));
        Ok(())
    }

    /// Makes an input public, from text: one number, or several between commas. Numbers without a point are
    /// integers.
    ///
    /// # Errors
    /// [`ImportError::Tensor`] if the text holds no numbers.
    pub fn set_text(&mut self, input: impl Into<String>, text: &str) -> Result<()> {
        let input = input.into();
        let literal = Literal::parse(text).ok_or_else(|| ImportError::Tensor {
            tensor: input.clone(),
            reason: format!("`{text}` is neither a number nor numbers between commas").into(),
        })?;
        self.known.insert(input, Known::new(&literal));
        Ok(())
    }

    /// The value of an input, if it is public.
    pub(crate) fn known(&self, input: &str) -> Result<Option<Literal>, IrError> {
        self.known.get(input).map(Known::literal).transpose()
    }

    /// The names of the inputs that are public.
    pub(crate) fn known_names(&self) -> impl Iterator<Item = &str> {
        self.known.keys().map(String::as_str)
    }
}
