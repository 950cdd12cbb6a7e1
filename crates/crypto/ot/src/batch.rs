//! Batches of random and of correlated OTs. They are not `Clone`: an OT is used once.

use std::fmt;

use veilflow_net::Channel;
use veilflow_prim::Block;
use veilflow_ring::Bits;

use crate::{OtError, Result};

/// The OT sender's half of a batch of random OTs: for each two independent random messages.
pub struct RotSender {
    /// Message 0 of each OT.
    pub zeros: Vec<Block>,
    /// Message 1 of each OT.
    pub ones: Vec<Block>,
}

/// The OT receiver's half of a batch of random OTs: for each a random choice, and the message that it
/// chooses.
pub struct RotReceiver {
    /// The choices.
    pub choices: Bits,
    /// The chosen messages.
    pub messages: Vec<Block>,
}

/// The OT sender's half of a batch of correlated OTs. The blocks of all OTs have one Δ: before use as masks
/// they must be hashed, or the receiver learns differences of them.
pub(crate) struct CotSender {
    /// The difference Δ of the two messages, the same in every batch of a session.
    pub(crate) delta: Block,
    /// Message 0 of each OT; message 1 is this ⊕ Δ.
    pub(crate) blocks: Vec<Block>,
}

/// The OT receiver's half of a batch of correlated OTs. A block may hold its choice in the lowest bit, so it
/// must be hashed before any of it is sent, even masked by another.
pub(crate) struct CotReceiver {
    /// The choices.
    pub(crate) choices: Bits,
    /// The sender's block, ⊕ Δ where the choice is 1.
    pub(crate) blocks: Vec<Block>,
}

impl fmt::Debug for RotSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RotSender(len {})", self.zeros.len())
    }
}

impl fmt::Debug for RotReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RotReceiver(len {})", self.messages.len())
    }
}

pub(crate) fn check_len(batch: usize, given: usize) -> Result<()> {
    if batch == given { Ok(()) } else { Err(OtError::Length { batch, given }) }
}

impl RotSender {
    /// Number of OTs.
    pub fn len(&self) -> usize {
        self.zeros.len()
    }

    /// Whether there are no OTs.
    pub fn is_empty(&self) -> bool {
        self.zeros.is_empty()
    }

    /// Receives, for each OT, whether the peer's choice differs from its random one, and swaps the messages
    /// where it does (Beaver, CRYPTO 1995). After this the peer knows the message of the index it chose.
    pub(crate) fn choose(mut self, channel: &mut Channel) -> Result<Self> {
        let bytes = channel.recv_vec(self.len().div_ceil(8))?;
        let flips = Bits::from_bytes(&bytes, self.len());
        for ((zero, one), flip) in self.zeros.iter_mut().zip(&mut self.ones).zip(flips.iter()) {
            let difference = (*zero ^ *one).and_bit(flip);
            *zero ^= difference;
            *one ^= difference;
        }
        Ok(self)
    }
}

impl RotReceiver {
    /// Number of OTs.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether there are no OTs.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// The peer of [`RotSender::choose`]: one bit an OT. Returns the message of each choice.
    pub(crate) fn choose(self, channel: &mut Channel, choices: &Bits) -> Result<Vec<Block>> {
        check_len(self.len(), choices.len())?;
        channel.send(&self.choices.xor(choices).to_bytes())?;
        channel.flush()?;
        Ok(self.messages)
    }
}
