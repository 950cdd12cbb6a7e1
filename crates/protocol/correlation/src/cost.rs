//! What an operation costs, exactly: the messages it sends and the correlations it consumes.

use veilflow_net::Role;

use crate::Demand;

/// One step of an operation's conversation, in payload bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// One party sends so many bytes, and the other waits for them.
    From(Role, u64),
    /// Both send, then both receive: so many bytes by P0 and by P1.
    Exchange(u64, u64),
    /// So many bytes pass between a party and a helper, either way. The helper works ahead, so no round
    /// depends on it.
    Helper(Role, u64),
}

/// Totals of a conversation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Volume {
    /// Payload bytes sent by P0 and by P1 to each other.
    pub bytes: [u64; 2],
    /// Payload bytes between P0 and a helper, and between P1 and a helper, both ways.
    pub helper: [u64; 2],
    /// The longest chain of dependent messages.
    pub rounds: u64,
}

/// The declared cost of an operation. Tests hold it equal to the meter; the planner and `inspect` read it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cost {
    /// The conversation, in order.
    pub flows: Vec<Flow>,
    /// The correlations consumed.
    pub demand: Demand,
}

impl Cost {
    /// Both parties send, then both receive.
    pub fn exchange(from_p0: u64, from_p1: u64, demand: Demand) -> Self {
        Self { flows: vec![Flow::Exchange(from_p0, from_p1)], demand }
    }

    /// One party sends.
    pub fn message(from: Role, bytes: u64) -> Self {
        Self { flows: vec![Flow::From(from, bytes)], demand: Demand::default() }
    }

    /// This, then `next`.
    #[must_use]
    pub fn then(mut self, next: Self) -> Self {
        self.flows.extend(next.flows);
        self.demand.merge(&next.demand);
        self
    }

    /// Bytes and rounds of this conversation held on its own.
    pub fn volume(&self) -> Volume {
        let mut clocks = Clocks::default();
        self.flows.iter().for_each(|flow| clocks.advance(*flow));
        clocks.volume
    }
}

/// The Lamport clocks of the two parties, as the channel's frames carry them: a message is one deeper than
/// the deepest its sender has received.
#[derive(Default)]
struct Clocks {
    received: [u64; 2],
    volume: Volume,
}

impl Clocks {
    fn send(&mut self, from: Role, bytes: u64) -> u64 {
        if bytes == 0 {
            return 0;
        }
        self.volume.bytes[from.index()] += bytes;
        let depth = self.received[from.index()] + 1;
        self.volume.rounds = self.volume.rounds.max(depth);
        depth
    }

    fn advance(&mut self, flow: Flow) {
        let depths = match flow {
            Flow::From(Role::P0, bytes) => [self.send(Role::P0, bytes), 0],
            Flow::From(Role::P1, bytes) => [0, self.send(Role::P1, bytes)],
            Flow::Exchange(p0, p1) => [self.send(Role::P0, p0), self.send(Role::P1, p1)],
            Flow::Helper(party, bytes) => {
                self.volume.helper[party.index()] += bytes;
                return;
            }
        };
        self.received[0] = self.received[0].max(depths[1]);
        self.received[1] = self.received[1].max(depths[0]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_are_the_longest_dependent_chain() {
        let ask = Cost::message(Role::P1, 3);
        let answer = Cost::message(Role::P0, 5);
        let both = Cost::exchange(7, 9, Demand::default());
        let one_way = ask.clone().then(ask.clone());
        assert_eq!(one_way.volume(), Volume { bytes: [0, 6], helper: [0; 2], rounds: 1 });
        let ping_pong = ask.clone().then(answer.clone()).then(both.clone()).then(both);
        assert_eq!(ping_pong.volume(), Volume { bytes: [19, 21], helper: [0; 2], rounds: 4 });
        // P0 answers a question asked before the exchange ended: no longer a chain than ask, answer.
        let overlap = ask.then(answer.clone()).then(answer);
        assert_eq!(overlap.volume().rounds, 2);
        let helped = Cost { flows: vec![Flow::Helper(Role::P1, 4), Flow::Helper(Role::P1, 5)], ..one_way };
        assert_eq!(helped.volume(), Volume { bytes: [0; 2], helper: [0, 9], rounds: 0 });
    }
}
