//! How a layer is cut into ciphertexts: the cheapest way that fits, by the declared cost. Both parties compute it from the
//! public request.
//!
//! With h levels of packing, every tile coefficient of `geometry` is 2^h coefficients of the polynomial: plane i of an input
//! stands at those ≡ i mod 2^h, weights at minus that, so that products are useful at multiples of 2^h alone, and 2^h
//! products become one reply, whose product j stands at coefficients ≡ j.

use std::ops::Range;
use std::sync::Arc;

use veilflow_correlation::{Cost, Flow, LinearRequest};
use veilflow_he::{Budget, Form, HeError, Load, Parameters, fresh_bytes, reply_bytes};
use veilflow_net::Role;

use super::geometry::{Geometry, Layout};
use super::suite::Set;

/// Bytes of the seed of a layer's fresh ciphertexts.
pub(super) const SEED_BYTES: usize = 16;

/// Words of products that may wait for being packed.
const MAX_WAITING: usize = 1 << 25;

/// What the choice weighs, in nanoseconds of both parties' processors and of the link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prices {
    /// A byte.
    pub(super) byte: f64,
    /// The rest is per coefficient of one prime. A transform, a level of butterflies:
    pub(super) butterfly: f64,
    /// A product in points, both components.
    pub(super) multiply: f64,
    /// A product with one monomial, both components.
    pub(super) monomial: f64,
    /// Making and reading a ciphertext, besides transforms.
    pub(super) ciphertext: f64,
    /// A key switch, besides transforms.
    pub(super) switch: f64,
}

impl Prices {
    /// Processors as measured on AVX-512 IFMA, and a link of 40 MB/s.
    pub(super) const MEASURED: Self =
        Self { byte: 25.0, butterfly: 0.15, multiply: 0.5, monomial: 0.15, ciphertext: 15.0, switch: 15.0 };
}

/// A layer's division into tiles and ciphertexts.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Index of the parameter set.
    pub(super) set: usize,
    pub(super) parameters: Arc<Parameters>,
    pub(super) budget: Budget,
    pub(super) form: Form,
    pub(super) geometry: Geometry,
    layout: Layout,
    /// Blocks of planes in an input polynomial; each block holds a plane a residue class.
    planes: usize,
    /// Outputs in a product.
    outputs: usize,
}

/// A way to do a layer, before its plan is written down.
#[derive(Clone, Copy)]
pub(super) struct Choice {
    pub(super) set: usize,
    pub(super) budget: Budget,
    form: Form,
    layout: Layout,
    planes: usize,
    outputs: usize,
    /// What it costs, in nanoseconds.
    pub(super) price: f64,
}

/// A spatial tile: its first output, and how many rows and columns it has.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tile {
    pub(super) first: [usize; 2],
    pub(super) size: [usize; 2],
}

/// The distinct ⌈n/i⌉, decreasing.
fn parts(n: usize) -> Vec<usize> {
    let mut out = vec![n.max(1)];
    while let Some(&part @ 2..) = out.last() {
        // The least count of parts that makes them smaller.
        out.push(n.div_ceil(n.div_ceil(part - 1)));
    }
    out
}

fn ranges(all: Range<usize>, step: usize) -> impl Iterator<Item = Range<usize>> + Clone {
    let end = all.end;
    all.step_by(step).map(move |start| start..(start + step).min(end))
}

impl Plan {
    /// The cheapest plan under one of `sets`. Errors with the reason if none fits.
    pub(super) fn new(request: &LinearRequest, sets: &[Set], prices: &Prices) -> Result<Self, HeError> {
        let candidates = Candidates::new(request, sets, prices)?;
        let levels: Vec<u32> = sets.iter().map(|set| set.levels).collect();
        let choice = *candidates.best(&levels);
        Ok(Self {
            set: choice.set,
            parameters: Arc::clone(&sets[choice.set].parameters),
            budget: choice.budget,
            form: choice.form,
            layout: choice.layout,
            planes: choice.planes,
            outputs: choice.outputs,
            geometry: candidates.geometry,
        })
    }

    /// Residue classes, of planes in an input and of products in a reply.
    fn classes(&self) -> usize {
        1 << self.budget.levels
    }

    /// Tiles, row by row.
    pub(super) fn tiles(&self) -> Vec<Tile> {
        let [rows, columns] = [0, 1].map(|i| ranges(0..self.geometry.output[i], self.layout.tile[i]));
        rows.flat_map(|r| columns.clone().map(move |c| (r.clone(), c)))
            .map(|(r, c)| Tile { first: [r.start, c.start], size: [r.len(), c.len()] })
            .collect()
    }

    /// The planes of each input polynomial of a tile.
    pub(super) fn plane_ranges(&self) -> impl Iterator<Item = Range<usize>> + Clone {
        ranges(0..self.geometry.planes(), self.planes * self.classes())
    }

    /// The outputs of each reply of a tile.
    pub(super) fn reply_ranges(&self) -> impl Iterator<Item = Range<usize>> + Clone {
        ranges(0..self.geometry.outputs, self.outputs * self.classes())
    }

    /// The outputs of each product of a reply.
    pub(super) fn product_ranges(&self, reply: &Range<usize>) -> impl Iterator<Item = Range<usize>> + use<> {
        ranges(reply.clone(), self.outputs)
    }

    /// Tiles and outputs of the replies, in the order they are sent.
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
                        let at = self.layout.position([row, column], self.planes, i);
                        slots.push((element, at * self.classes() + class));
                    }
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
            let (block, class) = (i / self.classes(), i % self.classes());
            for row in 0..self.layout.window[0] {
                for column in 0..self.layout.window[1] {
                    let at = [first_row + row as isize, first_column + column as isize];
                    if let Some(element) = self.geometry.input_at(plane, at) {
                        let coefficient = block * self.layout.block + row * self.layout.pitch + column;
                        slots.push((coefficient * self.classes() + class, element));
                    }
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
                let (block, class) = (i / self.classes(), i % self.classes());
                if let Some(first) = self.geometry.weights_at(plane, output) {
                    for tap in &self.geometry.phase(plane).taps {
                        let exponent = self.layout.exponent(tap, block, self.planes, o);
                        emit(exponent * self.classes() as isize - class as isize, first + tap.weight);
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

/// The cheapest choice for every parameter set and number of levels that allows one.
pub(super) struct Candidates {
    geometry: Geometry,
    choices: Vec<Choice>,
}

impl Candidates {
    /// Errors with the reason if there is none without packing.
    pub(super) fn new(request: &LinearRequest, sets: &[Set], prices: &Prices) -> Result<Self, HeError> {
        let geometry = Geometry::new(&request.shape);
        let mut choices = Vec::new();
        let mut refusal = HeError::NoParameters;
        for (index, set) in sets.iter().enumerate() {
            match (Search { request, geometry: &geometry, index, set, prices }).run() {
                Ok(found) => choices.extend(found),
                Err(reason) => refusal = reason,
            }
        }
        if choices.iter().any(|choice| choice.budget.levels == 0) {
            Ok(Self { geometry, choices })
        } else {
            Err(refusal)
        }
    }

    /// The cheapest with at most so many levels for each set.
    pub(super) fn best(&self, levels: &[u32]) -> &Choice {
        let allowed = self.choices.iter().filter(|choice| choice.budget.levels <= levels[choice.set]);
        let cheapest = allowed.min_by(|a, b| a.price.total_cmp(&b.price));
        cheapest.expect("there is one without packing")
    }
}

/// The search for the cheapest choices within one parameter set.
struct Search<'a> {
    request: &'a LinearRequest,
    geometry: &'a Geometry,
    index: usize,
    set: &'a Set,
    prices: &'a Prices,
}

impl Search<'_> {
    /// The cheapest choice of every number of levels that has one.
    fn run(&self) -> Result<Vec<Choice>, HeError> {
        let (geometry, degree) = (self.geometry, self.set.parameters.degree());
        self.budget(1, 0)?;
        let mut best: Vec<Option<Choice>> = vec![None; self.set.levels as usize + 1];
        for rows in parts(geometry.output[0]) {
            for columns in parts(geometry.output[1]) {
                let layout = Layout::new(geometry, [rows, columns]);
                for (levels, best) in (0..).zip(&mut best) {
                    let blocks = (degree >> levels) / layout.block;
                    for planes in parts(geometry.planes().div_ceil(1 << levels)) {
                        let most = (blocks / planes).min(geometry.outputs);
                        if most == 0 {
                            continue;
                        }
                        let outputs = geometry.outputs.div_ceil(geometry.outputs.div_ceil(most));
                        let beaten = |least: f64| best.is_some_and(|best: Choice| best.price <= least);
                        if beaten(self.ciphertexts_price(levels, layout, planes, outputs)) {
                            continue;
                        }
                        let Ok(budget) = self.budget(outputs, levels) else { continue };
                        let choice = self.choice(budget, layout, planes, outputs);
                        if !beaten(choice.price) {
                            *best = Some(choice);
                        }
                    }
                }
            }
        }
        if best[0].is_none() {
            return Err(HeError::Window { span: Layout::new(geometry, [1, 1]).block, degree });
        }
        Ok(best.into_iter().flatten().collect())
    }

    /// What making and sending the ciphertexts costs at least.
    fn ciphertexts_price(&self, levels: u32, layout: Layout, planes: usize, outputs: usize) -> f64 {
        let (geometry, parameters) = (self.geometry, &*self.set.parameters);
        let tiles = layout.tiles(geometry);
        let inputs = geometry.planes().div_ceil(planes << levels);
        let replies = geometry.outputs.div_ceil(outputs << levels);
        let bits = parameters.degree() as f64 * f64::from(self.request.ring.bits());
        (tiles * (inputs + replies)) as f64 * bits / 8.0 * self.prices.byte
    }

    fn budget(&self, outputs: usize, levels: u32) -> Result<Budget, HeError> {
        let load = Load {
            ring_bits: self.request.ring.bits(),
            weight_bits: self.request.weight_bits,
            weights: outputs * self.geometry.fan_in(),
            levels,
            values: self.request.shape.out_len(),
        };
        Budget::new(&self.set.parameters, &load)
    }

    /// A candidate with its price.
    fn choice(&self, budget: Budget, layout: Layout, planes: usize, outputs: usize) -> Choice {
        let (geometry, parameters) = (self.geometry, &*self.set.parameters);
        let classes = 1usize << budget.levels;
        let size = (parameters.degree() * parameters.primes()) as f64;
        let transform = size * f64::from(parameters.degree().trailing_zeros()) * self.prices.butterfly;
        let tiles = layout.tiles(geometry) as f64;
        let inputs = geometry.planes().div_ceil(planes * classes) as f64;
        let products = geometry.outputs.div_ceil(outputs);
        let replies = products.div_ceil(classes) as f64;
        let values = (geometry.outputs * geometry.output[0] * geometry.output[1]) as f64;
        let bytes = tiles * inputs * fresh_bytes(parameters, &budget) as f64
            + tiles * replies * reply_bytes(parameters, &budget, 0) as f64
            + values * f64::from(budget.c0_bits) / 8.0;

        let pairs = geometry.meetings(planes * classes, outputs) as f64;
        let monomials = (geometry.fan_in() * geometry.outputs) as f64;
        let points = pairs * transform + tiles * (pairs * size * self.prices.multiply + inputs * transform);
        let coefficients =
            tiles * (monomials * size * self.prices.monomial + (inputs + 2.0 * products as f64) * transform);
        let waiting = tiles * products.min(classes) as f64 * 2.0 * size;
        let by_points = points <= coefficients && (classes == 1 || waiting <= MAX_WAITING as f64);

        let switches: usize = (1..=budget.levels).map(|s| (products % classes).min(1 << (s - 1))).sum();
        let switches = (products / classes * (classes - 1) + switches) as f64;
        let switching = tiles * switches * (6.0 * transform + size * self.prices.switch);
        let fixed = tiles * (inputs + replies) * (size * self.prices.ciphertext + 4.0 * transform);
        Choice {
            set: self.index,
            budget,
            form: if by_points { Form::Points } else { Form::Coefficients },
            layout,
            planes,
            outputs,
            price: bytes * self.prices.byte
                + if by_points { points } else { coefficients }
                + switching
                + fixed,
        }
    }
}
