//! What computing takes on the reference machine: declared prices, in nanoseconds of a thread's CPU time.
//!
//! The reference machine is one core of an Intel Xeon with AVX-512 IFMA and VAES, as in docs/benchmarks.md.
//! The prices are least-squares fits over the layers of SqueezeNet, EfficientNet-Lite0 and open_nsfw. A
//! prediction for a network is off by some 5 %, one for a layer by up to 30 %. The prices change predicted
//! seconds only, never what goes on the wire; docs/prices.md says how to fit them anew.

/// Oblivious transfers. Each price is the sender's, and the receiver's too.
pub(super) mod ot {
    /// Base OTs in both directions.
    pub(crate) const BASE: f64 = 22e6;
    /// Of the time that base OTs take, this part is making keys, which both parties do at once. In the rest
    /// one works on what the other has made.
    pub(crate) const KEYS_PART: f64 = 0.4;
    /// A byte that sets extensions up: the seeds that base OTs stand for.
    pub(crate) const SET_UP_BYTE: f64 = 37.0;
    /// An OT by SoftSpoken, beside its blocks.
    pub(crate) const SOFTSPOKEN: f64 = 17.0;
    /// A block of SoftSpoken's generator; an OT takes 2^k/k.
    pub(crate) const SOFTSPOKEN_BLOCK: f64 = 1.1;
    /// An OT by Ferret, beside what its parameter set declares.
    pub(crate) const FERRET: f64 = 1.5;
    /// A nanosecond that a parameter set of Ferret declares an OT to take.
    pub(crate) const FERRET_DECLARED: f64 = 1.3;
    /// An OT of which a 64-bit word is kept.
    pub(crate) const WORD: f64 = 4.0;
    /// A bit kept of other OTs.
    pub(crate) const BIT: f64 = 0.4;
    /// An element of a linear layer that goes through an OT.
    pub(crate) const ROW_ELEMENT: f64 = 1.5;
}

/// Homomorphic encryption, by [`HeWork`](veilflow_two_party::HeWork). A word is a coefficient modulo one
/// prime.
pub(super) mod he {
    /// A byte of public keys: the server checks it.
    pub(crate) const CHECK_KEY_BYTE: f64 = 1.7;
    /// A byte of public keys: the client makes it.
    pub(crate) const MAKE_KEY_BYTE: f64 = 3.0;
    /// A word of an input: the client encrypts it.
    pub(crate) const ENCRYPT_WORD: f64 = 19.0;
    /// An element: the client places it in an input.
    pub(crate) const PLACE_INPUT: f64 = 6.0;
    /// A word of an input: the server reads it.
    pub(crate) const READ_WORD: f64 = 14.0;
    /// A word of a weight polynomial: the server takes it to points.
    pub(crate) const TRANSFORM_WORD: f64 = 1.5;
    /// A word: the server multiplies it in points.
    pub(crate) const MULTIPLY_WORD: f64 = 1.0;
    /// A word: the server multiplies it by a monomial.
    pub(crate) const MONOMIAL_WORD: f64 = 0.21;
    /// A word of a product that shares its reply with others: the server packs it.
    pub(crate) const PACK_WORD: f64 = 33.0;
    /// A word of a reply: the server makes it.
    pub(crate) const REPLY_WORD: f64 = 23.5;
    /// A weight: the server places it in a polynomial.
    pub(crate) const PLACE_WEIGHT: f64 = 7.0;
    /// An element: the server finds it in a reply.
    pub(crate) const FIND_ELEMENT: f64 = 12.0;
    /// A word of a reply: the client decrypts it.
    pub(crate) const DECRYPT_WORD: f64 = 6.0;
    /// An element: the client finds it in a reply.
    pub(crate) const FIND_OUTPUT: f64 = 6.0;
}

/// How long a party that waits for a message sleeps beyond its arrival.
pub(super) mod wake {
    use std::time::Duration;

    /// On a simulated link, where it sleeps until the message is due.
    pub(crate) const ON_A_LINK: Duration = Duration::from_micros(80);
    /// On loopback, where the peer's message wakes it.
    pub(crate) const ON_LOOPBACK: Duration = Duration::from_micros(35);
}

/// The online phase. Each price is a party's.
pub(super) mod online {
    /// A message: sending it, receiving it and waking up.
    pub(crate) const MESSAGE: f64 = 8e3;
    /// A word of correlations that a protocol consumes.
    pub(crate) const WORD: f64 = 22.0;
    /// A byte sent by either party.
    pub(crate) const BYTE: f64 = 1.05;
    /// An element of a node's vectors.
    pub(crate) const ELEMENT: f64 = 0.65;
    /// A multiplication by a weight in the clear.
    pub(crate) const MULTIPLICATION: f64 = 0.09;
    /// The second-level cache of a core, in bytes. Vectors beyond it are fetched from further away, and are
    /// new pages each time.
    pub(crate) const CACHE_BYTES: f64 = 2e6;
    /// What of words, bytes and elements is added each time that a vector doubles beyond the cache, in
    /// proportion.
    pub(crate) const SPILL: f64 = 0.45;
}
