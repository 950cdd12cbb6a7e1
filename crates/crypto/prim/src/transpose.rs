//! Bit-matrix transpose.

use crate::Block;

/// The rows of the matrix: one for each bit of a block.
const ROWS: usize = 128;
/// How many 64×64 squares are turned side by side, so that a row is read a cache line at a time and the steps
/// vectorise.
const LANES: usize = 8;

/// Turns 128 rows of bits into one block a column: bit r of `out[c]` is bit c of row r, where bit c of a row
/// is bit c mod 8 of its byte c / 8.
///
/// `rows` holds the rows one after another, `stride` bytes each. Columns past `out.len()` are ignored.
/// Panics if `rows` is not 128 rows or a row is shorter than `out`.
pub fn transpose(rows: &[u8], stride: usize, out: &mut [Block]) {
    assert_eq!(rows.len(), ROWS * stride, "not 128 rows of {stride} bytes");
    assert!(out.len() <= 8 * stride, "{} columns of {stride}-byte rows", out.len());
    for (g, columns) in out.chunks_mut(64 * LANES).enumerate() {
        let start = 8 * LANES * g;
        let end = (start + 8 * LANES).min(stride);
        let half = |first_row: usize| {
            let mut squares = [[0u64; LANES]; 64];
            for (r, words) in squares.iter_mut().enumerate() {
                let row = &rows[(first_row + r) * stride..][start..end];
                for (word, bytes) in words.iter_mut().zip(row.chunks(8)) {
                    *word = match bytes.try_into() {
                        Ok(bytes) => u64::from_le_bytes(bytes),
                        Err(_) => bytes.iter().rev().fold(0, |w, &b| w << 8 | u64::from(b)),
                    };
                }
            }
            turn_squares(&mut squares);
            squares
        };
        let (low, high) = (half(0), half(64));
        for (lane, square) in columns.chunks_mut(64).enumerate() {
            for ((block, l), h) in square.iter_mut().zip(&low).zip(&high) {
                *block = Block(u128::from(l[lane]) | u128::from(h[lane]) << 64);
            }
        }
    }
}

/// Transposes each lane, a 64×64 matrix with word i as row i (Hacker's Delight, 7-3, lane by lane).
fn turn_squares(squares: &mut [[u64; LANES]; 64]) {
    let (mut width, mut mask) = (32, 0x0000_0000_ffff_ffffu64);
    while width != 0 {
        for pair in squares.chunks_exact_mut(2 * width) {
            let (upper, lower) = pair.split_at_mut(width);
            for (a, b) in upper.iter_mut().zip(lower) {
                for (a, b) in a.iter_mut().zip(b) {
                    let t = ((*a >> width) ^ *b) & mask;
                    *a ^= t << width;
                    *b ^= t;
                }
            }
        }
        width /= 2;
        mask ^= mask << width;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Prg;

    fn naive(rows: &[u8], stride: usize, columns: usize) -> Vec<Block> {
        let bit = |r: usize, c: usize| (rows[r * stride + c / 8] >> (c % 8)) & 1;
        (0..columns).map(|c| Block((0..ROWS).fold(0, |b, r| b | u128::from(bit(r, c)) << r))).collect()
    }

    #[test]
    fn agrees_with_the_naive_twin() {
        for stride in [0, 1, 7, 8, 9, 63, 64, 65, 200] {
            let mut rows = vec![0; ROWS * stride];
            Prg::from_seed(Block(stride as u128)).fill(&mut rows);
            for columns in [0, 1, 8 * stride / 2, (8 * stride).saturating_sub(3), 8 * stride] {
                let mut out = vec![Block::ZERO; columns.min(8 * stride)];
                transpose(&rows, stride, &mut out);
                assert!(out == naive(&rows, stride, out.len()), "stride {stride}, {columns} columns");
            }
        }
    }
}
