//! AES-128 under one key, in bulk.

use aes::{
    Aes128Enc,
    cipher::{BlockCipherEncrypt, KeyInit},
};
#[cfg(target_arch = "x86_64")]
use zeroize::Zeroize;

use crate::Block;
#[cfg(target_arch = "x86_64")]
use crate::wide::{RoundKeys, Wide};

/// Blocks converted and encrypted in one call of the `aes` crate.
const BATCH: usize = 64;

/// σ(x_L ‖ x_R) = (x_R ⊕ x_L) ‖ x_L, with x_L the high half: a linear orthomorphism.
pub(crate) fn sigma(x: Block) -> Block {
    let (high, low) = ((x.0 >> 64) as u64, x.0 as u64);
    Block((u128::from(high ^ low) << 64) | u128::from(high))
}

/// The round keys, erased on drop. They are for the kernels of `wide` where the processor has them, else for
/// the `aes` crate, which has AES-NI, ARM's instructions and constant-time software.
pub(crate) enum Cipher {
    #[cfg(target_arch = "x86_64")]
    Wide(Wide, RoundKeys),
    Portable(Aes128Enc),
}

impl Drop for Cipher {
    fn drop(&mut self) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Wide(_, keys) => keys.zeroize(),
            // The `aes` crate erases its keys itself.
            Self::Portable(_) => {}
        }
    }
}

impl Cipher {
    pub(crate) fn new(key: Block) -> Self {
        #[cfg(target_arch = "x86_64")]
        if let Some(wide) = Wide::detect() {
            return Self::Wide(wide, wide.expand_key(key.0));
        }
        Self::portable(key)
    }

    pub(crate) fn portable(key: Block) -> Self {
        Self::Portable(Aes128Enc::new(&key.to_bytes().into()))
    }

    /// Fills `out` with the encryptions of `counter`, `counter` + 1, .., little-endian.
    pub(crate) fn keystream(&self, counter: u64, out: &mut [[u8; 16]]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Wide(wide, keys) => wide.keystream(keys, counter, out),
            Self::Portable(cipher) => {
                for (i, block) in out.iter_mut().enumerate() {
                    *block = u128::from(counter.wrapping_add(i as u64)).to_le_bytes();
                }
                cipher.encrypt_blocks(aes::Block::cast_slice_from_core_mut(out));
            }
        }
    }

    /// Replaces each x by H(x) = AES(σ(x)) ⊕ σ(x).
    pub(crate) fn hash(&self, blocks: &mut [Block]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Wide(wide, keys) => wide.hash(keys, blocks),
            Self::Portable(cipher) => {
                for chunk in blocks.chunks_mut(BATCH) {
                    let mut lanes = [aes::Block::default(); BATCH];
                    let lanes = &mut lanes[..chunk.len()];
                    for (lane, block) in lanes.iter_mut().zip(&mut *chunk) {
                        *block = sigma(*block);
                        lane.0 = block.to_bytes();
                    }
                    cipher.encrypt_blocks(lanes);
                    for (block, lane) in chunk.iter_mut().zip(lanes) {
                        *block ^= Block::from_bytes(lane.0);
                    }
                }
            }
        }
    }

    /// Replaces each x of `low` by H(x), puts x ⊕ H(x) in its place of `high`, and returns the sum of the
    /// H(x).
    pub(crate) fn double(&self, low: &mut [Block], high: &mut [Block]) -> Block {
        #[cfg(target_arch = "x86_64")]
        if let Self::Wide(wide, keys) = self {
            return wide.double(keys, low, high);
        }
        assert_eq!(low.len(), high.len(), "halves of different length");
        high.copy_from_slice(low);
        self.hash(low);
        low.iter().zip(high).fold(Block::ZERO, |sum, (h, x)| {
            *x ^= *h;
            sum ^ *h
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 197, appendix C.1: its plaintext is σ(x), and H(x) the exclusive or of both texts.
    #[test]
    fn fips_197_vector() {
        let key = Block::from_bytes(std::array::from_fn(|i| i as u8));
        let x = Block(0x7766_5544_3322_1100_8888_8888_8888_8888);
        assert_eq!(sigma(x).to_bytes(), std::array::from_fn(|i| 0x11 * i as u8));
        for cipher in [Cipher::new(key), Cipher::portable(key)] {
            let mut blocks = [x; 3];
            cipher.hash(&mut blocks);
            for block in blocks {
                assert_eq!(block.to_bytes(), 0x69d5_c2eb_2e2e_6247_5054_1d3b_bc69_2ba5u128.to_be_bytes());
            }
        }
    }

    #[test]
    fn wide_and_portable_agree() {
        let inputs: Vec<Block> = (1..300u128).map(|i| Block(i.wrapping_mul(u128::MAX / 1009))).collect();
        for (i, len) in [0, 1, 2, 3, 4, 5, 15, 31, 32, 33, 64, 67, 127, 299].into_iter().enumerate() {
            let key = Block(inputs[i].0 ^ 77);
            let (fast, portable) = (Cipher::new(key), Cipher::portable(key));
            let blocks = &inputs[..len];

            for counter in [0, 5, u64::from(u32::MAX) - 2, u64::MAX - 40] {
                let mut streams = [vec![[0; 16]; len], vec![[0; 16]; len]];
                fast.keystream(counter, &mut streams[0]);
                portable.keystream(counter, &mut streams[1]);
                assert_eq!(streams[0], streams[1], "{len} blocks from {counter}");
            }

            let mut hashes = [blocks.to_vec(), blocks.to_vec()];
            fast.hash(&mut hashes[0]);
            portable.hash(&mut hashes[1]);
            assert!(hashes[0] == hashes[1], "{len} blocks hashed");

            let double = |cipher: &Cipher| {
                let (mut low, mut high) = (blocks.to_vec(), vec![Block::ZERO; len]);
                let sum = cipher.double(&mut low, &mut high);
                assert!(low == hashes[0], "low half of {len}");
                assert!(sum == low.iter().fold(Block::ZERO, |a, &b| a ^ b), "sum of {len}");
                high
            };
            let high = double(&fast);
            assert!(high == double(&portable), "{len} blocks doubled");
            assert!(high.iter().zip(&hashes[0]).zip(blocks).all(|((&r, &l), &x)| l ^ r == x));
        }
    }
}
