//! Matrix products. By a known matrix on the right they are linear layers; of two private ones, products.

use veilflow_ir::{Op, Shape, ValueId};

use crate::error::{Refusal, Result};
use crate::lowering::{Lowered, Lowering};
use crate::scope::Binding;

fn made(built: Result<ValueId, Refusal>) -> Lowered {
    built.map(Binding::Value)
}

impl Lowering<'_> {
    /// The last two dimensions exchanged.
    pub(super) fn flipped(&mut self, x: ValueId) -> Result<ValueId, Refusal> {
        let rank = self.shape(x).rank();
        let mut perm: Vec<usize> = (0..rank).collect();
        perm.swap(rank - 2, rank - 1);
        self.transposed(x, &perm)
    }

    /// The product of stacks of matrices, a `[…, M, K]` by b `[…, K, N]`, broadcast over the stacks.
    pub(super) fn product(&mut self, a: ValueId, b: ValueId) -> Result<ValueId, Refusal> {
        let (from, to) = (self.shape(a).clone(), self.shape(b).clone());
        let (ra, rb) = (from.rank(), to.rank());
        if from[ra - 1] != to[rb - 2] {
            return Err(format!("{from} times {to}").into());
        }
        if self.is_known(b) && to[..rb - 2].iter().all(|&d| d == 1) {
            let w = self.reshaped(b, &to[rb - 2..])?;
            let product = self.step("product", Op::MatMul, &[a, w])?;
            let dims = [&vec![1; rb.saturating_sub(ra)][..], self.shape(product)].concat();
            return self.reshaped(product, &dims);
        }
        if self.is_known(a) && from[..ra - 2].iter().all(|&d| d == 1) {
            // A·B = (Bᵀ·Aᵀ)ᵀ, and layers have their weights on the right.
            let (a, b) = (self.flipped(a)?, self.flipped(b)?);
            let product = self.product(b, a)?;
            return self.flipped(product);
        }
        let [stack_a, stack_b] = [&from[..ra - 2], &to[..rb - 2]].map(Shape::new);
        let (stack_a, stack_b) = (stack_a?, stack_b?);
        let stack = stack_a.broadcast(&stack_b);
        let stack = stack.ok_or_else(|| format!("stacks of {from} and {to} don't broadcast"))?;
        let (rows, inner, columns) = (from[ra - 2], from[ra - 1], to[rb - 1]);
        let a = self.stretched(a, &[&stack[..], &[rows, inner]].concat())?;
        let b = self.stretched(b, &[&stack[..], &[inner, columns]].concat())?;
        let count = stack.elements();
        if self.is_known(a) || self.is_known(b) {
            return self.layers(a, b, &stack);
        }
        let a = self.reshaped(a, &[count, rows, inner])?;
        let b = self.reshaped(b, &[count, inner, columns])?;
        let product = self.step("product", Op::MatrixProduct, &[a, b])?;
        self.reshaped(product, &[&stack[..], &[rows, columns]].concat())
    }

    /// A stack of products of which one side is known: a layer each.
    fn layers(&mut self, a: ValueId, b: ValueId, stack: &Shape) -> Result<ValueId, Refusal> {
        let (count, rank) = (stack.elements(), self.shape(a).rank());
        let tail = |node: &Self, x| node.shape(x)[rank - 2..].to_vec();
        let (dims_a, dims_b) = (tail(self, a), tail(self, b));
        let a = self.reshaped(a, &[&[count][..], &dims_a].concat())?;
        let b = self.reshaped(b, &[&[count][..], &dims_b].concat())?;
        let mut parts = Vec::with_capacity(count);
        for i in 0..count {
            let (x, y) = (self.sliced(a, 0, i..i + 1)?, self.sliced(b, 0, i..i + 1)?);
            let (x, y) = (self.reshaped(x, &dims_a)?, self.reshaped(y, &dims_b)?);
            let product = self.product(x, y)?;
            parts.push(self.reshaped(product, &[1, dims_a[0], dims_b[1]])?);
        }
        let all = self.concatenated(&parts, 0)?;
        self.reshaped(all, &[&stack[..], &[dims_a[0], dims_b[1]]].concat())
    }

    /// As numpy has it: a vector on the left is a row, on the right a column, and that dimension goes.
    pub(crate) fn matmul(&mut self, a: ValueId, b: ValueId) -> Result<ValueId, Refusal> {
        let (from, to) = (self.shape(a).clone(), self.shape(b).clone());
        if from.rank() == 0 || to.rank() == 0 {
            return Err("a product with a scalar".into());
        }
        let (row, column) = (from.rank() == 1, to.rank() == 1);
        let a = if row { self.reshaped(a, &[1, from[0]])? } else { a };
        let b = if column { self.reshaped(b, &[to[0], 1])? } else { b };
        let product = self.product(a, b)?;
        let mut dims = self.shape(product).to_vec();
        if column {
            dims.pop();
        }
        if row {
            dims.remove(dims.len() - if column { 1 } else { 2 });
        }
        self.reshaped(product, &dims)
    }
}

pub(super) fn matmul(node: &mut Lowering<'_>) -> Lowered {
    let (a, b) = (node.value(0)?, node.value(1)?);
    made(node.matmul(a, b))
}

/// α·A·B + β·C, either of A and B transposed by a flag.
pub(super) fn gemm(node: &mut Lowering<'_>) -> Lowered {
    let alpha = node.attributes.float("alpha")?.unwrap_or(1.0);
    let beta = node.attributes.float("beta")?.unwrap_or(1.0);
    node.attributes.ignore(&["broadcast"]);
    let (mut a, mut b) = (node.value(0)?, node.value(1)?);
    if node.shape(a).rank() != 2 || node.shape(b).rank() != 2 {
        return Err(format!("{} times {}, not matrices", node.shape(a), node.shape(b)).into());
    }
    if node.attributes.flag("transA")? {
        a = node.flipped(a)?;
    }
    if node.attributes.flag("transB")? {
        b = node.flipped(b)?;
    }
    // Where a factor is known, α goes into it.
    let (a, b) = if node.is_known(b) { (a, node.scaled(b, alpha)?) } else { (node.scaled(a, alpha)?, b) };
    let product = node.product(a, b)?;
    if !node.has_input(2) {
        return node.last(Op::Identity, &[product]);
    }
    let c = node.value(2)?;
    let c = node.scaled(c, beta)?;
    node.last(Op::Add, &[product, c])
}

/// A sum of products by the letters of its equation, two operands at a time.
pub(super) fn einsum(node: &mut Lowering<'_>) -> Lowered {
    let equation = node.attributes.string("equation")?.ok_or("attribute `equation` is missing")?;
    let equation: String = equation.chars().filter(|c| !c.is_whitespace()).collect();
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (&equation[..], None),
    };
    let mut terms = Vec::new();
    for (i, letters) in left.split(',').enumerate() {
        let x = node.value(i)?;
        terms.push(term(node, x, letters)?);
    }
    if terms.len() != node.input_count() {
        return Err(format!("`{equation}` for {} inputs", node.input_count()).into());
    }
    let output = match right {
        Some(right) => expand(right, &terms.iter().flat_map(|t| t.1.clone()).collect::<Vec<char>>()),
        None => implied(left, &terms),
    };
    let mut terms = terms.into_iter();
    let mut sum = terms.next().ok_or("it has no inputs")?;
    let rest: Vec<(ValueId, Vec<char>)> = terms.collect();
    for i in 0..rest.len() {
        let later = |c: &char| output.contains(c) || rest[i + 1..].iter().any(|(_, l)| l.contains(c));
        sum = contract(node, sum, rest[i].clone(), later)?;
    }
    let (x, letters) = sum;
    let gone: Vec<usize> = (0..letters.len()).filter(|&i| !output.contains(&letters[i])).collect();
    let x = if gone.is_empty() { x } else { node.summed(x, &gone)? };
    let kept: Vec<usize> = (0..letters.len()).filter(|i| !gone.contains(i)).collect();
    let dims: Vec<usize> = kept.iter().map(|&i| node.shape(x)[i]).collect();
    let x = node.reshaped(x, &dims)?;
    let place = |c: &char| kept.iter().position(|&i| letters[i] == *c);
    let perm = output.iter().map(place).collect::<Option<Vec<usize>>>();
    let perm = perm.ok_or_else(|| format!("`{equation}` names an output that no input has"))?;
    let x = node.transposed(x, &perm)?;
    node.last(Op::Identity, &[x])
}

/// An ellipsis stands for dimensions that have digits for letters, the last of them 0.
fn term(node: &mut Lowering<'_>, x: ValueId, letters: &str) -> Result<(ValueId, Vec<char>), Refusal> {
    let named = letters.replace("...", "").chars().count();
    let rank = node.shape(x).rank();
    let hidden = rank.checked_sub(named).ok_or_else(|| format!("`{letters}` for {rank} dimensions"))?;
    let digits: String = (0..hidden.min(10)).rev().map(|i| char::from(b'0' + i as u8)).collect();
    let letters: Vec<char> = letters.replace("...", &digits).chars().collect();
    if letters.len() != rank {
        return Err(format!("an equation of {} letters for {rank} dimensions", letters.len()).into());
    }
    diagonal(node, x, letters)
}

/// A letter that occurs twice takes the diagonal.
fn diagonal(
    node: &mut Lowering<'_>,
    x: ValueId,
    letters: Vec<char>,
) -> Result<(ValueId, Vec<char>), Refusal> {
    let twice = (0..letters.len())
        .flat_map(|i| (i + 1..letters.len()).map(move |j| (i, j)))
        .find(|&(i, j)| letters[i] == letters[j]);
    let Some((i, j)) = twice else { return Ok((x, letters)) };
    let size = node.shape(x)[i];
    let mut perm: Vec<usize> = (0..letters.len()).filter(|&k| k != i && k != j).collect();
    let (kept, mut rest) = (perm.clone(), Vec::new());
    perm.extend([i, j]);
    let x = node.transposed(x, &perm)?;
    rest.extend(kept.iter().map(|&k| letters[k]));
    let before: Vec<usize> = node.shape(x)[..kept.len()].to_vec();
    let x = node.reshaped(x, &[&before[..], &[size * size]].concat())?;
    let x = node.gathered(x, kept.len(), (0..size).map(|k| k * size + k).collect())?;
    rest.push(letters[i]);
    diagonal(node, x, rest)
}

fn expand(right: &str, letters: &[char]) -> Vec<char> {
    let mut digits: Vec<char> = letters.iter().copied().filter(char::is_ascii_digit).collect();
    digits.sort_unstable_by(|a, b| b.cmp(a));
    digits.dedup();
    right.replace("...", &digits.into_iter().collect::<String>()).chars().collect()
}

/// Without an arrow: the ellipsis, then the letters that occur once, in order.
fn implied(left: &str, terms: &[(ValueId, Vec<char>)]) -> Vec<char> {
    let digits: Vec<char> = terms.iter().flat_map(|t| t.1.clone()).filter(char::is_ascii_digit).collect();
    let mut once: Vec<char> = left.chars().filter(|c| c.is_alphabetic()).collect();
    once.retain(|c| left.matches(*c).count() == 1);
    once.sort_unstable();
    let mut output = expand("...", &digits);
    output.extend(once);
    output
}

/// The product of two terms, without the letters that nothing later reads.
fn contract(
    node: &mut Lowering<'_>,
    (a, la): (ValueId, Vec<char>),
    (b, lb): (ValueId, Vec<char>),
    later: impl Fn(&char) -> bool,
) -> Result<(ValueId, Vec<char>), Refusal> {
    let size = |c: &char, node: &Lowering<'_>| {
        let at = |x, letters: &[char]| letters.iter().position(|l| l == c).map(|i| node.shape(x)[i]);
        at(a, &la).unwrap_or(1).max(at(b, &lb).unwrap_or(1))
    };
    let stack: Vec<char> = la.iter().filter(|c| lb.contains(c) && later(c)).copied().collect();
    let inner: Vec<char> = la.iter().filter(|c| lb.contains(c) && !later(c)).copied().collect();
    let rows: Vec<char> = la.iter().filter(|c| !lb.contains(c)).copied().collect();
    let columns: Vec<char> = lb.iter().filter(|c| !la.contains(c)).copied().collect();
    let arranged = |node: &mut Lowering<'_>, x, letters: &[char], order: [&[char]; 3]| {
        let all: Vec<char> = order.concat();
        let perm: Vec<usize> = all.iter().filter_map(|c| letters.iter().position(|l| l == c)).collect();
        let x = node.transposed(x, &perm)?;
        let dims: Vec<usize> = all.iter().map(|c| size(c, node)).collect();
        let x = node.stretched(x, &dims)?;
        let sizes = order.map(|part| part.iter().map(|c| size(c, node)).product::<usize>());
        node.reshaped(x, &sizes)
    };
    let x = arranged(node, a, &la, [&stack, &rows, &inner])?;
    let y = arranged(node, b, &lb, [&stack, &inner, &columns])?;
    let product = node.product(x, y)?;
    let letters = [&stack[..], &rows, &columns].concat();
    let dims: Vec<usize> = letters.iter().map(|c| size(c, node)).collect();
    Ok((node.reshaped(product, &dims)?, letters))
}
