//! Keys and nonces derived from other values, one domain a label.

use crate::Block;

/// A block from `input` under `label`: the first 16 bytes of [`derive_bytes`].
pub fn derive(label: &str, input: &[u8]) -> Block {
    Block::from_bytes(derive_bytes(label, &[input]))
}

/// `N` bytes from the concatenation of `parts` under `label`: BLAKE3 in its key derivation mode.
///
/// `label` is a constant of the program, unique to the use. The parts are concatenated without lengths:
/// a label must always come with parts of the same lengths, or with at most one part that varies.
pub fn derive_bytes<const N: usize>(label: &str, parts: &[&[u8]]) -> [u8; N] {
    let mut hasher = blake3::Hasher::new_derive_key(label);
    for part in parts {
        hasher.update(part);
    }
    let mut out = [0; N];
    hasher.finalize_xof().fill(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first case of BLAKE3's published `test_vectors.json`: its context string and no input.
    #[test]
    fn published_vector() {
        let context = "BLAKE3 2019-12-27 16:29:52 test vectors context";
        let want = 0x2cc3_9783_c223_154f_ea8d_fb7c_1b16_60f2u128.to_be_bytes();
        assert_eq!(derive_bytes::<16>(context, &[]), want);
        assert_eq!(derive(context, &[]).to_bytes(), want);
    }

    #[test]
    fn labels_and_inputs_separate() {
        let one = derive("a", b"x");
        assert!(one != derive("b", b"x") && one != derive("a", b"y"));
        assert_eq!(derive_bytes::<40>("a", &[b"p", b"q"]), derive_bytes::<40>("a", &[b"pq"]));
    }
}
