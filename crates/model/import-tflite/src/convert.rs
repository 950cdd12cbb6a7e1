//! From subgraphs to graphs of the lowering layer.
//!
//! A quantised tensor stands for its integers less their zero point. Operators that only move elements, of
//! one scale before and after, act on those. Convolutions and matrix products take scales into their
//! weights and round what they make. Every other operator acts on real numbers: `SCALE` before it,
//! `REQUANTIZE` behind it.

use std::collections::{HashMap, HashSet};

use veilflow_ir::Reason;
use veilflow_lowering::{MAX_NODES, source};

use crate::codes;
use crate::constant::constant;
use crate::options::{Activation, Options, float, int};
use crate::schema::{Model, Operator, SubGraph, Tensor, kind};

/// Operators that only move elements, or choose among them.
const MOVES: [&str; 21] = [
    "BATCH_TO_SPACE_ND",
    "BROADCAST_TO",
    "CONCATENATION",
    "DEPTH_TO_SPACE",
    "EXPAND_DIMS",
    "GATHER",
    "GATHER_ND",
    "MAXIMUM",
    "MAX_POOL_2D",
    "MINIMUM",
    "MIRROR_PAD",
    "PACK",
    "PAD",
    "RESHAPE",
    "RESIZE_NEAREST_NEIGHBOR",
    "REVERSE_V2",
    "SLICE",
    "SPACE_TO_BATCH_ND",
    "SPACE_TO_DEPTH",
    "SPLIT",
    "SPLIT_V",
];

/// As [`MOVES`], where no constant of the graph is among the inputs that move.
const MOVES_TOO: [&str; 6] = ["SQUEEZE", "STRIDED_SLICE", "TILE", "TRANSPOSE", "UNPACK", "REDUCE_MAX"];

/// Operators that take scales into their weights, with the places of their input and weights.
const WEIGHTED: [(&str, usize, usize); 4] =
    [("CONV_2D", 0, 1), ("DEPTHWISE_CONV_2D", 0, 1), ("FULLY_CONNECTED", 0, 1), ("TRANSPOSE_CONV", 2, 1)];

/// How deep subgraphs may call each other.
const MAX_DEPTH: usize = 16;

/// What of the model has been used up.
pub(crate) struct Budget {
    nodes: usize,
    depth: usize,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { nodes: MAX_NODES, depth: 0 }
    }
}

/// The integers that a quantised tensor can hold, less its zero point.
fn range(tensor: &Tensor) -> (i64, i64) {
    let (low, high) = match tensor.kind {
        kind::UINT8 => (0, 255),
        kind::INT16 => (-32768, 32767),
        _ => (-128, 127),
    };
    let zero = tensor.zeros.first().copied().unwrap_or(0);
    (low - zero, high - zero)
}

/// A subgraph being converted.
struct Conversion<'a> {
    model: &'a Model<'a>,
    graph: &'a SubGraph<'a>,
    names: Vec<String>,
    nodes: Vec<source::Node>,
    constants: Vec<source::Tensor>,
    defined: HashSet<usize>,
}

/// Subgraph `index`; the names of its tensors come with it.
pub(crate) fn subgraph(
    model: &Model<'_>,
    index: usize,
    budget: &mut Budget,
) -> Result<(source::Graph, Vec<String>), Reason> {
    let graph = model.graphs.get(index).ok_or_else(|| format!("it has no subgraph {index}"))?;
    if budget.depth == MAX_DEPTH {
        return Err("its subgraphs call each other too deep".into());
    }
    budget.depth += 1;
    let mut conversion = Conversion {
        model,
        graph,
        names: names(graph),
        nodes: Vec::new(),
        constants: Vec::new(),
        defined: HashSet::new(),
    };
    for operator in &graph.operators {
        conversion.operator(operator, budget)?;
    }
    budget.depth -= 1;
    let named = |name: String| source::ValueInfo { name: Some(name), r#type: None };
    let ends = |list: &[i32]| -> Result<Vec<String>, Reason> {
        list.iter().map(|&i| Ok(conversion.names[conversion.index(i)?].clone())).collect()
    };
    let (inputs, outputs) = (ends(&graph.inputs)?, ends(&graph.outputs)?);
    // A subgraph may output what it is given, or a constant.
    for &output in &graph.outputs {
        let index = conversion.index(output)?;
        if conversion.is_constant(index) {
            conversion.define(index)?;
        }
    }
    let Conversion { names, nodes, constants, .. } = conversion;
    let made = source::Graph {
        node: nodes,
        name: None,
        initializer: constants,
        input: inputs.into_iter().map(named).collect(),
        output: outputs.into_iter().map(named).collect(),
        value_info: Vec::new(),
    };
    Ok((made, names))
}

/// A name for each tensor, each once.
fn names(graph: &SubGraph<'_>) -> Vec<String> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let mut names = Vec::with_capacity(graph.tensors.len());
    for (i, tensor) in graph.tensors.iter().enumerate() {
        let count = seen.entry(tensor.name.as_str()).or_default();
        *count += 1;
        names.push(match (tensor.name.is_empty(), *count) {
            (true, _) => format!("#{i}"),
            (_, 1) => tensor.name.clone(),
            _ => format!("{}#{i}", tensor.name),
        });
    }
    names
}

impl<'a> Conversion<'a> {
    fn index(&self, index: i32) -> Result<usize, Reason> {
        let at = usize::try_from(index).ok().filter(|&i| i < self.graph.tensors.len());
        at.ok_or_else(|| format!("it has no tensor {index}").into())
    }

    fn tensor(&self, index: usize) -> &'a Tensor {
        &self.graph.tensors[index]
    }

    fn data(&self, index: usize) -> &'a [u8] {
        self.model.buffers.get(self.tensor(index).buffer).copied().unwrap_or_default()
    }

    fn is_constant(&self, index: usize) -> bool {
        !self.data(index).is_empty()
    }

    /// Whether a tensor holds the integers of real numbers that the client or other operators make.
    fn is_quantised(&self, index: usize) -> bool {
        let tensor = self.tensor(index);
        let integer = matches!(tensor.kind, kind::INT8 | kind::UINT8 | kind::INT16);
        integer && !tensor.scales.is_empty() && !self.is_constant(index)
    }

    fn scale(&self, index: usize) -> f32 {
        self.tensor(index).scales.first().copied().unwrap_or(1.0)
    }

    /// Whether two tensors stand for the same numbers by the same integers.
    fn alike(&self, a: usize, b: usize) -> bool {
        let (a, b) = (self.tensor(a), self.tensor(b));
        a.scales.first() == b.scales.first() && a.zeros.first() == b.zeros.first() && a.kind == b.kind
    }

    /// Makes a constant an initializer, once.
    fn define(&mut self, index: usize) -> Result<(), Reason> {
        if self.defined.insert(index) {
            let mut made = constant(self.tensor(index), self.data(index))?;
            made.name = Some(self.names[index].clone());
            self.constants.push(made);
        }
        Ok(())
    }

    fn node(&mut self, op: &str, input: Vec<String>, output: Vec<String>, attribute: Vec<source::Attribute>) {
        let name = output.first().cloned();
        self.nodes.push(source::Node {
            input,
            output,
            name,
            op_type: Some(op.into()),
            attribute,
            domain: None,
        });
    }

    /// The operator as nodes.
    fn operator(&mut self, operator: &Operator<'_>, budget: &mut Budget) -> Result<(), Reason> {
        budget.nodes = budget.nodes.checked_sub(1).ok_or("it has too many operators")?;
        let code = self.model.codes.get(operator.code).ok_or("an operator without a code")?;
        let op = match codes::name(code.builtin) {
            Some("CUSTOM") | None => format!("CUSTOM({})", code.custom),
            Some(name) => name.to_owned(),
        };
        let mut options = Options::read(&op, operator.options.as_ref())?;
        let inputs: Vec<Option<usize>> = operator
            .inputs
            .iter()
            .map(|&i| if i < 0 { Ok(None) } else { self.index(i).map(Some) })
            .collect::<Result<_, _>>()?;
        let outputs = operator.outputs.iter().map(|&i| self.index(i)).collect::<Result<Vec<usize>, _>>()?;
        for &index in inputs.iter().flatten() {
            if self.is_constant(index) {
                self.define(index)?;
            }
        }
        for (name, graph) in std::mem::take(&mut options.graphs) {
            let (body, _) = subgraph(self.model, graph, budget)?;
            let attribute =
                source::Attribute { name: Some(name.into()), g: Some(body), ..Default::default() };
            options.attributes.push(attribute);
        }
        if op == "CAST" {
            let to = outputs.first().and_then(|&i| kind::onnx(self.tensor(i).kind)).unwrap_or_default();
            options.attributes.push(int("DstT", to.into()));
        }
        if op == "FULLY_CONNECTED" || op == "RESHAPE" {
            self.with_shape(&op, &outputs, &mut options);
        }
        let quantised: Vec<usize> =
            inputs.iter().flatten().copied().filter(|&i| self.is_quantised(i)).collect();
        let rounded = outputs.iter().any(|&i| self.is_quantised(i));
        if quantised.is_empty() && !rounded {
            self.plain(&op, &inputs, &outputs, options);
            return Ok(());
        }
        if let Some(&(_, input, weights)) = WEIGHTED.iter().find(|(name, ..)| *name == op)
            && let (Some(Some(x)), Some(Some(w))) = (inputs.get(input), inputs.get(weights))
            && let [y] = outputs[..]
            && self.is_quantised(*x)
            && self.is_constant(*w)
            && rounded
            && options.activation != Activation::Tanh
        {
            options.attributes.push(float("in_scale", self.scale(*x)));
            let floats = self.tensor(*w).scales.clone();
            let name = Some("weight_scales".to_owned());
            options.attributes.push(source::Attribute { name, floats, ..source::Attribute::default() });
            self.rounding(y, &mut options);
            options.activation = Activation::None;
            self.plain(&op, &inputs, &outputs, options);
            return Ok(());
        }
        let moving = MOVES.contains(&op.as_str()) || MOVES_TOO.contains(&op.as_str());
        let same = quantised.first().is_some_and(|&first| {
            let constants =
                inputs.iter().flatten().any(|&i| self.is_constant(i) && !self.tensor(i).scales.is_empty());
            let others =
                quantised.iter().chain(&outputs).all(|&i| self.is_quantised(i) && self.alike(i, first));
            !constants && others && options.activation == Activation::None
        });
        if moving && same {
            self.plain(&op, &inputs, &outputs, options);
            return Ok(());
        }
        self.on_reals(&op, &inputs, &outputs, options);
        Ok(())
    }

    /// The dimensions that the file gives for an output, for operators that would need the batch's.
    fn with_shape(&self, op: &str, outputs: &[usize], options: &mut Options) {
        if op == "RESHAPE" && options.attributes.iter().all(|a| a.ints.is_empty()) {
            options.attributes.clear();
            if let Some(&y) = outputs.first() {
                let ints = self.tensor(y).shape.iter().map(|&d| i64::from(d)).collect();
                options.attributes.push(source::Attribute {
                    name: Some("shape".into()),
                    ints,
                    ..source::Attribute::default()
                });
            }
        }
    }

    /// How output `y` is rounded: its scale and the range of its integers, an activation taken into it.
    fn rounding(&self, y: usize, options: &mut Options) {
        let (mut low, mut high) = range(self.tensor(y));
        let scale = self.scale(y);
        let unit = |v: f32| (v / scale).round() as i64;
        match options.activation {
            Activation::Relu => low = low.max(0),
            Activation::Relu6 => (low, high) = (low.max(0), high.min(unit(6.0))),
            Activation::ReluN1To1 => (low, high) = (low.max(unit(-1.0)), high.min(unit(1.0))),
            Activation::None | Activation::Tanh => {}
        }
        options.attributes.extend([float("out_scale", scale), int("low", low), int("high", high)]);
    }

    /// The operator on what its inputs stand for, and its activation behind it.
    fn plain(&mut self, op: &str, inputs: &[Option<usize>], outputs: &[usize], options: Options) {
        let named = |i: &Option<usize>| i.map_or_else(String::new, |i| self.names[i].clone());
        let inputs: Vec<String> = inputs.iter().map(named).collect();
        let outputs: Vec<String> = outputs.iter().map(|&i| self.names[i].clone()).collect();
        self.finished(op, inputs, outputs, options);
    }

    fn finished(&mut self, op: &str, inputs: Vec<String>, mut outputs: Vec<String>, options: Options) {
        let Some(activation) = options.activation.op() else {
            return self.node(op, inputs, outputs, options.attributes);
        };
        let Some(last) = outputs.first_mut() else { return };
        let before = format!("{last}~");
        let last = std::mem::replace(last, before.clone());
        self.node(op, inputs, outputs, options.attributes);
        self.node(activation, vec![before], vec![last], Vec::new());
    }

    /// The operator on real numbers, its outputs rounded.
    fn on_reals(&mut self, op: &str, inputs: &[Option<usize>], outputs: &[usize], mut options: Options) {
        let mut reals = Vec::with_capacity(inputs.len());
        for (place, input) in inputs.iter().enumerate() {
            let Some(index) = *input else {
                reals.push(String::new());
                continue;
            };
            let name = self.names[index].clone();
            if !self.is_quantised(index) {
                reals.push(name);
                continue;
            }
            let output = outputs.first().map_or("", |&y| self.names[y].as_str());
            let real = format!("{output}~{place}");
            let scale = vec![float("scale", self.scale(index))];
            self.node("SCALE", vec![name], vec![real.clone()], scale);
            reals.push(real);
        }
        let mut made = Vec::with_capacity(outputs.len());
        let mut rounds = Vec::new();
        for &y in outputs {
            let name = self.names[y].clone();
            if !self.is_quantised(y) {
                made.push(name);
                continue;
            }
            let before = format!("{name}~~");
            let mut rounding =
                Options { attributes: Vec::new(), activation: options.activation, graphs: Vec::new() };
            self.rounding(y, &mut rounding);
            if op == "AVERAGE_POOL_2D" {
                rounding
                    .attributes
                    .push(int("mean_zero", self.tensor(y).zeros.first().copied().unwrap_or(0)));
            }
            rounds.push((before.clone(), name, rounding.attributes));
            made.push(before);
        }
        if !rounds.is_empty() && options.activation != Activation::Tanh {
            options.activation = Activation::None;
        }
        // To and from integers is nothing but scales.
        let op = if matches!(op, "QUANTIZE" | "DEQUANTIZE") { "IDENTITY" } else { op };
        self.finished(op, reals, made, options);
        for (before, name, attributes) in rounds {
            self.node("REQUANTIZE", vec![before], vec![name], attributes);
        }
    }
}
