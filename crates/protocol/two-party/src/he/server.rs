//! The server's side.

use std::fmt;
use std::sync::Arc;

use veilflow_correlation::{LinearPair, LinearRequest, Result};
use veilflow_he::{
    Inputs, PackingKeys, Place, PublicKey, Replier, Slots, packing_keys_bytes, public_key_bytes,
};
use veilflow_net::Channel;
use veilflow_prim::{Block, Prg};
use veilflow_ring::RingVec;

use super::HeSuite;
use super::cache::WeightCache;
use super::cut::Cut;
use super::parallel::{in_order, spread};
use super::replies::{Job, Reply};
use super::slots::SEED_BYTES;
use crate::error::he_error;

/// The server of linear layers. It holds the client's public keys.
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

    /// Lets the server take transformed weights from its model's cache, and put them there.
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

/// All ciphertexts of the layer. The client sends them all before it reads a reply, so the server reads them
/// all first.
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
