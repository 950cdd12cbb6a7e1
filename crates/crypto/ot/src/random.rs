//! Random OTs, whichever extension makes them.

use std::fmt;

use veilflow_net::Channel;
use veilflow_prim::Block;
use veilflow_ring::Bits;

use crate::{Result, RotReceiver, RotSender};

/// Visits chunks at the OT sender: the offset of the first OT, and both messages of each OT.
pub type VisitSent<'v> = dyn FnMut(usize, &[Block], &[Block]) + 'v;

/// Visits chunks at the OT receiver: the offset of the first OT, the choices, and the message that each
/// chooses.
pub type VisitReceived<'v> = dyn FnMut(usize, &Bits, &[Block]) + 'v;

/// The OT sender of an extension.
pub trait RandomOtSender: fmt::Debug + Send {
    /// Whether the OT sender is the one that sends when OTs are made (Ferret); else the OT receiver does
    /// (SoftSpoken).
    ///
    /// A party that is sender in one direction and receiver in the other must first do the one in which it
    /// speaks. Otherwise both parties wait for each other.
    fn speaks(&self) -> bool;

    /// `count` random OTs in chunks of bounded memory. `visit` gets the offset of the chunk's first OT in
    /// this call, a multiple of 64, and both messages of each of its OTs. The peer calls one of the functions
    /// of [`RandomOtReceiver`] with the same count.
    ///
    /// # Errors
    /// A failure of the channel, [`OtError::Unusable`](crate::OtError::Unusable) after one.
    fn random_chunks(&mut self, channel: &mut Channel, count: usize, visit: &mut VisitSent<'_>)
    -> Result<()>;

    /// `count` random OTs.
    ///
    /// # Errors
    /// As for [`random_chunks`](Self::random_chunks).
    fn random(&mut self, channel: &mut Channel, count: usize) -> Result<RotSender> {
        let mut out = RotSender { zeros: Vec::with_capacity(count), ones: Vec::with_capacity(count) };
        self.random_chunks(channel, count, &mut |_, zeros, ones| {
            out.zeros.extend_from_slice(zeros);
            out.ones.extend_from_slice(ones);
        })?;
        Ok(out)
    }
}

/// The OT receiver of an extension.
pub trait RandomOtReceiver: fmt::Debug + Send {
    /// Whether the OT receiver is the one that sends: see [`RandomOtSender::speaks`].
    fn speaks(&self) -> bool;

    /// `count` random OTs in chunks of bounded memory. `visit` gets the offset of the chunk's first OT in
    /// this call, a multiple of 64, the choices of the chunk and the message that each chooses. The peer
    /// calls one of the functions of [`RandomOtSender`] with the same count.
    ///
    /// # Errors
    /// A failure of the channel, [`OtError::Unusable`](crate::OtError::Unusable) after one.
    fn random_chunks(
        &mut self,
        channel: &mut Channel,
        count: usize,
        visit: &mut VisitReceived<'_>,
    ) -> Result<()>;

    /// `count` random OTs.
    ///
    /// # Errors
    /// As for [`random_chunks`](Self::random_chunks).
    fn random(&mut self, channel: &mut Channel, count: usize) -> Result<RotReceiver> {
        let mut out = RotReceiver { choices: Bits::default(), messages: Vec::with_capacity(count) };
        self.random_chunks(channel, count, &mut |_, choices, messages| {
            out.choices.append(choices);
            out.messages.extend_from_slice(messages);
        })?;
        Ok(out)
    }
}
