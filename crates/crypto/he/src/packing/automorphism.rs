//! The automorphisms X → X^g.

/// The exponent g of level s.
pub(super) fn exponent(degree: usize, level: u32) -> usize {
    ((2 * degree) >> level) + 1
}

/// Calls `place` with the index of every coefficient, its place after X → X^g, and whether its sign turns.
pub(super) fn permute(degree: usize, g: usize, mut place: impl FnMut(usize, usize, bool)) {
    let mut to = 0;
    for from in 0..degree {
        place(from, to & (degree - 1), to & degree != 0);
        to = (to + g) & (2 * degree - 1);
    }
}
