//! Sessions between two parties in threads: what they learn, what they send, and what they refuse.

mod any_input;
mod network;
mod out_of_range;
mod parties;
mod recurrent;
mod refused;
mod selected;
mod shared;
