//! Polynomials by their residues, all coefficients of the first prime first.

use zeroize::Zeroize;

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
