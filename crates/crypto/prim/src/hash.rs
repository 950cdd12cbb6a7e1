//! The correlation-robust hash.

use std::fmt;

#[cfg(target_arch = "x86_64")]
use crate::wide::{self, Wide};
use crate::{Block, cipher::Cipher, derive};

/// How many indices are hashed under one AES key, which spreads the price of the key schedule. The paper's
/// bound grows with the queries that a single key sees: 32 here (two an index), about 5 bits, however many
/// blocks are hashed in all.
const BATCH: usize = 16;

/// A tweakable multi-instance correlation-robust hash (MITCCR): Guo, Katz, Wang, Weng, Yu, "Better concrete
/// security for half-gates garbling (in the multi-instance setting)", CRYPTO 2020.
///
/// H(x, i) = AES(k, σ(x)) ⊕ σ(x), where σ(x_L ‖ x_R) = (x_R ⊕ x_L) ‖ x_L is their linear orthomorphism (x_L
/// the high half) and k = start ⊕ ⌊i / 16⌋: unlike with one fixed key, the bound does not degrade with the
/// number of instances. Model: AES is an ideal cipher. `start` is derived from a session nonce and a domain,
/// so that no two sessions, directions or uses have keys in common. An index is used with one x, or with x
/// and x ⊕ Δ. Indices of one batch have one function, so their x must differ, as pseudorandom x do.
#[derive(Clone)]
pub struct CrHash {
    start: u128,
}

impl fmt::Debug for CrHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CrHash(..)")
    }
}

/// Of `count` indices from `first_index` on, how many come before the first whole group of runs for the
/// vector kernel, and how many are in whole groups. Without the kernel there are no groups.
#[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables))]
fn groups(first_index: u64, count: usize) -> (usize, usize) {
    #[cfg(target_arch = "x86_64")]
    if Wide::detect().is_some() {
        let head = count.min((first_index.wrapping_neg() % BATCH as u64) as usize);
        return (head, (count - head) / (BATCH * wide::RUNS) * (BATCH * wide::RUNS));
    }
    (count, 0)
}

/// The blocks before, in and after the whole groups.
fn cut(first_index: u64, blocks: &mut [Block]) -> [&mut [Block]; 3] {
    let (head, groups) = groups(first_index, blocks.len());
    let (head, rest) = blocks.split_at_mut(head);
    let (groups, tail) = rest.split_at_mut(groups);
    [head, groups, tail]
}

impl CrHash {
    /// The hash of one session and one domain. `nonce` is public, agreed by both parties, new in each
    /// session; `domain` is a constant of the program that names the use and the direction.
    pub fn new(nonce: Block, domain: &str) -> Self {
        Self { start: derive(domain, &nonce.to_bytes()).0 }
    }

    /// Cuts `count` indices into runs of one key. `visit` gets each run's offset, length and cipher.
    fn for_each_key(&self, first_index: u64, count: usize, mut visit: impl FnMut(usize, usize, &Cipher)) {
        let mut done = 0;
        while done < count {
            let index = first_index.wrapping_add(done as u64);
            let run = (BATCH - (index % BATCH as u64) as usize).min(count - done);
            let key = self.start ^ u128::from(index / BATCH as u64);
            visit(done, run, &Cipher::new(Block(key)));
            done += run;
        }
    }

    /// Replaces block j by H(block j, first_index + j).
    pub fn hash_each(&self, first_index: u64, blocks: &mut [Block]) {
        let [head, groups, tail] = cut(first_index, blocks);
        let at = first_index.wrapping_add(head.len() as u64);
        self.hash_each_by_key(first_index, head);
        #[cfg(target_arch = "x86_64")]
        if let Some(wide) = Wide::detect() {
            wide.hash_runs(self.start, at / BATCH as u64, groups);
        }
        self.hash_each_by_key(at.wrapping_add(groups.len() as u64), tail);
    }

    fn hash_each_by_key(&self, first_index: u64, blocks: &mut [Block]) {
        self.for_each_key(first_index, blocks.len(), |at, run, cipher| {
            cipher.hash(&mut blocks[at..at + run])
        });
    }

    /// The sender's side: block j of `zeros` becomes H(zeros\[j\], first_index + j), and block j of `ones`
    /// H(zeros\[j\] ⊕ delta, first_index + j). Panics if the lengths differ.
    #[cfg_attr(not(target_arch = "x86_64"), expect(unused_variables))]
    pub fn hash_pairs(&self, first_index: u64, delta: Block, zeros: &mut [Block], ones: &mut [Block]) {
        assert_eq!(zeros.len(), ones.len(), "halves of different length");
        let [zeros_head, zeros, zeros_tail] = cut(first_index, zeros);
        let [ones_head, ones, ones_tail] = cut(first_index, ones);
        let at = first_index.wrapping_add(zeros_head.len() as u64);
        self.hash_pairs_by_key(first_index, delta, zeros_head, ones_head);
        #[cfg(target_arch = "x86_64")]
        if let Some(wide) = Wide::detect() {
            wide.hash_pair_runs(self.start, at / BATCH as u64, delta, zeros, ones);
        }
        self.hash_pairs_by_key(at.wrapping_add(zeros.len() as u64), delta, zeros_tail, ones_tail);
    }

    fn hash_pairs_by_key(&self, first_index: u64, delta: Block, zeros: &mut [Block], ones: &mut [Block]) {
        for (zero, one) in zeros.iter().zip(&mut *ones) {
            *one = *zero ^ delta;
        }
        self.for_each_key(first_index, zeros.len(), |at, run, cipher| {
            cipher.hash(&mut zeros[at..at + run]);
            cipher.hash(&mut ones[at..at + run]);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aes::{
        Aes128Enc,
        cipher::{BlockCipherEncrypt, KeyInit},
    };

    /// The definition, one block at a time.
    fn reference(start: u128, index: u64, x: Block) -> Block {
        let key = start ^ u128::from(index / 16);
        let (left, right) = (x.0 >> 64, x.0 & u128::from(u64::MAX));
        let s = ((left ^ right) << 64) | left;
        let mut lane = aes::Block::from(s.to_le_bytes());
        Aes128Enc::new(&key.to_le_bytes().into()).encrypt_block(&mut lane);
        Block(u128::from_le_bytes(lane.0) ^ s)
    }

    /// FIPS 197, appendix C.1, carried through the construction by hand: an index of the first batch leaves
    /// the key at `start`, and x is chosen so that σ(x) is the plaintext of the vector.
    #[test]
    fn vector_derived_from_fips_197() {
        let start = u128::from_le_bytes(std::array::from_fn(|i| i as u8));
        // σ(x) = ffeeddccbbaa9988 ‖ 7766554433221100 in big-endian notation: x_L is the low half, and x_R the
        // exclusive or of both.
        let x = Block(0x7766_5544_3322_1100_8888_8888_8888_8888);
        let mut out = [x];
        CrHash { start }.hash_each(15, &mut out);
        // 69c4e0d8 6a7b0430 d8cdb780 70b4c55a ⊕ 00112233 44556677 8899aabb ccddeeff, bytes in order.
        let want = 0x69d5_c2eb_2e2e_6247_5054_1d3b_bc69_2ba5u128.to_be_bytes();
        assert_eq!(out[0].to_bytes(), want);
    }

    #[test]
    fn batches_agree_with_the_definition() {
        let hash = CrHash::new(Block(3), "test domain");
        let delta = Block(0xdead_beef << 70 | 0x1234);
        for first in [0u64, 1, 15, 16, 1000, u64::from(u32::MAX) * 16 + 7] {
            for count in [0usize, 1, 2, 15, 16, 17, 31, 33, 64, 100, 203] {
                let inputs: Vec<Block> =
                    (0..count as u128).map(|i| Block((i + 1).wrapping_mul(u128::MAX / 1001))).collect();
                let want = |mask: Block| -> Vec<Block> {
                    (first..).zip(&inputs).map(|(i, &x)| reference(hash.start, i, x ^ mask)).collect()
                };
                let mut each = inputs.clone();
                hash.hash_each(first, &mut each);
                assert!(each == want(Block::ZERO), "each, {count} from {first}");
                let (mut zeros, mut ones) = (inputs.clone(), vec![Block::ZERO; count]);
                hash.hash_pairs(first, delta, &mut zeros, &mut ones);
                assert!(zeros == want(Block::ZERO) && ones == want(delta), "pairs, {count} from {first}");
            }
        }
    }

    #[test]
    fn nonces_domains_and_batches_separate() {
        let hash_of = |hash: CrHash, index| {
            let mut out = [Block(42)];
            hash.hash_each(index, &mut out);
            out[0]
        };
        let base = hash_of(CrHash::new(Block(1), "a"), 0);
        assert!(base != hash_of(CrHash::new(Block(2), "a"), 0), "nonce");
        assert!(base != hash_of(CrHash::new(Block(1), "b"), 0), "domain");
        assert!(base != hash_of(CrHash::new(Block(1), "a"), 16), "batch");
    }

    #[test]
    #[should_panic(expected = "different length")]
    fn uneven_halves_are_refused() {
        CrHash::new(Block(1), "a").hash_pairs(0, Block(1), &mut [Block(1)], &mut []);
    }
}
