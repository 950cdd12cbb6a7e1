//! The exact traffic of every function that talks.

use veilflow_ring::{Ring, packed_len};

use crate::{
    Result,
    base::{SENDER_MESSAGE_LEN, receiver_message_len},
    softspoken::{CHUNK, ROWS, check_k},
};

/// Bytes that each side of an oblivious transfer sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes from the OT sender.
    pub sender: u64,
    /// Bytes from the OT receiver.
    pub receiver: u64,
}

impl Traffic {
    /// Bytes in both directions.
    pub fn bytes(self) -> u64 {
        self.sender + self.receiver
    }
}

/// The set-up of SoftSpoken OT in one direction with parameter `k`: 2 rounds, 1 if `k` is 1.
pub(crate) fn setup_bytes(k: usize) -> Result<Traffic> {
    check_k(k)?;
    let corrections = 32 * (k - 1) * (ROWS / k);
    Ok(Traffic {
        sender: (1 + receiver_message_len(ROWS)) as u64,
        receiver: (1 + SENDER_MESSAGE_LEN + corrections) as u64,
    })
}

/// An extension of SoftSpoken OT by `count` random or correlated OTs: one message.
pub(crate) fn softspoken_bytes(k: usize, count: usize) -> Result<Traffic> {
    check_k(k)?;
    let row = count / CHUNK * (CHUNK / 8) + (count % CHUNK).div_ceil(8);
    Ok(Traffic { sender: 0, receiver: ((ROWS / k - 1) * row) as u64 })
}

/// Correlated OT with chosen choices on `count` random OTs, of vectors of `width` elements of `ring`: 2
/// messages.
pub fn cot_bytes(ring: Ring, count: usize, width: usize) -> Traffic {
    Traffic { sender: packed_len(ring, count * width) as u64, receiver: count.div_ceil(8) as u64 }
}
