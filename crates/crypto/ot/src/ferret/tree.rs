//! Correlated GGM trees and single-point correlated OT (Guo, Yang, Wang, Zhang, Xie, Liu, Zhao, "Half-Tree:
//! halving the cost of tree expansion in COT and DPF", EUROCRYPT 2023, figures 3 and 4).
//!
//! The children of a node x are H(x) and x ⊕ H(x), and the two nodes below the root add up to Δ. So does
//! every level, and an expansion is one cipher call a node. Let K_i be the sum of the left children of level
//! i, and K_i ⊕ Δ that of the right ones. For a tree of depth d the parties hold d correlated OTs, r_i on the
//! sender's side and r_i ⊕ b_i Δ on the receiver's. The sender sends r_i ⊕ K_i for each level, and nothing
//! else. The receiver adds its own block and has the sum of the side b_i. With the path that takes the other
//! side at every level, it knows all nodes beside the path. The sum of all leaves but the one at the end of
//! the path is that leaf ⊕ Δ.
//!
//! Children lie not beside each other but half a level apart, so that a level is two contiguous halves: the
//! place of a leaf has the bit of level i at weight 2^i.
//!
//! The receiver's memory accesses depend on its path, one place a level.

use veilflow_prim::{Block, CcrHash};

/// The sender's leaves, and the sums of the left nodes of each level. There are 2^`sums.len()` leaves.
pub(crate) fn full(hash: &CcrHash, root: Block, delta: Block, leaves: &mut [Block], sums: &mut [Block]) {
    (leaves[0], leaves[1], sums[0]) = (root, root ^ delta, root);
    for (level, sum) in sums.iter_mut().enumerate().skip(1) {
        let (low, high) = leaves[..2 << level].split_at_mut(1 << level);
        *sum = hash.children(low, high);
    }
}

/// The receiver's leaves: `sums` holds the sum of the left nodes, or of the right ones where the item comes
/// with true, of each level. Returns the place where the leaf is the sender's ⊕ Δ; elsewhere they are equal.
pub(crate) fn punctured(
    hash: &CcrHash,
    sums: impl IntoIterator<Item = (Block, bool)>,
    leaves: &mut [Block],
) -> usize {
    // The place of the missing node. Its level's known nodes add up to `total`.
    let (mut missing, mut total) = (0, Block::ZERO);
    leaves[0] = Block::ZERO;
    for (level, (sum, side)) in sums.into_iter().enumerate() {
        let width = 1 << level;
        let (low, high) = leaves[..2 * width].split_at_mut(width);
        let mut known = Block::ZERO;
        if level > 0 {
            // The missing node is zero here: both its children are H(0), which does not count.
            let left = hash.children(low, high);
            known = Block::select(left, left ^ total, side) ^ low[missing];
        }
        (low[missing], high[missing]) = (Block::ZERO, Block::ZERO);
        let sibling = sum ^ known;
        leaves[missing + width * usize::from(side)] = sibling;
        total ^= sibling;
        missing += width * usize::from(!side);
    }
    leaves[missing] = total;
    missing
}

#[cfg(test)]
mod tests {
    use super::*;
    use veilflow_prim::Prg;

    /// NIST SP 800-38A, F.1.1 (ECB-AES128), carried through a tree of depth 2 by hand: the two nodes under
    /// the root are chosen so that their σ are the first two plaintexts P of the vector; their left children
    /// are C ⊕ P.
    #[test]
    fn vector_derived_from_sp_800_38a() {
        let block = |x: u128| Block::from_bytes(x.to_be_bytes());
        let p =
            [0x6bc1_bee2_2e40_9f96_e93d_7e11_7393_172a, 0xae2d_8a57_1e03_ac9c_9eb7_6fac_45af_8e51].map(block);
        let c =
            [0x3ad7_7bb4_0d7a_3660_a89e_caf3_2466_ef97, 0xf5d3_d585_03b9_699d_e785_895a_96fd_baaf].map(block);
        // If σ(x) = A ‖ B then x = B ‖ (A ⊕ B).
        let x = p.map(|p| Block((p.0 << 64) | ((p.0 >> 64) ^ (p.0 & u128::from(u64::MAX)))));
        let hash = CcrHash::new(block(0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c));
        let (mut leaves, mut sums) = ([Block::ZERO; 4], [Block::ZERO; 2]);
        full(&hash, x[0], x[0] ^ x[1], &mut leaves, &mut sums);
        let left = [p[0] ^ c[0], p[1] ^ c[1]];
        assert!(leaves == [left[0], left[1], x[0] ^ left[0], x[1] ^ left[1]]);
        assert!(sums == [x[0], left[0] ^ left[1]]);
    }

    /// The leaves by recursion on single nodes.
    fn naive(hash: &CcrHash, node: Block, level: usize, depth: usize, place: usize, out: &mut [Block]) {
        if level == depth {
            out[place] = node;
            return;
        }
        let (mut left, mut right) = ([node], [Block::ZERO]);
        hash.children(&mut left, &mut right);
        naive(hash, left[0], level + 1, depth, place, out);
        naive(hash, right[0], level + 1, depth, place | 1 << level, out);
    }

    #[test]
    fn leaves_agree_but_for_delta_at_every_place() {
        let mut prg = Prg::from_seed(Block(11));
        for depth in 1..=7 {
            let hash = CcrHash::new(prg.block());
            let (root, delta) = (prg.block(), prg.block());
            let mut leaves = vec![Block::ZERO; 1 << depth];
            let mut sums = vec![Block::ZERO; depth];
            full(&hash, root, delta, &mut leaves, &mut sums);
            let mut want = leaves.clone();
            naive(&hash, root, 1, depth, 0, &mut want);
            naive(&hash, root ^ delta, 1, depth, 1, &mut want);
            assert!(leaves == want, "depth {depth}");
            assert!(leaves.iter().fold(delta, |sum, &leaf| sum ^ leaf) == Block::ZERO, "depth {depth}");

            for place in 0..1 << depth {
                let sides = (0..depth).map(|level| place >> level & 1 == 0);
                let known = sums.iter().zip(sides).map(|(&sum, side)| (sum ^ delta.and_bit(side), side));
                let mut got = vec![prg.block(); 1 << depth];
                assert_eq!(punctured(&hash, known, &mut got), place, "depth {depth}");
                got[place] ^= delta;
                assert!(got == leaves, "depth {depth}, place {place}");
            }
        }
    }
}
