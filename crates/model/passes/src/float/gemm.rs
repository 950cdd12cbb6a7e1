//! A blocked matrix product.

/// Rows of the left matrix in a block.
const ROWS: usize = 4;

/// Columns of the right matrix in a block: two SSE registers.
pub(super) const COLUMNS: usize = 8;

/// The `m`×`n` product of `a` (`m`×`k`, row-major) with a matrix given in panels: `pack(j, panel)` fills `panel[i]` with
/// row i of columns `j..j + COLUMNS`, where columns past `n` may hold anything.
pub(super) fn gemm(
    [m, k, n]: [usize; 3],
    a: &[f32],
    mut pack: impl FnMut(usize, &mut [[f32; COLUMNS]]),
    out: &mut [f32],
) {
    let mut panel = vec![[0.0; COLUMNS]; k];
    for j in (0..n).step_by(COLUMNS) {
        pack(j, &mut panel);
        let width = COLUMNS.min(n - j);
        for i in (0..m).step_by(ROWS) {
            // Rows past the end repeat the last one and are not stored.
            let row = |r: usize| &a[(i + r).min(m - 1) * k..][..k];
            let block = multiply_block([row(0), row(1), row(2), row(3)], &panel);
            for (r, sums) in block.iter().enumerate().take(m - i) {
                out[(i + r) * n + j..][..width].copy_from_slice(&sums[..width]);
            }
        }
    }
}

fn multiply_block(rows: [&[f32]; ROWS], panel: &[[f32; COLUMNS]]) -> [[f32; COLUMNS]; ROWS] {
    let mut sums = [[0.0; COLUMNS]; ROWS];
    let [r0, r1, r2, r3] = rows;
    for ((((b, a0), a1), a2), a3) in panel.iter().zip(r0).zip(r1).zip(r2).zip(r3) {
        for (sums, a) in sums.iter_mut().zip([a0, a1, a2, a3]) {
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum += a * b;
            }
        }
    }
    sums
}
