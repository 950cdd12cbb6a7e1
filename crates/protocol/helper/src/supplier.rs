//! A party's side.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use veilflow_correlation::{
    CorrelationError, Demand, LinearPair, LinearRequest, Needs, Pools, Possession, Supplier, SupplyCosts,
};
use veilflow_net::{Channel, Role};
use veilflow_prim::Prg;
use veilflow_ring::RingVec;
use zeroize::Zeroizing;

use crate::greeting::{BUSY, Hello, receive_known, send_store};
use crate::job::{Job, batches};
use crate::key::{NONCE_LEN, Secret, SessionId, SessionKey, session_id};
use crate::layer::Layer;
use crate::masks::{Digest, MaskSeed, SEED_LEN, digest};
use crate::message::{lost_helper, receive_batch, request_len, send_request, send_weights};
use crate::{HelperCosts, HelperError, Result, WeightMasks};

/// Correlations from a helper; see the crate.
pub struct HelperSupplier {
    role: Role,
    /// The connection to the helper.
    link: Channel,
    session: SessionId,
    key: SessionKey,
    /// The number of the next batch.
    next: u64,
    /// At the client, requests that were sent and not yet used. The number of the next request is `next` and
    /// so many more.
    announced: VecDeque<Job>,
    /// The bytes of these requests.
    ahead: u64,
    /// What masks this party's weights.
    masks: Arc<WeightMasks>,
    /// What masks the peer's weights.
    peers: MaskSeed,
    /// This party's layers whose masked weights the helper has.
    known: BTreeSet<Digest>,
    threads: usize,
}

impl fmt::Debug for HelperSupplier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HelperSupplier({:?}, {} batches so far)", self.role, self.next)
    }
}

impl HelperSupplier {
    /// Agrees with the peer over `channel` on a session, and with the helper at the other end of `link` on a
    /// key. Both parties call it together. It waits for the helper until `link`'s deadline, as the helper
    /// waits for both parties. Layers will be computed in so many threads.
    ///
    /// With `masks`, the helper is asked to keep the masked weights of this party's layers for later sessions
    /// with the same masks. Without, the weights are masked anew and the helper forgets them with the
    /// session. A party without weights needs no masks.
    ///
    /// # Errors
    /// A failing channel or link, a helper that has no room or speaks another version.
    pub fn setup(
        role: Role,
        channel: &mut Channel,
        mut link: Channel,
        mut prg: Prg,
        threads: usize,
        masks: Option<Arc<WeightMasks>>,
    ) -> Result<Self> {
        let keep = masks.is_some();
        let masks = masks.unwrap_or_else(|| Arc::new(WeightMasks::new(&mut prg)));
        let (mut ours, mut theirs) = ([0; NONCE_LEN], [0; NONCE_LEN]);
        prg.fill(&mut ours);
        channel.send(&ours)?;
        channel.send(masks.seed().bytes())?;
        channel.recv(&mut theirs)?;
        let mut seed = Zeroizing::new([0; SEED_LEN]);
        channel.recv(&mut *seed)?;
        let session = session_id(if role == Role::P0 { [ours, theirs] } else { [theirs, ours] });

        let secret = Secret::new(&mut prg);
        let public = secret.public;
        Hello { code: role.index() as u8, session, public }.send(&mut link, "helper")?;
        let answer = Hello::receive(&mut link, "helper")?;
        if answer.session != session {
            return Err(HelperError::ForeignSession { from: "helper" });
        }
        if answer.code == BUSY {
            return Err(HelperError::Busy);
        }
        let key = secret.agree(&answer.public, &session, role, [&public, &answer.public])?;
        send_store(&mut link, &session, &key, keep.then(|| masks.token()))?;
        let known = receive_known(&mut link, &session)?.into_iter().collect();
        let (announced, peers) = (VecDeque::new(), MaskSeed::new(seed));
        Ok(Self { role, link, session, key, next: 0, announced, ahead: 0, masks, peers, known, threads })
    }

    /// Asks the helper for `job`. The client does so for both parties.
    fn request(&mut self, job: Job) -> Result<()> {
        job.check()?;
        let number = self.next.checked_add(self.announced.len() as u64).ok_or(HelperError::Exhausted)?;
        send_request(&mut self.link, &self.session, number, &job)?;
        self.ahead += request_len(&job);
        self.announced.push_back(job);
        Ok(())
    }

    /// Begins `job`. Returns its number, and this party's stream for it.
    fn begin(&mut self, job: &Job) -> Result<(u64, Prg)> {
        if self.role == Role::P1 {
            if self.announced.is_empty() {
                self.request(job.clone())?;
                self.link.flush().map_err(lost_helper)?;
            }
            if self.announced.pop_front().as_ref() != Some(job) {
                return Err(HelperError::NotAnnounced);
            }
            self.ahead -= request_len(job);
        }
        let number = self.next;
        self.next = number.checked_add(1).ok_or(HelperError::Exhausted)?;
        Ok((number, self.key.batch(number, &job.encode())))
    }

    /// The helper's correction of `job`, if it is for this party.
    fn correction(&mut self, job: &Job, number: u64) -> Result<Vec<u8>> {
        if job.corrected() != self.role {
            return Ok(Vec::new());
        }
        receive_batch(&mut self.link, &self.session, number, job.correction_len())
    }

    /// The half of the party that holds the weights, W. Sends W − A to the helper unless the helper has them.
    fn holder(
        &mut self,
        request: &LinearRequest,
        weights: &[i64],
    ) -> std::result::Result<LinearPair, CorrelationError> {
        let refuse = |reason| CorrelationError::Weights { layer: request.layer, reason };
        if weights.len() != request.shape.weight_len() {
            return Err(refuse("their number differs"));
        }
        let (layer, ring) = (Layer::from(request), request.ring);
        let job = Job::Layer(layer.clone());
        let description = job.encode();
        let weights = RingVec::from_signed(ring, weights);
        if !self.masks.are_the_same(&description, &weights) {
            return Err(refuse("they have changed since they were masked"));
        }
        let (number, mut prg) = self.begin(&job)?;
        if self.known.insert(digest(&description)) {
            let masked = weights.sub(&self.masks.seed().mask(&description, ring, weights.len()));
            let padded = layer.pad(&masked, &mut self.key.pad(number, &description));
            send_weights(&mut self.link, &self.session, number, &padded)?;
        }
        Ok(layer.expand(&mut prg))
    }

    /// The half of the party without the weights.
    fn other(&mut self, request: &LinearRequest) -> Result<LinearPair> {
        let layer = Layer::from(request);
        let job = Job::Layer(layer.clone());
        let (number, mut prg) = self.begin(&job)?;
        let weight_mask = self.peers.mask(&job.encode(), request.ring, request.shape.weight_len());
        layer.complete(self.threads, weight_mask, &mut prg, || self.correction(&job, number))
    }
}

impl Supplier for HelperSupplier {
    fn name(&self) -> &'static str {
        "helper"
    }

    fn announce(&mut self, upcoming: &[Needs]) -> std::result::Result<(), CorrelationError> {
        if self.role == Role::P1 {
            upcoming.iter().flat_map(Job::all).try_for_each(|job| self.request(job))?;
            self.link.flush().map_err(lost_helper)?;
        }
        Ok(())
    }

    fn helper_bytes(&self) -> u64 {
        self.link.meter().bytes() - self.ahead
    }

    fn fill(
        &mut self,
        _: &mut Channel,
        demand: &Demand,
        pools: &mut Pools,
    ) -> std::result::Result<(), CorrelationError> {
        for job in batches(demand) {
            let (number, prg) = self.begin(&job)?;
            let correction = self.correction(&job, number)?;
            if let Job::Batch { kind, count } = job {
                pools.put_dealt(kind, self.role, count, prg, &correction);
            }
        }
        Ok(())
    }

    fn linear(
        &mut self,
        _: &mut Channel,
        request: &LinearRequest,
        weights: Possession<'_>,
    ) -> std::result::Result<LinearPair, CorrelationError> {
        match (self.role == request.holder, weights) {
            (true, Possession::Mine(weights)) => self.holder(request, weights),
            (false, Possession::Theirs) => Ok(self.other(request)?),
            _ => Err(CorrelationError::Weights {
                layer: request.layer,
                reason: "their holder alone must have them",
            }),
        }
    }

    fn costs(&self) -> Box<dyn SupplyCosts> {
        Box::new(HelperCosts::default())
    }
}
