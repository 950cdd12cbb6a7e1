//! The client's side.

use std::fmt;
use std::sync::Arc;

use veilflow_correlation::{LinearPair, LinearRequest, Result};
use veilflow_he::{Decryptor, Encryptor, SecretKey};
use veilflow_net::Channel;
use veilflow_prim::Prg;
use veilflow_ring::RingVec;

use super::plan::{InputSlots, Plan};
use super::{HeSuite, he_error};

/// The client of linear layers: holds the secret keys.
pub struct HeClient {
    suite: HeSuite,
    keys: Vec<SecretKey>,
    prg: Prg,
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
        Ok(Self { suite: suite.clone(), keys, prg })
    }

    /// The client's half of a pair, with a fresh mask.
    ///
    /// # Errors
    /// If the layer does not fit the suite, or the channel fails.
    pub fn client_linear(&mut self, channel: &mut Channel, request: &LinearRequest) -> Result<LinearPair> {
        let plan = self.suite.plan(request).map_err(he_error)?;
        let mask = self.send_inputs(channel, &plan, request)?;
        let product = RingVec::from_values(request.ring, self.receive(channel, &plan, request)?);
        Ok(LinearPair::Client { mask, product })
    }

    /// Returns the mask: what encryption chose. Elements that no output reads are masked too.
    fn send_inputs(
        &mut self,
        channel: &mut Channel,
        plan: &Plan,
        request: &LinearRequest,
    ) -> Result<RingVec> {
        let mut mask = self.prg.ring_vec(request.ring, request.shape.in_len()).into_values();
        let seed = self.prg.block();
        channel.send(&seed.to_bytes())?;
        let mut seeds = Prg::from_seed(seed);
        let encryptor = Encryptor::new(&self.keys[plan.set], plan.form, plan.budget);
        let mut bytes = Vec::new();
        for (planes, tile) in plan.inputs() {
            let InputSlots { slots, free, given } = plan.input_slots(&tile, &planes);
            let given: Vec<u64> = given.iter().map(|element| element.map_or(0, |e| mask[e])).collect();
            bytes.clear();
            let chosen = encryptor.encrypt(seeds.block(), &slots, &given, &mut self.prg, &mut bytes);
            free.iter().zip(chosen).for_each(|(&element, m)| mask[element] = m);
            channel.send(&bytes)?;
        }
        channel.flush()?;
        Ok(RingVec::from_values(request.ring, mask))
    }

    fn receive(&self, channel: &mut Channel, plan: &Plan, request: &LinearRequest) -> Result<Vec<u64>> {
        let decryptor = Decryptor::new(&self.keys[plan.set], plan.budget);
        let mut product = vec![0; request.shape.out_len()];
        for (tile, outputs) in plan.replies() {
            let (elements, positions): (Vec<usize>, Vec<usize>) =
                plan.reply_slots(&tile, &outputs).into_iter().unzip();
            let bytes = channel.recv_vec(plan.reply_bytes(positions.len()))?;
            let values = decryptor.decrypt(&bytes, &positions).map_err(he_error)?;
            for (element, value) in elements.into_iter().zip(values) {
                product[element] = value;
            }
        }
        Ok(product)
    }
}
