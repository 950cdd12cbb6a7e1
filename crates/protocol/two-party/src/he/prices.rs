//! The prices by which a layer's tiling is chosen. `docs/prices.md` says what they mean and how to refit
//! them; `tests/choices.rs` pins what they choose.

/// What the choice weighs, in nanoseconds of both parties' processors and of the link.
#[derive(Debug, Clone, Copy)]
pub(super) struct Prices {
    /// A byte on the link.
    pub(super) byte: f64,
    /// A level of butterflies of a transform, per coefficient of one prime, as all that follow.
    pub(super) butterfly: f64,
    /// A product in points, of both components of a ciphertext.
    pub(super) multiply: f64,
    /// A product with one monomial, of both components of a ciphertext.
    pub(super) monomial: f64,
    /// Making and reading a ciphertext, besides its transforms.
    pub(super) ciphertext: f64,
    /// A key switch, besides its transforms.
    pub(super) switch: f64,
}

impl Prices {
    /// Processors as measured on AVX-512 IFMA, and a link of 40 MB/s where none is given.
    pub(super) const MEASURED: Self =
        Self { byte: 25.0, butterfly: 0.15, multiply: 0.5, monomial: 0.15, ciphertext: 15.0, switch: 15.0 };
}
