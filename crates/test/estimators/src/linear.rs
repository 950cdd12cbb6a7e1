//! What it costs to solve linear equations over F_2.

/// The exponent of fast matrix multiplication that ePrint 2022/712 counts with.
pub const STRASSEN: f64 = 2.8;

/// log2 of x^2.8: dense elimination of x unknowns, as ePrint 2022/712 counts it.
pub fn dense(unknowns: f64) -> f64 {
    STRASSEN * unknowns.max(1.0).log2()
}

/// log2 of 3·x²·ℓ bit operations: block Wiedemann on x equations with ℓ unknowns each.
///
/// With blocks of N bits it makes 3x/N products of the matrix with a block, of x·ℓ additions of N bits. So
/// many vectors of a kernel, up to N, cost as much as one. The step that finds the recurrence, about x·N^1.8
/// times logarithms, is left out; so are the random accesses to memory.
pub fn sparse(unknowns: f64, locality: f64) -> f64 {
    (3.0 * locality).log2() + 2.0 * unknowns.max(1.0).log2()
}

/// The cheaper of [`dense`] and [`sparse`].
pub fn cheaper(unknowns: f64, locality: f64) -> f64 {
    dense(unknowns).min(sparse(unknowns, locality))
}
