//! The products and replies of one layer, at the server.

use std::ops::Range;
use std::sync::Arc;

use veilflow_he::{
    Combination, Form, Inputs, PackingKeys, Product, Replier, ScaledMonomial, Sum, WeightPoly,
};
use veilflow_prim::Prg;

use super::cache::LayerWeights;
use super::cut::{Cut, Tile};

/// Products that go monomial by monomial are computed so many at a time, so that what they read is read once.
const BATCH: usize = 32;

/// A reply, and the server's share of what it holds.
pub(super) struct Reply {
    pub(super) bytes: Vec<u8>,
    pub(super) elements: Vec<usize>,
    pub(super) shares: Vec<u64>,
}

/// Replies that are made together.
pub(super) enum Unit {
    /// One reply for every tile.
    Outputs(Range<usize>),
    /// Several replies of the tile with this index.
    Tile(usize, Vec<Range<usize>>),
}

/// The products and replies of one layer.
pub(super) struct Job<'a> {
    pub(super) cut: &'a Cut,
    pub(super) tiles: Vec<Tile>,
    pub(super) weights: &'a [i64],
    pub(super) inputs: &'a Inputs,
    pub(super) replier: Replier<'a>,
    pub(super) packing: Option<&'a PackingKeys>,
    pub(super) kept: Option<Arc<LayerWeights>>,
}

impl Job<'_> {
    /// The units, in the order of the cut's replies.
    pub(super) fn units(&self) -> Vec<Unit> {
        let cut = self.cut;
        match cut.form {
            Form::Points => cut.reply_ranges().map(Unit::Outputs).collect(),
            Form::Coefficients => {
                let replies: Vec<Range<usize>> = cut.reply_ranges().collect();
                // Whole replies, about as many as make a batch.
                let batches = || replies.chunks((BATCH >> cut.budget.levels).max(1));
                let of_tile = |tile| batches().map(move |batch| Unit::Tile(tile, batch.to_vec()));
                (0..self.tiles.len()).flat_map(of_tile).collect()
            }
        }
    }

    /// The replies of a unit.
    pub(super) fn work(&self, unit: &Unit, prg: &mut Prg) -> Vec<Reply> {
        match unit {
            Unit::Outputs(outputs) => self.by_points(outputs, prg),
            Unit::Tile(tile, replies) => self.by_monomials(*tile, replies, prg),
        }
    }

    /// The replies of some outputs in all tiles. Each weight polynomial is transformed once for all tiles.
    fn by_points(&self, reply: &Range<usize>, prg: &mut Prg) -> Vec<Reply> {
        let cut = self.cut;
        let mut sums: Vec<Sum> = self.tiles.iter().map(|_| Sum::new(Arc::clone(&cut.parameters))).collect();
        if cut.budget.levels == 0 {
            self.sum(reply, &mut sums);
            let replies = self.tiles.iter().zip(&mut sums);
            return replies.map(|(tile, sum)| self.reply(tile, reply, Product::Points(sum), prg)).collect();
        }
        let mut products: Vec<Vec<Combination>> = self.tiles.iter().map(|_| Vec::new()).collect();
        for outputs in cut.product_ranges(reply) {
            sums.iter_mut().for_each(Sum::clear);
            self.sum(&outputs, &mut sums);
            products.iter_mut().zip(&sums).for_each(|(of_tile, sum)| of_tile.push(sum.combination()));
        }
        let replies = self.tiles.iter().zip(products);
        replies.map(|(tile, products)| self.packed_reply(tile, reply, products, prg)).collect()
    }

    /// Adds up the products of `outputs`, tile by tile.
    fn sum(&self, outputs: &Range<usize>, sums: &mut [Sum]) {
        let cut = self.cut;
        let meets = |(_, planes): &(usize, Range<usize>)| cut.geometry.meet(planes, outputs);
        let inputs = cut.plane_ranges().enumerate().filter(meets);
        let mut add = |i: usize, poly: &WeightPoly| {
            let first = i * sums.len();
            sums.iter_mut().enumerate().for_each(|(t, sum)| sum.add(self.inputs, first + t, poly));
        };
        let Some(kept) = &self.kept else {
            return inputs.for_each(|(i, planes)| add(i, &self.weight_poly(&planes, outputs)));
        };
        let make = || inputs.clone().map(|(_, planes)| self.weight_poly(&planes, outputs)).collect();
        let polys = kept.product(outputs.start / cut.division.outputs, make);
        inputs.clone().zip(polys).for_each(|((i, _), poly)| add(i, poly));
    }

    fn weight_poly(&self, planes: &Range<usize>, outputs: &Range<usize>) -> WeightPoly {
        let mut terms = Vec::new();
        let term = |exponent, weight: usize| terms.push((exponent, self.weights[weight]));
        self.cut.monomials(planes, outputs, term);
        WeightPoly::new(&self.cut.parameters, terms)
    }

    /// Some replies of one tile, monomial by monomial: for weight polynomials of few monomials.
    fn by_monomials(&self, tile: usize, replies: &[Range<usize>], prg: &mut Prg) -> Vec<Reply> {
        let outputs = replies.iter().flat_map(|reply| self.cut.product_ranges(reply));
        let rows: Vec<_> = outputs.map(|outputs| self.row(tile, &outputs)).collect();
        let mut products = self.inputs.combine(&rows).into_iter();
        let reply = |reply: &Range<usize>| {
            let count = self.cut.product_ranges(reply).count();
            self.packed_reply(&self.tiles[tile], reply, products.by_ref().take(count).collect(), prg)
        };
        replies.iter().map(reply).collect()
    }

    /// All monomials of a product for the tile with index `tile`.
    fn row(&self, tile: usize, outputs: &Range<usize>) -> Vec<ScaledMonomial> {
        let mut row = Vec::new();
        for (i, planes) in self.cut.plane_ranges().enumerate() {
            if self.cut.geometry.meet(&planes, outputs) {
                self.cut.monomials(&planes, outputs, |exponent, weight| {
                    let input = i * self.tiles.len() + tile;
                    row.push(ScaledMonomial { input, exponent, weight: self.weights[weight] });
                });
            }
        }
        row
    }

    /// The reply of some products, packed if the cut packs.
    fn packed_reply(
        &self,
        tile: &Tile,
        outputs: &Range<usize>,
        mut products: Vec<Combination>,
        prg: &mut Prg,
    ) -> Reply {
        let product = match self.packing {
            Some(packing) if self.cut.budget.levels > 0 => packing.pack(products, self.cut.budget.levels),
            _ => products.pop().expect("a reply has a product"),
        };
        self.reply(tile, outputs, Product::Coefficients(product), prg)
    }

    fn reply(&self, tile: &Tile, outputs: &Range<usize>, product: Product<'_>, prg: &mut Prg) -> Reply {
        let slots = self.cut.reply_slots(tile, outputs);
        let (elements, positions): (Vec<usize>, Vec<usize>) = slots.into_iter().unzip();
        let mut bytes = Vec::with_capacity(self.cut.reply_bytes(positions.len()));
        let shares = self.replier.reply(product, &positions, prg, &mut bytes);
        Reply { bytes, elements, shares }
    }
}
