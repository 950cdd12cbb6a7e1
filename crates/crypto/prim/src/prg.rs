//! The pseudorandom generator.

use std::fmt;

use veilflow_ring::{Bits, Ring, RingVec};

use crate::{Block, Result, cipher::Cipher};

/// How many cipher blocks are made in one call where the output needs converting.
const BATCH: usize = 128;

/// AES-128 in counter mode, keyed by the seed: block i of the stream is AES(seed, i), i little-endian and
/// modulo 2^64.
///
/// Every call starts at a whole block of the stream, so two copies agree as long as they are asked for
/// the same amounts in the same order. The round keys are erased on drop.
pub struct Prg {
    cipher: Cipher,
    counter: u64,
}

impl fmt::Debug for Prg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prg(..)")
    }
}

impl Prg {
    /// The stream of `seed`.
    pub fn from_seed(seed: Block) -> Self {
        Self { cipher: Cipher::new(seed), counter: 0 }
    }

    /// The stream of `seed` from block `salt` on. Seeds of sessions with salts of their own are not one
    /// target: whoever tries keys against one known block tries them against the seeds of one session.
    pub fn salted(seed: Block, salt: u64) -> Self {
        Self { cipher: Cipher::new(seed), counter: salt }
    }

    /// The stream of a fresh seed from the operating system. Errors if the system has none to give.
    pub fn from_entropy() -> Result<Self> {
        let mut seed = [0; 16];
        getrandom::fill(&mut seed)?;
        Ok(Self::from_seed(Block::from_bytes(seed)))
    }

    /// The stream of a seed taken from this one. It is independent of what either gives later.
    pub fn fork(&mut self) -> Self {
        Self::from_seed(self.block())
    }

    fn next_blocks(&mut self, out: &mut [[u8; 16]]) {
        self.cipher.keystream(self.counter, out);
        // 2^64 blocks are out of reach, but a salt may be near the end.
        self.counter = self.counter.wrapping_add(out.len() as u64);
    }

    /// Fills `out` with random bytes.
    pub fn fill(&mut self, out: &mut [u8]) {
        let (whole, tail) = out.as_chunks_mut();
        self.next_blocks(whole);
        if !tail.is_empty() {
            let last = self.block().to_bytes();
            tail.copy_from_slice(&last[..tail.len()]);
        }
    }

    /// Fills `out` with random blocks.
    pub fn blocks(&mut self, out: &mut [Block]) {
        for chunk in out.chunks_mut(BATCH) {
            let mut buffer = [[0; 16]; BATCH];
            let made = &mut buffer[..chunk.len()];
            self.next_blocks(made);
            for (to, from) in chunk.iter_mut().zip(made) {
                *to = Block::from_bytes(*from);
            }
        }
    }

    /// Fills `out` with random words.
    pub fn words(&mut self, out: &mut [u64]) {
        for chunk in out.chunks_mut(2 * BATCH) {
            let mut buffer = [[0; 16]; BATCH];
            let made = &mut buffer[..chunk.len().div_ceil(2)];
            self.next_blocks(made);
            for (pair, from) in chunk.chunks_mut(2).zip(made) {
                let block = u128::from_le_bytes(*from);
                pair[0] = block as u64;
                if let Some(high) = pair.get_mut(1) {
                    *high = (block >> 64) as u64;
                }
            }
        }
    }

    /// One random block.
    pub fn block(&mut self) -> Block {
        let mut block = [[0; 16]];
        self.next_blocks(&mut block);
        Block::from_bytes(block[0])
    }

    /// One random word.
    pub fn u64(&mut self) -> u64 {
        self.block().low()
    }

    /// `len` random bits.
    pub fn bits(&mut self, len: usize) -> Bits {
        let mut words = vec![0; len.div_ceil(64)];
        self.words(&mut words);
        Bits::from_words(words, len)
    }

    /// `len` random elements of `ring`.
    pub fn ring_vec(&mut self, ring: Ring, len: usize) -> RingVec {
        let mut words = vec![0; len];
        self.words(&mut words);
        RingVec::from_values(ring, words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// NIST AESAVS: KeySbox128 case 0 (zero plaintext); key zero with the zero plaintext, and with that of
    /// VarTxt128 case 0 (80 00 .. 00, which is counter 128).
    #[test]
    fn aesavs_vectors_at_counters_0_and_128() {
        let key = Block::from_bytes(0x10a5_8869_d74b_e5a3_74cf_867c_fb47_3859u128.to_be_bytes());
        let want = 0x6d25_1e69_44b0_51e0_4eaa_6fb4_dbf7_8465u128.to_be_bytes();
        assert_eq!(Prg::from_seed(key).block().to_bytes(), want);
        let mut bytes = [0; 129 * 16];
        Prg::from_seed(Block::ZERO).fill(&mut bytes);
        assert_eq!(bytes[..16], 0x66e9_4bd4_ef8a_2c3b_884c_fa59_ca34_2b2eu128.to_be_bytes());
        assert_eq!(bytes[128 * 16..], 0x3ad7_8e72_6c1e_c02b_7ebf_e92b_23d9_ec34u128.to_be_bytes());
    }

    #[test]
    fn a_salted_stream_is_a_part_of_the_other() {
        let (mut plain, mut salted) = (Prg::from_seed(Block(3)), Prg::salted(Block(3), 5));
        plain.blocks(&mut [Block::ZERO; 5]);
        assert!(plain.block() == salted.block());
        // It goes on at the beginning, in one call or in several.
        let (mut at_once, mut first) = ([Block::ZERO; 4], [Block::ZERO; 2]);
        Prg::salted(Block(3), u64::MAX - 1).blocks(&mut at_once);
        Prg::from_seed(Block(3)).blocks(&mut first);
        let mut prg = Prg::salted(Block(3), u64::MAX - 1);
        assert!([(); 4].map(|()| prg.block()) == at_once && at_once[2..] == first);
    }

    #[test]
    fn every_form_reads_the_same_stream() {
        for len in [0, 1, 15, 16, 17, 2047, 2048, 2049, 5000] {
            let fresh = || Prg::from_seed(Block(99));
            let mut bytes = vec![0; len];
            fresh().fill(&mut bytes);
            let mut blocks = vec![Block::ZERO; len.div_ceil(16)];
            fresh().blocks(&mut blocks);
            let mut words = vec![0; len.div_ceil(8)];
            fresh().words(&mut words);
            let from_blocks: Vec<u8> = blocks.iter().flat_map(|b| b.to_bytes()).take(len).collect();
            let from_words: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).take(len).collect();
            assert_eq!(bytes, from_blocks, "{len} bytes");
            assert_eq!(bytes, from_words, "{len} bytes");
            assert!(fresh().bits(8 * len) == Bits::from_bytes(&bytes, 8 * len), "{len} bytes");
        }
    }

    #[test]
    fn calls_continue_the_stream_at_whole_blocks() {
        let mut all = [Block::ZERO; 4];
        Prg::from_seed(Block(5)).blocks(&mut all);
        let mut prg = Prg::from_seed(Block(5));
        let mut head = [0; 17];
        prg.fill(&mut head);
        assert_eq!(head[..16], all[0].to_bytes());
        assert_eq!(head[16], all[1].to_bytes()[0]);
        assert_eq!(prg.u64(), all[2].low());
        assert!(prg.fork().block() == Prg::from_seed(all[3]).block());
    }

    #[test]
    fn entropy_differs_and_values_are_reduced() {
        let (mut a, mut b) = (Prg::from_entropy().unwrap(), Prg::from_entropy().unwrap());
        assert!(a.block() != b.block());
        let ring = Ring::new(5).unwrap();
        let values = a.ring_vec(ring, 1000).into_values();
        assert!(values.iter().all(|&v| v < 32) && (0..32).all(|v| values.contains(&v)));
        assert_eq!(format!("{a:?}"), "Prg(..)");
    }
}
