//! The hybrid attack on regular noise (ePrint 2025/1284): guess samples without errors, then solve quadratic
//! equations, since the product of two errors of a block is zero.
//!
//! The costs are those of the authors' program for F_2 (`hybrid_quick.py` of the estimators at
//! lpnestimator.com). In g blocks nothing is guessed, in f blocks u + 1 samples and in the other t − f − g
//! blocks u samples. The guess holds with the probability P = (1 − (u + 1)/b)^f · (1 − u/b)^(t − f − g), and
//! leaves n0 = k − t − (u + 1)f − u(t − f − g) unknowns. With w = (b − 1)g of them the errors of the g blocks
//! and v = n0 − w others, and r = n − k − (b − u − 2)·⌊(n − k)/(b − 1)⌋,
//!
//! - G1 = r·(n − k)·(r + n0): elimination,
//! - G2 = v⁴·n0² / 8 log2(v²/2): the equations made linear in the v, for which they must suffice: v ≤ √(2m) −
//!   2 with m = (t − f − g)·C(b − u − 1, 2) + f·C(b − u − 2, 2),
//! - G3 = 5/4·(2v²w + vw²) + (2.5v)³/log2(2.5v): the solution, for each of b^g places of the errors in the g
//!   blocks,
//!
//! bits = log2(G1 + G2 + b^g·G3) − log2 P.
//!
//! The sparse version takes the cheaper of G1 and [`linear::sparse`]: the n0 vectors of a kernel that say how
//! errors depend on the unknowns come in one go. It is ours.

use crate::{
    estimate::Estimate,
    linear,
    math::{log2_complement, log2_sum},
    set::Set,
};

/// More blocks would cost more than 2^200 guesses.
const MAX_BLOCKS: u64 = 20;

/// What is guessed and what is left.
struct Guess {
    /// Blocks where nothing is guessed.
    open: u64,
    /// u, the samples guessed in each other block, and f, the blocks with one more.
    each: u64,
    more: u64,
    /// v: unknowns of the quadratic equations.
    quadratic: u64,
}

impl Guess {
    /// The guess that leaves `open` blocks and `quadratic` unknowns, if there is one.
    fn new(set: &Set, open: u64, quadratic: u64) -> Option<Self> {
        let left = quadratic + (set.block_len() - 1) * open;
        let guessed = (set.secret - set.blocks).checked_sub(left)?;
        let blocks = set.blocks - open;
        let (each, more) = (guessed / blocks, guessed % blocks);
        (each + 3 < set.block_len()).then_some(Self { open, each, more, quadratic })
    }

    /// log2 of bits; `elimination` makes the cost of elimination from G1.
    fn cost(&self, set: &Set, elimination: impl Fn(f64) -> f64) -> Option<f64> {
        let [n, k, b] = [set.samples(), set.secret, set.block_len()].map(|x| x as f64);
        let [open, u, f, v] = [self.open, self.each, self.more, self.quadratic].map(|x| x as f64);
        let rest = set.blocks as f64 - open - f;
        let found = f * log2_complement((u + 1.0) / b) + rest * log2_complement(u / b);
        let w = (b - 1.0) * open;
        let n0 = v + w;
        let r = n - k - ((n - k) / (b - 1.0)).floor() * (b - u - 2.0);
        let g1 = elimination(r.max(1.0).log2() + (n - k).log2() + (r + n0).max(1.0).log2());
        if n0 == 0.0 {
            return Some(g1 - found);
        }
        let m = (rest * (b - u - 2.0) * (b - u - 1.0) + f * (b - u - 2.0) * (b - u - 3.0)) / 2.0;
        if v > (2.0 * m).sqrt() - 2.0 {
            return None;
        }
        let g2 = (v.powi(4) * n0 * n0 / 8.0 / (v * v / 2.0).max(2.0).log2()).max(1.0).log2();
        let solve = (2.5 * v).powi(3) / (2.5 * v).max(2.0).log2();
        let g3 = (1.25 * (2.0 * v * v * w + v * w * w) + solve).max(1.0).log2();
        Some(log2_sum(&[g1, g2, g3 + open * b.log2()]) - found)
    }
}

fn search(set: &Set, mut best: Estimate, elimination: impl Fn(f64) -> f64) -> Estimate {
    for open in 0..=MAX_BLOCKS.min(set.blocks - 1) {
        for quadratic in 0..8192 {
            let Some(guess) = Guess::new(set, open, quadratic) else { break };
            let Some(bits) = guess.cost(set, &elimination) else { break };
            best.improve(bits, || {
                let Guess { open, each, more, quadratic } = guess;
                format!("u = {each}, f = {more}, g = {open}, v = {quadratic}")
            });
        }
    }
    best
}

/// What the attack costs.
pub fn estimates(set: &Set) -> Vec<Estimate> {
    let sparse = linear::sparse((set.secret - set.blocks) as f64, f64::from(set.locality));
    vec![
        search(set, Estimate::impossible("hybrid", "ePrint 2025/1284"), |g1| g1),
        search(set, Estimate::impossible("hybrid, sparse", "ePrint 2025/1284, sparse solving"), |g1| {
            g1.min(sparse)
        }),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::tests::{ALL, B10};

    /// What the authors' formula has for emp-ot's sets, all choices tried. A comment in emp-ot states about
    /// 128.7 for `B10`; the formula of the program as published gives ten bits more.
    #[test]
    fn published_formula() {
        for (set, expected) in ALL.iter().zip([138.8, 142.4, 146.1, 149.3]) {
            let all = estimates(set);
            assert!((all[0].bits - expected).abs() < 0.1, "{set:?} {all:?}");
            assert!(all[1].bits < all[0].bits);
        }
    }

    #[test]
    fn a_choice_by_hand() {
        let guess = Guess::new(&B10, 5, 0).expect("a guess");
        assert_eq!((guess.each, guess.more), (70, 421));
        let bits = guess.cost(&B10, |g1| g1).expect("solvable");
        assert!((bits - 138.763450).abs() < 1e-5);
    }
}
