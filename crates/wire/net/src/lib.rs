//! Metered blocking channels between two parties: memory, TCP, shaped links, the handshake.
//!
//! ```
//! use veilflow_net::{Hello, Role, handshake, memory_pair};
//!
//! let (mut server, mut client) = memory_pair();
//! let hello = Hello::new([0; 32]).with("supplier", "ot");
//! std::thread::scope(|scope| {
//!     scope.spawn(|| {
//!         handshake(&mut server, Role::P0, &hello)?;
//!         server.send(b"masked")?;
//!         server.flush()
//!     });
//!     handshake(&mut client, Role::P1, &hello)?;
//!     assert_eq!(client.recv_vec(6)?, b"masked");
//!     // The handshake took one round; the message does depend on the client's hello, so it is the second.
//!     assert_eq!(client.meter().rounds, 2);
//!     veilflow_net::Result::Ok(())
//! })?;
//! # veilflow_net::Result::Ok(())
//! ```
//!
//! # Rounds
//! What is flushed leaves as frames of at most 256 KiB, each behind a header of 12 bytes that holds its
//! *depth*, a Lamport clock (Lamport, CACM 1978):
//!
//! $$ \mathrm{depth}(f) = 1 + \max_{g \text{ received before } f \text{ is sent}} \mathrm{depth}(g) $$
//!
//! The largest depth sent or received is therefore the length of the longest chain of dependent messages,
//! which is what papers call rounds: a simultaneous exchange is one, a ping with its pong two, and a fork's
//! rounds overlap with its siblings'. Buffering does not change them, nor does timing.
//!
//! The meter's bytes are payload. The headers add 12 bytes for each flush, or each 256 KiB if that is more.
//!
//! # Waiting
//! Every wait has a deadline, and each call that fails says why: the peer closed, stayed silent, read too
//! slowly, or sent garbage. A call to [`Channel::recv`] flushes its own channel only, so flush a channel
//! before waiting on a fork of it if the peer needs what you sent to answer.
//!
//! Two parties may send to each other at once: sending returns once the bytes are queued. A stream's queue
//! holds 256 MiB unless told otherwise, so only parties that both send more than that before either receives
//! come to a deadline.
//!
//! # What is not protected
//! Channels are neither encrypted nor authenticated: run them inside a tunnel when the network is not
//! trusted. The checks on frames and hellos catch accidents, not attacks.

mod channel;
mod error;
mod frame;
mod handshake;
mod link;
mod memory;
mod meter;
mod queue;
mod role;
mod tcp;
mod transport;

pub use channel::Channel;
pub use error::{NetError, Result};
pub use handshake::{Hello, PROTOCOL_VERSION, handshake};
pub use link::{LinkOptions, LinkShape};
pub use memory::{memory_pair, memory_pair_with};
pub use meter::Meter;
pub use role::Role;
pub use tcp::{TcpAcceptor, tcp_connect, tcp_connect_with};
pub use transport::Transport;
