//! What hides a party's weights from the helper, at the party that holds them.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use veilflow_prim::{Block, Prg, derive_bytes};
use veilflow_ring::{Ring, RingVec};
use zeroize::Zeroizing;

const MASK_LABEL: &str = "veilflow 2026 helper weight mask";
const FINGERPRINT_LABEL: &str = "veilflow 2026 helper weights fingerprint";
const DIGEST_LABEL: &str = "veilflow 2026 helper layer digest";

/// Bytes of a mask seed.
pub(crate) const SEED_LEN: usize = 32;
/// Bytes of a token.
pub(crate) const TOKEN_LEN: usize = 16;
/// Bytes of a layer's digest.
pub(crate) const DIGEST_LEN: usize = 16;

/// Names a model's masked weights at a helper. Whoever shows it may have them multiplied, so only their owner
/// and helpers know it.
pub(crate) type Token = [u8; TOKEN_LEN];

/// A short name of a layer: a hash of its description, which is public.
pub(crate) type Digest = [u8; DIGEST_LEN];

/// The digest of the layer with this description.
pub(crate) fn digest(description: &[u8]) -> Digest {
    derive_bytes(DIGEST_LABEL, &[description])
}

/// What a mask A is expanded from. Its owner and the peers of the owner's sessions know it, no helper does.
pub(crate) struct MaskSeed(Zeroizing<[u8; SEED_LEN]>);

impl MaskSeed {
    /// A seed that a peer has sent.
    pub(crate) fn new(bytes: Zeroizing<[u8; SEED_LEN]>) -> Self {
        Self(bytes)
    }

    /// The bytes, to send to a peer.
    pub(crate) fn bytes(&self) -> &[u8; SEED_LEN] {
        &self.0
    }

    /// The mask of the `len` weights of the layer with this description: the same whenever asked for.
    pub(crate) fn mask(&self, description: &[u8], ring: Ring, len: usize) -> RingVec {
        let seed = Zeroizing::new(derive_bytes(MASK_LABEL, &[&*self.0, description]));
        Prg::from_seed(Block::from_bytes(*seed)).ring_vec(ring, len)
    }
}

/// The masks of one model's weights, for all sessions of the process that holds them. A helper that got the
/// masked weights in one session may then keep them for the next. The masks last as long as this value.
///
/// A mask hides one set of weights. Other weights for a layer met before are refused, in whatever session.
pub struct WeightMasks {
    seed: MaskSeed,
    token: Zeroizing<Token>,
    /// A hash of the weights of each layer met so far, by the layer's description.
    prints: Mutex<BTreeMap<Vec<u8>, [u8; 32]>>,
}

impl fmt::Debug for WeightMasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WeightMasks(..)")
    }
}

impl WeightMasks {
    /// Fresh masks, drawn from `prg`.
    pub fn new(prg: &mut Prg) -> Self {
        let mut seed = Zeroizing::new([0; SEED_LEN]);
        prg.fill(&mut *seed);
        let mut token = Zeroizing::new([0; TOKEN_LEN]);
        prg.fill(&mut *token);
        Self { seed: MaskSeed(seed), token, prints: Mutex::default() }
    }

    pub(crate) fn seed(&self) -> &MaskSeed {
        &self.seed
    }

    pub(crate) fn token(&self) -> &Token {
        &self.token
    }

    /// Whether these are the weights that the layer had when it was first met. If that is now, they are.
    pub(crate) fn are_the_same(&self, description: &[u8], weights: &RingVec) -> bool {
        let print = derive_bytes(FINGERPRINT_LABEL, &[&weights.to_bytes()]);
        // An entry is written whole, so a panic elsewhere leaves the map as it should be.
        let mut prints = self.prints.lock().unwrap_or_else(PoisonError::into_inner);
        *prints.entry(description.to_vec()).or_insert(print) == print
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seed_token_and_masks_differ_by_owner_and_layer() {
        let mut prg = Prg::from_seed(Block(7));
        let [one, two] = [(); 2].map(|()| WeightMasks::new(&mut prg));
        assert_ne!(one.seed.bytes(), two.seed.bytes());
        assert_ne!(one.token, two.token);
        assert_ne!(one.seed.bytes()[..TOKEN_LEN], *one.token);
        let ring = Ring::new(31).unwrap();
        let mask = |masks: &WeightMasks, layer: &[u8]| masks.seed.mask(layer, ring, 100);
        assert!(mask(&one, b"x") == mask(&one, b"x"));
        assert!(mask(&one, b"x") != mask(&one, b"y"));
        assert!(mask(&one, b"x") != mask(&two, b"x"));
    }

    #[test]
    fn weights_are_those_first_met() {
        let masks = WeightMasks::new(&mut Prg::from_seed(Block(8)));
        let ring = Ring::new(20).unwrap();
        let [these, others] = [1, 2].map(|v| RingVec::from_values(ring, vec![v; 5]));
        assert!(masks.are_the_same(b"x", &these) && masks.are_the_same(b"y", &others));
        assert!(masks.are_the_same(b"x", &these) && !masks.are_the_same(b"x", &others));
    }
}
