//! How a layer is cut into ciphertexts: the cheapest way that fits, by the declared cost. Both parties compute it from the
//! public request.

use std::ops::Range;
use std::sync::Arc;

use veilflow_correlation::{Cost, Flow, LinearRequest};
use veilflow_he::{Budget, Form, HeError, MAX_WEIGHT_BITS, Parameters, fresh_bytes, reply_bytes};
use veilflow_net::Role;

use super::geometry::{Geometry, Layout};

/// Bytes of the seed of a layer's fresh ciphertexts.
pub(super) const SEED_BYTES: usize = 16;

/// What the choice weighs, in nanoseconds: a byte on a gigabit link, and operations per coefficient of a polynomial.
mod price {
    pub(super) const BYTE: f64 = 8.0;
    /// Transform, per coefficient of one prime and level of butterflies.
    pub(super) const BUTTERFLY: f64 = 0.15;
    /// Product in points, both components.
    pub(super) const MULTIPLY: f64 = 0.5;
    /// Product with one monomial, both components.
    pub(super) const MONOMIAL: f64 = 0.15;
    /// Making and reading a ciphertext, besides transforms.
    pub(super) const CIPHERTEXT: f64 = 15.0;
}

/// A layer's division into tiles and ciphertexts.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) set: usize,
    pub(super) parameters: Arc<Parameters>,
    pub(super) budget: Budget,
    pub(super) form: Form,
    pub(super) geometry: Geometry,
    pub(super) layout: Layout,
    /// Planes in an input polynomial.
    pub(super) planes: usize,
    /// Outputs in a reply polynomial.
    pub(super) outputs: usize,
}

/// A candidate before its plan is written down.
#[derive(Clone, Copy)]
struct Choice {
    set: usize,
    budget: Budget,
    form: Form,
    layout: Layout,
    planes: usize,
    outputs: usize,
    price: f64,
}

/// A spatial tile: its first output, and how many rows and columns it has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tile {
    pub(super) first: [usize; 2],
    pub(super) size: [usize; 2],
}

/// The distinct ⌈n/i⌉, decreasing.
fn parts(n: usize) -> Vec<usize> {
    if n == 0 {
        return vec![1];
    }
    let mut out = Vec::new();
    let mut count = 1;
    while count <= n {
        let part = n.div_ceil(count);
        out.push(part);
        if part == 1 {
            break;
        }
        // The least count with a smaller part.
        count = n.div_ceil(part - 1);
    }
    out
}

fn ranges(total: usize, step: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    (0..total).step_by(step.max(1)).map(move |start| start..(start + step).min(total))
}

impl Plan {
    /// The cheapest plan under one of `sets`. Errors with the reason if none fits.
    pub(super) fn new(request: &LinearRequest, sets: &[Arc<Parameters>]) -> Result<Self, HeError> {
        let geometry = Geometry::new(&request.shape);
        let mut best: Option<Choice> = None;
        let mut refusal = None;
        for (set, parameters) in sets.iter().enumerate() {
            match search(request, &geometry, set, parameters) {
                Ok(choice) if best.is_none_or(|best| choice.price < best.price) => best = Some(choice),
                Ok(_) => {}
                Err(reason) => refusal = Some(reason),
            }
        }
        match (best, refusal) {
            (Some(choice), _) => Ok(Self {
                set: choice.set,
                parameters: Arc::clone(&sets[choice.set]),
                budget: choice.budget,
                form: choice.form,
                layout: choice.layout,
                planes: choice.planes,
                outputs: choice.outputs,
                geometry,
            }),
            (None, Some(reason)) => Err(reason),
            (None, None) => unreachable!("there is a parameter set"),
        }
    }

    /// Tiles, row by row.
    pub(super) fn tiles(&self) -> Vec<Tile> {
        let [rows, columns] = [0, 1].map(|i| ranges(self.geometry.output[i], self.layout.tile[i]));
        rows.flat_map(|r| columns.clone().map(move |c| (r.clone(), c)))
            .map(|(r, c)| Tile { first: [r.start, c.start], size: [r.len(), c.len()] })
            .collect()
    }

    /// The planes of each input polynomial of a tile.
    pub(super) fn plane_ranges(&self) -> impl Iterator<Item = Range<usize>> + Clone {
        ranges(self.geometry.planes(), self.planes)
    }

    /// The outputs of each reply polynomial of a tile.
    pub(super) fn output_ranges(&self) -> impl Iterator<Item = Range<usize>> + Clone {
        ranges(self.geometry.outputs, self.outputs)
    }

    /// The replies in the order they are sent.
    pub(super) fn replies(&self) -> Vec<(Tile, Range<usize>)> {
        let tiles = self.tiles();
        let of_tile = |tile: Tile| self.output_ranges().map(move |outputs| (tile, outputs));
        match self.form {
            Form::Points => {
                let of_outputs =
                    |outputs: Range<usize>| tiles.iter().map(move |&tile| (tile, outputs.clone()));
                self.output_ranges().flat_map(of_outputs).collect()
            }
            Form::Coefficients => tiles.iter().copied().flat_map(of_tile).collect(),
        }
    }

    /// Index and coefficient of every output element of a reply.
    pub(super) fn reply_slots(&self, tile: &Tile, outputs: &Range<usize>) -> Vec<(usize, usize)> {
        let [height, width] = self.geometry.output;
        let mut slots = Vec::with_capacity(outputs.len() * tile.size[0] * tile.size[1]);
        for (i, output) in outputs.clone().enumerate() {
            for row in 0..tile.size[0] {
                for column in 0..tile.size[1] {
                    let element = (output * height + tile.first[0] + row) * width + tile.first[1] + column;
                    slots.push((element, self.layout.position([row, column], self.planes, i)));
                }
            }
        }
        slots
    }

    /// Coefficient and index of every input element of a polynomial.
    pub(super) fn input_slots(&self, tile: &Tile, planes: &Range<usize>) -> Vec<(usize, usize)> {
        let mut slots = Vec::new();
        let [first_row, first_column] = [0, 1].map(|i| tile.first[i] as isize + self.layout.first[i]);
        for (i, plane) in planes.clone().enumerate() {
            for row in 0..self.layout.window[0] {
                for column in 0..self.layout.window[1] {
                    let at = [first_row + row as isize, first_column + column as isize];
                    if let Some(element) = self.geometry.input_at(plane, at) {
                        slots.push((i * self.layout.block + row * self.layout.pitch + column, element));
                    }
                }
            }
        }
        slots
    }

    /// The monomials of the weights that take input polynomial `planes` to reply polynomial `outputs`: all that the shape
    /// has, zero weights among them, so that the work tells nothing about the weights.
    pub(super) fn monomials(
        &self,
        planes: &Range<usize>,
        outputs: &Range<usize>,
        mut emit: impl FnMut(isize, usize),
    ) {
        for (o, output) in outputs.clone().enumerate() {
            for (p, plane) in planes.clone().enumerate() {
                if let Some(first) = self.geometry.weights_at(plane, output) {
                    for tap in &self.geometry.phase(plane).taps {
                        emit(self.layout.exponent(tap, p, self.planes, o), first + tap.weight);
                    }
                }
            }
        }
    }

    /// Bytes of a fresh ciphertext.
    pub(super) fn input_bytes(&self) -> usize {
        fresh_bytes(&self.parameters, &self.budget)
    }

    /// Bytes of a reply of `values` elements.
    pub(super) fn reply_bytes(&self, values: usize) -> usize {
        reply_bytes(&self.parameters, &self.budget, values)
    }

    /// The conversation: the client's ciphertexts, then the replies.
    pub(super) fn cost(&self) -> Cost {
        let inputs = self.tiles().len() * self.plane_ranges().count() * self.input_bytes();
        let reply = |(tile, outputs): &(Tile, Range<usize>)| {
            self.reply_bytes(outputs.len() * tile.size[0] * tile.size[1]) as u64
        };
        let replies = self.replies().iter().map(reply).sum();
        let mut cost = Cost::default();
        cost.flows.push(Flow::From(Role::P1, (SEED_BYTES + inputs) as u64));
        cost.flows.push(Flow::From(Role::P0, replies));
        cost
    }
}

/// The cheapest choice within one parameter set.
fn search(
    request: &LinearRequest,
    geometry: &Geometry,
    set: usize,
    parameters: &Parameters,
) -> Result<Choice, HeError> {
    let degree = parameters.degree();
    let weight = 2f64.powi(request.weight_bits as i32 - 1);
    let budget = |outputs: usize| {
        Budget::new(parameters, request.ring.bits(), (outputs * geometry.fan_in()) as f64 * weight)
    };
    budget(1)?;
    if request.weight_bits > MAX_WEIGHT_BITS {
        return Err(HeError::Weights { bits: request.weight_bits, limit: MAX_WEIGHT_BITS });
    }
    let mut best: Option<Choice> = None;
    for rows in parts(geometry.output[0]) {
        for columns in parts(geometry.output[1]) {
            let layout = Layout::new(geometry, [rows, columns]);
            let blocks = degree / layout.block;
            if blocks == 0 {
                continue;
            }
            for planes in parts(geometry.planes()).into_iter().filter(|&planes| planes <= blocks) {
                let most = (blocks / planes).min(geometry.outputs);
                let outputs = geometry.outputs.div_ceil(geometry.outputs.div_ceil(most));
                let Ok(budget) = budget(outputs) else { continue };
                let choice = price(geometry, parameters, set, budget, layout, planes, outputs);
                if best.is_none_or(|best| choice.price < best.price) {
                    best = Some(choice);
                }
            }
        }
    }
    best.ok_or_else(|| HeError::Window { span: Layout::new(geometry, [1, 1]).block, degree })
}

fn price(
    geometry: &Geometry,
    parameters: &Parameters,
    set: usize,
    budget: Budget,
    layout: Layout,
    planes: usize,
    outputs: usize,
) -> Choice {
    let size = (parameters.degree() * parameters.primes()) as f64;
    let tiles = [0, 1].map(|i| geometry.output[i].div_ceil(layout.tile[i])).iter().product::<usize>() as f64;
    let inputs = geometry.planes().div_ceil(planes) as f64;
    let replies = geometry.outputs.div_ceil(outputs) as f64;
    let values = (geometry.outputs * geometry.output[0] * geometry.output[1]) as f64;
    let bytes = tiles * inputs * fresh_bytes(parameters, &budget) as f64
        + tiles * replies * reply_bytes(parameters, &budget, 0) as f64
        + values * f64::from(budget.c0_bits) / 8.0;
    // With groups, only pairs of polynomials that share a group are multiplied.
    let monomials = (geometry.fan_in() * geometry.outputs) as f64;
    let per_product = (geometry.fan_in() * outputs)
        .min(geometry.phases.iter().map(|p| p.taps.len()).sum::<usize>() * planes * outputs);
    let products = (monomials / per_product as f64).max(inputs.max(replies)).min(inputs * replies);
    let transform = size * f64::from(parameters.degree().trailing_zeros()) * price::BUTTERFLY;
    let points = products * transform + tiles * (products * size * price::MULTIPLY + inputs * transform);
    let coefficients = tiles * monomials * size * price::MONOMIAL + tiles * replies * 2.0 * transform;
    let form = if points <= coefficients { Form::Points } else { Form::Coefficients };
    let fixed = tiles * (inputs + replies) * (size * price::CIPHERTEXT + 4.0 * transform);
    let price = bytes * price::BYTE + points.min(coefficients) + fixed;
    Choice { set, budget, form, layout, planes, outputs, price }
}
