//! A session at the helper: keys with both parties, then an answer to each request.

use std::fmt;

use veilflow_net::{Meter, Role};
use veilflow_prim::Prg;

use crate::greeting::{Hello, WELCOME, receive_store, send_known};
use crate::inbox::Inbox;
use crate::job::Job;
use crate::key::{Secret, SessionId, SessionKey};
use crate::masks::digest;
use crate::message::send_batch;
use crate::party::Party;
use crate::places::Place;
use crate::store::{SessionWeights, Store};
use crate::{HelperError, Result};

/// The summary of a session that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// How many requests the helper answered.
    pub requests: u64,
    /// Payload bytes with P0 and with P1.
    pub meters: [Meter; 2],
    /// Bytes of the messages that brought masked weights. They are part of what was received.
    pub weight_bytes: u64,
}

/// A session whose parties are both here.
pub struct Session<'a> {
    /// Dropped before the connections close: whoever sees them closed finds room for another session.
    _place: Place<'a>,
    id: SessionId,
    /// The parties by role.
    parties: [Party; 2],
    store: &'a Store,
    threads: usize,
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session(..)")
    }
}

impl<'a> Session<'a> {
    pub(crate) fn new(
        place: Place<'a>,
        id: SessionId,
        parties: [Party; 2],
        store: &'a Store,
        threads: usize,
    ) -> Self {
        Self { _place: place, id, parties, store, threads }
    }

    /// Agrees on a key with each party and on what is known of its weights, then answers requests until the
    /// client leaves. The keys come from `prg`, which must be fresh.
    ///
    /// # Errors
    /// A party that leaves too early, is silent or does not read for too long, or sends what was not due.
    /// Both connections are closed, and both parties fail if they still need the helper.
    pub fn serve(mut self, mut prg: Prg) -> Result<Served> {
        let [p0, p1] = &mut self.parties;
        let keys = [agree(p0, &self.id, &mut prg)?, agree(p1, &self.id, &mut prg)?];
        let mut weights = [self.weights(Role::P0, &keys)?, self.weights(Role::P1, &keys)?];
        let id = self.id;
        let mut inboxes = self.parties.each_ref().map(|party| Inbox::new(id, party.role, party.name()));
        let mut number = 0u64;
        while let Some(job) = inboxes[1].request(&mut self.parties[1].channel)? {
            let description = job.encode();
            let streams = keys.each_ref().map(|key| key.batch(number, &description));
            let correction = match &job {
                Job::Batch { kind, count } => kind.correction(*count, streams),
                Job::Layer(layer) => {
                    let (h, len) = (layer.holder.index(), layer.weight_bytes());
                    let masked = weights[h].layer(digest(&description), len, || {
                        let padded = inboxes[h].weights(&mut self.parties[h].channel, number, len)?;
                        Ok(layer.unpad(&padded, &mut keys[h].pad(number, &description)))
                    })?;
                    layer.correct(self.threads, &masked, streams)
                }
            };
            let to = &mut self.parties[job.corrected().index()];
            let name = to.name();
            send_batch(&mut to.channel, &id, number, &correction, name)?;
            number = number.checked_add(1).ok_or(HelperError::Exhausted)?;
        }
        let meters = self.parties.each_ref().map(|party| party.channel.meter());
        let weight_bytes = inboxes.iter().map(|inbox| inbox.weight_bytes).sum();
        Ok(Served { requests: number, meters, weight_bytes })
    }

    /// Hears what a party keeps its weights under, and tells it which are here.
    fn weights(&mut self, role: Role, keys: &[SessionKey; 2]) -> Result<SessionWeights<'a>> {
        let party = &mut self.parties[role.index()];
        let name = party.name();
        let token = receive_store(&mut party.channel, &self.id, &keys[role.index()], name)?;
        let weights = self.store.open(token);
        send_known(&mut party.channel, &self.id, &weights.known(), name)?;
        Ok(weights)
    }
}

/// Answers a party's hello, which gives a key in common with it.
fn agree(party: &mut Party, session: &SessionId, prg: &mut Prg) -> Result<SessionKey> {
    let secret = Secret::new(prg);
    let public = secret.public;
    let answer = Hello { code: WELCOME, session: *session, public };
    let name = party.name();
    answer.send(&mut party.channel, name)?;
    secret.agree(&party.public, session, party.role, [&party.public, &public])
}
