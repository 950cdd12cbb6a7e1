//! A party's state, and its ways of talking.

use std::ops::Range;
use std::panic::resume_unwind;

use veilflow_correlation::{Demand, Pools};
use veilflow_net::{Channel, Role};
use veilflow_prim::Prg;
use veilflow_ring::{Bits, RingVec};

use crate::Result;

/// One party of a run: its role, channel, correlations and randomness.
#[derive(Debug)]
pub struct Party {
    /// Which of the two.
    pub role: Role,
    /// To the other.
    pub channel: Channel,
    /// Correlations not yet used.
    pub pools: Pools,
    /// Private randomness.
    pub prg: Prg,
    /// Threads that [`Party::in_threads`] works in.
    threads: usize,
    /// Their streams, forked when first needed.
    lanes: Vec<Channel>,
}

/// Elements per thread are a multiple of this, so that splitting work changes no message's padding.
const GRAIN: usize = 64;

impl Party {
    /// A party with empty pools.
    pub fn new(role: Role, channel: Channel, prg: Prg) -> Self {
        Self { role, channel, pools: Pools::default(), prg, threads: 1, lanes: Vec::new() }
    }

    /// Lets the party work in so many threads; both parties must choose alike.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// How many threads the party works in.
    pub(crate) fn threads(&self) -> usize {
        self.threads
    }

    /// Sends `mine` and receives `theirs` bytes, at once.
    pub(crate) fn exchange(&mut self, mine: &[u8], theirs: usize) -> Result<Vec<u8>> {
        self.channel.send(mine)?;
        Ok(self.channel.recv_vec(theirs)?)
    }

    /// Sends bits and receives as many.
    pub(crate) fn exchange_bits(&mut self, mine: &Bits) -> Result<Bits> {
        let theirs = self.exchange(&mine.to_bytes(), mine.len().div_ceil(8))?;
        Ok(Bits::from_bytes(&theirs, mine.len()))
    }

    /// Opens shared bits: both parties learn them.
    pub(crate) fn open_bits(&mut self, mine: &Bits) -> Result<Bits> {
        Ok(self.exchange_bits(mine)?.xor(mine))
    }

    /// Opens shared elements: both parties learn them.
    pub(crate) fn open(&mut self, mine: &RingVec) -> Result<RingVec> {
        let bytes = mine.to_bytes();
        let theirs = self.exchange(&bytes, bytes.len())?;
        Ok(mine.add(&RingVec::from_bytes(mine.ring(), &theirs, mine.len())))
    }

    /// `x` for P0, zeros for P1: this party's share of a value that P0 alone contributes, or that is public.
    pub(crate) fn only_p0(&self, x: RingVec) -> RingVec {
        if self.role == Role::P0 { x } else { RingVec::zeros(x.ring(), x.len()) }
    }

    /// Shares of x + c for a public c, which P0 adds.
    pub fn add_public(&self, x: &RingVec, c: u64) -> RingVec {
        if self.role == Role::P0 { x.map(|v| v.wrapping_add(c)) } else { x.clone() }
    }

    /// Runs `op` on ranges of 0..`len` in the party's threads, each over a stream of its own with its own
    /// part of the pools, and returns the results in order. Results, bytes and rounds are the same for any
    /// number of threads.
    ///
    /// `demand` tells what a range of a given length consumes.
    pub fn in_threads<T: Send>(
        &mut self,
        len: usize,
        demand: impl Fn(usize) -> Demand,
        op: impl Fn(&mut Party, Range<usize>) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let per_thread = len.div_ceil(self.threads).next_multiple_of(GRAIN);
        if per_thread >= len {
            return Ok(vec![op(self, 0..len)?]);
        }
        let mut jobs = Vec::new();
        for (lane, start) in (0..len).step_by(per_thread).enumerate() {
            let range = start..(start + per_thread).min(len);
            if lane == self.lanes.len() {
                self.lanes.push(self.channel.fork()?);
            }
            jobs.push((self.pools.split_off(&demand(range.len()))?, range));
        }
        let mut parties = Vec::with_capacity(jobs.len());
        for ((pools, range), mut channel) in jobs.into_iter().zip(std::mem::take(&mut self.lanes)) {
            self.channel.lend(&mut channel)?;
            let mut party = Party::new(self.role, channel, self.prg.fork());
            party.pools = pools;
            parties.push((party, range));
        }
        let op = &op;
        let finished: Vec<(Party, Result<T>)> = std::thread::scope(|scope| {
            let run = |(mut party, range): (Party, Range<usize>)| {
                scope.spawn(move || {
                    let result = op(&mut party, range);
                    (party, result)
                })
            };
            let threads: Vec<_> = parties.into_iter().map(run).collect();
            threads.into_iter().map(|t| t.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
        });
        let mut results = Vec::with_capacity(finished.len());
        for (mut party, result) in finished {
            results.push(result?);
            self.channel.settle(&mut party.channel)?;
            self.lanes.push(party.channel);
        }
        Ok(results)
    }

    /// [`Party::in_threads`] for operations on elements: `op` gets its part of `x`.
    pub fn map_in_threads(
        &mut self,
        x: &RingVec,
        demand: impl Fn(usize) -> Demand,
        op: impl Fn(&mut Party, &RingVec) -> Result<RingVec> + Sync,
    ) -> Result<RingVec> {
        let part = |party: &mut Party, range: Range<usize>| op(party, &x.slice(range.start, range.len()));
        let mut parts = self.in_threads(x.len(), demand, part)?.into_iter();
        let Some(mut joined) = parts.next() else { return Ok(x.clone()) };
        parts.for_each(|part| joined.append(&part));
        Ok(joined)
    }
}
