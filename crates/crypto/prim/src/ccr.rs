//! The circular correlation-robust hash of correlated GGM trees.

use std::fmt;

use crate::{Block, cipher::Cipher};

/// H(x) = AES(k, σ(x)) ⊕ σ(x) for one public key k, with the σ of [`CrHash`](crate::CrHash): circular
/// correlation robust where AES is an ideal cipher (Guo, Katz, Wang, Yu, "Efficient and secure multiparty
/// computation from fixed-key block ciphers", IEEE S&P 2020, section 7).
///
/// The bound grows with the queries under one key, so use a key for a tree and no more.
pub struct CcrHash(Cipher);

impl fmt::Debug for CcrHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CcrHash(..)")
    }
}

impl CcrHash {
    /// The hash under `key`, which is public.
    pub fn new(key: Block) -> Self {
        Self(Cipher::new(key))
    }

    /// The children of every node of a level of a correlated GGM tree (Guo et al., "Half-Tree", EUROCRYPT
    /// 2023): replaces each x of `low` by its left child H(x), and puts the right child x ⊕ H(x) in the same
    /// place of `high`. Returns the sum of the left children. Panics if the lengths differ.
    pub fn children(&self, low: &mut [Block], high: &mut [Block]) -> Block {
        self.0.double(low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST SP 800-38A, F.1.1 (ECB-AES128), carried through the construction by hand: each x is chosen so
    /// that σ(x) is a plaintext P of the vector, and the left child is C ⊕ P.
    #[test]
    fn children_from_sp_800_38a() {
        let block = |x: u128| Block::from_bytes(x.to_be_bytes());
        let vector = [
            (0x6bc1_bee2_2e40_9f96_e93d_7e11_7393_172a, 0x3ad7_7bb4_0d7a_3660_a89e_caf3_2466_ef97),
            (0xae2d_8a57_1e03_ac9c_9eb7_6fac_45af_8e51, 0xf5d3_d585_03b9_699d_e785_895a_96fd_baaf),
            (0x30c8_1c46_a35c_e411_e5fb_c119_1a0a_52ef, 0x43b1_cd7f_598e_ce23_881b_00e3_ed03_0688),
        ]
        .map(|(p, c)| (block(p), block(c)));
        // If σ(x) = A ‖ B then x = B ‖ (A ⊕ B).
        let x = vector.map(|(p, _)| {
            let (a, b) = (p.0 >> 64, p.0 & u128::from(u64::MAX));
            Block(b << 64 | (a ^ b))
        });
        let (mut low, mut high) = (x, [Block::ZERO; 3]);
        let hash = CcrHash::new(block(0x2b7e_1516_28ae_d2a6_abf7_1588_09cf_4f3c));
        let sum = hash.children(&mut low, &mut high);
        let left = vector.map(|(p, c)| p ^ c);
        assert!(low == left && sum == left[0] ^ left[1] ^ left[2]);
        assert!((0..3).all(|i| high[i] == x[i] ^ left[i]));
    }
}
