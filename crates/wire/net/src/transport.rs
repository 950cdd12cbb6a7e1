//! The byte streams beneath a channel.

use std::time::Duration;

use crate::Result;

/// An ordered, reliable stream of bytes in each direction, beneath a [`Channel`](crate::Channel).
///
/// The library's own are memory and TCP. Tests wrap one with
/// [`Channel::map_transport`](crate::Channel::map_transport) to truncate, flip, drop or stall bytes.
pub trait Transport: Send {
    /// Queues one whole frame, header and payload, for delivery. Returns before the peer reads it, so that
    /// both parties may send at once; waits at most `timeout` for room in the queue.
    fn write(&mut self, frame: Vec<u8>, timeout: Duration) -> Result<()>;

    /// Waits at most `timeout` for bytes and copies between one and `out.len()` of them to the front of
    /// `out`, which is not empty. Returns their number.
    ///
    /// # Errors
    /// [`NetError::Closed`](crate::NetError::Closed) after the peer's last byte,
    /// [`NetError::Timeout`](crate::NetError::Timeout) when none came.
    fn read(&mut self, out: &mut [u8], timeout: Duration) -> Result<usize>;

    /// Opens another stream to the same peer, whose n-th call on its end of this stream yields the other
    /// end. Waits at most `timeout`.
    fn fork(&mut self, timeout: Duration) -> Result<Box<dyn Transport>>;
}
