//! Channels over TCP, one connection a stream.
//!
//! The client dials one connection for the session and one more for each fork. Each starts with a
//! [preamble] of 36 bytes, by which the server's acceptor routes it: to `accept` when it opens a
//! session, to the fork that waits for it otherwise. Anything else is dropped.

mod accept;
mod connect;
mod dial;
mod listening;
mod preamble;
mod registry;
mod stream;

pub use accept::TcpAcceptor;
pub use connect::{tcp_connect, tcp_connect_with};
