//! Polynomials by their residues, all coefficients of the first prime first, and the forms they are
//! multiplied in.

use zeroize::Zeroize;

/// How products are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Point by point, after transforms: a product costs the same whatever the weights.
    Points,
    /// Monomial by monomial, without transforms: for weight polynomials of few monomials.
    Coefficients,
}

/// By coefficients: all N, or some that were gathered.
#[derive(Clone)]
pub(crate) struct Poly {
    pub(crate) values: Vec<u64>,
}

/// By values at the roots of X^N + 1.
#[derive(Clone)]
pub(crate) struct NttPoly {
    pub(crate) values: Vec<u64>,
}

impl Zeroize for NttPoly {
    fn zeroize(&mut self) {
        self.values.zeroize();
    }
}
