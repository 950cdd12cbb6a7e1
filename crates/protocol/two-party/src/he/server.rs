//! The server's side.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use veilflow_correlation::{CorrelationError, LinearPair, LinearRequest, Result};
use veilflow_he::{
    Combination, Form, Inputs, PackingKeys, Product, PublicKey, Replier, ScaledMonomial, Sum, WeightPoly,
    packing_keys_bytes, public_key_bytes,
};
use veilflow_net::Channel;
use veilflow_prim::{Block, Prg};
use veilflow_ring::RingVec;

use super::plan::{Plan, SEED_BYTES, Tile};
use super::{HeSuite, he_error};

/// Products computed together where they go monomial by monomial, so that they share what they read.
const BATCH: usize = 32;

/// The server of linear layers: holds the client's public keys.
pub struct HeServer {
    suite: HeSuite,
    keys: Vec<Keys>,
    prg: Prg,
}

/// The client's keys of one parameter set.
struct Keys {
    public: PublicKey,
    packing: Option<PackingKeys>,
}

impl fmt::Debug for HeServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeServer({:?})", self.suite)
    }
}

impl HeServer {
    /// Receives the public keys that [`HeClient::setup`](super::HeClient::setup) sends.
    ///
    /// # Errors
    /// If the channel fails, or a key is malformed.
    pub fn setup(channel: &mut Channel, prg: Prg, suite: &HeSuite) -> Result<Self> {
        let mut keys = Vec::new();
        for set in &suite.sets {
            let parameters = || Arc::clone(&set.parameters);
            let bytes = channel.recv_vec(public_key_bytes(&set.parameters))?;
            let public = PublicKey::from_bytes(parameters(), &bytes).map_err(he_error)?;
            let mut packing = None;
            if set.levels > 0 {
                let bytes = channel.recv_vec(packing_keys_bytes(&set.parameters, set.levels))?;
                packing = Some(PackingKeys::from_bytes(parameters(), set.levels, &bytes).map_err(he_error)?);
            }
            keys.push(Keys { public, packing });
        }
        Ok(Self { suite: suite.clone(), keys, prg })
    }

    /// The server's half of a pair.
    ///
    /// # Errors
    /// If the weights do not fit the request, the layer does not fit the suite, the client's
    /// ciphertexts are malformed, or the channel fails.
    pub fn server_linear(
        &mut self,
        channel: &mut Channel,
        request: &LinearRequest,
        weights: &[i64],
    ) -> Result<LinearPair> {
        check_weights(request, weights)?;
        let plan = self.suite.plan(request).map_err(he_error)?;
        let inputs = receive_inputs(channel, &plan)?;
        let mut job = Job {
            plan: &plan,
            weights,
            inputs: &inputs,
            replier: Replier::new(&self.keys[plan.set].public, plan.budget),
            packing: self.keys[plan.set].packing.as_ref(),
            s: vec![0; request.shape.out_len()],
            prg: &mut self.prg,
            channel,
        };
        match plan.form {
            Form::Points => job.by_points()?,
            Form::Coefficients => job.by_monomials()?,
        }
        let s = RingVec::from_values(request.ring, job.s);
        channel.flush()?;
        Ok(LinearPair::Server { s })
    }
}

fn check_weights(request: &LinearRequest, weights: &[i64]) -> Result<()> {
    let refuse = |reason| Err(CorrelationError::Weights { layer: request.layer, reason });
    if weights.len() != request.shape.weight_len() {
        return refuse("their number is not the layer's");
    }
    let limit = 1i128 << (request.weight_bits - 1);
    if weights.iter().any(|&w| !(-limit..limit).contains(&i128::from(w))) {
        return refuse("one exceeds the layer's weight width");
    }
    Ok(())
}

/// All ciphertexts of the layer, tile by tile. The client sends them all before it reads a reply, so all are read first.
fn receive_inputs(channel: &mut Channel, plan: &Plan) -> Result<Inputs> {
    let seed = channel.recv_vec(SEED_BYTES)?;
    let seed = Block::from_bytes(seed.try_into().expect("sixteen bytes were asked for"));
    let mut seeds = Prg::from_seed(seed);
    let count = plan.tiles().len() * plan.plane_ranges().count();
    let mut inputs = Inputs::new(Arc::clone(&plan.parameters), plan.form, plan.budget, count);
    for (planes, tile) in plan.inputs() {
        let slots = plan.input_slots(&tile, &planes).slots;
        let bytes = channel.recv_vec(plan.input_bytes(&slots))?;
        inputs.push(seeds.block(), &slots, &bytes).map_err(he_error)?;
    }
    Ok(inputs)
}

/// The products and replies of one layer.
struct Job<'a> {
    plan: &'a Plan,
    weights: &'a [i64],
    inputs: &'a Inputs,
    replier: Replier<'a>,
    packing: Option<&'a PackingKeys>,
    /// The server's shares, as replies yield them.
    s: Vec<u64>,
    prg: &'a mut Prg,
    channel: &'a mut Channel,
}

impl Job<'_> {
    /// Weight polynomial by weight polynomial, each transformed once for all tiles.
    fn by_points(&mut self) -> Result<()> {
        let plan = self.plan;
        let tiles = plan.tiles();
        let mut sums: Vec<Sum> = tiles.iter().map(|_| Sum::new(Arc::clone(&plan.parameters))).collect();
        for reply in plan.reply_ranges() {
            if plan.budget.levels == 0 {
                self.sum(&reply, &mut sums);
                for (tile, sum) in tiles.iter().zip(&mut sums) {
                    self.reply(tile, &reply, Product::Points(sum))?;
                }
                continue;
            }
            let mut products: Vec<Vec<Combination>> = tiles.iter().map(|_| Vec::new()).collect();
            for outputs in plan.product_ranges(&reply) {
                self.sum(&outputs, &mut sums);
                products.iter_mut().zip(&sums).for_each(|(of_tile, sum)| of_tile.push(sum.combination()));
            }
            for (tile, products) in tiles.iter().zip(products) {
                self.packed_reply(tile, &reply, products)?;
            }
        }
        Ok(())
    }

    /// The products of `outputs`, tile by tile.
    fn sum(&self, outputs: &Range<usize>, sums: &mut [Sum]) {
        let plan = self.plan;
        sums.iter_mut().for_each(Sum::clear);
        for (i, planes) in plan.plane_ranges().enumerate() {
            if !plan.geometry.meet(&planes, outputs) {
                continue;
            }
            let mut terms = Vec::new();
            plan.monomials(&planes, outputs, |exponent, weight| terms.push((exponent, self.weights[weight])));
            let poly = WeightPoly::new(&plan.parameters, terms);
            let first = i * sums.len();
            for (t, sum) in sums.iter_mut().enumerate() {
                sum.add(self.inputs, first + t, &poly);
            }
        }
    }

    /// Monomial by monomial, for weight polynomials of few.
    fn by_monomials(&mut self) -> Result<()> {
        let plan = self.plan;
        let tiles = plan.tiles();
        let replies: Vec<Range<usize>> = plan.reply_ranges().collect();
        for (t, tile) in tiles.iter().enumerate() {
            // Whole replies, about as many as make a batch.
            for batch in replies.chunks((BATCH >> plan.budget.levels).max(1)) {
                let outputs = batch.iter().flat_map(|reply| plan.product_ranges(reply));
                let rows: Vec<_> = outputs.map(|outputs| self.row(tiles.len(), t, &outputs)).collect();
                let mut products = self.inputs.combine(&rows).into_iter();
                for reply in batch {
                    let count = plan.product_ranges(reply).count();
                    self.packed_reply(tile, reply, products.by_ref().take(count).collect())?;
                }
            }
        }
        Ok(())
    }

    /// All monomials of a product for the tile with index `tile` of so many.
    fn row(&self, tiles: usize, tile: usize, outputs: &Range<usize>) -> Vec<ScaledMonomial> {
        let mut row = Vec::new();
        for (i, planes) in self.plan.plane_ranges().enumerate() {
            if self.plan.geometry.meet(&planes, outputs) {
                self.plan.monomials(&planes, outputs, |exponent, weight| {
                    row.push(ScaledMonomial {
                        input: i * tiles + tile,
                        exponent,
                        weight: self.weights[weight],
                    });
                });
            }
        }
        row
    }

    /// Packs the products of one reply, if there is more than room for one.
    fn packed_reply(
        &mut self,
        tile: &Tile,
        outputs: &Range<usize>,
        mut products: Vec<Combination>,
    ) -> Result<()> {
        let product = match self.packing {
            Some(packing) if self.plan.budget.levels > 0 => packing.pack(products, self.plan.budget.levels),
            _ => products.pop().expect("a reply has a product"),
        };
        self.reply(tile, outputs, Product::Coefficients(product))
    }

    fn reply(&mut self, tile: &Tile, outputs: &Range<usize>, product: Product<'_>) -> Result<()> {
        let slots = self.plan.reply_slots(tile, outputs);
        let (elements, positions): (Vec<usize>, Vec<usize>) = slots.into_iter().unzip();
        let mut bytes = Vec::with_capacity(self.plan.reply_bytes(positions.len()));
        let shares = self.replier.reply(product, &positions, self.prg, &mut bytes);
        elements.into_iter().zip(shares).for_each(|(element, share)| self.s[element] = share);
        Ok(self.channel.send(&bytes)?)
    }
}
