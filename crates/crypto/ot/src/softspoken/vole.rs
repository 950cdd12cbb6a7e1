//! Subspace VOLE over F_2 for the repetition code (Roy, "SoftSpokenOT", CRYPTO 2022, §§ 3.1, 3.2).
//!
//! From 2^k leaf streams r_x, of which the OT sender lacks that of Δ:
//! - OT receiver: u = Σ r_x and, for each bit j, v_j = Σ x_j · r_x;
//! - OT sender: w_j = Σ (x ⊕ Δ)_j · r_x, where the missing stream has the factor zero.
//!
//! Then w_j = v_j ⊕ Δ_j · u. With the sender's leaves reordered by x ⊕ Δ, both sides do the same.

use veilflow_prim::Prg;
use zeroize::Zeroizing;

use crate::{OtError, Result};

/// The number of rows of the matrix, of bits of Δ, and of base OTs.
pub(crate) const ROWS: usize = 128;
/// How many OTs a step makes. Its streams fit the first-level cache, its matrix the second.
pub(crate) const CHUNK: usize = 1 << 13;
/// Bytes of a row of the matrix.
pub(super) const STRIDE: usize = CHUNK / 8;

/// The sizes of the steps that `count` OTs are made in, with their offsets.
pub(super) fn steps(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).step_by(CHUNK).map(move |at| (at, CHUNK.min(count - at)))
}

/// Whether k is offered: it must divide 128, and 2^k leaves of work is sensible.
pub(crate) fn check_k(k: usize) -> Result<()> {
    if matches!(k, 1 | 2 | 4 | 8) { Ok(()) } else { Err(OtError::UnsupportedK(k)) }
}

/// The leaf streams of one group of k rows. `None` is the stream that the OT sender lacks.
pub(super) type Leaves = Vec<Option<Prg>>;

/// All groups, and the working memory of one step.
pub(super) struct Groups {
    leaves: Vec<Leaves>,
    /// 128 rows of `STRIDE` bytes: the v_j or w_j, k rows a group.
    pub(super) matrix: Zeroizing<Vec<u8>>,
    /// `STRIDE` bytes a group: the u.
    pub(super) sums: Zeroizing<Vec<u8>>,
    scratch: Zeroizing<Vec<u8>>,
}

impl Groups {
    /// `leaves` holds 128/k groups of 2^k.
    pub(super) fn new(leaves: Vec<Leaves>) -> Self {
        let k = ROWS / leaves.len();
        let buffer = |rows: usize| Zeroizing::new(vec![0; rows * STRIDE]);
        Self { matrix: buffer(ROWS), sums: buffer(leaves.len()), scratch: buffer(k), leaves }
    }

    /// k.
    pub(super) fn k(&self) -> usize {
        ROWS / self.leaves.len()
    }

    /// Makes the next `bytes` bytes of every row of `matrix` and `sums`.
    pub(super) fn expand(&mut self, bytes: usize) {
        let rows = self.k() * STRIDE;
        let groups = self.leaves.iter_mut().zip(self.matrix.chunks_exact_mut(rows));
        for ((leaves, rows), sum) in groups.zip(self.sums.chunks_exact_mut(STRIDE)) {
            for row in rows.chunks_exact_mut(STRIDE) {
                row[..bytes].fill(0);
            }
            fold(leaves, rows, &mut sum[..bytes], &mut self.scratch);
        }
    }
}

/// Adds Σ x_j · r_x to row j and sets `sum` to Σ r_x, over the leaves x = 0, 1, ..: about two exclusive ors a
/// leaf, with one buffer of `scratch` for each level of the recursion.
fn fold(leaves: &mut [Option<Prg>], rows: &mut [u8], sum: &mut [u8], scratch: &mut [u8]) {
    if let [leaf] = leaves {
        match leaf {
            Some(prg) => prg.fill(sum),
            None => sum.fill(0),
        }
        return;
    }
    let bit = leaves.len().ilog2() as usize - 1;
    let (low, high) = leaves.split_at_mut(leaves.len() / 2);
    let (upper, scratch) = scratch.split_at_mut(STRIDE);
    let upper = &mut upper[..sum.len()];
    fold(low, rows, sum, scratch);
    fold(high, rows, upper, scratch);
    let row = &mut rows[bit * STRIDE..][..upper.len()];
    for ((row, sum), &mut upper) in row.iter_mut().zip(sum).zip(upper) {
        *row ^= upper;
        *sum ^= upper;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use veilflow_prim::Block;

    /// The definition of u and v, leaf by leaf.
    #[test]
    fn expansion_agrees_with_the_sums() {
        for k in [1, 2, 4, 8] {
            let seed = |group: usize, x: usize| Block((group << 8 | x) as u128);
            let leaf = |g, x| if x == 0 && g == 1 { None } else { Some(Prg::from_seed(seed(g, x))) };
            let leaves = (0..ROWS / k).map(|g| (0..1 << k).map(|x| leaf(g, x)).collect()).collect();
            let mut groups = Groups::new(leaves);
            assert_eq!(groups.k(), k);
            let mut streams: Vec<Vec<Option<Prg>>> =
                (0..2).map(|g| (0..1 << k).map(|x| leaf(g, x)).collect()).collect();
            for bytes in [STRIDE, 5, 16] {
                groups.expand(bytes);
                for (g, streams) in streams.iter_mut().enumerate() {
                    let (mut u, mut v) = (vec![0; bytes], vec![vec![0; bytes]; k]);
                    for (x, stream) in streams.iter_mut().enumerate() {
                        let mut r = vec![0; bytes];
                        if let Some(prg) = stream {
                            prg.fill(&mut r);
                        }
                        for (i, r) in r.into_iter().enumerate() {
                            u[i] ^= r;
                            for (j, v) in v.iter_mut().enumerate() {
                                v[i] ^= if (x >> j) & 1 == 1 { r } else { 0 };
                            }
                        }
                    }
                    assert_eq!(groups.sums[g * STRIDE..][..bytes], u, "k {k}, group {g}");
                    for (j, v) in v.iter().enumerate() {
                        let row = &groups.matrix[(g * k + j) * STRIDE..][..bytes];
                        assert_eq!(row, v, "k {k}, group {g}, row {j}");
                    }
                }
            }
        }
    }
}
