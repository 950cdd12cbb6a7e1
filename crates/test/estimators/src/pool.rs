//! Information-set decoding on a pool of samples: as [`crate::regular_isd`], but with the k' + l samples of
//! the lists alone, and a few more to check by, instead of all n.
//!
//! The left kernel of their sparse matrix has l + c vectors, and block Wiedemann finds up to a few hundred of
//! them at the price of one ([`linear::sparse`]). They are the parity checks: l bits to match lists by, c
//! bits against false positives. An element of a list costs a word of 64 bit operations. So an iteration
//! costs
//!
//! max(min(k'^2.8, 3·k'²·ℓ), 64·lists)
//!
//! in place of n·max((n − k')², lists). We know of no publication that counts so: it is ePrint 2023/1568 with
//! the sparse solving that ePrint 2023/176 and 2025/1476 count with elsewhere. The equations of the blocks
//! are not sparse, but taken for free.

use crate::{
    estimate::Estimate,
    linear,
    regular_isd::{Best, Lists},
    set::Set,
};

const SOURCE: &str = "ours, after ePrint 2023/1568";

/// log2 of the bit operations for an element of a list.
const ELEMENT: f64 = 6.0;

/// The cheaper of enumeration and representation.
pub(crate) fn cheapest(lists: &Lists) -> Best {
    let [listed, represented] = [lists.enumeration(), lists.representation()];
    if listed.bits <= represented.bits { listed } else { represented }
}

/// How to write the choice.
pub(crate) fn choice(best: &Best) -> String {
    match best {
        Best { p, l, e: 0, .. } => format!("p = {p}, l = {l}"),
        Best { p, l, e, .. } => format!("p = {p}, l = {l}, e = {e}"),
    }
}

/// `unknowns` samples of a set, evenly from its blocks, with `elimination` for the cost of an iteration's.
pub(crate) fn lists(set: &Set, unknowns: f64, elimination: f64) -> Lists {
    Lists {
        blocks: set.blocks as f64,
        block_len: set.block_len() as f64,
        taken: unknowns,
        elimination,
        element: ELEMENT,
    }
}

/// What the attack costs, with dense and with sparse solving.
pub fn estimates(set: &Set) -> Vec<Estimate> {
    let unknowns = (set.secret - set.blocks) as f64;
    let solve = [
        ("pooled ISD, dense", linear::dense(unknowns)),
        ("pooled ISD, sparse", linear::sparse(unknowns, f64::from(set.locality))),
    ];
    let one = |(attack, elimination)| {
        let best = cheapest(&lists(set, unknowns, elimination));
        Estimate { attack, bits: best.bits, source: SOURCE, choice: choice(&best) }
    };
    solve.map(one).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{gauss, set::tests::ALL};

    #[test]
    fn cheaper_than_gauss_by_some_errors() {
        for set in &ALL {
            let [dense, sparse] = &estimates(set)[..] else { panic!("two attacks") };
            let gauss = &gauss::estimates(set)[2];
            assert!(sparse.bits < dense.bits && sparse.bits < gauss.bits - 10.0);
        }
    }
}
