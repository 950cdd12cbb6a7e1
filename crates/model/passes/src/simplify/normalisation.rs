//! Factors that stand where no linear layer can take them move on to one that can.
//!
//! A batch normalisation before a ReLU, as in DenseNet, is a factor a and a term b for each channel. A
//! positive factor passes through: relu(a·x + b) = a·relu(x + b/a), so a ends in the weights of the next
//! layer, and b/a is added locally. Of a negative factor only the magnitude can pass: relu(a·x + b) =
//! |a|·relu(±x + b/|a|). Which channels change sign is a secret of the weights, so the signs stay as a
//! depthwise layer over all channels. Every normalisation with a factor that is negative or next to nothing
//! so costs one more opening of x and one more linear correlation. Others cost nothing. (Clients see in the
//! plan whether the layer is there, hence whether a normalisation has such a factor at all.)

use veilflow_ir::{Node, Op, Shape, Tensor, ValueId, layout};

use super::layer::per_index;
use super::rewriter::Rewriter;
use crate::error::Result;

type Rewritten = Result<Option<ValueId>>;

/// A factor this much smaller than the largest doesn't pass, since the term divided by it would dwarf all
/// others.
const NEGLIGIBLE: f32 = 1.0 / 1024.0;

/// relu(a·x + b) as t·relu(s·x + b/t), with s = a/t of magnitude 1 at most.
struct Split {
    signs: Vec<f32>,
    terms: Vec<f32>,
    factors: Vec<f32>,
}

impl Split {
    fn of(a: &[f32], b: &[f32]) -> Self {
        let largest = a.iter().fold(0.0f32, |m, v| m.max(v.abs()));
        let passes = |a: f32| a.abs() > largest * NEGLIGIBLE;
        let factors: Vec<f32> = a.iter().map(|&a| if passes(a) { a.abs() } else { largest }).collect();
        let over = |numerators: &[f32]| numerators.iter().zip(&factors).map(|(n, t)| n / t).collect();
        Self { signs: over(a), terms: over(b), factors }
    }
}

/// A ReLU behind a factor, or behind a factor and a term.
pub(super) fn pass_relu(rewriter: &mut Rewriter<'_>, node: &Node, inputs: &[ValueId]) -> Rewritten {
    let Some(last) = rewriter.sole_producer(inputs[0]) else { return Ok(None) };
    let (scaling, term) = match last.op {
        Op::Add => (rewriter.sole_producer(last.inputs[0]), rewriter.constant_of(last.inputs[1])),
        _ => (Some(last), None),
    };
    let Some(scaling) = scaling.filter(|n| n.op == Op::Mul) else { return Ok(None) };
    let source = scaling.inputs[0];
    let shape = rewriter.shape(source).clone();
    if shape != *rewriter.shape(inputs[0]) || shape.rank() < 2 {
        return Ok(None);
    }
    let over_channels = |c: &Tensor| per_index(c, &shape, 1);
    let Some(a) = rewriter.constant_of(scaling.inputs[1]).and_then(|c| over_channels(&c)) else {
        return Ok(None);
    };
    let b = match term {
        Some(term) => over_channels(&term),
        None => Some(vec![0.0; shape[1]]),
    };
    let Some(b) = b else { return Ok(None) };
    let Split { signs, terms, factors } = Split::of(&a, &b);
    let usable = factors.iter().all(|&t| t > 0.0) && factors.iter().chain(&terms).all(|v| v.is_finite());
    if !usable || factors.iter().all(|&t| t == 1.0) {
        return Ok(None);
    }
    let output = rewriter.old_name(node.output);
    let mut dims = vec![1; shape.rank() - 1];
    dims[0] = shape[1];
    let dims = Shape::new(dims)?;
    let mut x = source;
    if signs.iter().any(|&s| s != 1.0) {
        let signs = rewriter.constant(&format!("{output}.signs"), Tensor::new(dims.clone(), signs)?)?;
        x = rewriter.emit(&scaling.name, &format!("{output}.signed"), Op::Mul, &[x, signs])?;
    }
    if terms.iter().any(|&b| b != 0.0) {
        let terms = rewriter.constant(&format!("{output}.terms"), Tensor::new(dims.clone(), terms)?)?;
        x = rewriter.emit(&scaling.name, &format!("{output}.shifted"), Op::Add, &[x, terms])?;
    }
    let x = rewriter.emit(&node.name, &format!("{output}.relu"), Op::Relu, &[x])?;
    let factors = rewriter.constant(&format!("{output}.factors"), Tensor::new(dims, factors)?)?;
    rewriter.emit(&scaling.name, output, Op::Mul, &[x, factors]).map(Some)
}

/// Averages and moves of products are products of averages and moves.
pub(super) fn pass_on(rewriter: &mut Rewriter<'_>, node: &Node, inputs: &[ValueId]) -> Rewritten {
    let Some(scaling) = rewriter.sole_producer(inputs[0]).filter(|n| n.op == Op::Mul) else {
        return Ok(None);
    };
    let (source, shape) = (scaling.inputs[0], rewriter.shape(inputs[0]).clone());
    let Some(c) = rewriter.constant_of(scaling.inputs[1]) else { return Ok(None) };
    if *rewriter.shape(source) != shape {
        return Ok(None);
    }
    let factors = match &node.op {
        Op::AveragePool { .. } => match per_index(&c, &shape, 1) {
            Some(factors) => Tensor::new(Shape::new([factors.len(), 1, 1])?, factors)?,
            None => return Ok(None),
        },
        _ => {
            let spread = layout::broadcast(c.data(), c.shape(), &shape);
            Tensor::new(rewriter.old_shape(node.output).clone(), spread)?
        }
    };
    let output = rewriter.old_name(node.output);
    let factors = rewriter.constant(&format!("{output}.factors"), factors)?;
    let moved = rewriter.emit(&node.name, &format!("{output}.unscaled"), node.op.clone(), &[source])?;
    rewriter.emit(&scaling.name, output, Op::Mul, &[moved, factors]).map(Some)
}
