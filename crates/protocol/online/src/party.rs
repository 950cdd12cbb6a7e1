//! A party's state, and its ways of talking.

use veilflow_correlation::{Demand, Pools};
use veilflow_net::{Channel, Role};
use veilflow_prim::Prg;
use veilflow_ring::{Bits, RingVec};

use crate::Result;

/// Public choices both parties make alike; the handshake binds them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tuning {
    /// Width of a comparison leaf in bits, 1..=4: 2 sends fewest bytes, 4 takes fewest rounds.
    pub leaf_bits: u32,
}

impl Default for Tuning {
    fn default() -> Self {
        Self { leaf_bits: 2 }
    }
}

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
    /// Public choices.
    pub tuning: Tuning,
}

/// Elements per thread are a multiple of this, so that splitting work changes no message's padding.
const GRAIN: usize = 64;

impl Party {
    /// A party with empty pools.
    pub fn new(role: Role, channel: Channel, prg: Prg) -> Self {
        Self { role, channel, pools: Pools::default(), prg, tuning: Tuning::default() }
    }

    /// Sends `mine` and receives `theirs` bytes, at once.
    pub(crate) fn exchange(&mut self, mine: &[u8], theirs: usize) -> Result<Vec<u8>> {
        self.channel.send(mine)?;
        Ok(self.channel.recv_vec(theirs)?)
    }

    /// Sends bits and receives as many: the opening of shared bits.
    pub(crate) fn exchange_bits(&mut self, mine: &Bits) -> Result<Bits> {
        let theirs = self.exchange(&mine.to_bytes(), mine.len().div_ceil(8))?;
        Ok(Bits::from_bytes(&theirs, mine.len()))
    }

    /// `x` for P0, zeros for P1: this party's share of a value that P0 alone contributes, or that is public.
    pub(crate) fn only_p0(&self, x: RingVec) -> RingVec {
        if self.role == Role::P0 { x } else { RingVec::zeros(x.ring(), x.len()) }
    }

    /// Runs `op` on ranges of 0..`len` in up to `threads` threads, each over a forked channel with its own share of the
    /// pools, and joins the results in order. Results, bytes and rounds are the same for every `threads`.
    ///
    /// `demand` tells what a range of a given length consumes.
    pub fn in_threads<T: Send>(
        &mut self,
        threads: usize,
        len: usize,
        demand: impl Fn(usize) -> Demand,
        op: impl Fn(&mut Party, std::ops::Range<usize>) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let per_thread = len.div_ceil(threads.max(1)).next_multiple_of(GRAIN);
        if per_thread >= len {
            return Ok(vec![op(self, 0..len)?]);
        }
        let mut jobs = Vec::new();
        for start in (0..len).step_by(per_thread) {
            let range = start..(start + per_thread).min(len);
            let party = Party {
                role: self.role,
                channel: self.channel.fork()?,
                pools: self.pools.split_off(&demand(range.len()))?,
                prg: self.prg.fork(),
                tuning: self.tuning,
            };
            jobs.push((party, range));
        }
        let op = &op;
        let finished: Vec<(Party, Result<T>)> = std::thread::scope(|scope| {
            let handles: Vec<_> = jobs
                .into_iter()
                .map(|(mut party, range)| {
                    scope.spawn(move || {
                        let result = op(&mut party, range);
                        (party, result)
                    })
                })
                .collect();
            handles
                .into_iter()
                .map(|h| h.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        finished
            .into_iter()
            .map(|(mut party, result)| {
                // A last message may still wait in the buffer; it must leave before the fork closes.
                let sent = party.channel.flush();
                self.channel.join(party.channel);
                let value = result?;
                sent?;
                Ok(value)
            })
            .collect()
    }
}
