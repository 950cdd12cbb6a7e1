//! Ferret silent OT (Yang, Weng, Lan, Zhang, Wang, "Ferret: fast extension for correlated OT with small
//! communication", CCS 2020), semi-honest, with regular noise.
//!
//! An iteration turns k + t·d correlated OTs into n = t·2^d, by t messages of d blocks from the OT sender:
//! 1. For each of t trees, d of them become 2^d correlated OTs whose choice is 1 in a single place: the noise
//!    (module `tree`). The places are random, so the receiver sends nothing.
//! 2. The other k are the secret of an instance of learning parity with noise. A public 10-local linear code
//!    takes them to n blocks, which are added to those of the trees (module `lpn`). The choices become secret
//!    · matrix + noise, pseudorandom to the OT sender by the assumption, and the relation by Δ is linear.
//! 3. Of the n, as many as the next iteration needs are kept for it.
//!
//! All happens tree by tree: 2^d OTs are made, encoded, hashed and handed out before the next. Nothing is
//! sent that is not used. Memory holds one tree and the bases of one iteration, of two while it refills the
//! next (16 bytes each; at most 2.6 MB for [`LpnSet::B9`], 35 MB for [`LpnSet::B13`]).
//!
//! # The choice bit
//! Δ has its lowest bit set, and the sender's blocks have it clear. So the receiver's blocks hold the choice
//! there, and choices go through the linear code at no cost. Δ keeps 127 bits of entropy. A receiver's block
//! is a secret that no one may see even in part, so blocks leave this module only hashed.
//!
//! # Separation
//! Keys of the trees (one a tree), of the hash (one for 16 OTs) and of the matrix come from a nonce. The
//! set-up takes it from the transcript of the base OTs, and an instance whose bases another made takes it
//! from that one's nonce. Trees and OTs are numbered through. So no key is used twice with one Δ. An error
//! leaves an instance unusable, as OTs may have been used up on one side only.
//!
//! Model: the parties are semi-honest. Assumptions are those of SoftSpoken OT for the set-up, LPN with
//! regular noise ([`LpnSet`]), and AES as an ideal cipher (tree and hash). The OT sender receives nothing
//! after the set-up. The OT receiver sees for each level of a tree one sum of nodes, masked by a block that
//! it knows up to Δ. It can unmask the sum of its choice.

mod instance;
mod lpn;
mod params;
mod plan;
mod receiver;
mod sender;
#[cfg(test)]
mod tests;
mod tree;

pub use params::LpnSet;
pub(crate) use plan::FerretForecast;
pub use plan::FerretPlan;
pub(crate) use receiver::FerretReceiver;
pub(crate) use sender::FerretSender;
