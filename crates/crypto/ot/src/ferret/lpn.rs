//! The linear code of the LPN assumption: 10-local, with a public random generator matrix.

use veilflow_prim::{Block, Prg};

use super::params::LOCALITY;

/// How many outputs have their indices made at a time.
const TILE: usize = 64;
/// The indices of one output, 32 bits each.
type Row = [[u8; 4]; LOCALITY];

/// Adds to each block of `out` the sum of the blocks of `secret` under the next 10 indices of the stream of
/// `matrix`. The length of `secret` is a power of two, so that an index is the low bits of 32: uniform
/// without rejection.
///
/// One call of many outputs and several of fewer agree if all but the last are multiples of 64.
pub(crate) fn encode(matrix: &mut Prg, secret: &[Block], out: &mut [Block]) {
    assert!(secret.len().is_power_of_two(), "a secret of {} blocks", secret.len());
    let mut stream = [0; TILE * size_of::<Row>()];
    for tile in out.chunks_mut(TILE) {
        matrix.fill(&mut stream);
        let rows = stream.as_chunks().0.as_chunks().0;
        match secret.len() {
            0x1_0000 => add_known::<0x1_0000>(rows, secret, tile),
            0x2_0000 => add_known::<0x2_0000>(rows, secret, tile),
            0x4_0000 => add_known::<0x4_0000>(rows, secret, tile),
            0x8_0000 => add_known::<0x8_0000>(rows, secret, tile),
            0x10_0000 => add_known::<0x10_0000>(rows, secret, tile),
            len => add(rows, |index| secret[index & (len - 1)], tile),
        }
    }
}

/// [`add`] for a secret of length N. Masked indices are below a constant, so no access is checked. With
/// nothing but loads in the loop a processor has far more of them under way, which takes a quarter less time.
fn add_known<const N: usize>(rows: &[Row], secret: &[Block], out: &mut [Block]) {
    if let Ok(secret) = <&[Block; N]>::try_from(secret) {
        add(rows, |index| secret[index & (N - 1)], out);
    }
}

#[inline(always)]
fn add(rows: &[Row], secret: impl Fn(usize) -> Block, out: &mut [Block]) {
    for (out, row) in out.iter_mut().zip(rows) {
        *out = row.iter().fold(*out, |sum, &index| sum ^ secret(u32::from_le_bytes(index) as usize));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_naive_twin() {
        for log in [0, 1, 8, 16, 17, 18, 19, 20] {
            let mut secret = vec![Block::ZERO; 1 << log];
            Prg::from_seed(Block(1)).blocks(&mut secret);
            for len in [0usize, 1, 63, 64, 65, 300] {
                let noise: Vec<Block> = (0..len as u128).map(|i| Block(i << 64)).collect();
                let mut out = noise.clone();
                encode(&mut Prg::from_seed(Block(2)), &secret, &mut out);

                let mut stream = vec![0; 40 * len.next_multiple_of(64)];
                Prg::from_seed(Block(2)).fill(&mut stream);
                let index = |i: usize| {
                    let bytes = stream[4 * i..4 * i + 4].try_into().expect("4 bytes");
                    u32::from_le_bytes(bytes) as usize % secret.len()
                };
                for (i, (&got, &noise)) in out.iter().zip(&noise).enumerate() {
                    let want = (10 * i..10 * i + 10).fold(noise, |sum, j| sum ^ secret[index(j)]);
                    assert!(got == want, "secret of 2^{log}, output {i} of {len}");
                }
            }
        }
    }
}
