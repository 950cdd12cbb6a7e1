//! The server's side.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use veilflow_correlation::{LinearPair, LinearRequest, Result};
use veilflow_he::{
    Combination, Form, Inputs, PackingKeys, Place, Product, PublicKey, Replier, ScaledMonomial, Slots, Sum,
    WeightPoly, packing_keys_bytes, public_key_bytes,
};
use veilflow_net::Channel;
use veilflow_prim::{Block, Prg};
use veilflow_ring::RingVec;

use super::cache::{Kept, WeightCache};
use super::cut::{Cut, SEED_BYTES, Tile};
use super::parallel::{in_order, spread};
use super::{HeSuite, he_error};

/// Products computed together where they go monomial by monomial, so that they share what they read.
const BATCH: usize = 32;

/// The server of linear layers: holds the client's public keys.
pub struct HeServer {
    suite: HeSuite,
    keys: Vec<Keys>,
    prg: Prg,
    threads: usize,
    cache: Option<Arc<WeightCache>>,
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
        Ok(Self { suite: suite.clone(), keys, prg, threads: 1, cache: None })
    }

    /// Lets the server work in so many threads. What it sends does not depend on them.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Lets the server take transformed weights from a cache of its model's, and put them there.
    #[must_use]
    pub fn with_cache(mut self, cache: Arc<WeightCache>) -> Self {
        self.cache = Some(cache);
        self
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
        request.check_weights(weights)?;
        let cut = self.suite.cut(request).map_err(he_error)?;
        let inputs = receive_inputs(channel, &cut, self.threads)?;
        let keys = &self.keys[cut.set];
        let job = Job {
            cut: &cut,
            tiles: cut.tiles(),
            weights,
            inputs: &inputs,
            replier: Replier::new(&keys.public, cut.budget),
            packing: keys.packing.as_ref(),
            kept: self.cache.as_ref().and_then(|cache| cache.layer(request.layer, &cut)),
        };
        let units = job.units();
        let seeds: Vec<Block> = units.iter().map(|_| self.prg.block()).collect();
        let work = |i: usize| job.work(&units[i], &mut Prg::from_seed(seeds[i]));
        let mut s = vec![0; request.shape.out_len()];
        in_order(self.threads, units.len(), work, |replies| {
            for Reply { bytes, elements, shares } in replies {
                elements.into_iter().zip(shares).for_each(|(element, share)| s[element] = share);
                channel.send(&bytes)?;
            }
            Ok(())
        })?;
        channel.flush()?;
        Ok(LinearPair::Holder { s: RingVec::from_values(request.ring, s) })
    }
}

/// All ciphertexts of the layer. The client sends them all before it reads a reply, so all are read first.
fn receive_inputs(channel: &mut Channel, cut: &Cut, threads: usize) -> Result<Inputs> {
    let seed = channel.recv_vec(SEED_BYTES)?;
    let seed = Block::from_bytes(seed.try_into().expect("sixteen bytes were asked for"));
    let (tiles, mut public) = (cut.tiles(), Prg::from_seed(seed));
    let seeds = cut.plane_ranges().flat_map(|planes| {
        let mut of_planes = public.fork();
        tiles.iter().map(move |tile| (planes.clone(), tile, of_planes.block()))
    });
    let mut todo = seeds.collect::<Vec<_>>().into_iter();
    let mut inputs = Inputs::new(Arc::clone(&cut.parameters), cut.form, cut.budget, todo.len());
    let (count, mut places) = (inputs.len(), inputs.places());
    let receive = |_| {
        let ((planes, tile, seed), place) = todo.next().zip(places.next()).expect("there are `count`");
        let slots = cut.input_slots(tile, &planes).slots;
        Ok((channel.recv_vec(cut.input_bytes(&slots))?, slots, seed, place))
    };
    let read = |(bytes, slots, seed, place): (Vec<u8>, Slots, Block, Place<'_>)| {
        place.read(seed, &slots, &bytes).map_err(he_error)
    };
    spread(threads, count, receive, read)?;
    drop(places);
    Ok(inputs)
}

/// A reply, and the server's share of what it holds.
struct Reply {
    bytes: Vec<u8>,
    elements: Vec<usize>,
    shares: Vec<u64>,
}

/// Replies that are made together.
enum Unit {
    /// One for every tile.
    Outputs(Range<usize>),
    /// Several of the tile with this index.
    Tile(usize, Vec<Range<usize>>),
}

/// The products and replies of one layer.
struct Job<'a> {
    cut: &'a Cut,
    tiles: Vec<Tile>,
    weights: &'a [i64],
    inputs: &'a Inputs,
    replier: Replier<'a>,
    packing: Option<&'a PackingKeys>,
    kept: Option<Arc<Kept>>,
}

impl Job<'_> {
    /// In the order of the cut's replies.
    fn units(&self) -> Vec<Unit> {
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

    fn work(&self, unit: &Unit, prg: &mut Prg) -> Vec<Reply> {
        match unit {
            Unit::Outputs(outputs) => self.by_points(outputs, prg),
            Unit::Tile(tile, replies) => self.by_monomials(*tile, replies, prg),
        }
    }

    /// Weight polynomial by weight polynomial, each transformed once for all tiles.
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

    /// Monomial by monomial, for weight polynomials of few.
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

    /// Packs the products of one reply, if there is more than room for one.
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
