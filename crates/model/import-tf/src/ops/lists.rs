//! Lists and arrays of tensors, through which loops read and write. Where they are read or written is known,
//! since loops are unrolled.

use std::sync::Arc;

use veilflow_lowering::{Binding, Literal, Lowered, Lowering, Refusal};

use super::pieces::{dims, integer, list as integers, part, reshape, stacked};

/// The longest list.
const MAX_LENGTH: usize = 1 << 16;

type List = Arc<Vec<Option<Binding>>>;

/// Input `index`, a list.
fn list(node: &Lowering<'_>, index: usize) -> Result<List, Refusal> {
    match node.input(index)? {
        Binding::List(list) => Ok(list),
        _ => Err(format!("input {index} is no list").into()),
    }
}

/// Input `index`, a place in a list or its length.
fn place(node: &mut Lowering<'_>, index: usize) -> Result<usize, Refusal> {
    let at = integer(node, index)?;
    usize::try_from(at).ok().filter(|&at| at <= MAX_LENGTH).ok_or_else(|| format!("place {at}").into())
}

fn written(list: &List, at: usize, item: Binding) -> Binding {
    let mut items = list.as_ref().clone();
    if at >= items.len() {
        items.resize(at + 1, None);
    }
    items[at] = Some(item);
    Binding::List(Arc::new(items))
}

fn read(list: &List, at: usize) -> Lowered {
    match list.get(at) {
        Some(Some(item)) => Ok(item.clone()),
        Some(None) => Err(format!("place {at} is read before it is written").into()),
        None => Err(format!("place {at} of {}", list.len()).into()),
    }
}

/// The slices of a tensor along its first dimension.
fn slices(node: &mut Lowering<'_>, x: &Binding) -> Result<Vec<Binding>, Refusal> {
    let shape = dims(node, x)?;
    let (&count, rest) = shape.split_first().ok_or("a list of a scalar")?;
    if count > MAX_LENGTH {
        return Err(format!("a list of {count}").into());
    }
    let one = |i: usize| {
        let slice = part(node, x.clone(), 0, i as i64, i as i64 + 1)?;
        reshape(node, slice, rest)
    };
    (0..count).map(one).collect()
}

/// All items along a new first dimension. What was never written is zeros, as TensorFlow has it.
fn all(node: &mut Lowering<'_>, list: &List, places: impl IntoIterator<Item = usize>) -> Lowered {
    let shape = list.iter().flatten().next().ok_or("nothing was written to the list")?;
    let shape = dims(node, shape)?;
    let mut parts = Vec::new();
    for at in places {
        parts.push(match list.get(at) {
            Some(Some(item)) => item.clone(),
            Some(None) => {
                let count = shape.iter().product();
                Binding::Literal(Literal::floats(shape.clone(), vec![0.0; count])?)
            }
            None => return Err(format!("place {at} of {}", list.len()).into()),
        });
    }
    stacked(node, &parts, 0)
}

pub(super) fn reserve(node: &mut Lowering<'_>) -> Lowered {
    Ok(Binding::List(Arc::new(vec![None; place(node, 1)?])))
}

pub(super) fn from_tensor(node: &mut Lowering<'_>) -> Lowered {
    let x = node.input(0)?;
    let items = slices(node, &x)?;
    Ok(Binding::List(Arc::new(items.into_iter().map(Some).collect())))
}

pub(super) fn get(node: &mut Lowering<'_>) -> Lowered {
    let at = place(node, 1)?;
    read(&list(node, 0)?, at)
}

pub(super) fn set(node: &mut Lowering<'_>) -> Lowered {
    node.attributes.ignore(&["resize_if_index_out_of_bounds"]);
    let at = place(node, 1)?;
    Ok(written(&list(node, 0)?, at, node.input(2)?))
}

pub(super) fn stack(node: &mut Lowering<'_>) -> Lowered {
    node.attributes.ignore(&["num_elements"]);
    let items = list(node, 0)?;
    all(node, &items, 0..items.len())
}

fn length_of(list: &List) -> Binding {
    Binding::Literal(Literal::integers(vec![], vec![list.len() as i64]))
}

pub(super) fn length(node: &mut Lowering<'_>) -> Lowered {
    Ok(length_of(&list(node, 0)?))
}

/// An array of the first version: a handle, which says nothing here, and the flow that carries the items.
pub(super) fn array(node: &mut Lowering<'_>) -> Result<Vec<Binding>, Refusal> {
    node.attributes.ignore(&[
        "element_shape",
        "dynamic_size",
        "clear_after_read",
        "identical_element_shapes",
        "tensor_array_name",
    ]);
    let items = Binding::List(Arc::new(vec![None; place(node, 0)?]));
    Ok(vec![integers([]), items])
}

pub(super) fn array_read(node: &mut Lowering<'_>) -> Lowered {
    let at = place(node, 1)?;
    read(&list(node, 2)?, at)
}

pub(super) fn array_write(node: &mut Lowering<'_>) -> Lowered {
    let at = place(node, 1)?;
    Ok(written(&list(node, 3)?, at, node.input(2)?))
}

/// The places that input `index` lists.
fn places(node: &mut Lowering<'_>, index: usize) -> Result<Vec<usize>, Refusal> {
    let places = node.integers(index)?.into_iter().map(usize::try_from).collect::<Result<Vec<usize>, _>>();
    let places = places.map_err(|_| "a negative place")?;
    match places.iter().all(|&at| at <= MAX_LENGTH) {
        true => Ok(places),
        false => Err("a place beyond the longest list".into()),
    }
}

pub(super) fn array_scatter(node: &mut Lowering<'_>) -> Lowered {
    let at = places(node, 1)?;
    let x = node.input(2)?;
    let items = slices(node, &x)?;
    if items.len() != at.len() {
        return Err(format!("{} items for {} places", items.len(), at.len()).into());
    }
    let mut all = list(node, 3)?.as_ref().clone();
    all.resize(all.len().max(at.iter().max().map_or(0, |&last| last + 1)), None);
    at.into_iter().zip(items).for_each(|(at, item)| all[at] = Some(item));
    Ok(Binding::List(Arc::new(all)))
}

pub(super) fn array_gather(node: &mut Lowering<'_>) -> Lowered {
    node.attributes.ignore(&["element_shape"]);
    let at = places(node, 1)?;
    let items = list(node, 2)?;
    all(node, &items, at)
}

pub(super) fn array_size(node: &mut Lowering<'_>) -> Lowered {
    Ok(length_of(&list(node, 1)?))
}
