//! Tables of random messages, of which the receiver has one each: random 1-of-2^d OTs.

use std::fmt;

use veilflow_net::Role;
use veilflow_prim::Prg;
use veilflow_ring::{Bits, select};

use crate::batch::{Batch, redacted};
use crate::correlation::Correlation;
use crate::request::request;
use crate::rows;

/// A random 1-of-2^`digit` OT: `sender` holds all messages, the other party, the receiver, a random index and
/// its message.
///
/// The sender expands all messages, the receiver its index. A helper sends the receiver the message under the
/// index: a part of the sender's stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Table {
    /// Who holds all messages.
    pub sender: Role,
    /// Width of the index.
    pub digit: u32,
    /// Bits of a message.
    pub payload: u32,
}

/// One party's half of random 1-of-2^d OTs, bit-sliced.
pub enum TableBatch {
    /// The party that holds all messages.
    Sender {
        /// `messages[entry][payload bit]`: one row of bits over the batch.
        messages: Vec<Vec<Bits>>,
    },
    /// The party that holds one message of each.
    Receiver {
        /// Bits of the index, least significant first.
        index: Vec<Bits>,
        /// Bits of the message under the index.
        message: Vec<Bits>,
    },
}
redacted!(TableBatch);

impl Batch for TableBatch {
    fn count(&self) -> usize {
        match self {
            Self::Sender { messages } => messages.count(),
            Self::Receiver { message, .. } => message.count(),
        }
    }
    fn slice(&self, start: usize, len: usize) -> Self {
        match self {
            Self::Sender { messages } => Self::Sender { messages: messages.slice(start, len) },
            Self::Receiver { index, message } => {
                Self::Receiver { index: index.slice(start, len), message: message.slice(start, len) }
            }
        }
    }
    fn append(&mut self, other: &Self) {
        match (self, other) {
            (Self::Sender { messages }, Self::Sender { messages: more }) => {
                Batch::append(messages, more);
            }
            (
                Self::Receiver { index, message },
                Self::Receiver { index: more_index, message: more_message },
            ) => {
                Batch::append(index, more_index);
                Batch::append(message, more_message);
            }
            _ => unreachable!("the sender of a pool's kind fixes which half the pool holds"),
        }
    }
}

impl Table {
    fn entries(self) -> usize {
        1 << self.digit
    }

    fn messages(self, prg: &mut Prg, count: usize) -> Vec<Vec<Bits>> {
        (0..self.entries()).map(|_| rows::draw(prg, self.payload as usize, count)).collect()
    }

    fn index(self, prg: &mut Prg, count: usize) -> Vec<Bits> {
        rows::draw(prg, self.digit as usize, count)
    }
}

impl Correlation for Table {
    type Batch = TableBatch;
    request!(4: sender, digit, payload);

    fn largest_table(&self) -> Option<u64> {
        (self.digit > 0).then(|| u64::from(self.payload) << self.digit.min(32))
    }

    fn bits_each(&self) -> usize {
        self.entries() * self.payload as usize + self.digit as usize + self.payload as usize
    }

    fn dealt_bits(&self) -> usize {
        self.payload as usize
    }

    fn corrected(&self) -> Role {
        self.sender.other()
    }

    fn expand(&self, prg: &mut Prg, count: usize) -> TableBatch {
        TableBatch::Sender { messages: self.messages(prg, count) }
    }

    fn correct(&self, corrected: &mut Prg, other: &mut Prg, count: usize) -> Vec<u8> {
        let messages = self.messages(other, count);
        let index = self.index(corrected, count);
        rows::pack(&select(messages.iter().map(Vec::as_slice), &index))
    }

    fn complete(&self, prg: &mut Prg, count: usize, correction: &[u8]) -> TableBatch {
        let message = rows::unpack(correction, self.payload as usize, count);
        TableBatch::Receiver { index: self.index(prg, count), message }
    }

    fn fits(&self, batch: &TableBatch) -> bool {
        let payload = self.payload as usize;
        match batch {
            TableBatch::Sender { messages } => {
                messages.len() == self.entries() && messages.iter().all(|message| message.len() == payload)
            }
            TableBatch::Receiver { index, message } => {
                index.len() == self.digit as usize && message.len() == payload
            }
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { sender, digit, payload } = *self;
        write!(f, "1-of-{} OTs of {payload} bits (sender {sender:?})", 1u64 << digit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::correlation::testing::halves;

    #[test]
    fn the_receiver_has_the_message_under_its_index() {
        for (sender, digit, payload) in [(Role::P0, 3, 2), (Role::P1, 1, 5)] {
            let mut halves = halves(Table { sender, digit, payload }, 130);
            halves.rotate_left(sender.index());
            let [TableBatch::Sender { messages }, TableBatch::Receiver { index, message }] = halves else {
                panic!("{sender:?} is the sender")
            };
            for i in 0..130 {
                let at = index.iter().rev().fold(0, |n, row| n << 1 | usize::from(row.get(i)));
                for (bit, got) in message.iter().enumerate() {
                    assert_eq!(got.get(i), messages[at][bit].get(i), "table {i}, bit {bit}");
                }
            }
        }
    }
}
