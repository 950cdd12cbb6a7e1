//! Which elements the polynomials of a cut hold, and the bytes that follow from it.

use std::ops::Range;

use veilflow_correlation::{Cost, Flow};
use veilflow_he::{Slots, fresh_bytes, reply_bytes};
use veilflow_net::Role;

use super::cut::{Cut, Tile};
use super::division::Division;

/// Bytes of the seed of a layer's fresh ciphertexts.
pub(super) const SEED_BYTES: usize = 16;

/// What a coefficient of an input polynomial holds.
#[derive(Debug, Clone, Copy)]
enum Content {
    /// No output reads it.
    Unread,
    /// Zero, for the padding and for what lies between planes.
    Zero,
    /// An element of the input that an earlier polynomial holds too.
    Again(usize),
    /// An element that no earlier polynomial holds.
    Free(usize),
}

/// What an input polynomial holds.
#[derive(Debug, Default)]
pub(super) struct InputSlots {
    /// Its coefficients.
    pub(super) slots: Slots,
    /// The input elements of the free coefficients.
    pub(super) free: Vec<usize>,
    /// The input elements of the given coefficients. The others are zero.
    pub(super) given: Vec<Option<usize>>,
}

impl Cut {
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
