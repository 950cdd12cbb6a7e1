//! Ops on integers, with which exporters compute shapes. All of them are known at import.

use std::sync::Arc;

use veilflow_ir::{MAX_ELEMENTS, Op, Shape, Tensor};

use crate::error::Result;
use crate::literal::{Integers, Literal};
use crate::lowering::{Lowered, Lowering};
use crate::scope::Binding;
use crate::source::data_type;

/// The dimensions of input 0, from `start` to before `end`.
pub(super) fn shape(node: &mut Lowering<'_>) -> Lowered {
    let shape = match node.indices(0) {
        Some((_, dims)) => dims,
        None => {
            let x = node.operand(0)?;
            node.operand_shape(&x)?
        }
    };
    let clamped = |at: i64| match at {
        at if at < 0 => shape.rank().saturating_sub(usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX)),
        at => usize::try_from(at).map_or(shape.rank(), |at| at.min(shape.rank())),
    };
    let start = clamped(node.attributes.int("start")?.unwrap_or(0));
    let end = clamped(node.attributes.int("end")?.unwrap_or(i64::MAX)).max(start);
    Ok(Binding::Literal(Literal::list(shape[start..end].iter().map(|&d| d as i64).collect())))
}

/// The number of elements.
pub(super) fn size(node: &mut Lowering<'_>) -> Lowered {
    let count = match node.literal(0) {
        Some(literal) => literal.len(),
        None => {
            let x = node.operand(0)?;
            node.operand_shape(&x)?.elements()
        }
    };
    Ok(Binding::Literal(Literal::integers(vec![], vec![count as i64])))
}

/// To another type. Known numbers are converted; private floats keep their value among floats, lose their
/// fraction among integers, and become 0 or 1 as truth values.
pub(super) fn cast(node: &mut Lowering<'_>) -> Lowered {
    let to = node.attributes.int("to")?.ok_or("attribute `to` is missing")?;
    node.attributes.ignore(&["saturate", "round_mode"]);
    converted(node, i32::try_from(to).unwrap_or_default())
}

/// To the type of input 1, of which only its kind matters.
pub(super) fn cast_like(node: &mut Lowering<'_>) -> Lowered {
    node.attributes.ignore(&["saturate", "round_mode"]);
    let to = match (node.kind(1), node.literal(1)) {
        (Some(kind), _) => kind,
        (None, Some(Literal::Integers(_))) => data_type::INT64,
        _ => data_type::FLOAT,
    };
    converted(node, to)
}

fn converted(node: &mut Lowering<'_>, kind: i32) -> Lowered {
    let to_float = data_type::is_float(kind);
    if !to_float && !data_type::is_integer(kind) {
        return Err(format!("a cast to {} isn't supported", data_type::name(kind)).into());
    }
    let truth = kind == data_type::BOOL;
    // Integers of fewer than 8 bits keep the low ones.
    let narrow = match kind {
        data_type::INT4 => Some((4, 8)),
        data_type::UINT4 => Some((4, 0)),
        data_type::INT2 => Some((2, 2)),
        data_type::UINT2 => Some((2, 0)),
        _ => None,
    };
    let low_bits =
        |v: i64| narrow.map_or(v, |(bits, below)| v.wrapping_add(below).rem_euclid(1 << bits) - below);
    if let (Some((rows, dims)), false) = (node.indices(0), truth) {
        return Ok(Binding::Indices { rows, dims });
    }
    if let Some(literal) = node.literal(0) {
        node.draft.spend_elements(literal.len())?;
        let dims = literal.dims();
        return Ok(Binding::Literal(match literal {
            Literal::Floats(_) if to_float => literal,
            Literal::Integers(i) if to_float => {
                Literal::floats(dims, i.values.iter().map(|&v| v as f32).collect())?
            }
            Literal::Integers(i) => {
                let value = |&v: &i64| if truth { i64::from(v != 0) } else { low_bits(v) };
                Literal::integers(dims, i.values.iter().map(value).collect())
            }
            Literal::Floats(t) => {
                let value = |&v: &f32| if truth { i64::from(v != 0.0) } else { low_bits(v as i64) };
                Literal::integers(dims, t.data().iter().map(value).collect())
            }
        }));
    }
    if let (Some((x, keeps)), true) = (node.masked(0), to_float) {
        return Ok(Binding::Masked(x, keeps));
    }
    let x = node.value(0)?;
    if to_float || node.is_whole(x) && !truth && narrow.is_none() {
        return node.last(Op::Identity, &[x]);
    }
    if truth {
        let minus = node.negated(x)?;
        let (above, below) = (node.positive(x)?, node.positive(minus)?);
        return node.last(Op::Add, &[above, below]);
    }
    let mut whole = if node.is_whole(x) { x } else { node.truncated(x)? };
    if let Some((bits, below)) = narrow {
        // v − 2^b·⌊(v + below)/2^b⌋. Half a unit keeps whole numbers off the edges.
        let turns = node.shifted(whole, below as f32 + 0.5)?;
        let turns = node.scaled(turns, 0.5f32.powi(bits))?;
        let turns = node.floor(turns)?;
        let turned = node.scaled(turns, 2f32.powi(bits))?;
        whole = node.sub(whole, turned)?;
    }
    node.last(Op::Identity, &[whole])
}

/// start, start + delta, … before the limit.
pub(super) fn range(node: &mut Lowering<'_>) -> Lowered {
    let mut parts = Vec::with_capacity(3);
    for i in 0..3 {
        parts.push(node.literal(i).ok_or("its limits must be known at import")?);
    }
    let whole = parts.iter().all(|part| matches!(part, Literal::Integers(_)));
    let numbers: Vec<f64> = parts.iter().flat_map(|part| part.numbers()).collect();
    let &[start, limit, delta] = &numbers[..] else { return Err("takes three numbers".into()) };
    let count = ((limit - start) / delta).ceil().max(0.0);
    if count.is_nan() || count > MAX_ELEMENTS as f64 {
        return Err(format!("a range from {start} to {limit} by {delta}").into());
    }
    let count = count as usize;
    node.draft.spend_elements(count)?;
    let value = |i: usize| start + i as f64 * delta;
    Ok(Binding::Literal(if whole {
        Literal::list((0..count).map(|i| value(i) as i64).collect())
    } else {
        Literal::floats(vec![count], (0..count).map(|i| value(i) as f32).collect())?
    }))
}

/// The places where known numbers aren't zero.
pub(super) fn non_zero(node: &mut Lowering<'_>) -> Lowered {
    let x = node.literal(0).ok_or("its input must be known at import: the result's shape depends on it")?;
    let (dims, values) = (x.dims(), x.numbers());
    let places: Vec<usize> = (0..values.len()).filter(|&i| values[i] != 0.0).collect();
    node.draft.spend_elements(places.len() * dims.len())?;
    let mut result = Vec::with_capacity(places.len() * dims.len());
    for axis in 0..dims.len() {
        let stride: usize = dims[axis + 1..].iter().product();
        result.extend(places.iter().map(|p| (p / stride % dims[axis]) as i64));
    }
    Ok(Binding::Literal(Literal::integers(vec![dims.len(), places.len()], result)))
}

/// The unit matrix, with ones on diagonal `k`.
pub(super) fn eye_like(node: &mut Lowering<'_>) -> Lowered {
    let k = node.attributes.int("k")?.unwrap_or(0);
    node.attributes.ignore(&["dtype"]);
    let x = node.operand(0)?;
    let shape = node.operand_shape(&x)?;
    let [rows, columns] = *shape else { return Err(format!("takes a matrix, not {shape}").into()) };
    node.draft.spend_elements(rows * columns)?;
    let one = |i: usize| (i % columns) as i64 - (i / columns) as i64 == k;
    let values = (0..rows * columns).map(|i| f32::from(u8::from(one(i)))).collect();
    Ok(Binding::Literal(Literal::floats(vec![rows, columns], values)?))
}

/// A tensor of the shape that input 0 holds, filled with one value.
pub(super) fn constant_of_shape(node: &mut Lowering<'_>) -> Lowered {
    let value = match node.attributes.tensor("value")? {
        Some(tensor) => Literal::decode(tensor.clone(), node.draft.folder.as_deref())?,
        None => Literal::Floats(Arc::new(Tensor::from_fn(Shape::new([])?, |_| 0.0))),
    };
    let dims = node.integers(0)?.into_iter().map(usize::try_from).collect::<Result<Vec<usize>, _>>();
    let dims = dims.map_err(|_| "a negative dimension")?;
    if dims.contains(&0) {
        return Ok(Binding::Literal(Literal::integers(dims, Vec::new())));
    }
    let shape = Shape::new(dims)?;
    node.draft.spend_elements(shape.elements())?;
    match &value {
        Literal::Floats(v) if v.data().len() == 1 => {
            Ok(Binding::Literal(Literal::Floats(Arc::new(Tensor::from_fn(shape, |_| v.data()[0])))))
        }
        Literal::Integers(v) if v.values.len() == 1 => {
            let values = vec![v.values[0]; shape.elements()];
            Ok(Binding::Literal(Literal::Integers(Arc::new(Integers { dims: shape.to_vec(), values }))))
        }
        _ => Err("its value must be one number".into()),
    }
}
