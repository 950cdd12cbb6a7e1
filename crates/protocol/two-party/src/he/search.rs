//! The cheapest way to divide a layer into ciphertexts.

use veilflow_correlation::LinearRequest;
use veilflow_he::hiding::{Distance, Run};
use veilflow_he::{Budget, Form, HeError, Load, reply_bytes};

use super::division::Division;
use super::geometry::Geometry;
use super::layout::Layout;
use super::part::need;
use super::prices::Prices;
use super::set::Set;

/// How many words of products may wait to be packed.
const MAX_WAITING: usize = 1 << 25;

/// A way to do a layer.
#[derive(Clone, Copy)]
pub(super) struct Choice {
    pub(super) set: usize,
    pub(super) budget: Budget,
    pub(super) form: Form,
    pub(super) division: Division,
    /// What it costs, in nanoseconds.
    pub(super) price: f64,
}

/// The distinct ⌈n/i⌉, decreasing.
fn parts(n: usize) -> Vec<usize> {
    let mut out = vec![n.max(1)];
    while let Some(&part @ 2..) = out.last() {
        // The least number of parts that makes them smaller.
        out.push(n.div_ceil(n.div_ceil(part - 1)));
    }
    out
}

/// The cheapest choice for every parameter set and every number of levels that allows one.
pub(super) struct Candidates {
    pub(super) geometry: Geometry,
    choices: Vec<Choice>,
}

impl Candidates {
    /// The candidates under `sets`. Errors with the reason if there is none without packing.
    pub(super) fn new(
        request: &LinearRequest,
        run: Run,
        sets: &[Set],
        prices: &Prices,
    ) -> Result<Self, HeError> {
        let geometry = Geometry::new(&request.shape);
        let part = run.part(request.shape.out_len(), need(request));
        let mut choices = Vec::new();
        let mut refusal = HeError::NoParameters;
        for (index, set) in sets.iter().enumerate() {
            match (Search { request, part, geometry: &geometry, index, set, prices }).run() {
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
    /// What the layer may leave unhidden.
    part: Distance,
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
                        let division = Division { layout, classes: 1 << levels, planes, outputs };
                        let beaten = |least: f64| best.is_some_and(|best: Choice| best.price <= least);
                        if beaten(self.ciphertexts_price(division)) {
                            continue;
                        }
                        let Ok(budget) = self.budget(outputs, levels) else { continue };
                        let choice = self.choice(budget, division);
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

    /// The least that making ciphertexts and sending replies costs.
    fn ciphertexts_price(&self, division: Division) -> f64 {
        let (geometry, parameters) = (self.geometry, &*self.set.parameters);
        let tiles = division.layout.tiles(geometry) as f64;
        let (inputs, replies) = (division.inputs(geometry) as f64, division.replies(geometry) as f64);
        let bits = parameters.degree() as f64 * f64::from(self.request.ring.bits());
        tiles * (replies * bits / 8.0 * self.prices.byte + (inputs + replies) * self.ciphertext())
    }

    /// A transform of all residues.
    fn transform(&self) -> f64 {
        let parameters = &*self.set.parameters;
        let size = (parameters.degree() * parameters.primes()) as f64;
        size * f64::from(parameters.degree().trailing_zeros()) * self.prices.butterfly
    }

    /// Making and reading a ciphertext.
    fn ciphertext(&self) -> f64 {
        let parameters = &*self.set.parameters;
        let size = (parameters.degree() * parameters.primes()) as f64;
        size * self.prices.ciphertext + 4.0 * self.transform()
    }

    fn budget(&self, outputs: usize, levels: u32) -> Result<Budget, HeError> {
        let load = Load {
            ring_bits: self.request.ring.bits(),
            weight_bits: self.request.weight_bits,
            weights: outputs * self.geometry.fan_in(),
            levels,
            values: self.request.shape.out_len(),
            part: self.part,
        };
        Budget::new(&self.set.parameters, &load)
    }

    /// A candidate with its price.
    fn choice(&self, budget: Budget, division: Division) -> Choice {
        let (geometry, parameters) = (self.geometry, &*self.set.parameters);
        let Division { layout, classes, planes, outputs } = division;
        let size = (parameters.degree() * parameters.primes()) as f64;
        let transform = self.transform();
        let tiles = layout.tiles(geometry) as f64;
        let inputs = division.inputs(geometry) as f64;
        let products = geometry.outputs.div_ceil(outputs);
        let replies = division.replies(geometry) as f64;
        let values = geometry.outputs * geometry.output[0] * geometry.output[1];
        let bytes = division.input_bits(geometry, parameters, &budget) / 8.0
            + tiles * replies * reply_bytes(parameters, &budget, 0) as f64
            + reply_bytes(parameters, &budget, values) as f64;

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
        let fixed = tiles * (inputs + replies) * self.ciphertext();
        Choice {
            set: self.index,
            budget,
            form: if by_points { Form::Points } else { Form::Coefficients },
            division,
            price: bytes * self.prices.byte
                + if by_points { points } else { coefficients }
                + switching
                + fixed,
        }
    }
}
