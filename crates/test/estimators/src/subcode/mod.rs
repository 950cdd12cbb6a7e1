//! Sub-code attacks on a local code: find a small set S of places of the secret such that at least |S|
//! samples add up places in S alone, guess that these have no errors, and solve for S.
//!
//! No publication is known to us; the attack follows from the code being local, and does not apply to the
//! dense codes that other estimates suppose. Finding a good S is heuristic: [`Simulation`] removes the place
//! that the fewest remaining samples use, again and again. At each size of S on the way,
//!
//! bits = solve(|S|) − t · log2(1 − (|S| + slack) / n) + missing,
//!
//! where `missing` secret places are guessed if there are fewer samples than |S| + slack. The samples are
//! taken evenly from the blocks, as well as the attack could wish: at these sizes, the uneven numbers that
//! remain cost it less than a tenth of a bit. The rest of the secret follows easily once S is known.
//!
//! `sub-code ISD` lets some of the samples have errors, with the lists of [`crate::regular_isd`] on the
//! parity checks of the sub-code, as in [`crate::pool`].
//!
//! `sub-code statistics` takes the sums of samples that cancel in S: vectors of a kernel, which have half of
//! the |S| samples each, and a bias of (1 − 2w/2^d)^t for w = |S|/2t. It needs as many as the inverse square
//! of that; that each costs one operation is a lower bound. Lighter vectors exist, but we know of no way to
//! find them.
//!
//! `sub-code AGB 2.0` is [`crate::algebraic`] on the samples of a sub-code, as if each block had exactly one
//! error among them; a block may have none, so it is a lower bound.
//!
//! [`floor`] bounds what better ways to find S could gain.

mod attacks;
mod floor;
mod graph;
mod simulation;

pub use attacks::estimates;
pub use floor::{floor, least_share};
pub use simulation::{Simulation, Trajectories};
