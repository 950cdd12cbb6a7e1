//! How a layer is cut into ciphertexts: the cheapest way that fits, by the declared prices. Both parties
//! compute it from the public request.
//!
//! With h levels of packing, every coefficient of a tile (module `layout`) is 2^h coefficients of the
//! polynomial. Plane i of an input stands at those ≡ i mod 2^h and its weights at those ≡ −i, so products are
//! useful at multiples of 2^h alone. Then 2^h products become one reply, in which product j stands at the
//! coefficients ≡ j.

use std::ops::Range;
use std::sync::Arc;

use veilflow_correlation::LinearRequest;
use veilflow_he::hiding::Run;
use veilflow_he::{Budget, Form, HeError, Parameters};

use super::division::Division;
use super::geometry::Geometry;
use super::prices::Prices;
use super::search::Candidates;
use super::set::Set;

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

/// A tile of outputs: where it starts, and how many rows and columns it has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tile {
    pub(super) first: [usize; 2],
    pub(super) size: [usize; 2],
}

fn ranges(all: Range<usize>, step: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    let end = all.end;
    all.step_by(step).map(move |start| start..(start + step).min(end))
}

impl Cut {
    /// The cheapest cut under one of `sets`, for a layer of a run. Errors with the reason if none fits.
    pub(super) fn new(
        request: &LinearRequest,
        run: Run,
        sets: &[Set],
        prices: &Prices,
    ) -> Result<Self, HeError> {
        let candidates = Candidates::new(request, run, sets, prices)?;
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

    /// Tiles and outputs of the replies, in the order in which they are sent: all tiles of some outputs
    /// first, or all outputs of a tile.
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

    /// Exponent and index of the weights that take input polynomial `planes` to product `outputs`. They are
    /// all that the shape has, so the work tells nothing about their values.
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

    /// Planes and tiles of the input polynomials, in the order in which they are sent. A tile's window may
    /// repeat elements of earlier ones.
    pub(super) fn inputs(&self) -> impl Iterator<Item = (Range<usize>, Tile)> {
        let tiles = self.tiles();
        self.plane_ranges()
            .flat_map(move |planes| tiles.clone().into_iter().map(move |tile| (planes.clone(), tile)))
    }
}
