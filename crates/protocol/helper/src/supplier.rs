//! A party's side.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use veilflow_correlation::{
    CorrelationError, Cost, Demand, Flow, LinearPair, LinearRequest, Needs, Pools, Supplier, SupplyCosts,
    Weights,
};
use veilflow_net::{Channel, Role};
use veilflow_prim::{Prg, derive_bytes};
use veilflow_ring::RingVec;

use crate::job::{Job, batches};
use crate::key::{NONCE_LEN, Secret, SessionId, SessionKey, session_id};
use crate::message::{
    BATCH_HEAD, BUSY, HELLO_LEN, Hello, lost_helper, receive_batch, request_len, send_request,
};
use crate::{HelperError, Result, batch};

const FINGERPRINT_LABEL: &str = "veilflow 2026 helper weights fingerprint";

/// Correlations from a helper; see the crate.
pub struct HelperSupplier {
    role: Role,
    /// To the helper.
    link: Channel,
    session: SessionId,
    key: SessionKey,
    /// The number of the next batch.
    next: u64,
    /// Requests sent and not yet used, at the client; the number of the next is `next` and so many more.
    announced: VecDeque<Job>,
    /// What this party keeps of the layers it has met, by their description.
    layers: BTreeMap<Vec<u8>, Layer>,
    threads: usize,
}

/// What is kept of a layer between runs.
enum Layer {
    /// Of this party's own: a hash of its weights, to notice others.
    Weights([u8; 32]),
    /// Of the other's: the packed masked weights, W − A.
    Masked(Vec<u8>),
}

impl fmt::Debug for HelperSupplier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HelperSupplier({:?}, {} batches so far)", self.role, self.next)
    }
}

impl HelperSupplier {
    /// Agrees with the peer over `channel` on a session, and with the helper at the other end of `link` on a key. Both parties
    /// call it together. Waits for the helper until `link`'s deadline, as the helper waits for both parties. Layers are
    /// computed in so many threads.
    ///
    /// # Errors
    /// A failing channel or link, a helper that has no room or speaks another version.
    pub fn setup(
        role: Role,
        channel: &mut Channel,
        mut link: Channel,
        mut prg: Prg,
        threads: usize,
    ) -> Result<Self> {
        let (mut ours, mut theirs) = ([0; NONCE_LEN], [0; NONCE_LEN]);
        prg.fill(&mut ours);
        channel.send(&ours)?;
        channel.recv(&mut theirs)?;
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
        let (announced, layers) = (VecDeque::new(), BTreeMap::new());
        Ok(Self { role, link, session, key, next: 0, announced, layers, threads })
    }

    /// Asks the helper for `job`; the client does so for both.
    fn request(&mut self, job: Job) -> Result<()> {
        job.check()?;
        let number = self.next.checked_add(self.announced.len() as u64).ok_or(HelperError::Exhausted)?;
        send_request(&mut self.link, &self.session, number, &job)?;
        self.announced.push_back(job);
        Ok(())
    }

    /// Begins `job`: its number, and this party's stream for it.
    fn begin(&mut self, job: &Job) -> Result<(u64, Prg)> {
        if self.role == Role::P1 {
            if self.announced.is_empty() {
                self.request(job.clone())?;
                self.link.flush().map_err(lost_helper)?;
            }
            if self.announced.pop_front().as_ref() != Some(job) {
                return Err(HelperError::NotAnnounced);
            }
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

    /// The half of who holds the weights; sends W − A when it meets a layer for the first time.
    fn holder(
        &mut self,
        channel: &mut Channel,
        request: &LinearRequest,
        weights: &[i64],
    ) -> std::result::Result<LinearPair, CorrelationError> {
        let refuse = |reason| CorrelationError::Weights { layer: request.layer, reason };
        let (shape, ring) = (&request.shape, request.ring);
        if weights.len() != shape.weight_len() {
            return Err(refuse("their number differs"));
        }
        let job = Job::layer(request);
        let (_, mut prg) = self.begin(&job)?;
        let weights = RingVec::from_signed(ring, weights);
        let fingerprint = derive_bytes(FINGERPRINT_LABEL, &[&weights.to_bytes()]);
        let description = job.encode();
        match self.layers.get(&description) {
            Some(Layer::Weights(known)) if *known == fingerprint => {}
            Some(_) => return Err(refuse("they have changed within a session")),
            None => {
                let mask = batch::weight_mask(self.key.weight_mask(&description), ring, shape);
                channel.send(&weights.sub(&mask).to_bytes())?;
                channel.flush()?;
                self.layers.insert(description, Layer::Weights(fingerprint));
            }
        }
        Ok(LinearPair::Holder { s: prg.ring_vec(ring, shape.out_len()) })
    }

    /// The half of who does not hold the weights.
    fn other(&mut self, channel: &mut Channel, request: &LinearRequest) -> Result<LinearPair> {
        let (shape, ring) = (&request.shape, request.ring);
        let job = Job::layer(request);
        let (number, mut prg) = self.begin(&job)?;
        let description = job.encode();
        if !self.layers.contains_key(&description) {
            let masked = channel.recv_vec(job.weight_bytes())?;
            self.layers.insert(description.clone(), Layer::Masked(masked));
        }
        let masked = match self.layers.get(&description) {
            Some(Layer::Masked(bytes)) => RingVec::from_bytes(ring, bytes, shape.weight_len()),
            _ => unreachable!("a description names the holder"),
        };
        let mask = prg.ring_vec(ring, shape.in_len());
        let own = batch::apply(self.threads, shape, masked, &mask);
        let correction = self.correction(&job, number)?;
        let product = own.add(&RingVec::from_bytes(ring, &correction, shape.out_len()));
        Ok(LinearPair::Other { mask, product })
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
        let ahead: u64 = self.announced.iter().map(request_len).sum();
        self.link.meter().bytes() - ahead
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
                batch::put(self.role, kind, count, prg, &correction, pools);
            }
        }
        Ok(())
    }

    fn linear(
        &mut self,
        channel: &mut Channel,
        request: &LinearRequest,
        weights: Weights<'_>,
    ) -> std::result::Result<LinearPair, CorrelationError> {
        match (self.role == request.holder, weights) {
            (true, Weights::Mine(weights)) => self.holder(channel, request, weights),
            (false, Weights::Theirs) => Ok(self.other(channel, request)?),
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

/// What a [`HelperSupplier`] sends and receives.
#[derive(Debug, Clone, Default)]
pub struct HelperCosts {
    /// Layers whose masked weights the client has, by their description.
    known: BTreeSet<Vec<u8>>,
}

impl HelperCosts {
    fn job(job: &Job) -> [Flow; 2] {
        let correction = (BATCH_HEAD + job.correction_len()) as u64;
        [Flow::Helper(Role::P1, request_len(job)), Flow::Helper(job.corrected(), correction)]
    }
}

impl SupplyCosts for HelperCosts {
    fn set_up(&self) -> Cost {
        let nonces = Flow::Exchange(NONCE_LEN as u64, NONCE_LEN as u64);
        let hellos = [Role::P0, Role::P1].map(|role| Flow::Helper(role, 2 * HELLO_LEN as u64));
        Cost { flows: [&[nonces][..], &hellos].concat(), demand: Demand::default() }
    }

    fn fill(&mut self, demand: &Demand) -> Cost {
        let flows = batches(demand).flat_map(|job| Self::job(&job)).collect();
        Cost { flows, demand: Demand::default() }
    }

    fn linear(&mut self, request: &LinearRequest) -> Cost {
        let job = Job::layer(request);
        let mut flows = Self::job(&job).to_vec();
        if self.known.insert(job.encode()) {
            flows.push(Flow::From(request.holder, job.weight_bytes() as u64));
        }
        Cost { flows, demand: Demand::default() }
    }
}
