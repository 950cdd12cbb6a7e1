//! The node being imported: what its lowering reads, and what it adds to the graph.

use std::sync::Arc;

use veilflow_ir::{Function, Graph, Op, Reason, Shape, Tensor, ValueId};

use crate::attributes::Attributes;
use crate::draft::Draft;
use crate::error::{ImportError, Refusal, Result};
use crate::limits::MAX_VISITS;
use crate::literal::Literal;
use crate::scope::Binding;
use crate::source;

/// What the only output of a node stands for.
pub type Lowered = Result<Binding, Refusal>;

/// How an op becomes part of the graph.
#[derive(Clone, Copy)]
pub enum Lower {
    /// An op with one output that moves elements of its first input, or leaves them as they are. A closing
    /// softmax passes through it.
    Move(fn(&mut Lowering<'_>) -> Lowered),
    /// An op with one output, or of which only the first output is supported.
    One(fn(&mut Lowering<'_>) -> Lowered),
    /// An op with several outputs, in order.
    Many(fn(&mut Lowering<'_>) -> Result<Vec<Binding>, Refusal>),
    /// A function of every element.
    Function(Function),
}

/// The ops that can be imported, by name.
pub type Ops = &'static [(&'static str, Lower)];

/// The node being imported, with what its lowering needs. A lowering refuses with a reason, to which the
/// importer adds the names of node and op.
pub struct Lowering<'a> {
    pub(crate) draft: &'a mut Draft,
    /// What lowers the nodes of a loop's body.
    pub(crate) ops: Ops,
    /// The node's attributes.
    pub attributes: Attributes<'a>,
    /// The node's name, with the prefix.
    pub name: String,
    prefix: &'a str,
    inputs: &'a [String],
    outputs: &'a [String],
    /// The output's name, after which new values are named.
    base: String,
    /// Whether a closing softmax passes, and whether one did.
    passes_softmax: bool,
    passed_softmax: bool,
}

/// What an op that moves elements is applied to.
#[derive(Clone)]
pub enum Operand {
    /// A value of the graph.
    Value(ValueId),
    /// A tensor known at import.
    Literal(Literal),
}

impl From<Operand> for Binding {
    fn from(operand: Operand) -> Self {
        match operand {
            Operand::Value(id) => Self::Value(id),
            Operand::Literal(literal) => Self::Literal(literal),
        }
    }
}

impl<'a> Lowering<'a> {
    pub(crate) fn new(
        draft: &'a mut Draft,
        ops: Ops,
        attributes: Attributes<'a>,
        prefix: &'a str,
        name: &str,
        node: &'a source::Node,
    ) -> Self {
        let given = node.input.iter().rposition(|name| !name.is_empty()).map_or(0, |last| last + 1);
        let (inputs, outputs) = (&node.input[..given], &node.output[..]);
        let mut lowering = Self {
            draft,
            ops,
            attributes,
            name: name.to_owned(),
            prefix,
            inputs,
            outputs,
            base: String::new(),
            passes_softmax: false,
            passed_softmax: false,
        };
        lowering.at_output(outputs.iter().position(|name| !name.is_empty()).unwrap_or(0));
        lowering
    }

    /// Lets a closing softmax of the first input pass to the output.
    pub(crate) fn let_softmax_pass(&mut self) {
        self.passes_softmax = true;
    }

    /// Whether a closing softmax passed.
    pub(crate) fn passed_softmax(&self) -> bool {
        self.passed_softmax
    }

    /// Names what the node made after its outputs, rather than after the steps on the way.
    pub(crate) fn name_outputs(&mut self, bindings: &[Binding]) {
        for (index, binding) in bindings.iter().enumerate() {
            if let (Binding::Value(id) | Binding::Softmax(id), true) = (binding, self.has_output(index)) {
                let wanted = format!("{}{}", self.prefix, self.outputs[index]);
                let name = &self.draft.graph.value(*id).name;
                // An input, or what another node made, keeps its name.
                if name.starts_with(&format!("{}.", self.base)) {
                    _ = self.draft.graph.rename(*id, wanted);
                }
            }
        }
    }

    /// Lets new values be named after output `index`, if it is wanted.
    pub fn at_output(&mut self, index: usize) {
        if self.has_output(index) {
            self.base = format!("{}{}", self.prefix, self.outputs[index]);
        } else if self.base.is_empty() {
            self.base.clone_from(&self.name);
        }
    }

    /// The node's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What new values are named after.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The number of inputs, up to the last that is given.
    pub fn input_count(&self) -> usize {
        self.inputs.len()
    }

    /// Whether input `index` is given.
    pub fn has_input(&self, index: usize) -> bool {
        self.inputs.get(index).is_some_and(|n| !n.is_empty())
    }

    /// The number of outputs.
    pub fn output_count(&self) -> usize {
        self.outputs.len()
    }

    /// Whether output `index` is wanted.
    pub fn has_output(&self, index: usize) -> bool {
        self.outputs.get(index).is_some_and(|n| !n.is_empty())
    }

    pub(crate) fn opset(&self) -> i64 {
        self.draft.opset
    }

    /// The shape of a value.
    pub fn shape(&self, id: ValueId) -> &Shape {
        self.draft.graph.shape(id)
    }

    fn graph(&mut self) -> &mut Graph {
        &mut self.draft.graph
    }

    fn binding(&self, index: usize) -> Result<(&'a String, &Binding), Refusal> {
        let name = self.inputs.get(index).filter(|n| !n.is_empty());
        let name = name.ok_or_else(|| format!("input {index} is missing"))?;
        match self.draft.scopes.get(name) {
            Some(Binding::Unreadable(reason)) => Err(format!("input `{name}`: {reason}").into()),
            Some(Binding::Blocked) => Err(ImportError::Blocked.into()),
            Some(Binding::Masked(..)) => {
                Err(format!("input `{name}` is masked by infinite numbers, which only Softmax reads").into())
            }
            Some(binding) => Ok((name, binding)),
            None => Err(format!("input `{name}` isn't defined before it").into()),
        }
    }

    /// Input `index` as a value of the graph.
    pub fn value(&mut self, index: usize) -> Result<ValueId, Refusal> {
        let (name, id) = match self.binding(index)? {
            (_, Binding::Value(id)) => return Ok(*id),
            (name, Binding::Softmax(id)) => {
                let id = *id;
                if self.passes_softmax && index == 0 {
                    self.passed_softmax = true;
                    return Ok(id);
                }
                // The reader of the output would have applied it. Now a node reads it.
                let axes = (0..self.shape(id).rank()).collect::<Vec<usize>>();
                (name, self.softmax_over(id, &axes)?)
            }
            (name, Binding::Literal(literal)) => {
                let tensor = finite(literal).map_err(|reason| format!("input `{name}`: {reason}"))?;
                let unique = self.graph().fresh_name(name);
                (name, self.graph().constant(unique, tensor)?)
            }
            (_, Binding::Indices { rows, dims }) => {
                // As a number: its place among all, by two digits that weights hold exactly.
                let (rows, dims) = (*rows, dims.clone());
                let classes = *self.shape(rows).last().unwrap_or(&1);
                let flat = self.reshaped(rows, &[dims.elements(), classes])?;
                const BASE: usize = 256;
                let digit = |i: usize| if i.is_multiple_of(2) { i / 2 / BASE } else { i / 2 % BASE };
                let places = self.table(&[classes, 2], |i| digit(i) as f32)?;
                let digits = self.matmul(flat, places)?;
                let terms = (0..=BASE).map(|i| i / BASE).collect();
                let terms = self.gathered(digits, 1, terms)?;
                let numbers = self.summed(terms, &[1])?;
                // Others may look them up as indices.
                return self.reshaped(numbers, &dims);
            }
            (name, _) => return Err(format!("input `{name}` can't be read").into()),
        };
        self.draft.scopes.promote(name, id);
        Ok(id)
    }

    /// What input `index` stands for.
    pub fn input(&self, index: usize) -> Result<Binding, Refusal> {
        match self.draft.scopes.get(self.inputs.get(index).map_or("", String::as_str)) {
            Some(masked @ Binding::Masked(..)) => Ok(masked.clone()),
            _ => self.binding(index).map(|(_, binding)| binding.clone()),
        }
    }

    /// Refuses a sequence along the first dimension of input `index`, if the file leaves that open.
    pub fn expect_steps(&self, index: usize) -> Result<(), Refusal> {
        match self.binding(index)? {
            (name, Binding::Value(id)) if self.draft.open.contains(id) => Err(format!(
                "the first dimension of input `{name}` is time, and the file doesn't say how many steps there are: \
                 export it with a fixed number"
            )
            .into()),
            _ => Ok(()),
        }
    }

    /// Input `index` if it is private indices: rows with a one each, and the dimensions of the indices.
    pub fn indices(&self, index: usize) -> Option<(ValueId, Shape)> {
        match self.draft.scopes.get(self.inputs.get(index)?) {
            Some(Binding::Indices { rows, dims }) => Some((*rows, dims.clone())),
            _ => None,
        }
    }

    /// Input `index` if it is masked: the scores, and which of them count.
    pub fn masked(&self, index: usize) -> Option<(ValueId, Arc<Vec<bool>>)> {
        match self.draft.scopes.get(self.inputs.get(index)?) {
            Some(Binding::Masked(id, keeps)) => Some((*id, Arc::clone(keeps))),
            _ => None,
        }
    }

    /// Input `index`, for an op that moves elements. A constant is a literal.
    pub fn operand(&mut self, index: usize) -> Result<Operand, Refusal> {
        if let (_, Binding::Softmax(_) | Binding::Indices { .. }) = self.binding(index)? {
            return self.value(index).map(Operand::Value);
        }
        match self.binding(index)? {
            (_, Binding::Literal(literal)) => Ok(Operand::Literal(literal.clone())),
            (_, Binding::Value(id)) => Ok(match self.draft.graph.constant_of(*id) {
                Some(tensor) => Operand::Literal(Literal::Floats(Arc::clone(tensor))),
                None => Operand::Value(*id),
            }),
            (name, _) => Err(format!("input `{name}` can't be read").into()),
        }
    }

    /// Input `index`, known at import.
    pub fn literal(&self, index: usize) -> Option<Literal> {
        match self.binding(index).ok()? {
            (_, Binding::Literal(literal)) => Some(literal.clone()),
            (_, Binding::Value(id)) => {
                let constant = self.draft.graph.constant_of(*id)?;
                Some(Literal::Floats(Arc::clone(constant)))
            }
            _ => None,
        }
    }

    /// Input `index`, known at import, as floats.
    pub fn floats(&mut self, index: usize) -> Result<Arc<Tensor>, Refusal> {
        match self.operand(index)? {
            Operand::Literal(literal) => Ok(finite(&literal)?),
            _ => Err(format!("input `{}` must be a constant of floats", self.inputs[index]).into()),
        }
    }

    /// Whether input `index` is known at import.
    pub fn is_constant(&mut self, index: usize) -> bool {
        self.literal(index).is_some()
    }

    /// The element type of input `index`, if the file gives it.
    pub fn kind(&self, index: usize) -> Option<i32> {
        self.draft.types.get(self.inputs.get(index)?).copied()
    }

    /// Whether the structure of the graph shows that all elements are whole numbers.
    pub fn is_whole(&self, id: ValueId) -> bool {
        self.shows_whole(id, &mut { MAX_VISITS })
    }

    fn shows_whole(&self, id: ValueId, left: &mut usize) -> bool {
        if let Some(constant) = self.draft.graph.constant_of(id) {
            return constant.data().iter().all(|v| v.fract() == 0.0);
        }
        let Some(node) = self.draft.maker(id).filter(|_| *left > 0) else { return false };
        *left -= 1;
        match &node.op {
            Op::Positive | Op::Floor | Op::ArgMax => true,
            Op::Add
            | Op::Sub
            | Op::Mul
            | Op::Relu
            | Op::ReduceSum { .. }
            | Op::Reshape { .. }
            | Op::Transpose { .. }
            | Op::Gather { .. }
            | Op::MaxPool { .. }
            | Op::Concat { .. }
            | Op::Identity => node.inputs.iter().all(|&id| self.shows_whole(id, left)),
            _ => false,
        }
    }

    /// Whether a value is made of constants alone.
    pub fn is_known(&self, id: ValueId) -> bool {
        self.draft.is_known(id)
    }

    /// Input `index`, known at import, as integers.
    pub fn integers(&mut self, index: usize) -> Result<Vec<i64>, Refusal> {
        match self.operand(index)? {
            Operand::Literal(literal) if literal.numbers().iter().all(|v| v.fract() == 0.0) => {
                Ok(match &literal {
                    Literal::Integers(integers) => integers.values.clone(),
                    Literal::Floats(tensor) => tensor.data().iter().map(|&v| v as i64).collect(),
                })
            }
            _ => Err(format!("input `{}` must be a constant of integers", self.inputs[index]).into()),
        }
    }

    /// The shape of an operand.
    pub fn operand_shape(&self, operand: &Operand) -> Result<Shape, Refusal> {
        match operand {
            Operand::Value(id) => Ok(self.shape(*id).clone()),
            Operand::Literal(literal) => Ok(literal.shape()?),
        }
    }

    /// The dimensions of an operand. One may be 0.
    pub fn operand_dims(&self, operand: &Operand) -> Vec<usize> {
        match operand {
            Operand::Value(id) => self.shape(*id).to_vec(),
            Operand::Literal(literal) => literal.dims(),
        }
    }

    /// A name for a new value: the output's, with the suffix if that isn't empty.
    fn new_name(&self, suffix: &str) -> String {
        let dot = if suffix.is_empty() { "" } else { "." };
        self.draft.graph.fresh_name(&format!("{}{dot}{suffix}", self.base))
    }

    /// Adds a constant made from one of the file's.
    pub fn constant(&mut self, suffix: &str, tensor: Tensor) -> Result<ValueId, Refusal> {
        self.draft.spend_elements(tensor.data().len())?;
        let name = self.new_name(suffix);
        Ok(self.graph().constant(name, Arc::new(tensor))?)
    }

    /// Adds an op. What it makes is named after the node's output, with the suffix if that isn't empty.
    pub fn step(&mut self, suffix: &str, op: Op, inputs: &[ValueId]) -> Result<ValueId, Refusal> {
        self.draft.spend_node()?;
        if let Op::Gather { indices, .. } = &op {
            self.draft.spend_elements(indices.len())?;
        }
        let (name, output) = (self.name.clone(), self.new_name(suffix));
        Ok(self.draft.node(name, output, op, inputs)?)
    }

    /// Adds the op that makes the output.
    pub fn last(&mut self, op: Op, inputs: &[ValueId]) -> Lowered {
        self.step("", op, inputs).map(Binding::Value)
    }

    /// Adds the function of every element that makes the output.
    pub fn apply(&mut self, function: Function) -> Lowered {
        let x = self.value(0)?;
        self.last(Op::Apply { function }, &[x])
    }

    /// Applies an op that moves elements: at import if all operands are known, else as [`step`](Self::step).
    pub fn moved(&mut self, suffix: &str, op: Op, inputs: &[Operand]) -> Result<Operand, Refusal> {
        if let (Op::Gather { axis, indices }, [x]) = (&op, inputs)
            && (indices.is_empty() || self.operand_dims(x).contains(&0))
        {
            // Nothing is left of it.
            let mut dims = self.operand_dims(x);
            *dims.get_mut(*axis).ok_or("an axis beyond its dimensions")? = indices.len();
            return Ok(Operand::Literal(Literal::integers(dims, Vec::new())));
        }
        let literals: Option<Vec<&Literal>> =
            inputs.iter().map(|o| if let Operand::Literal(l) = o { Some(l) } else { None }).collect();
        if let Some(literals) = literals {
            let shapes = literals.iter().map(|l| l.shape()).collect::<Result<Vec<Shape>, _>>()?;
            let output = op.infer(&shapes.iter().collect::<Vec<_>>())?;
            self.draft.spend_elements(output.elements())?;
            let parts: Vec<(&Literal, &Shape)> = literals.into_iter().zip(&shapes).collect();
            if let Some(moved) = Literal::moved(&op, &parts, &output) {
                return Ok(Operand::Literal(moved));
            }
        }
        let ids = inputs.iter().map(|o| self.materialised(o)).collect::<Result<Vec<ValueId>, _>>()?;
        self.step(suffix, op, &ids).map(Operand::Value)
    }

    /// The sum of two operands of one shape: at import if both are known.
    pub fn plus(&mut self, a: Operand, b: Operand) -> Result<Operand, Refusal> {
        if let (Operand::Literal(a), Operand::Literal(b)) = (&a, &b) {
            let (a, b) = (a.to_tensor()?, b.to_tensor()?);
            self.draft.spend_elements(a.data().len())?;
            let sums = a.data().iter().zip(b.data()).map(|(a, b)| a + b).collect();
            return Ok(Operand::Literal(Literal::floats(a.shape().to_vec(), sums)?));
        }
        let (a, b) = (self.materialised(&a)?, self.materialised(&b)?);
        self.add(a, b).map(Operand::Value)
    }

    /// An operand as a value of the graph.
    pub fn materialised(&mut self, operand: &Operand) -> Result<ValueId, Refusal> {
        match operand {
            Operand::Value(id) => Ok(*id),
            Operand::Literal(literal) => {
                let (name, tensor) = (self.new_name("constant"), finite(literal)?);
                Ok(self.graph().constant(name, tensor)?)
            }
        }
    }
}

/// The numbers of a literal, if a graph can have them.
fn finite(literal: &Literal) -> Result<Arc<Tensor>, Reason> {
    let tensor = match literal {
        Literal::Floats(tensor) => Arc::clone(tensor),
        literal => Arc::new(literal.to_tensor().map_err(Reason::from)?),
    };
    match tensor.max_abs().is_finite() {
        true => Ok(tensor),
        false => Err("an element is infinite or not a number".into()),
    }
}
