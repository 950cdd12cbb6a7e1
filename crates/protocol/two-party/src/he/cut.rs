//! How a layer is cut into ciphertexts: the cheapest way that fits, by the declared cost. Both parties compute it from the
//! public request.
//!
//! With h levels of packing, every tile coefficient of `geometry` is 2^h coefficients of the polynomial: plane i of an input
//! stands at those ≡ i mod 2^h, weights at minus that, so that products are useful at multiples of 2^h alone, and 2^h
//! products become one reply, whose product j stands at coefficients ≡ j.

use std::ops::Range;
use std::sync::Arc;

use veilflow_correlation::{Cost, Flow, LinearRequest};
use veilflow_he::{Budget, Form, HeError, Parameters, Slots, fresh_bytes, reply_bytes};
use veilflow_net::Role;

use super::geometry::Geometry;
use super::search::{Candidates, Division, Prices};
use super::suite::Set;

/// Bytes of the seed of a layer's fresh ciphertexts.
pub(super) const SEED_BYTES: usize = 16;

/// A layer's division into tiles and ciphertexts.
#[derive(Debug, Clone)]
pub(super) struct Cut {
    /// Index of the parameter set.
    pub(super) set: usize,
    pub(super) parameters: Arc<Parameters>,
    pub(super) budget: Budget,
    pub(super) form: Form,
    pub(super) geometry: Geometry,
    pub(super) division: Division,
}

/// A spatial tile: its first output, and how many rows and columns it has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tile {
    pub(super) first: [usize; 2],
    pub(super) size: [usize; 2],
}

/// What a coefficient of an input polynomial holds.
#[derive(Debug, Clone, Copy)]
enum Content {
    /// No output reads it.
    Unread,
    /// Zero, for the padding, and for what lies between.
    Zero,
    /// An element of the input that an earlier polynomial holds too.
    Again(usize),
    /// An element that none did so far.
    Free(usize),
}

/// What an input polynomial holds.
#[derive(Debug, Default)]
pub(super) struct InputSlots {
    /// Its coefficients.
    pub(super) slots: Slots,
    /// The input elements of the free ones.
    pub(super) free: Vec<usize>,
    /// Those of the given ones; the others are zero.
    pub(super) given: Vec<Option<usize>>,
}

fn ranges(all: Range<usize>, step: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    let end = all.end;
    all.step_by(step).map(move |start| start..(start + step).min(end))
}

impl Cut {
    /// The cheapest cut under one of `sets`. Errors with the reason if none fits.
    pub(super) fn new(request: &LinearRequest, sets: &[Set], prices: &Prices) -> Result<Self, HeError> {
        let candidates = Candidates::new(request, sets, prices)?;
        let levels: Vec<u32> = sets.iter().map(|set| set.levels).collect();
        let choice = *candidates.best(&levels);
        Ok(Self {
            set: choice.set,
            parameters: Arc::clone(&sets[choice.set].parameters),
            budget: choice.budget,
            form: choice.form,
            division: choice.division,
            geometry: candidates.geometry,
        })
    }

    /// Tiles, row by row.
    pub(super) fn tiles(&self) -> Vec<Tile> {
        let [rows, columns] =
            [0, 1].map(|i| ranges(0..self.geometry.output[i], self.division.layout.tile[i]));
        rows.flat_map(|r| columns.clone().map(move |c| (r.clone(), c)))
            .map(|(r, c)| Tile { first: [r.start, c.start], size: [r.len(), c.len()] })
            .collect()
    }

    /// The planes of each input polynomial of a tile.
    pub(super) fn plane_ranges(&self) -> impl Iterator<Item = Range<usize>> + Clone {
        ranges(0..self.geometry.planes(), self.division.planes * self.division.classes)
    }

    /// The outputs of each reply of a tile.
    pub(super) fn reply_ranges(&self) -> impl Iterator<Item = Range<usize>> + Clone {
        ranges(0..self.geometry.outputs, self.division.outputs * self.division.classes)
    }

    /// The outputs of each product of a reply.
    pub(super) fn product_ranges(&self, reply: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        ranges(reply.clone(), self.division.outputs)
    }

    /// Products of a tile.
    pub(super) fn products(&self) -> usize {
        self.geometry.outputs.div_ceil(self.division.outputs)
    }

    /// Polynomials of weights of all products.
    pub(super) fn weight_polynomials(&self) -> usize {
        self.geometry.meetings(self.division.planes * self.division.classes, self.division.outputs)
    }

    /// Tiles and outputs of the replies, in the order they are sent: all tiles of some outputs, or the reverse.
    pub(super) fn replies(&self) -> Vec<(Tile, Range<usize>)> {
        let tiles = self.tiles();
        match self.form {
            Form::Points => {
                let of_outputs =
                    |outputs: Range<usize>| tiles.iter().map(move |&tile| (tile, outputs.clone()));
                self.reply_ranges().flat_map(of_outputs).collect()
            }
            Form::Coefficients => {
                let of_tile = |&tile: &Tile| self.reply_ranges().map(move |outputs| (tile, outputs));
                tiles.iter().flat_map(of_tile).collect()
            }
        }
    }

    /// Index and coefficient of every output element of a reply.
    pub(super) fn reply_slots(&self, tile: &Tile, reply: &Range<usize>) -> Vec<(usize, usize)> {
        let [height, width] = self.geometry.output;
        let mut slots = Vec::with_capacity(reply.len() * tile.size[0] * tile.size[1]);
        for (class, outputs) in self.product_ranges(reply).enumerate() {
            for (i, output) in outputs.enumerate() {
                for row in 0..tile.size[0] {
                    for column in 0..tile.size[1] {
                        let element =
                            (output * height + tile.first[0] + row) * width + tile.first[1] + column;
                        let at = self.division.layout.position([row, column], self.division.planes, i);
                        slots.push((element, at * self.division.classes + class));
                    }
                }
            }
        }
        slots
    }

    /// What the input polynomial of some planes of a tile holds.
    pub(super) fn input_slots(&self, tile: &Tile, planes: &Range<usize>) -> InputSlots {
        let Division { layout, classes, planes: _, outputs } = self.division;
        let degree = self.parameters.degree() / classes;
        let coefficient = |at: isize, class: usize| at.rem_euclid(degree as isize) as usize * classes + class;
        let mut contents = vec![Content::Unread; self.parameters.degree()];
        for (i, _) in planes.clone().enumerate() {
            let start = (i / classes * layout.block) as isize;
            // The weights of several outputs reach everywhere.
            let reads = if outputs > 1 { 0..degree as isize } else { layout.reads(tile.size) };
            for at in reads {
                contents[coefficient(start + at, i % classes)] = Content::Zero;
            }
        }
        let first = [0, 1].map(|i| tile.first[i] as isize + layout.first[i]);
        let unseen = [0, 1].map(|i| layout.unseen(i, tile.first[i]));
        let [rows, columns] = [0, 1].map(|i| self.geometry.needed(i, layout.first[i], tile.size[i]));
        for (i, plane) in planes.clone().enumerate() {
            for row in 0..layout.window[0].min(rows) {
                for column in 0..layout.window[1].min(columns) {
                    let at = [first[0] + row as isize, first[1] + column as isize];
                    let Some(element) = self.geometry.input_at(plane, at) else { continue };
                    let at = i / classes * layout.block + row * layout.pitch + column;
                    let fresh = row >= unseen[0] && column >= unseen[1];
                    contents[coefficient(at as isize, i % classes)] =
                        if fresh { Content::Free(element) } else { Content::Again(element) };
                }
            }
        }
        let mut slots = InputSlots::default();
        for (at, content) in contents.into_iter().enumerate() {
            match content {
                Content::Unread => {}
                Content::Free(element) => {
                    slots.slots.free.push(at);
                    slots.free.push(element);
                }
                Content::Zero => {
                    slots.slots.given.push(at);
                    slots.given.push(None);
                }
                Content::Again(element) => {
                    slots.slots.given.push(at);
                    slots.given.push(Some(element));
                }
            }
        }
        slots
    }

    /// Exponent and index of the weights that take input polynomial `planes` to product `outputs`: all that the shape has, so
    /// that the work tells nothing about their values.
    pub(super) fn monomials(
        &self,
        planes: &Range<usize>,
        outputs: &Range<usize>,
        mut emit: impl FnMut(isize, usize),
    ) {
        for (o, output) in outputs.clone().enumerate() {
            for (i, plane) in planes.clone().enumerate() {
                let (block, class) = (i / self.division.classes, i % self.division.classes);
                if let Some(first) = self.geometry.weights_at(plane, output) {
                    for tap in &self.geometry.phase(plane).taps {
                        let exponent = self.division.layout.exponent(tap, block, self.division.planes, o);
                        emit(exponent * self.division.classes as isize - class as isize, first + tap.weight);
                    }
                }
            }
        }
    }

    /// Planes and tiles of the input polynomials, in the order they are sent: a tile's window may repeat elements of earlier ones.
    pub(super) fn inputs(&self) -> impl Iterator<Item = (Range<usize>, Tile)> {
        let tiles = self.tiles();
        self.plane_ranges()
            .flat_map(move |planes| tiles.clone().into_iter().map(move |tile| (planes.clone(), tile)))
    }

    /// Bytes of a fresh ciphertext.
    pub(super) fn input_bytes(&self, slots: &Slots) -> usize {
        fresh_bytes(&self.parameters, &self.budget, slots.free.len(), slots.given.len())
    }

    /// Bytes of a reply of `values` elements.
    pub(super) fn reply_bytes(&self, values: usize) -> usize {
        reply_bytes(&self.parameters, &self.budget, values)
    }

    /// The conversation: the client's ciphertexts, then the replies.
    pub(super) fn cost(&self) -> Cost {
        let input = |(planes, tile)| self.input_bytes(&self.input_slots(&tile, &planes).slots);
        let inputs: usize = self.inputs().map(input).sum();
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
