//! Matrix products.

use veilflow_lowering::{Binding, Literal, Lowered, Lowering, Refusal};

use super::pieces::{dims, integer, transpose};

/// The last two dimensions exchanged.
fn flipped(node: &mut Lowering<'_>, x: Binding) -> Lowered {
    let rank = dims(node, &x)?.len();
    if rank < 2 {
        return Err(format!("a matrix of {rank} dimensions").into());
    }
    let mut perm: Vec<usize> = (0..rank).collect();
    perm.swap(rank - 2, rank - 1);
    transpose(node, x, &perm)
}

fn multiplied(node: &mut Lowering<'_>, [left, right]: [&str; 2]) -> Lowered {
    let flips = [node.attributes.flag(left)?, node.attributes.flag(right)?];
    node.attributes.ignore(&["grad_a", "grad_b", "grad_x", "grad_y", "a_is_sparse", "b_is_sparse"]);
    let (mut a, mut b) = (node.input(0)?, node.input(1)?);
    if flips[0] {
        a = flipped(node, a)?;
    }
    if flips[1] {
        b = flipped(node, b)?;
    }
    node.call("MatMul", &[a, b], vec![])
}

pub(super) fn product(node: &mut Lowering<'_>) -> Lowered {
    multiplied(node, ["transpose_a", "transpose_b"])
}

pub(super) fn batched(node: &mut Lowering<'_>) -> Lowered {
    multiplied(node, ["adj_x", "adj_y"])
}

/// A band around the diagonal; zeros elsewhere.
pub(super) fn band(node: &mut Lowering<'_>) -> Lowered {
    let mut x = node.input(0)?;
    let (lower, upper) = (integer(node, 1)?, integer(node, 2)?);
    let mut cut = |x: Binding, k: i64, which: i64| -> Result<Binding, Refusal> {
        let k = Binding::Literal(Literal::integers(vec![], vec![k]));
        node.call("Trilu", &[x, k], vec![("upper", veilflow_lowering::Setting::Int(which))])
    };
    if lower >= 0 {
        x = cut(x, -lower, 1)?;
    }
    if upper >= 0 {
        x = cut(x, upper, 0)?;
    }
    Ok(x)
}
