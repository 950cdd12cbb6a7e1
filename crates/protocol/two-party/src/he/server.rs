use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use veilflow_correlation::{CorrelationError, LinearPair, LinearRequest, Result};
use veilflow_he::{
    Form, Inputs, Parameters, Product, PublicKey, Replier, ScaledMonomial, Sum, WeightPoly, public_key_bytes,
};
use veilflow_net::Channel;
use veilflow_prim::{Block, Prg};
use veilflow_ring::RingVec;

use super::plan::{Plan, SEED_BYTES, Tile};
use super::{SETS, he_error};

/// Replies computed together where products go monomial by monomial, so that they share what they read.
const BATCH: usize = 32;

/// The server of linear layers: holds the client's public keys.
pub struct HeServer {
    sets: Vec<Arc<Parameters>>,
    keys: Vec<PublicKey>,
    prg: Prg,
}

impl fmt::Debug for HeServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeServer({:?})", self.sets)
    }
}

impl HeServer {
    /// Receives the public keys that [`HeClient::setup`](super::HeClient::setup) sends.
    ///
    /// # Errors
    /// If the channel fails, or a key is malformed.
    pub fn setup(channel: &mut Channel, prg: Prg) -> Result<Self> {
        Self::setup_with(channel, prg, &*SETS)
    }

    pub(super) fn setup_with(channel: &mut Channel, prg: Prg, sets: &[Arc<Parameters>]) -> Result<Self> {
        let mut keys = Vec::new();
        for set in sets {
            let bytes = channel.recv_vec(public_key_bytes(set))?;
            keys.push(PublicKey::from_bytes(Arc::clone(set), &bytes).map_err(he_error)?);
        }
        Ok(Self { sets: sets.to_vec(), keys, prg })
    }

    /// The server's half of a pair.
    ///
    /// # Errors
    /// If the weights do not fit the request, the layer does not fit (see [`he_check`](super::he_check)), the client's
    /// ciphertexts are malformed, or the channel fails.
    pub fn server_linear(
        &mut self,
        channel: &mut Channel,
        request: &LinearRequest,
        weights: &[i64],
    ) -> Result<LinearPair> {
        check_weights(request, weights)?;
        let plan = Plan::new(request, &self.sets).map_err(he_error)?;
        let s = self.prg.ring_vec(request.ring, request.shape.out_len());
        let inputs = receive_inputs(channel, &plan)?;
        let mut job = Job {
            plan: &plan,
            weights,
            inputs: &inputs,
            replier: Replier::new(&self.keys[plan.set], plan.budget),
            s: &s,
            prg: &mut self.prg,
            channel,
        };
        match plan.form {
            Form::Points => job.by_points()?,
            Form::Coefficients => job.by_monomials()?,
        }
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
    let count = plan.tiles().len() * plan.plane_ranges().count();
    let mut inputs = Inputs::new(Arc::clone(&plan.parameters), plan.form, plan.budget, seed, count);
    let mut bytes = vec![0; plan.input_bytes()];
    for _ in 0..count {
        channel.recv(&mut bytes)?;
        inputs.push(&bytes).map_err(he_error)?;
    }
    Ok(inputs)
}

/// The products and replies of one layer.
struct Job<'a> {
    plan: &'a Plan,
    weights: &'a [i64],
    inputs: &'a Inputs,
    replier: Replier<'a>,
    s: &'a RingVec,
    prg: &'a mut Prg,
    channel: &'a mut Channel,
}

impl Job<'_> {
    /// Weight polynomial by weight polynomial, each transformed once for all tiles.
    fn by_points(&mut self) -> Result<()> {
        let plan = self.plan;
        let tiles = plan.tiles();
        let per_tile = plan.plane_ranges().count();
        let mut sums: Vec<Sum> = tiles.iter().map(|_| Sum::new(Arc::clone(&plan.parameters))).collect();
        for outputs in plan.output_ranges() {
            sums.iter_mut().for_each(Sum::clear);
            for (i, planes) in plan.plane_ranges().enumerate() {
                if !plan.geometry.meet(&planes, &outputs) {
                    continue;
                }
                let mut terms = Vec::new();
                plan.monomials(&planes, &outputs, |exponent, weight| {
                    terms.push((exponent, self.weights[weight]));
                });
                let poly = WeightPoly::new(&plan.parameters, terms);
                for (t, sum) in sums.iter_mut().enumerate() {
                    sum.add(self.inputs, t * per_tile + i, &poly);
                }
            }
            for (tile, sum) in tiles.iter().zip(&mut sums) {
                self.reply(tile, &outputs, Product::Points(sum))?;
            }
        }
        Ok(())
    }

    /// Monomial by monomial, for weight polynomials of few.
    fn by_monomials(&mut self) -> Result<()> {
        let plan = self.plan;
        let per_tile = plan.plane_ranges().count();
        let all: Vec<Range<usize>> = plan.output_ranges().collect();
        for (t, tile) in plan.tiles().iter().enumerate() {
            for batch in all.chunks(BATCH) {
                let rows: Vec<_> = batch.iter().map(|outputs| self.row(t * per_tile, outputs)).collect();
                for (outputs, combination) in batch.iter().zip(self.inputs.combine(&rows)) {
                    self.reply(tile, outputs, Product::Coefficients(combination))?;
                }
            }
        }
        Ok(())
    }

    /// All monomials of a reply, over the input polynomials from `first` on.
    fn row(&self, first: usize, outputs: &Range<usize>) -> Vec<ScaledMonomial> {
        let mut row = Vec::new();
        for (i, planes) in self.plan.plane_ranges().enumerate() {
            if self.plan.geometry.meet(&planes, outputs) {
                self.plan.monomials(&planes, outputs, |exponent, weight| {
                    row.push(ScaledMonomial { input: first + i, exponent, weight: self.weights[weight] });
                });
            }
        }
        row
    }

    fn reply(&mut self, tile: &Tile, outputs: &Range<usize>, product: Product<'_>) -> Result<()> {
        let slots = self.plan.reply_slots(tile, outputs);
        let masks: Vec<(usize, u64)> =
            slots.iter().map(|&(element, at)| (at, self.s.values()[element])).collect();
        let mut bytes = Vec::with_capacity(self.plan.reply_bytes(masks.len()));
        self.replier.reply(product, &masks, self.prg, &mut bytes);
        Ok(self.channel.send(&bytes)?)
    }
}
