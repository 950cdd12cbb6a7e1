//! Classic models of `ai.onnx.ml`: scalers, linear models, normalisers and tree ensembles.

use std::collections::HashMap;

use veilflow_ir::{Function, Op, Tensor, ValueId};

use crate::error::{Refusal, Result};
use crate::lowering::{Lowered, Lowering};
use crate::scope::Binding;

fn made(built: Result<ValueId, Refusal>) -> Lowered {
    built.map(Binding::Value)
}

/// (x − offset)·scale, over the last dimension.
pub(super) fn scaler(node: &mut Lowering<'_>) -> Lowered {
    let offset = node.attributes.floats("offset")?.unwrap_or_default();
    let scale = node.attributes.floats("scale")?.unwrap_or_default();
    let mut x = node.value(0)?;
    if !offset.is_empty() {
        let offset = node.table(&[offset.len()], |i| offset[i])?;
        x = node.sub(x, offset)?;
    }
    if !scale.is_empty() {
        let scale = node.table(&[scale.len()], |i| scale[i])?;
        x = node.mul(x, scale)?;
    }
    node.last(Op::Identity, &[x])
}

/// 1 above a threshold, else 0.
pub(super) fn binarizer(node: &mut Lowering<'_>) -> Lowered {
    let threshold = node.attributes.float("threshold")?.unwrap_or(0.0);
    let x = node.value(0)?;
    let above = node.shifted(x, -threshold)?;
    made(node.positive(above))
}

/// x over the norm of its row.
pub(super) fn normalizer(node: &mut Lowering<'_>) -> Lowered {
    let norm = node.attributes.string("norm")?.unwrap_or_else(|| "MAX".into());
    let x = node.value(0)?;
    let last = node.shape(x).rank().saturating_sub(1);
    let inverse = match norm.as_str() {
        "MAX" => {
            let magnitudes = node.magnitude(x)?;
            let most = node.largest(magnitudes, &[last])?;
            node.function(Function::Reciprocal, most)?
        }
        "L1" => {
            let magnitudes = node.magnitude(x)?;
            let sum = node.summed(magnitudes, &[last])?;
            node.function(Function::Reciprocal, sum)?
        }
        "L2" => {
            let squares = node.mul(x, x)?;
            let sum = node.summed(squares, &[last])?;
            node.function(Function::ReciprocalSqrt, sum)?
        }
        other => return Err(format!("norm `{other}` isn't supported").into()),
    };
    node.last(Op::Mul, &[x, inverse])
}

/// What becomes of scores in the end.
fn transformed(node: &mut Lowering<'_>, x: ValueId) -> Lowered {
    match node.attributes.string("post_transform")?.as_deref() {
        None | Some("NONE") => Ok(Binding::Value(x)),
        Some("LOGISTIC") => made(node.function(Function::Sigmoid, x)),
        Some("SOFTMAX") if node.shape(x)[0] == 1 => Ok(Binding::Softmax(x)),
        Some("SOFTMAX") => made(node.softmax_over(x, &[1])),
        Some(other) => Err(format!("post_transform `{other}` isn't supported").into()),
    }
}

/// Scores of a classifier, and the class: the place of the largest score among its labels.
fn classified(node: &mut Lowering<'_>, scores: ValueId, labels: &[i64]) -> Result<Vec<Binding>, Refusal> {
    let label = if node.has_output(0) && !labels.is_empty() {
        let index = node.step("class", Op::ArgMax, &[scores])?;
        let rows = node.shape(index).elements();
        let labels = if labels.iter().enumerate().all(|(i, &l)| i as i64 == l) {
            node.reshaped(index, &[rows])?
        } else {
            let hot = super::normalise::one_hot(node, index, labels.len())?;
            let table = node.table(&[labels.len(), 1], |i| labels[i] as f32)?;
            let label = node.matmul(hot, table)?;
            node.reshaped(label, &[rows])?
        };
        Binding::Value(labels)
    } else {
        Binding::Unreadable("labels that are strings aren't supported; read the scores".into())
    };
    let scores = transformed(node, scores)?;
    Ok(vec![label, scores])
}

/// x·Wᵀ + b, with a row of W for each target.
fn line(node: &mut Lowering<'_>, targets: Option<usize>) -> Result<ValueId, Refusal> {
    let weights = node.attributes.floats("coefficients")?.ok_or("attribute `coefficients` is missing")?;
    let bias = node.attributes.floats("intercepts")?.unwrap_or_default();
    let x = node.value(0)?;
    let inner = *node.shape(x).last().ok_or("takes rows")?;
    let targets = targets.unwrap_or(weights.len() / inner.max(1)).max(1);
    if weights.len() != inner * targets || !(bias.is_empty() || bias.len() == targets) {
        return Err(
            format!("{} coefficients for {inner} features and {targets} targets", weights.len()).into()
        );
    }
    let w = node.table(&[inner, targets], |i| weights[i % targets * inner + i / targets])?;
    let product = node.step("product", Op::MatMul, &[x, w])?;
    if bias.is_empty() {
        return Ok(product);
    }
    let bias = node.table(&[targets], |i| bias[i])?;
    node.add(product, bias)
}

pub(super) fn linear_regressor(node: &mut Lowering<'_>) -> Lowered {
    let targets = node.attributes.size("targets")?.unwrap_or(1);
    let y = line(node, Some(targets))?;
    transformed(node, y)
}

/// Two classes may have one score, which is that of the second.
pub(super) fn linear_classifier(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    node.attributes.ignore(&["multi_class", "classlabels_strings"]);
    let labels = node.attributes.ints("classlabels_ints")?.unwrap_or_default();
    let mut scores = line(node, None)?;
    if labels.len() == 2 && node.shape(scores)[1] == 1 {
        let minus = node.negated(scores)?;
        scores = node.concatenated(&[minus, scores], 1)?;
    }
    classified(node, scores, &labels)
}

/// Inner nodes on the way to a leaf, each with whether its condition holds.
type Path = Vec<(usize, bool)>;

/// What a leaf adds to which sums.
type Targets = Vec<(usize, f32)>;

/// The nodes and leaves of all trees.
struct Forest {
    /// Of each inner node the feature, the threshold, and how it is compared.
    splits: Vec<(usize, f32, Mode)>,
    /// Of each leaf the inner nodes on the way to it, each with whether its condition holds, and the weights.
    leaves: Vec<(Path, Targets)>,
    features: usize,
}

#[derive(Clone, Copy, PartialEq)]
enum Mode {
    AtMost,
    Below,
    Above,
    AtLeast,
}

impl Forest {
    fn read(node: &mut Lowering<'_>, part: &str) -> Result<Self, Refusal> {
        let mut ints = |name: &str| node.attributes.ints(&format!("nodes_{name}"));
        let missing = "an attribute of its nodes is missing";
        let (trees, ids) = (ints("treeids")?.ok_or(missing)?, ints("nodeids")?.ok_or(missing)?);
        let features = ints("featureids")?.ok_or(missing)?;
        let (yes, no) = (ints("truenodeids")?.ok_or(missing)?, ints("falsenodeids")?.ok_or(missing)?);
        let modes = node.attributes.strings("nodes_modes")?.ok_or(missing)?;
        let values = node.attributes.floats("nodes_values")?.ok_or(missing)?;
        node.attributes.ignore(&["nodes_hitrates", "nodes_missing_value_tracks_true"]);
        let count = trees.len();
        if [ids.len(), features.len(), yes.len(), no.len(), modes.len(), values.len()] != [count; 6] {
            return Err("its nodes have lists of different lengths".into());
        }
        let mut ints = |name: &str| node.attributes.ints(&format!("{part}_{name}"));
        let (leaf_trees, leaf_nodes) = (ints("treeids")?.ok_or(missing)?, ints("nodeids")?.ok_or(missing)?);
        let targets = ints("ids")?.ok_or(missing)?;
        let weights = node.attributes.floats(&format!("{part}_weights"))?.ok_or(missing)?;
        if [leaf_nodes.len(), targets.len(), weights.len()] != [leaf_trees.len(); 3] {
            return Err("its leaves have lists of different lengths".into());
        }
        let mut at_leaf: HashMap<(i64, i64), Vec<(usize, f32)>> = HashMap::new();
        for i in 0..weights.len() {
            let target = usize::try_from(targets[i]).map_err(|_| "a negative target")?;
            at_leaf.entry((leaf_trees[i], leaf_nodes[i])).or_default().push((target, weights[i]));
        }
        let places: HashMap<(i64, i64), usize> = (0..count).map(|i| ((trees[i], ids[i]), i)).collect();
        let mut children = vec![false; count];
        for i in (0..count).filter(|&i| modes[i] != "LEAF") {
            for child in [yes[i], no[i]] {
                let child = places.get(&(trees[i], child)).ok_or("a node names a child that isn't there")?;
                if std::mem::replace(&mut children[*child], true) {
                    return Err("a node has two parents".into());
                }
            }
        }
        let mut forest = Self { splits: Vec::new(), leaves: Vec::new(), features: 0 };
        for root in (0..count).filter(|&i| !children[i]) {
            let mut stack = vec![(root, Vec::new())];
            while let Some((i, path)) = stack.pop() {
                if modes[i] == "LEAF" {
                    let weights = at_leaf.remove(&(trees[i], ids[i])).unwrap_or_default();
                    forest.leaves.push((path, weights));
                    continue;
                }
                let mode = match modes[i].as_str() {
                    "BRANCH_LEQ" => Mode::AtMost,
                    "BRANCH_LT" => Mode::Below,
                    "BRANCH_GT" => Mode::Above,
                    "BRANCH_GTE" => Mode::AtLeast,
                    other => return Err(format!("mode `{other}` isn't supported").into()),
                };
                let feature = usize::try_from(features[i]).map_err(|_| "a negative feature")?;
                forest.features = forest.features.max(feature + 1);
                let split = forest.splits.len();
                forest.splits.push((feature, values[i], mode));
                for (child, holds) in [(yes[i], true), (no[i], false)] {
                    let mut path: Vec<(usize, bool)> = path.clone();
                    node.draft.spend_elements(path.len())?;
                    path.push((split, holds));
                    stack.push((places[&(trees[i], child)], path));
                }
            }
        }
        Ok(forest)
    }

    /// The sum of the weights of the leaves that x reaches, for each target: all conditions at once, then
    /// each leaf by how many on its way hold, then one matrix.
    fn sums(&self, node: &mut Lowering<'_>, x: ValueId, targets: usize) -> Result<ValueId, Refusal> {
        let inner = *node.shape(x).last().ok_or("takes rows")?;
        if self.features > inner {
            return Err(format!("a split by feature {} of {inner}", self.features - 1).into());
        }
        let (splits, leaves) = (self.splits.len(), self.leaves.len());
        let mut weights = vec![0f32; leaves * targets];
        for (leaf, (_, of)) in self.leaves.iter().enumerate() {
            for &(target, weight) in of {
                *weights.get_mut(leaf * targets + target).ok_or("a target beyond the last")? += weight;
            }
        }
        let weights = node.table(&[leaves, targets], |i| weights[i])?;
        if splits == 0 {
            let rows = node.shape(x)[0];
            return node.stretched(weights, &[rows, targets]);
        }
        // [x > t] as it stands, [x ≤ t] as its opposite; [t > x] likewise.
        let turned = |mode: Mode| matches!(mode, Mode::Below | Mode::AtLeast);
        let inverse = |mode: Mode| matches!(mode, Mode::AtMost | Mode::AtLeast);
        // Which feature a split reads is a secret of the model, so a matrix picks it.
        let pick = node.table(&[inner, splits], |i| {
            let (feature, _, mode) = self.splits[i % splits];
            if feature != i / splits {
                0.0
            } else if turned(mode) {
                -1.0
            } else {
                1.0
            }
        })?;
        let thresholds = node.table(&[splits], |i| {
            let (_, value, mode) = self.splits[i];
            if turned(mode) { value } else { -value }
        })?;
        let picked = node.step("picked", Op::MatMul, &[x, pick])?;
        let differences = node.add(picked, thresholds)?;
        let bits = node.positive(differences)?;
        // A leaf is reached if as many conditions hold as lie on its way.
        let mut table = vec![0f32; splits * leaves];
        let mut least = vec![0f32; leaves];
        node.draft.spend_elements(table.len())?;
        for (leaf, (path, _)) in self.leaves.iter().enumerate() {
            for &(split, holds) in path {
                let wanted = holds != inverse(self.splits[split].2);
                table[split * leaves + leaf] = if wanted { 1.0 } else { -1.0 };
                least[leaf] += f32::from(u8::from(wanted));
            }
        }
        let w = node.constant("paths", Tensor::new(veilflow_ir::Shape::new([splits, leaves])?, table)?)?;
        let counts = node.step("counts", Op::MatMul, &[bits, w])?;
        let least = node.table(&[leaves], |i| 0.5 - least[i])?;
        let above = node.add(counts, least)?;
        let reached = node.positive(above)?;
        node.step("sums", Op::MatMul, &[reached, weights])
    }
}

/// The sums plus base values.
fn based(node: &mut Lowering<'_>, sums: ValueId) -> Result<ValueId, Refusal> {
    let base = node.attributes.floats("base_values")?.unwrap_or_default();
    if base.is_empty() {
        return Ok(sums);
    }
    let base = node.table(&[base.len()], |i| base[i])?;
    node.add(sums, base)
}

pub(super) fn tree_regressor(node: &mut Lowering<'_>) -> Lowered {
    let forest = Forest::read(node, "target")?;
    let targets = node.attributes.size("n_targets")?.unwrap_or(1);
    match node.attributes.string("aggregate_function")?.as_deref() {
        None | Some("SUM") => {}
        Some(other) => return Err(format!("aggregate_function `{other}` isn't supported").into()),
    }
    let x = node.value(0)?;
    let sums = forest.sums(node, x, targets)?;
    let sums = based(node, sums)?;
    transformed(node, sums)
}

/// Two classes may have weights for one of them alone: then its sum is its probability, or its score.
pub(super) fn tree_classifier(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    node.attributes.ignore(&["classlabels_strings"]);
    let labels = node.attributes.ints("classlabels_int64s")?.unwrap_or_default();
    let forest = Forest::read(node, "class")?;
    let ids: Vec<usize> = forest.leaves.iter().flat_map(|leaf| leaf.1.iter().map(|w| w.0)).collect();
    let (most, least) = (ids.iter().max().copied().unwrap_or(0), ids.iter().min().copied().unwrap_or(0));
    let classes = labels.len().max(most + 1);
    let x = node.value(0)?;
    // Weights for one of two classes alone: the other's probability is what is left of 1, or its score is the
    // opposite.
    if classes == 2 && most == least {
        let sums = forest.sums(node, x, classes)?;
        let only = node.sliced(sums, 1, most..most + 1)?;
        let only = based(node, only)?;
        let probabilities = forest.leaves.iter().all(|leaf| leaf.1.iter().all(|w| w.1 >= 0.0));
        let (first, second) = match node.attributes.text("post_transform")?.as_deref() {
            None | Some("NONE") if probabilities => (node.inverted(only)?, only),
            None | Some("NONE") => (node.negated(only)?, only),
            Some("LOGISTIC") => (node.negated(only)?, only),
            Some(other) => {
                return Err(format!("post_transform `{other}` of one score for two classes").into());
            }
        };
        let both = node.concatenated(&[first, second], 1)?;
        return classified(node, both, &labels);
    }
    let sums = forest.sums(node, x, classes)?;
    let sums = based(node, sums)?;
    classified(node, sums, &labels)
}
