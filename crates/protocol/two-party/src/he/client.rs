//! The client's side.

use std::fmt;
use std::sync::Arc;

use veilflow_correlation::{LinearPair, LinearRequest, Result};
use veilflow_he::{Decryptor, Encryptor, SecretKey};
use veilflow_net::Channel;
use veilflow_prim::{Block, Prg};
use veilflow_ring::RingVec;

use super::HeSuite;
use super::cut::Cut;
use super::parallel::{in_order, spread};
use super::slots::InputSlots;
use crate::error::he_error;

/// The client of linear layers. It holds the secret keys.
pub struct HeClient {
    suite: HeSuite,
    keys: Vec<SecretKey>,
    prg: Prg,
    threads: usize,
}

impl fmt::Debug for HeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeClient({:?})", self.suite)
    }
}

impl HeClient {
    /// Makes keys, and sends the public ones. The server calls [`HeServer::setup`](super::HeServer::setup).
    ///
    /// # Errors
    /// If the channel fails.
    pub fn setup(channel: &mut Channel, mut prg: Prg, suite: &HeSuite) -> Result<Self> {
        let mut keys = Vec::new();
        for set in &suite.sets {
            let key = SecretKey::generate(Arc::clone(&set.parameters), &mut prg);
            channel.send(&key.public_key(&mut prg))?;
            if set.levels > 0 {
                channel.send(&key.packing_keys(set.levels, &mut prg))?;
            }
            keys.push(key);
        }
        channel.flush()?;
        Ok(Self { suite: suite.clone(), keys, prg, threads: 1 })
    }

    /// Lets the client work in so many threads. What it sends does not depend on them.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// The client's half of a pair, with a fresh mask.
    ///
    /// # Errors
    /// If the layer does not fit the suite, or the channel fails.
    pub fn client_linear(&mut self, channel: &mut Channel, request: &LinearRequest) -> Result<LinearPair> {
        let cut = self.suite.cut(request).map_err(he_error)?;
        let mask = self.send_inputs(channel, &cut, request)?;
        let product = RingVec::from_values(request.ring, self.receive(channel, &cut, request)?);
        Ok(LinearPair::Other { mask, product })
    }

    /// Sends the ciphertexts and returns the mask, which encryption chose. Elements that no output reads have
    /// a mask too.
    fn send_inputs(&mut self, channel: &mut Channel, cut: &Cut, request: &LinearRequest) -> Result<RingVec> {
        let seed = self.prg.block();
        channel.send(&seed.to_bytes())?;
        let unread = self.prg.ring_vec(request.ring, request.shape.in_len()).into_values();
        let mut mask = unread.clone();
        let (tiles, polynomials): (_, Vec<_>) = (cut.tiles(), cut.plane_ranges().collect());
        let mut seeds = Prg::from_seed(seed);
        let forks: Vec<[Block; 2]> = polynomials.iter().map(|_| [seeds.block(), self.prg.block()]).collect();
        let encryptor = Encryptor::new(&self.keys[cut.set], cut.form, cut.budget);
        // A polynomial's planes in all tiles go together. Some elements occur in several tiles and must be
        // masked alike.
        let encrypt = |i: usize| {
            let planes = &polynomials[i];
            let [mut seeds, mut prg] = forks[i].map(Prg::from_seed);
            let elements = cut.geometry.elements(planes);
            let mut own = unread[elements.clone()].to_vec();
            let (mut bytes, mut chosen) = (Vec::new(), Vec::new());
            for tile in &tiles {
                let InputSlots { slots, free, given } = cut.input_slots(tile, planes);
                let message = |element: Option<usize>| element.map_or(0, |e| own[e - elements.start]);
                let given: Vec<u64> = given.into_iter().map(message).collect();
                let messages = encryptor.encrypt(seeds.block(), &slots, &given, &mut prg, &mut bytes);
                for (element, m) in free.into_iter().zip(messages) {
                    own[element - elements.start] = m;
                    chosen.push((element, m));
                }
            }
            (bytes, chosen)
        };
        in_order(self.threads, polynomials.len(), encrypt, |(bytes, chosen)| {
            chosen.into_iter().for_each(|(element, m)| mask[element] = m);
            Ok(channel.send(&bytes)?)
        })?;
        channel.flush()?;
        Ok(RingVec::from_values(request.ring, mask))
    }

    fn receive(&self, channel: &mut Channel, cut: &Cut, request: &LinearRequest) -> Result<Vec<u64>> {
        let decryptor = Decryptor::new(&self.keys[cut.set], cut.budget);
        let replies = cut.replies();
        let receive = |i: usize| {
            let (tile, outputs) = &replies[i];
            let slots = cut.reply_slots(tile, outputs);
            Ok((channel.recv_vec(cut.reply_bytes(slots.len()))?, slots))
        };
        let decrypt = |(bytes, slots): (Vec<u8>, Vec<(usize, usize)>)| {
            let (elements, positions): (Vec<usize>, Vec<usize>) = slots.into_iter().unzip();
            Ok((elements, decryptor.decrypt(&bytes, &positions).map_err(he_error)?))
        };
        let mut product = vec![0; request.shape.out_len()];
        for (elements, values) in spread(self.threads, replies.len(), receive, decrypt)? {
            elements.into_iter().zip(values).for_each(|(element, value)| product[element] = value);
        }
        Ok(product)
    }
}
