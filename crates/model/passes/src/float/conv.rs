//! Convolution of floats as blocked matrix products.

use veilflow_spec::Conv2dShape;

/// Rows of the left matrix in a block.
const ROWS: usize = 4;

/// Columns of the right matrix in a block, few enough for the sums to stay in registers.
const COLUMNS: usize = 8;

/// The `m`×`n` product of `a` (`m`×`k`, row-major) with a matrix given in panels. `pack(j, panel)` fills
/// `panel[i]` with row i of columns `j..j + COLUMNS`, where columns past `n` may hold anything.
fn gemm(
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

/// The convolution of `x` with `weights`, both as `shape` lays them out. For each group it is the product of
/// the weights and a matrix whose columns are what each output position sees.
pub(super) fn conv(shape: &Conv2dShape, weights: &[f32], x: &[f32]) -> Vec<f32> {
    let (height, width) = (shape.in_height, shape.in_width);
    let (out_width, positions) = (shape.out_width(), shape.out_height() * shape.out_width());
    let rows = shape.out_channels / shape.groups;
    let in_channels = shape.in_channels / shape.groups;
    let inner = in_channels * shape.kernel[0] * shape.kernel[1];
    let mut out = vec![0.0; shape.out_channels * positions];
    for (g, out) in out.chunks_exact_mut(rows * positions).enumerate() {
        let planes = &x[g * in_channels * height * width..][..in_channels * height * width];
        let pack = |first: usize, panel: &mut [[f32; COLUMNS]]| {
            // Padding is reached by wrapping below zero, hence far past the bounds.
            let corner = |axis: usize, o: usize| (o * shape.stride[axis]).wrapping_sub(shape.pads[axis]);
            let mut corners = [[0; 2]; COLUMNS];
            for (j, c) in corners.iter_mut().enumerate() {
                let position = (first + j).min(positions - 1);
                *c = [corner(0, position / out_width), corner(1, position % out_width)];
            }
            let mut rows = panel.iter_mut();
            for plane in planes.chunks_exact(height * width) {
                for dy in (0..shape.kernel[0]).map(|t| t * shape.dilation[0]) {
                    for dx in (0..shape.kernel[1]).map(|t| t * shape.dilation[1]) {
                        let Some(row) = rows.next() else { return };
                        for (slot, [y, x]) in row.iter_mut().zip(corners) {
                            let (y, x) = (y.wrapping_add(dy), x.wrapping_add(dx));
                            *slot = if y < height && x < width { plane[y * width + x] } else { 0.0 };
                        }
                    }
                }
            }
        };
        gemm([rows, inner, positions], &weights[g * rows * inner..][..rows * inner], pack, out);
    }
    out
}
