//! Bit security of LPN with regular noise and a local code over F_2: what the known attacks cost.
//!
//! A [`Set`] has a secret of k bits, n = t · 2^d samples in t blocks of 2^d, one error in each block, and a
//! code that adds ℓ places of the secret to a sample (`locality`); t < k < n. Every attack has a file, which
//! says what the attack does, what it costs and who published it. Where the published cost counts dense
//! elimination of a code that is in fact sparse, the file has the attack twice: as published, and with
//! [`linear::sparse`].
//!
//! Bits are the logarithm of the number of bit operations. Memory is free, and costs of an iteration leave
//! out constants where the source does. An estimate is no proof: it says that the attacks listed cost this
//! much.

pub mod algebraic;
mod attacks;
mod estimate;
pub mod gauss;
pub mod hybrid;
pub mod isd;
pub mod linear;
mod math;
pub mod pool;
pub mod regular_isd;
mod search;
mod set;
pub mod statistical;
pub mod subcode;

pub use attacks::{estimates, estimates_with, generic, security};
pub use estimate::Estimate;
pub use search::Goal;
pub use set::Set;
