//! Correlations from a third party, in the model of CrypTFlow's Porthos (IEEE S&P 2020, §5): the **helper** holds no data,
//! follows the protocol, and colludes with neither server nor client. [`HelperSupplier`] is a party's side, [`Helper`] the
//! third party's.
//!
//! # Protocol
//! Server P0 and client P1 draw a session id together. Each then agrees with the helper on a key of its own, k₀ and k₁, fresh
//! for every session; the two have no key in common but what masks weights (below). For batch number j each
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
//! | linear layer, P0 holds the weights | s | r | P1: M·r − s, an element an output |
//!
//! # Linear layers
//! Of a layer with weights W, who holds them (the *holder*) gets s, the *other* party r and W·r − s; either party can be the
//! holder. A mask A, uniform and of W's shape, hides W from the helper. The holder expands it from a *mask seed* of its own,
//! which it tells the other party when the session begins, and gives the helper M = W − A. In each run
//!
//! - the helper expands r and s, both fresh, and sends the other party M·r − s;
//! - the other party, which knows A and r, adds A·r. The sum is W·r − s. The holder does nothing: it has s.
//!
//! M comes once for each layer, when the first request for it is due. The holder may go on using one mask seed for a model,
//! in any number of sessions and with different peers ([`WeightMasks`]), and the helper keep M from session to session: then
//! a layer costs no more than its correction. At the beginning of a session the holder shows the helper a *token* that names
//! the model, and the helper answers which layers it has, which it then does not drop before the session ends. For room it
//! drops, as a whole, the model that was least recently used ([`HelperOptions::keep`]); its layers then come again. The
//! holder notes a hash of each layer's weights, and refuses others under the same mask: W − A and W′ − A would give W − W′
//! away.
//!
//! Where both parties hold weights, as where each has a share of them, a layer has a pair for each holder.
//!
//! The client asks, the helper answers in order; a plan is [announced](veilflow_correlation::Supplier::announce) as a whole,
//! so the helper works ahead, until its bounded queue to a party is full or a layer's M is missing. A holder sends M when it
//! comes to the request that needs it. It has by then taken in all that the helper sent it before, as the other party will
//! without its help, so the helper, which waits for nothing else, gets to that request too: nobody waits in a circle.
//!
//! # What each side sees
//! - **Helper**: session id, public keys, tokens, the client's requests (kinds, counts and shapes, all from the public
//!   plan), and M for each layer of which it is the first time. A simulator draws M at random: A is the stream of a seed
//!   that the helper is never sent, used for this W only, so W − A is uniform to it. Nothing else depends on weights, and
//!   nothing at all on the input or on what the parties compute. By tokens it knows which sessions run one model. It knows
//!   every other mask, so whoever shows it what server and client send each other gives input and weights away: they must
//!   not be on a network that the helper can read, or must use a tunnel between them.
//! - **Holder** of a layer's weights: of that layer, only which M the helper still had. From that it may learn how much
//!   others use the helper.
//! - **Other party**: the mask seed, which is independent of W, and M·r − s, uniform as s is, in each run anew. It never
//!   sees M, so W stays hidden however many runs and sessions use A. Nor can it have the helper use M: the token is drawn
//!   apart from the seed, and the holder tells it to helpers only.
//! - **Either party**: corrections. Each is masked by a part of the peer's stream that this party cannot expand and that
//!   nothing else uses (h₁, u, c₁, rows, shares, s), or is itself such a part (the entry of a random table). All are uniform given the
//!   rest of its view: a simulator draws them at random.
//! - **Who reads the wire** between a party and the helper: M and the token are padded by streams of that party's session
//!   key, so it sees nothing but sizes, even with the mask seed, which all clients of a server know.
//!
//! # Collusion
//! The helper together with one party can compute all that the other hides from both. Kept masks stretch this over time: M
//! and the mask seed together are W, so **the helper and any one peer that has ever had the seed** know the weights, even if
//! they meet only after all sessions have ended, for as long as the one still has M and the other the seed. A holder that
//! does not want this gives no [`WeightMasks`] to [`HelperSupplier::setup`]: its seed is then fresh for the session, and the
//! helper forgets M at its end.
//!
//! Keys are agreed on by Diffie–Hellman on Ristretto255, so that who only reads a wire learns no mask; as everywhere in the
//! semi-honest model nothing authenticates the peer, which a tunnel does. Keys, streams, pads and weight masks are separated
//! by purpose, session, role, batch number, and the batch's description; weight masks by their owner's seed and the
//! description. Numbers are 64-bit and checked: running out is an error. Every message after the hello names its session;
//! batches, weights and what is known also their number and length.
//!
//! # Not done yet
//! A comparison that is not a rectifier's opens products of its digits' bits ([`Kind::Leaf`](veilflow_correlation::Kind::Leaf)). Were
//! its operands opened masked, as a rectifier's are, each digit of 3 bits would take 3 bits less.

mod costs;
mod error;
mod greeting;
mod helper;
mod inbox;
mod job;
mod key;
mod layer;
mod masks;
mod message;
mod party;
mod places;
mod session;
mod store;
mod supplier;

pub use costs::HelperCosts;
pub use error::{HelperError, Result};
pub use helper::{Helper, HelperOptions};
pub use masks::WeightMasks;
pub use session::{Served, Session};
pub use supplier::HelperSupplier;
