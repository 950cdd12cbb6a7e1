//! Slices, and tensors put together.

use veilflow_lowering::Setting::{Int, Text};
use veilflow_lowering::{Binding, Lowered, Lowering, Refusal};

use super::pieces::{axis, dims, integer, list, part, reshape, stacked};

fn joined(node: &mut Lowering<'_>, inputs: std::ops::Range<usize>, along: i64) -> Lowered {
    let parts = inputs.map(|i| node.input(i)).collect::<Result<Vec<Binding>, _>>()?;
    node.call("Concat", &parts, vec![("axis", Int(along))])
}

pub(super) fn concat(node: &mut Lowering<'_>) -> Lowered {
    let last = node.input_count().checked_sub(1).ok_or("it has no inputs")?;
    let along = integer(node, last)?;
    joined(node, 0..last, along)
}

pub(super) fn concat_first(node: &mut Lowering<'_>) -> Lowered {
    let along = integer(node, 0)?;
    let count = node.input_count();
    joined(node, 1..count, along)
}

pub(super) fn pack(node: &mut Lowering<'_>) -> Lowered {
    let along = node.attributes.int("axis")?.unwrap_or(0);
    let parts = (0..node.input_count()).map(|i| node.input(i)).collect::<Result<Vec<Binding>, _>>()?;
    let rank = dims(node, parts.first().ok_or("it has no inputs")?)?.len() + 1;
    stacked(node, &parts, axis(along, rank)?)
}

pub(super) fn unpack(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    let along = node.attributes.int("axis")?.unwrap_or(0);
    node.attributes.ignore(&["num"]);
    let x = node.input(0)?;
    let mut shape = dims(node, &x)?;
    let along = axis(along, shape.len())?;
    let count = shape.remove(along).min(node.output_count());
    let one = |i: usize| {
        node.at_output(i);
        let slice = part(node, x.clone(), along, i as i64, i as i64 + 1)?;
        reshape(node, slice, &shape)
    };
    (0..count).map(one).collect()
}

fn parts(node: &mut Lowering<'_>, x: &Binding, along: usize, sizes: &[i64]) -> Result<Vec<Binding>, Refusal> {
    let mut at = 0;
    let mut made = Vec::with_capacity(sizes.len());
    for (i, &size) in sizes.iter().enumerate() {
        node.at_output(i);
        made.push(part(node, x.clone(), along, at, at.saturating_add(size))?);
        at = at.saturating_add(size);
    }
    Ok(made)
}

pub(super) fn split(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    let count = node.attributes.size("num_split")?.filter(|&n| n > 0).ok_or("no parts")?;
    let along = integer(node, 0)?;
    let x = node.input(1)?;
    let shape = dims(node, &x)?;
    let along = axis(along, shape.len())?;
    if shape[along] % count != 0 {
        return Err(format!("{} elements in {count} parts", shape[along]).into());
    }
    let size = (shape[along] / count) as i64;
    let asked = count.min(node.output_count());
    parts(node, &x, along, &vec![size; asked])
}

pub(super) fn split_sizes(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    node.attributes.ignore(&["num_split"]);
    let x = node.input(0)?;
    let (mut sizes, along) = (node.integers(1)?, integer(node, 2)?);
    let shape = dims(node, &x)?;
    let along = axis(along, shape.len())?;
    let known = sizes.iter().filter(|&&s| s >= 0).fold(0i64, |sum, &s| sum.saturating_add(s));
    sizes.iter_mut().filter(|s| **s < 0).for_each(|s| *s = (shape[along] as i64).saturating_sub(known));
    parts(node, &x, along, &sizes)
}

pub(super) fn slice(node: &mut Lowering<'_>) -> Lowered {
    let x = node.input(0)?;
    let (begin, sizes) = (node.integers(1)?, node.integers(2)?);
    let shape = dims(node, &x)?;
    if begin.len() != shape.len() || sizes.len() != shape.len() {
        return Err(format!("{} limits for {} dimensions", begin.len(), shape.len()).into());
    }
    let end = |i: usize| if sizes[i] < 0 { shape[i] as i64 } else { begin[i].saturating_add(sizes[i]) };
    let axes = list((0..shape.len() as i64).collect::<Vec<_>>());
    let ends: Vec<i64> = (0..shape.len()).map(end).collect();
    node.call("Slice", &[x, list(begin), list(ends), axes], vec![])
}

/// Python's slices: masks say which limits are left out, which dimensions go, and which are new.
pub(super) fn strided(node: &mut Lowering<'_>) -> Lowered {
    let mut mask = |name| node.attributes.int(name).map(|mask| mask.unwrap_or(0));
    let (open_begin, open_end) = (mask("begin_mask")?, mask("end_mask")?);
    let (ellipsis, new, shrink) = (mask("ellipsis_mask")?, mask("new_axis_mask")?, mask("shrink_axis_mask")?);
    node.attributes.ignore(&["offset"]);
    let x = node.input(0)?;
    let (begins, ends, strides) = (node.integers(1)?, node.integers(2)?, node.integers(3)?);
    let shape = dims(node, &x)?;
    let count = begins.len();
    if ends.len() != count || strides.len() != count || count > 63 {
        return Err("begins, ends and strides differ in number".into());
    }
    let has = |mask: i64, i: usize| mask >> i & 1 == 1;
    if (0..count).filter(|&i| has(ellipsis, i)).count() > 1 {
        return Err("more than one ellipsis".into());
    }
    let named = (0..count).filter(|&i| !has(ellipsis, i) && !has(new, i)).count();
    let skipped = shape.len().checked_sub(named).ok_or("more slices than dimensions")?;
    let mut at = 0;
    let mut kept = Vec::new();
    let [mut from, mut to, mut axes, mut steps] = [const { Vec::new() }; 4];
    for i in 0..count {
        if has(ellipsis, i) {
            kept.extend((at..at + skipped).map(Some));
            at += skipped;
            continue;
        }
        if has(new, i) {
            kept.push(None);
            continue;
        }
        let size = shape[at] as i64;
        if has(shrink, i) {
            let place = if begins[i] < 0 { begins[i].saturating_add(size) } else { begins[i] };
            if !(0..size).contains(&place) {
                return Err(format!("place {} of {size}", begins[i]).into());
            }
            from.push(place);
            to.push(place + 1);
            steps.push(1);
        } else {
            let back = strides[i] < 0;
            from.push(if has(open_begin, i) { if back { i64::MAX } else { 0 } } else { begins[i] });
            to.push(if has(open_end, i) { if back { i64::MIN } else { i64::MAX } } else { ends[i] });
            steps.push(strides[i]);
            kept.push(Some(at));
        }
        axes.push(at as i64);
        at += 1;
    }
    kept.extend((at..shape.len()).map(Some));
    let whole = (0..axes.len()).all(|k| from[k] == 0 && to[k] == i64::MAX && steps[k] == 1);
    let sliced = if whole {
        x
    } else {
        node.call("Slice", &[x, list(from), list(to), list(axes), list(steps)], vec![])?
    };
    let left = dims(node, &sliced)?;
    if kept.len() == left.len() && kept.iter().all(Option::is_some) {
        return Ok(sliced);
    }
    let target: Vec<usize> = kept.iter().map(|at| at.map_or(1, |at| left[at])).collect();
    reshape(node, sliced, &target)
}

/// Slices by index; a table of private indices is looked up.
pub(super) fn gather(node: &mut Lowering<'_>) -> Lowered {
    if node.attributes.int("batch_dims")?.unwrap_or(0) != 0 {
        return Err("`batch_dims` other than 0 isn't supported".into());
    }
    let (table, indices) = (node.input(0)?, node.input(1)?);
    let along = if node.has_input(2) { integer(node, 2)? } else { 0 };
    node.call("Gather", &[table, indices], vec![("axis", Int(along))])
}

pub(super) fn reverse(node: &mut Lowering<'_>) -> Lowered {
    let mut x = node.input(0)?;
    for along in node.integers(1)? {
        let inputs = [x, list([i64::MAX]), list([i64::MIN]), list([along]), list([-1])];
        x = node.call("Slice", &inputs, vec![])?;
    }
    Ok(x)
}

/// ONNX's order of pads: all before, then all after.
fn pads(node: &mut Lowering<'_>) -> Result<Binding, Refusal> {
    let given = node.integers(1)?;
    let before = given.iter().step_by(2).copied();
    Ok(list(before.chain(given.iter().skip(1).step_by(2).copied()).collect::<Vec<_>>()))
}

pub(super) fn pad(node: &mut Lowering<'_>) -> Lowered {
    let (x, pads) = (node.input(0)?, pads(node)?);
    let value = if node.has_input(2) { Some(node.input(2)?) } else { None };
    let inputs = [Some(x), Some(pads), value];
    node.call_many("Pad", &inputs, vec![], 1)?.pop().ok_or_else(|| "no output".into())
}

pub(super) fn mirror_pad(node: &mut Lowering<'_>) -> Lowered {
    let mode = node.attributes.string("mode")?.unwrap_or_default();
    let x = node.input(0)?;
    if mode == "REFLECT" {
        let pads = pads(node)?;
        return node.call("Pad", &[x, pads], vec![("mode", Text("reflect"))]);
    }
    // With the edge repeated: of slices in the order that mirrors have.
    let given = node.integers(1)?;
    let shape = dims(node, &x)?;
    if given.len() != 2 * shape.len() {
        return Err(format!("{} pads for {} dimensions", given.len(), shape.len()).into());
    }
    let mut y = x;
    for (axis, &size) in shape.iter().enumerate() {
        let (before, after) = (given[2 * axis], given[2 * axis + 1]);
        let size = size as i64;
        if before == 0 && after == 0 {
            continue;
        }
        if !(0..=size).contains(&before) || !(0..=size).contains(&after) {
            return Err(format!("pads {before} and {after} of {size} elements").into());
        }
        let mirrored = |i: i64| {
            if i < 0 {
                -1 - i
            } else if i >= size {
                2 * size - 1 - i
            } else {
                i
            }
        };
        let indices = list((-before..size + after).map(mirrored).collect::<Vec<_>>());
        y = node.call("Gather", &[y, indices], vec![("axis", Int(axis as i64))])?;
    }
    Ok(y)
}
