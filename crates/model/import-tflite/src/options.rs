//! What the options of each operator say, as attributes.

use veilflow_ir::Reason;
use veilflow_lowering::source;

use crate::flat::Table;

/// How an operator ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Activation {
    None,
    Relu,
    ReluN1To1,
    Relu6,
    Tanh,
}

impl Activation {
    fn of(byte: u8) -> Result<Self, Reason> {
        Ok(match byte {
            0 => Self::None,
            1 => Self::Relu,
            2 => Self::ReluN1To1,
            3 => Self::Relu6,
            4 => Self::Tanh,
            other => return Err(format!("its activation {other} isn't supported").into()),
        })
    }

    /// The operator that it is.
    pub(crate) fn op(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Relu => Some("RELU"),
            Self::ReluN1To1 => Some("RELU_N1_TO_1"),
            Self::Relu6 => Some("RELU6"),
            Self::Tanh => Some("TANH"),
        }
    }
}

/// Attributes, the activation at the end, and the subgraphs that are called, each by the name of its
/// attribute.
pub(crate) struct Options {
    pub(crate) attributes: Vec<source::Attribute>,
    pub(crate) activation: Activation,
    pub(crate) graphs: Vec<(&'static str, usize)>,
}

pub(crate) fn int(name: &str, value: i64) -> source::Attribute {
    source::Attribute { name: Some(name.to_owned()), i: Some(value), ..source::Attribute::default() }
}

pub(crate) fn float(name: &str, value: f32) -> source::Attribute {
    source::Attribute { name: Some(name.to_owned()), f: Some(value), ..source::Attribute::default() }
}

fn text(name: &str, value: &str) -> source::Attribute {
    source::Attribute { name: Some(name.to_owned()), s: Some(value.into()), ..source::Attribute::default() }
}

fn ints(name: &str, values: Vec<i32>) -> source::Attribute {
    let ints = values.into_iter().map(i64::from).collect();
    source::Attribute { name: Some(name.to_owned()), ints, ..source::Attribute::default() }
}

impl Options {
    /// The options of an operator called `op`.
    pub(crate) fn read(op: &str, table: Option<&Table<'_>>) -> Result<Self, Reason> {
        let mut made = Self { attributes: Vec::new(), activation: Activation::None, graphs: Vec::new() };
        let Some(t) = table else { return Ok(made) };
        let whole = |slot: usize, default: i32| t.int(slot, default).map(i64::from);
        let switch = |slot: usize| t.flag(slot).map(i64::from);
        let padding =
            |slot: usize| t.byte(slot).map(|b| text("padding", if b == 0 { "SAME" } else { "VALID" }));
        let activation = |slot: usize| t.byte(slot).and_then(Activation::of);
        match op {
            "CONV_2D" => {
                made.attributes = vec![
                    padding(0)?,
                    ints("strides", vec![t.int(2, 0)?, t.int(1, 0)?]),
                    ints("dilations", vec![t.int(5, 1)?, t.int(4, 1)?]),
                ];
                made.activation = activation(3)?;
            }
            "DEPTHWISE_CONV_2D" => {
                made.attributes = vec![
                    padding(0)?,
                    ints("strides", vec![t.int(2, 0)?, t.int(1, 0)?]),
                    ints("dilations", vec![t.int(6, 1)?, t.int(5, 1)?]),
                ];
                made.activation = activation(4)?;
            }
            "CONV_3D" | "CONV_3D_TRANSPOSE" => {
                made.attributes = vec![
                    padding(0)?,
                    ints("strides", vec![t.int(1, 0)?, t.int(3, 0)?, t.int(2, 0)?]),
                    ints("dilations", vec![t.int(5, 1)?, t.int(7, 1)?, t.int(6, 1)?]),
                ];
                made.activation = activation(4)?;
            }
            "TRANSPOSE_CONV" => {
                made.attributes = vec![padding(0)?, ints("strides", vec![t.int(2, 0)?, t.int(1, 0)?])];
                made.activation = activation(3)?;
            }
            "AVERAGE_POOL_2D" | "MAX_POOL_2D" | "L2_POOL_2D" => {
                made.attributes = vec![
                    padding(0)?,
                    ints("strides", vec![1, t.int(2, 0)?, t.int(1, 0)?, 1]),
                    ints("ksize", vec![1, t.int(4, 0)?, t.int(3, 0)?, 1]),
                ];
                made.activation = activation(5)?;
            }
            "FULLY_CONNECTED" => {
                made.attributes = vec![int("keep_num_dims", switch(2)?)];
                made.activation = activation(0)?;
            }
            "ADD" | "SUB" | "MUL" | "DIV" | "L2_NORMALIZATION" => made.activation = activation(0)?,
            "CONCATENATION" => {
                made.attributes = vec![int("axis", whole(0, 0)?)];
                made.activation = activation(1)?;
            }
            "SOFTMAX" => made.attributes = vec![float("beta", t.float(0)?)],
            "RESHAPE" => made.attributes = vec![ints("shape", t.ints(0)?)],
            "RESIZE_BILINEAR" => {
                made.attributes =
                    vec![int("align_corners", switch(2)?), int("half_pixel_centers", switch(3)?)];
            }
            "RESIZE_NEAREST_NEIGHBOR" => {
                made.attributes =
                    vec![int("align_corners", switch(0)?), int("half_pixel_centers", switch(1)?)];
            }
            "STRIDED_SLICE" => {
                let masks = ["begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"];
                for (slot, name) in masks.into_iter().enumerate() {
                    made.attributes.push(int(name, whole(slot, 0)?));
                }
            }
            "SPLIT" => made.attributes = vec![int("num_split", whole(0, 0)?)],
            "PACK" | "UNPACK" => made.attributes = vec![int("axis", whole(1, 0)?)],
            "GATHER" => made.attributes = vec![int("axis", whole(0, 0)?), int("batch_dims", whole(1, 0)?)],
            "MEAN" | "SUM" | "REDUCE_PROD" | "REDUCE_MAX" | "REDUCE_MIN" | "REDUCE_ANY" | "REDUCE_ALL" => {
                made.attributes = vec![int("keep_dims", switch(0)?)];
            }
            "SQUEEZE" => made.attributes = vec![ints("squeeze_dims", t.ints(0)?)],
            "LEAKY_RELU" => made.attributes = vec![float("alpha", t.float(0)?)],
            "ONE_HOT" => made.attributes = vec![int("axis", whole(0, 0)?)],
            "BATCH_MATMUL" => made.attributes = vec![int("adj_x", switch(0)?), int("adj_y", switch(1)?)],
            "MIRROR_PAD" => {
                let mode = if t.byte(0)? == 0 { "REFLECT" } else { "SYMMETRIC" };
                made.attributes = vec![text("mode", mode)];
            }
            "GELU" => made.attributes = vec![text("approximate", if t.flag(0)? { "tanh" } else { "none" })],
            "CUMSUM" => made.attributes = vec![int("exclusive", switch(0)?), int("reverse", switch(1)?)],
            "SPACE_TO_DEPTH" | "DEPTH_TO_SPACE" => made.attributes = vec![int("block_size", whole(0, 0)?)],
            "LOCAL_RESPONSE_NORMALIZATION" => {
                made.attributes = vec![
                    int("depth_radius", whole(0, 0)?),
                    float("bias", t.float(1)?),
                    float("alpha", t.float(2)?),
                    float("beta", t.float(3)?),
                ];
            }
            "UNIDIRECTIONAL_SEQUENCE_LSTM" => {
                made.attributes = vec![
                    int("activation", i64::from(t.byte(0)?)),
                    float("cell_clip", t.float(1)?),
                    float("projection_clip", t.float(2)?),
                    int("time_major", switch(3)?),
                ];
            }
            "WHILE" | "IF" => {
                let names = if op == "IF" { ["then_branch", "else_branch"] } else { ["cond", "body"] };
                for (slot, name) in names.into_iter().enumerate() {
                    made.graphs.push((name, usize::try_from(t.int(slot, 0)?).unwrap_or(usize::MAX)));
                }
            }
            _ => {}
        }
        Ok(made)
    }
}
