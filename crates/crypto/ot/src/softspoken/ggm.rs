//! Punctured pseudorandom functions by the tree of Goldreich, Goldwasser and Micali: from k base OTs, one
//! party gets 2^k random leaves, the other all but one of its choice (Boyle et al.,
//! "Efficient two-round OT extension and silent non-interactive secure computation", CCS 2019).
//!
//! The base OT keys of level 0 are the two nodes below the root. At each further level the full side sends
//! the sum of all left and of all right children, each under one key of the level's base OT. The punctured
//! side knows all nodes but the one on its path, so all children but two. It has the key of the sum with the
//! sibling of the path, and subtracts what it knows. It never learns a node of the path, nor the other sum.
//! The full side learns nothing of where the path goes.
//!
//! Nodes are expanded with the session's salt ([`Prg::salted`]).
//!
//! The punctured side's own computation is not constant-time in its path. It runs once, in the setup.

use veilflow_prim::{Block, Prg};
use zeroize::Zeroizing;

type Nodes = Zeroizing<Vec<Block>>;

/// The children of every node, in order.
fn children(nodes: &[Block], salt: u64) -> Nodes {
    let mut out = Zeroizing::new(vec![Block::ZERO; 2 * nodes.len()]);
    for (&seed, pair) in nodes.iter().zip(out.chunks_exact_mut(2)) {
        Prg::salted(seed, salt).blocks(pair);
    }
    out
}

/// The sum of the children on one side: 0 left, 1 right.
fn side_sum(nodes: &[Block], side: usize) -> Block {
    nodes.iter().skip(side).step_by(2).fold(Block::ZERO, |sum, &node| sum ^ node)
}

/// All 2^k leaves, and the corrections to send: two blocks for each level after the first.
pub(super) fn full(keys: &[[Block; 2]], salt: u64) -> (Nodes, Vec<Block>) {
    let mut nodes = Zeroizing::new(keys[0].to_vec());
    let mut corrections = Vec::with_capacity(2 * (keys.len() - 1));
    for key in &keys[1..] {
        nodes = children(&nodes, salt);
        corrections.extend([0, 1].map(|side| side_sum(&nodes, side) ^ key[side]));
    }
    (nodes, corrections)
}

/// The leaves with zero at the missing one, and its place. `choices` are those of the base OTs; the place in
/// binary, most significant bit first, is their complement.
pub(super) fn punctured(
    keys: &[Block],
    choices: &[bool],
    corrections: &[Block],
    salt: u64,
) -> (Nodes, usize) {
    let first = usize::from(choices[0]);
    let mut nodes = Zeroizing::new(vec![Block::ZERO; 2]);
    nodes[first] = keys[0];
    let mut missing = 1 - first;
    for ((&key, &choice), sums) in keys[1..].iter().zip(&choices[1..]).zip(corrections.chunks_exact(2)) {
        let side = usize::from(choice);
        nodes = children(&nodes, salt);
        nodes[2 * missing..][..2].fill(Block::ZERO);
        nodes[2 * missing + side] = key ^ sums[side] ^ side_sum(&nodes, side);
        missing = 2 * missing + 1 - side;
    }
    (nodes, missing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_leaf_but_one_for_every_place() {
        let mut prg = Prg::from_seed(Block(7));
        for k in [1, 2, 3, 4, 8] {
            let keys: Vec<[Block; 2]> = (0..k).map(|_| [prg.block(), prg.block()]).collect();
            let (leaves, corrections) = full(&keys, 9);
            assert_eq!((leaves.len(), corrections.len()), (1 << k, 2 * (k - 1)));
            for place in 0..1 << k {
                let choices: Vec<bool> = (0..k).rev().map(|bit| (place >> bit) & 1 == 0).collect();
                let known: Vec<Block> =
                    keys.iter().zip(&choices).map(|(pair, &c)| pair[usize::from(c)]).collect();
                let (nodes, missing) = punctured(&known, &choices, &corrections, 9);
                assert_eq!(missing, place, "k {k}");
                for (x, (got, want)) in nodes.iter().zip(leaves.iter()).enumerate() {
                    let want = if x == place { Block::ZERO } else { *want };
                    assert!(*got == want, "k {k}, missing {place}, leaf {x}");
                }
            }
        }
    }
}
