//! Linear layers of the same weights, such as the steps of a recurrent network, get their pairs together.
//!
//! A product W·X is a product for each column of X. One pair (r, W·r − s) is made for the columns of all
//! layers together. Each layer's columns of it are a pair of their own, since their r and s are uniform and
//! independent of the others'. So one ciphertext and one reply serve as many layers as fit. A layer in a
//! narrower ring takes the low bits of its part.

use std::ops::Range;

use veilflow_correlation::{LinearPair, LinearRequest};
use veilflow_ir::plan::{Plan, PlanOp};
use veilflow_net::Role;
use veilflow_ring::RingVec;
use veilflow_spec::{Conv2dShape, LinearShape, MatMulShape};

use crate::layer::linear_layer;
use crate::possession::WeightsAt;

/// The columns that a layer multiplies its weights by, if its columns can be joined: it is a product of
/// matrices, or does the same at every position.
fn columns(shape: &LinearShape) -> Option<usize> {
    match shape {
        LinearShape::MatMul(s) => Some(s.columns),
        LinearShape::Conv2d(Conv2dShape {
            in_height,
            in_width,
            kernel: [1, 1],
            stride: [1, 1],
            pads: [0, 0, 0, 0],
            ..
        }) => Some(in_height * in_width),
        LinearShape::Conv2d(_) => None,
    }
}

/// The layer with other columns.
fn with_columns(shape: &LinearShape, columns: usize) -> LinearShape {
    match shape {
        LinearShape::MatMul(s) => LinearShape::MatMul(MatMulShape { columns, ..*s }),
        LinearShape::Conv2d(s) => {
            LinearShape::Conv2d(Conv2dShape { in_height: 1, in_width: columns, ..s.clone() })
        }
    }
}

/// The node at which a layer's pair is made. It is the layer's own, unless the layer takes its weights from
/// an earlier one whose columns its own can join.
fn leader(plan: &Plan, layer: &LinearRequest) -> usize {
    let PlanOp::Linear { weights_of: Some(owner), .. } = plan.nodes[layer.layer].op else {
        return layer.layer;
    };
    let joins = |shape: &LinearShape| columns(shape).is_some();
    match linear_layer(plan, owner) {
        Some(first) if joins(&first.shape) && joins(&layer.shape) => owner,
        _ => layer.layer,
    }
}

/// The layers whose pairs are made at `first`: itself, and the later ones that it leads.
fn members(plan: &Plan, first: LinearRequest) -> Vec<LinearRequest> {
    let index = first.layer;
    let led = |i| linear_layer(plan, i).filter(|layer| leader(plan, layer) == index);
    [first].into_iter().chain((index + 1..plan.nodes.len()).filter_map(led)).collect()
}

fn total_columns(members: &[LinearRequest]) -> usize {
    members.iter().filter_map(|m| columns(&m.shape)).sum()
}

/// The layer whose pair is made at node `index`, for the node itself and all that it leads. None is made at
/// nodes that are led or are no layers. The server holds the weights.
pub(crate) fn request(plan: &Plan, index: usize) -> Option<LinearRequest> {
    let layer = linear_layer(plan, index)?;
    if leader(plan, &layer) != index {
        return None;
    }
    let members = members(plan, layer.clone());
    if members.len() == 1 {
        return Some(layer);
    }
    let ring = members.iter().map(|m| m.ring).max().unwrap_or(layer.ring);
    Some(LinearRequest { shape: with_columns(&layer.shape, total_columns(&members)), ring, ..layer })
}

/// The pairs to make at node `index`, one for each party that holds weights. A share of a weight is as wide
/// as the ring.
pub(crate) fn requests(plan: &Plan, index: usize, weights: WeightsAt) -> Vec<LinearRequest> {
    let request = request(plan, index);
    match weights {
        WeightsAt::Server => request.into_iter().collect(),
        WeightsAt::Shared(_) => {
            let of = |r: LinearRequest| {
                [Role::P0, Role::P1].map(|holder| LinearRequest {
                    holder,
                    weight_bits: r.ring.bits(),
                    ..r.clone()
                })
            };
            request.into_iter().flat_map(of).collect()
        }
    }
}

/// Cuts a pair of [`request`] into the layers' parts, each with its node.
pub(crate) fn split(plan: &Plan, index: usize, pair: LinearPair) -> Vec<(usize, LinearPair)> {
    let members = linear_layer(plan, index).map_or_else(Vec::new, |layer| members(plan, layer));
    if members.len() < 2 {
        return vec![(index, pair)];
    }
    let total = total_columns(&members);
    let mut first = 0;
    let part = |member: LinearRequest| {
        let range = first..first + columns(&member.shape).unwrap_or(0);
        first = range.end;
        let cut = |x: &RingVec| slice(x, total, range.clone()).narrow(member.ring);
        let part = match &pair {
            LinearPair::Holder { s } => LinearPair::Holder { s: cut(s) },
            LinearPair::Other { mask, product } => {
                LinearPair::Other { mask: cut(mask), product: cut(product) }
            }
        };
        (member.layer, part)
    };
    members.into_iter().map(part).collect()
}

/// Some columns of a matrix of `total` columns, row by row.
fn slice(x: &RingVec, total: usize, columns: Range<usize>) -> RingVec {
    let rows = x.values().chunks_exact(total).flat_map(|row| &row[columns.clone()]);
    RingVec::from_values(x.ring(), rows.copied().collect())
}

#[cfg(test)]
mod tests {
    use veilflow_ir::Shape;
    use veilflow_ir::plan::{PlanNode, PlanValue};
    use veilflow_ring::Ring;

    use super::*;
    use crate::test_plan;

    /// Layers of 3×2 weights with these columns and widths; all but the first take its weights.
    fn plan(layers: &[(usize, u32)]) -> Plan {
        let mut plan = test_plan::empty();
        for (index, &(columns, width)) in layers.iter().enumerate() {
            for rows in [2, 3] {
                let shape = Shape::new([rows, columns]).unwrap();
                plan.values.push(PlanValue { shape, width, scale: 0, magnitude: 4, non_negative: false });
            }
            let shape = LinearShape::MatMul(MatMulShape { rows: 3, inner: 2, columns });
            let weights_of = (index > 0).then_some(0);
            let op = PlanOp::Linear { shape, weight_bits: 8, weight_scale: 0, weights_of, bounds: None };
            let (inputs, output) = (vec![2 * index], 2 * index + 1);
            plan.nodes.push(PlanNode { layer: String::new(), op, inputs, output });
        }
        plan
    }

    #[test]
    fn the_parts_of_a_pair_are_pairs() {
        let layers = [(2, 30), (1, 33), (4, 17)];
        let plan = plan(&layers);
        let request = request(&plan, 0).unwrap();
        assert_eq!(request.ring.bits(), 33);
        assert_eq!(request.shape, LinearShape::MatMul(MatMulShape { rows: 3, inner: 2, columns: 7 }));
        assert!((1..3).all(|i| super::request(&plan, i).is_none()));

        let weights = [5, -3, 127, -128, 0, 9];
        let noise = |n: usize| {
            let word = |i: usize| (i as u64 + 7).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
            RingVec::from_values(request.ring, (0..n).map(word).collect())
        };
        let (mask, s) = (noise(14), noise(21));
        let product = veilflow_spec::linear(&request.shape, &weights, &mask).sub(&s);
        let server = split(&plan, 0, LinearPair::Holder { s });
        let client = split(&plan, 0, LinearPair::Other { mask, product });
        for (index, (server, client)) in server.into_iter().zip(client).enumerate() {
            let (LinearPair::Holder { s }, LinearPair::Other { mask, product }) = (server.1, client.1) else {
                panic!("halves exchanged");
            };
            assert_eq!((server.0, client.0), (index, index));
            let layer = linear_layer(&plan, index).unwrap();
            assert_eq!(mask.ring(), Ring::new(layers[index].1).unwrap());
            assert!(veilflow_spec::linear(&layer.shape, &weights, &mask) == product.add(&s), "layer {index}");
        }
    }

    #[test]
    fn layers_with_weights_of_their_own_get_pairs_of_their_own() {
        let mut plan = plan(&[(2, 30), (1, 30)]);
        let PlanOp::Linear { weights_of, .. } = &mut plan.nodes[1].op else { panic!() };
        *weights_of = None;
        for index in 0..2 {
            assert_eq!(request(&plan, index), linear_layer(&plan, index));
        }
    }
}
