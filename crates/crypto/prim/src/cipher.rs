//! AES-128 under one key, in bulk.

use aes::{
    Aes128Enc,
    cipher::{BlockCipherEncrypt, KeyInit},
};
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

/// The round keys, erased on drop: for the kernels of `wide` where the processor has them, else for the `aes`
/// crate, which has AES-NI, ARM's instructions and constant-time software.
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
            // It erases its keys itself.
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

    /// Encrypts each block in place.
    pub(crate) fn encrypt(&self, blocks: &mut [[u8; 16]]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Wide(wide, keys) => wide.encrypt(keys, blocks),
            Self::Portable(cipher) => cipher.encrypt_blocks(aes::Block::cast_slice_from_core_mut(blocks)),
        }
    }

    /// Replaces each x by H(x) = AES(σ(x)) ⊕ σ(x).
    pub(crate) fn hash(&self, blocks: &mut [Block]) {
        #[cfg(target_arch = "x86_64")]
        if let Self::Wide(wide, keys) = self {
            return wide.hash(keys, blocks);
        }
        for chunk in blocks.chunks_mut(BATCH) {
            let mut lanes = [[0; 16]; BATCH];
            let lanes = &mut lanes[..chunk.len()];
            for (lane, block) in lanes.iter_mut().zip(&mut *chunk) {
                *block = sigma(*block);
                *lane = block.to_bytes();
            }
            self.encrypt(lanes);
            for (block, lane) in chunk.iter_mut().zip(lanes) {
                *block ^= Block::from_bytes(*lane);
            }
        }
    }

    /// Replaces each x of `low` by H(x), puts x ⊕ H(x) in its place of `high`, and returns the sum of the H(x).
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

    /// FIPS 197, appendix C.1.
    #[test]
    fn fips_197_vector() {
        let key = Block::from_bytes(std::array::from_fn(|i| i as u8));
        for cipher in [Cipher::new(key), Cipher::portable(key)] {
            let mut blocks = [std::array::from_fn(|i| 0x11 * i as u8); 3];
            cipher.encrypt(&mut blocks);
            assert_eq!(blocks, [0x69c4_e0d8_6a7b_0430_d8cd_b780_70b4_c55au128.to_be_bytes(); 3]);
        }
    }

    #[test]
    fn wide_and_portable_agree() {
        let inputs: Vec<Block> = (1..300u128).map(|i| Block(i.wrapping_mul(u128::MAX / 1009))).collect();
        for (i, len) in [0, 1, 2, 3, 4, 5, 15, 31, 32, 33, 64, 67, 127, 299].into_iter().enumerate() {
            let key = Block(inputs[i].0 ^ 77);
            let (fast, portable) = (Cipher::new(key), Cipher::portable(key));
            let blocks = &inputs[..len];

            let mut bytes: [Vec<[u8; 16]>; 2] =
                std::array::from_fn(|_| blocks.iter().map(|b| b.to_bytes()).collect());
            fast.encrypt(&mut bytes[0]);
            portable.encrypt(&mut bytes[1]);
            assert_eq!(bytes[0], bytes[1], "{len} blocks encrypted");

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
