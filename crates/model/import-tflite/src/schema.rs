//! The part of TFLite's `schema.fbs` that import reads; the numbers are the places of fields in their tables.

use veilflow_ir::Reason;

use crate::flat::Table;

/// A model.
pub(crate) struct Model<'a> {
    pub(crate) codes: Vec<Code>,
    pub(crate) graphs: Vec<SubGraph<'a>>,
    pub(crate) buffers: Vec<&'a [u8]>,
    pub(crate) signatures: Vec<Signature>,
}

/// An operator's code: one of TFLite's own, or a name.
pub(crate) struct Code {
    pub(crate) builtin: i32,
    pub(crate) custom: String,
}

pub(crate) struct SubGraph<'a> {
    pub(crate) tensors: Vec<Tensor>,
    pub(crate) inputs: Vec<i32>,
    pub(crate) outputs: Vec<i32>,
    pub(crate) operators: Vec<Operator<'a>>,
}

pub(crate) struct Tensor {
    pub(crate) name: String,
    /// Dimensions; those that were open when the model was converted are −1.
    pub(crate) shape: Vec<i32>,
    pub(crate) kind: u8,
    pub(crate) buffer: usize,
    pub(crate) scales: Vec<f32>,
    pub(crate) zeros: Vec<i64>,
    /// The dimension that scales and zeros run along, if there are several.
    pub(crate) along: usize,
    pub(crate) sparse: bool,
}

pub(crate) struct Operator<'a> {
    pub(crate) code: usize,
    pub(crate) inputs: Vec<i32>,
    pub(crate) outputs: Vec<i32>,
    pub(crate) options: Option<Table<'a>>,
}

/// Names for the inputs and outputs of a subgraph.
pub(crate) struct Signature {
    pub(crate) key: String,
    pub(crate) graph: usize,
    pub(crate) inputs: Vec<(String, i32)>,
    pub(crate) outputs: Vec<(String, i32)>,
}

/// Element types.
pub(crate) mod kind {
    pub(crate) const FLOAT32: u8 = 0;
    pub(crate) const FLOAT16: u8 = 1;
    pub(crate) const INT32: u8 = 2;
    pub(crate) const UINT8: u8 = 3;
    pub(crate) const INT64: u8 = 4;
    pub(crate) const INT16: u8 = 7;
    pub(crate) const INT8: u8 = 9;
    pub(crate) const INT4: u8 = 17;

    /// ONNX's name for an element type, if both have it.
    pub(crate) fn onnx(kind: u8) -> Option<i32> {
        Some(match kind {
            FLOAT32 => 1,
            FLOAT16 => 10,
            INT32 => 6,
            UINT8 => 2,
            INT64 => 7,
            6 => 9,
            INT16 => 5,
            INT8 => 3,
            10 => 11,
            12 => 13,
            15 => 12,
            16 => 4,
            INT4 => 22,
            _ => return None,
        })
    }
}

impl<'a> Model<'a> {
    pub(crate) fn read(bytes: &'a [u8]) -> Result<Self, Reason> {
        let root = Table::root(bytes)?;
        let code = |table: &Table<'_>| {
            // Old files have the code in one byte.
            let builtin = table.int(3, 0)?.max(i32::from(table.byte(0)?));
            Ok(Code { builtin, custom: table.text(1)? })
        };
        let buffer = |table: &Table<'a>| {
            let (offset, size) = (table.long(1)?, table.long(2)?);
            // Files beyond 2 GiB keep their buffers behind the tables.
            if offset > 1 { table.outside(offset, size) } else { table.bytes(0) }
        };
        Ok(Self {
            codes: root.tables(1)?.iter().map(code).collect::<Result<_, Reason>>()?,
            graphs: root.tables(2)?.iter().map(SubGraph::read).collect::<Result<_, Reason>>()?,
            buffers: root.tables(4)?.iter().map(buffer).collect::<Result<_, Reason>>()?,
            signatures: root.tables(7)?.iter().map(Signature::read).collect::<Result<_, Reason>>()?,
        })
    }
}

impl<'a> SubGraph<'a> {
    fn read(table: &Table<'a>) -> Result<Self, Reason> {
        let operator = |table: &Table<'a>| {
            Ok(Operator {
                code: usize::try_from(table.int(0, 0)?).unwrap_or(usize::MAX),
                inputs: table.ints(1)?,
                outputs: table.ints(2)?,
                options: table.table(4)?,
            })
        };
        Ok(Self {
            tensors: table.tables(0)?.iter().map(Tensor::read).collect::<Result<_, Reason>>()?,
            inputs: table.ints(1)?,
            outputs: table.ints(2)?,
            operators: table.tables(3)?.iter().map(operator).collect::<Result<_, Reason>>()?,
        })
    }
}

impl Tensor {
    fn read(table: &Table<'_>) -> Result<Self, Reason> {
        let (shape, signature) = (table.ints(0)?, table.ints(7)?);
        let quantisation = table.table(4)?;
        let (mut scales, mut zeros, mut along) = (Vec::new(), Vec::new(), 0);
        if let Some(quantisation) = quantisation {
            (scales, zeros) = (quantisation.floats(2)?, quantisation.longs(3)?);
            along = usize::try_from(quantisation.int(6, 0)?).unwrap_or(usize::MAX);
            if zeros.iter().any(|&zero| i32::try_from(zero).is_err()) {
                return Err("a zero point is no 32-bit integer".into());
            }
        }
        Ok(Self {
            name: table.text(3)?,
            shape: if signature.len() == shape.len() { signature } else { shape },
            kind: table.byte(1)?,
            buffer: usize::try_from(table.int(2, 0)?).unwrap_or(usize::MAX),
            scales,
            zeros,
            along,
            sparse: table.table(6)?.is_some(),
        })
    }
}

impl Signature {
    fn read(table: &Table<'_>) -> Result<Self, Reason> {
        let named = |table: &Table<'_>| Ok((table.text(0)?, table.int(1, 0)?));
        Ok(Self {
            inputs: table.tables(0)?.iter().map(named).collect::<Result<_, Reason>>()?,
            outputs: table.tables(1)?.iter().map(named).collect::<Result<_, Reason>>()?,
            key: table.text(2)?,
            graph: usize::try_from(table.int(4, 0)?).unwrap_or(usize::MAX),
        })
    }
}
