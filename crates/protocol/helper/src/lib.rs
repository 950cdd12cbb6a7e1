//! Correlations from a third party, in the model of CrypTFlow's Porthos (IEEE S&P 2020, §5): the **helper** holds no data,
//! follows the protocol, and colludes with neither server nor client. [`HelperSupplier`] is a party's side, [`Helper`] the
//! third party's.
//!
//! # Protocol
//! Server P0 and client P1 draw a session id together. Each then agrees with the helper on a key of its own, k₀ and k₁, fresh
//! for every session; the two need no key in common, as there is nothing that both may expand. For batch number j each
//! expands what it can, a stream of its key and j, and the helper expands both. Only what the relation between the parts
//! forces is sent, to one party:
//!
//! | correlation | P0 or sender expands | P1 or receiver expands | helper sends |
//! |---|---|---|---|
//! | triple, m products | f₀, g₀ | f₁, g₁, h₁ | P0: h₀ = (f₀ ⊕ f₁)·(g₀ ⊕ g₁) ⊕ h₁, m bits |
//! | private product of bits | a, u | b | receiver: v = a·b ⊕ u, 1 bit |
//! | product in Z_2^w | α, u | c | receiver: v = c·α − u, w bits |
//! | product of private bits in Z_2^w | a, u | b | P1: v = a·b − u, w bits |
//! | 1-of-2^d table, p bits each | all entries | index | receiver: the entry, p bits |
//! | rectifier | ρ₀, b₀, t₀ | ρ₁, shares | P0: digits of ρ₀ + ρ₁ as one-hot rows; b, b·ρ, t, b·t; all less P1's shares |
//! | leaf, 1 or 2 sums | m₁.. | n₁.., shares | P0: the sums ⊕ P1's shares, 1 or 2 bits |
//! | triple in Z_2^w | a₀, b₀ | a₁, b₁, c₁ | P0: c₀ = (a₀ + a₁)·(b₀ + b₁) − c₁, w bits |
//! | one-hot of m bits | ρ₀ | ρ₁, P1's rows | P0: [ρ₀ ⊕ ρ₁ = j] ⊕ P1's row j for j ≥ 1, 2^m − 1 bits |
//! | mask digits | ρ₀ | ρ₁, P1's rows | P0: [digit = v] of ρ₀ + ρ₁ ⊕ P1's rows, 2^d − 1 bits a digit of d bits |
//! | linear layer | s; A | r | P1: A·r − s, an element an output |
//!
//! For a linear layer A is uniform and of the shape of the weights W, the same for all runs of a session (a stream of k₀ and
//! of the layer). The first time, the server sends W − A to the client. Then (W − A)·r + (A·r − s) = W·r − s is the client's
//! half of the pair, and s, fresh like r in each run, the server's. Online nothing changes.
//!
//! The client asks, the helper answers in order; a plan is [announced](veilflow_correlation::Supplier::announce) as a whole,
//! so the helper works ahead, until its bounded queue to a party is full.
//!
//! # What each side sees
//! - **Helper**: session id, two public keys, and the client's requests: kinds, counts and shapes, all from the public plan.
//!   It is sent nothing that depends on weights or input, so it learns nothing about them. It knows every mask, so whoever
//!   shows it what server and client send each other gives both away: they must not be on a network that the helper can
//!   read, or must use a tunnel between them.
//! - **Server**: corrections. Each is masked by a part of the client's stream that the server cannot expand and that nothing
//!   else uses (h₁, u, c₁, rows, shares), or is itself such a part (the entry of a random table). All are uniform given the rest of
//!   its view: a simulator draws them at random.
//! - **Client**: likewise by the server's stream; W − A is uniform as A is, and A·r − s as s is, in each run anew. A occurs in
//!   nothing else that the client sees, so W stays hidden however many runs reuse A. The weights of a layer must
//!   be the same throughout a session (W − A and W′ − A would give W − W′ away): the server refuses others.
//!
//! Keys are agreed on by Diffie–Hellman on Ristretto255, so that who only reads a wire learns no mask; as everywhere in the
//! semi-honest model nothing authenticates the peer, which a tunnel does. Keys, streams and weight masks are separated by
//! purpose, session, role, batch number, and the batch's description. Numbers are 64-bit and checked: running out is an
//! error. Every message names session and number, and every answer its length.
//!
//! Were a mask A to be kept for a model instead of a session, W − A could be given to clients once, as a file: the cost
//! would then be the correction alone. It is not done, since the helper could then be made to give the weights away long
//! after a session has ended.
//!
//! # Not done yet
//! Two rectifiers of values that differ by a public constant, as in a clip,
//! could share one opening and the digits dealt for it.

mod batch;
mod error;
mod helper;
mod job;
mod key;
mod message;
mod supplier;

pub use error::{HelperError, Result};
pub use helper::{Helper, HelperOptions, Served, Session};
pub use supplier::{HelperCosts, HelperSupplier};
