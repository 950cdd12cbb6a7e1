//! What both sides of an instance have in common.

use veilflow_net::Channel;
use veilflow_prim::{Block, CcrHash, CrHash, Prg, derive, derive_bytes};
use zeroize::Zeroizing;

use super::{
    lpn,
    params::LpnSet,
    plan::{GRAIN, Next, Schedule},
};
use crate::{OtError, Result, base::Session};

const SESSION_LABEL: &str = "veilflow 2026 Ferret session";
const CHILD_LABEL: &str = "veilflow 2026 Ferret fork";
const TREE_LABEL: &str = "veilflow 2026 Ferret tree";
const MATRIX_LABEL: &str = "veilflow 2026 Ferret matrix";
const HASH_DOMAIN: &str = "veilflow 2026 Ferret hash";

/// The nonce of the first instance of a session.
pub(crate) fn session_nonce(session: &Session) -> Block {
    derive(SESSION_LABEL, session)
}

/// One side of single-point correlated OT.
pub(crate) trait SinglePoint {
    /// Fills `leaves` with correlated OTs whose choice is 1 in one place only, the sender's with even blocks,
    /// from the correlated OTs `bases`, one a level.
    fn grow(
        &mut self,
        channel: &mut Channel,
        hash: &CcrHash,
        bases: &[Block],
        leaves: &mut [Block],
    ) -> Result<()>;
}

/// The state of an instance: correlated OTs as blocks, in which the receiver's choice is the lowest bit.
pub(crate) struct Instance {
    set: LpnSet,
    schedule: Schedule,
    nonce: Block,
    matrix: Prg,
    tree_keys: Block,
    trees_grown: u64,
    hash: CrHash,
    next_index: u64,
    /// The bases of the iteration: the secret, then d a tree.
    bases: Zeroizing<Vec<Block>>,
    /// The current tree, encoded.
    tree: Zeroizing<Vec<Block>>,
    /// False while OTs are made, so also after a failure.
    usable: bool,
}

impl Instance {
    /// An instance of `set` that starts from `bases`. The nonce is public, and new for each instance.
    pub(crate) fn new(set: LpnSet, schedule: Schedule, nonce: Block, bases: Zeroizing<Vec<Block>>) -> Self {
        Self {
            set,
            schedule,
            nonce,
            matrix: Prg::from_seed(derive(MATRIX_LABEL, &nonce.to_bytes())),
            tree_keys: derive(TREE_LABEL, &nonce.to_bytes()),
            trees_grown: 0,
            hash: CrHash::new(nonce, HASH_DOMAIN),
            next_index: 0,
            bases,
            tree: Zeroizing::new(vec![Block::ZERO; set.leaves()]),
            usable: true,
        }
    }

    pub(crate) fn set(&self) -> LpnSet {
        self.set
    }

    /// OTs used up so far, those that rounding skipped included.
    pub(crate) fn next_index(&self) -> u64 {
        self.next_index
    }

    /// The nonce of the one instance that starts from OTs of this one.
    pub(crate) fn child_nonce(&self) -> Block {
        Block::from_bytes(derive_bytes(CHILD_LABEL, &[&self.nonce.to_bytes(), &1u64.to_le_bytes()]))
    }

    /// What this instance's keys make of one input: of the hash, of a tree, of the matrix.
    #[cfg(test)]
    pub(crate) fn hash_probe(&mut self) -> [Block; 3] {
        let (mut hashed, mut left, mut right) = ([Block(1)], [Block(1)], [Block::ZERO]);
        self.hash.hash_each(0, &mut hashed);
        CcrHash::new(self.tree_keys).children(&mut left, &mut right);
        [hashed[0], left[0], self.matrix.block()]
    }

    /// Makes `count` correlated OTs; `visit` gets the hash, each chunk's offset, the hash index of its first
    /// OT, and its blocks. Chunks start at multiples of 64, of the offsets and of the indices.
    pub(crate) fn extend(
        &mut self,
        side: &mut impl SinglePoint,
        channel: &mut Channel,
        count: usize,
        mut visit: impl FnMut(&CrHash, usize, u64, &mut [Block]),
    ) -> Result<()> {
        if !std::mem::take(&mut self.usable) {
            return Err(OtError::Unusable);
        }
        let mut done = 0;
        while done < count {
            match self.schedule.next() {
                Next::Tree(number) => {
                    let mut tree = std::mem::take(&mut self.tree);
                    self.grow(side, channel, number, &mut tree)?;
                    self.tree = tree;
                }
                Next::Refill(first) => self.refill(side, channel, first)?,
                Next::Ready => {
                    let (at, taken) = self.schedule.take(count - done);
                    visit(&self.hash, done, self.next_index, &mut self.tree[at..at + taken]);
                    done += taken;
                    // Whole words of choices, so that the next chunk starts at one.
                    self.next_index = (self.next_index + taken as u64).next_multiple_of(GRAIN as u64);
                }
            }
        }
        self.usable = true;
        Ok(())
    }

    /// Grows and encodes tree `number` of the iteration.
    fn grow(
        &mut self,
        side: &mut impl SinglePoint,
        channel: &mut Channel,
        number: usize,
        leaves: &mut [Block],
    ) -> Result<()> {
        let (secret, bases) = self.bases.split_at(self.set.secret_len());
        let depth = self.set.depth();
        let hash = CcrHash::new(self.tree_keys ^ Block(self.trees_grown.into()));
        self.trees_grown += 1;
        side.grow(channel, &hash, &bases[number * depth..][..depth], leaves)?;
        lpn::encode(&mut self.matrix, secret, leaves);
        Ok(())
    }

    /// Makes the bases of the next iteration from the trees of this one from `first` on.
    fn refill(&mut self, side: &mut impl SinglePoint, channel: &mut Channel, first: usize) -> Result<()> {
        let trees = self.set.refill_trees();
        let mut bases = Zeroizing::new(vec![Block::ZERO; trees * self.set.leaves()]);
        for (number, leaves) in (first..).zip(bases.chunks_exact_mut(self.set.leaves())) {
            self.grow(side, channel, number, leaves)?;
        }
        self.bases = bases;
        Ok(())
    }
}
