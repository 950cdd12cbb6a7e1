//! Correlations from a third party, in the model of CrypTFlow's Porthos (IEEE S&P 2020, §5): the **helper**
//! holds no data, follows the protocol, and colludes with neither server nor client. [`HelperSupplier`] is a
//! party's side, [`Helper`] the third party's.
//!
//! # Protocol
//! Server P0 and client P1 draw a session id together. Each then agrees with the helper on a key of its own,
//! k₀ and k₁, fresh for every session. The two parties have no key in common but the one that masks weights
//! (below). For batch number j each party expands what it can from a stream of its key and j, and the helper
//! expands both streams. The helper then sends one party a *correction*: what the relation between the two
//! halves forces, and nothing else. [`Correlation`](veilflow_correlation::Correlation) states the scheme.
//! Each kind of correlation states who expands what, who is corrected and what masks the correction.
//!
//! # Linear layers
//! Of a layer with weights W, the party that holds them (the *holder*) gets s, and the *other* party gets r
//! and W·r − s. Either party can be the holder. A mask A, uniform and of W's shape, hides W from the helper.
//! The holder expands A from a *mask seed* of its own, which it tells the other party when the session
//! begins, and gives the helper M = W − A. In each run
//!
//! - the helper expands r and s, both fresh, and sends the other party M·r − s, an element an output;
//! - the other party, which knows A and r, adds A·r. The sum is W·r − s. The holder does nothing: it has s.
//!
//! The holder sends M once for each layer, when the first request for it is due. It may go on using one mask
//! seed for a model, in any number of sessions and with different peers ([`WeightMasks`]), and the helper may
//! keep M from session to session. Then a layer costs no more than its correction. When a session begins, the
//! holder shows the helper a *token* that names the model. The helper answers which layers it has, and drops
//! none of them before the session ends. For room it drops the model that was least recently used, as a whole
//! ([`HelperOptions::keep`]); its layers then come again. The holder notes a hash of each layer's weights,
//! and refuses other weights under the same mask: W − A and W′ − A would give W − W′ away.
//!
//! Where both parties hold weights, as where each has a share of them, a layer has a pair for each holder.
//!
//! The client asks, and the helper answers in order. A plan is
//! [announced](veilflow_correlation::Supplier::announce) as a whole, so the helper works ahead, until its
//! bounded queue to a party is full or a layer's M is missing. A holder sends M when it comes to the request
//! that needs it. By then the holder has taken in all that the helper sent it before. The other party will do
//! so too, without the holder's help. So the helper, which waits for nothing else, gets to that request as
//! well: nobody waits in a circle.
//!
//! # What each side sees
//! - **Helper**: session id, public keys, tokens, the client's requests (kinds, counts and shapes, all from
//!   the public plan), and M for each layer that it meets for the first time. A simulator draws M at random:
//!   A is the stream of a seed that the helper is never sent, used for this W only, so W − A is uniform to
//!   it. Nothing else depends on weights, and nothing at all on the input or on what the parties compute. By
//!   tokens it knows which sessions run one model. It knows every other mask. So whoever shows it what server
//!   and client send each other gives input and weights away: the two must not be on a network that the
//!   helper can read, or must use a tunnel between them.
//! - **Holder** of a layer's weights: of that layer, only which M the helper still had. From that it may
//!   learn how much others use the helper.
//! - **Other party**: the mask seed, which is independent of W, and M·r − s, which is uniform in each run
//!   anew, as s is. It never sees M, so W stays hidden however many runs and sessions use A. Nor can it have
//!   the helper use M: the token is drawn apart from the seed, and the holder tells it to helpers only.
//! - **Either party**: corrections. Each is masked by a part of the peer's stream that this party cannot
//!   expand and that nothing else uses, or is itself such a part, as the entry of a random table is. A
//!   layer's is masked by s. All are uniform given the rest of the party's view: a simulator draws them at
//!   random.
//! - **Whoever reads the wire** between a party and the helper: M and the token are padded by streams of that
//!   party's session key. So it sees nothing but sizes, even with the mask seed, which all clients of a
//!   server know.
//!
//! # Collusion
//! The helper together with one party can compute all that the other hides from both. Kept masks stretch this
//! over time: M and the mask seed together are W, so **the helper and any one peer that has ever had the
//! seed** know the weights. They may meet only after all sessions have ended, as long as the one still has M
//! and the other the seed. A holder that does not want this gives no [`WeightMasks`] to
//! [`HelperSupplier::setup`]. Its seed is then fresh for the session, and the helper forgets M at the
//! session's end.
//!
//! Keys are agreed on by Diffie–Hellman on Ristretto255, so that a mere reader of the wire learns no mask. As
//! everywhere in the semi-honest model nothing authenticates the peer; a tunnel does. Keys, streams, pads and
//! weight masks are separated by purpose, session, role, batch number and the batch's description, and weight
//! masks by their owner's seed and the description. Numbers are 64-bit and checked: running out is an error.
//! Every message after the hello names its session. Batches, weights and what is known also name their number
//! and length.
//!
//! # Not done yet
//! A comparison that is not a rectifier's opens products of its digits' bits
//! ([`Leaf`](veilflow_correlation::Leaf)). Were its operands opened masked, as a rectifier's are, each digit
//! of 3 bits would take 3 bits less.

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
