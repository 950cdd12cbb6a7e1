//! Suppliers of correlations for two parties.
//!
//! Both implement [`Supplier`](veilflow_correlation::Supplier) and are secure against semi-honest parties. A
//! plan says how a supplier works; both parties derive the same one from public needs and the link.
//!
//! | supplier | plan | bits and elements | pairs for linear layers |
//! |---|---|---|---|
//! | [`OtSupplier`] | [`OtPlan`] | random OTs | correlated OT (CrypTFlow2's SCI-OT) |
//! | [`HeSupplier`] | [`HePlan`] | the same | homomorphic encryption |
//!
//! Costs are known before a supplier is made: [`OtPlan::costs`] and [`HePlan::costs`] give the conversations
//! to the byte, [`OtWork`] and [`HeWork`] count what is computed. A server that serves many sessions keeps
//! transformed weights in a [`WeightCache`].
//!
//! # Pairs for linear layers
//! A pair lets a linear layer $y = W x$ over $\mathbb{Z}_{2^\ell}$ be computed online for one opening of a
//! masked $x$. The server, which has $W$, gets a uniform $s$; the client gets a uniform mask $r$ and $W r -
//! s$.
//!
//! - *By homomorphic encryption* ([`HeClient`], [`HeServer`]) the client encrypts, and $r$ is what encryption
//!   chose. The server multiplies by $W$, floods and re-randomises the product, keeps its leading bits as $s$
//!   and replies with the rest. The client decrypts $W r - s$ exactly. The server sees ciphertexts. The
//!   client sees products whose noise floods hide, within $2^{-40}$ over all values of a run.
//! - *By OT* every bit of $W$ is the choice of a correlated OT on rows of $r$. With $f_i$ the value of bit
//!   $i$, the server gets $x_i + \mathrm{bit}_i \cdot \mathrm{row}$ for the client's random $x_i$, so $s = W
//!   r + \sum f_i x_i$. The server sees masked rows, the client masked bits.
//!
//! # How a layer is cut
//! [`HeSuite::for_layers`] cuts each layer into negacyclic products $\mathbb{Z}_Q\[X\]/(X^N + 1)$ in the
//! cheapest way that fits, by declared prices (`docs/prices.md`), and sets up the keys that the cuts use. The
//! noise arithmetic is in `docs/homomorphic-linear-layers.md`.

mod error;
mod he;
mod ot;

pub use he::{HeClient, HeCosts, HePlan, HeServer, HeSuite, HeSupplier, HeWork, WeightCache};
pub use ot::{OtCosts, OtPlan, OtSupplier, OtWork};
pub use veilflow_he::hiding::Distance;
