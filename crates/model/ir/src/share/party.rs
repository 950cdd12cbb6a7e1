//! What one party holds of a sharing.

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use veilflow_net::Role;
use veilflow_prim::Prg;
use veilflow_ring::{Ring, RingVec};

use super::id::SharingId;
use super::parts::{Inputs, Outputs, Shared};
use crate::container::{Readers, write_atomically};
use crate::error::{IrError, Result};
use crate::plan::Plan;

/// A party's share of the inputs.
pub type InputShare = Share<Inputs>;
/// A party's share of the outputs.
pub type OutputShare = Share<Outputs>;

/// A party's share of what `T` names: a vector for each part. `Debug` tells whose share it is, and no
/// numbers.
pub struct Share<T> {
    plan: [u8; 32],
    sharing: SharingId,
    party: Role,
    values: Vec<RingVec>,
    what: PhantomData<T>,
}

impl<T: Shared> fmt::Debug for Share<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Share({}, {:?}, sharing {})", T::FORMAT.name, self.party, self.sharing)
    }
}

/// Bytes before the vectors: the plan's hash, the sharing's number, the party.
const HEAD: usize = 32 + SharingId::LEN + 1;

impl<T: Shared> Share<T> {
    /// The share that `party` holds.
    ///
    /// # Errors
    /// [`IrError::Format`] if the values do not fit the plan.
    pub fn new(plan: &Plan, sharing: SharingId, party: Role, values: Vec<RingVec>) -> Result<Self> {
        if !T::layout(plan).into_iter().eq(values.iter().map(|v| (v.ring(), v.len()))) {
            return Err(T::FORMAT.error("the values don't fit the plan"));
        }
        Ok(Self { plan: plan.hash(), sharing, party, values, what: PhantomData })
    }

    /// Splits values into P0's share, which is uniform, and P1's, which is the rest.
    ///
    /// # Errors
    /// [`IrError::Format`] if the values do not fit the plan.
    pub fn split(plan: &Plan, values: &[RingVec], prg: &mut Prg) -> Result<[Self; 2]> {
        let sharing = SharingId::random(prg);
        let masks: Vec<_> = values.iter().map(|v| prg.ring_vec(v.ring(), v.len())).collect();
        let rest = values.iter().zip(&masks).map(|(v, mask)| v.sub(mask)).collect();
        Ok([Self::new(plan, sharing, Role::P0, masks)?, Self::new(plan, sharing, Role::P1, rest)?])
    }

    /// The values behind two shares.
    ///
    /// # Errors
    /// [`IrError::Halves`] unless they are the two parties' shares of one sharing.
    pub fn join(&self, other: &Self) -> Result<Vec<RingVec>> {
        if self.plan != other.plan {
            return Err(IrError::Halves("they are of different plans"));
        }
        if self.sharing != other.sharing {
            return Err(IrError::Halves("they are of different sharings"));
        }
        if self.party == other.party {
            return Err(IrError::Halves("they are the same party's"));
        }
        Ok(self.values.iter().zip(&other.values).map(|(a, b)| a.add(b)).collect())
    }

    /// What both halves have in common.
    pub fn sharing(&self) -> SharingId {
        self.sharing
    }

    /// Whose it is.
    pub fn party(&self) -> Role {
        self.party
    }

    /// The hash of the plan it belongs to.
    pub fn plan_hash(&self) -> [u8; 32] {
        self.plan
    }

    /// A vector for each part: for each input, for each output, or for each layer's weights and then its
    /// biases.
    pub fn values(&self) -> &[RingVec] {
        &self.values
    }

    /// The file: `NAME 1 CHECKSUM`, a line end, the plan's hash, the sharing's number, the party (0 or 1),
    /// then the bit-packed vectors.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = [&self.plan[..], &self.sharing.bytes(), &[self.party.index() as u8]].concat();
        self.values.iter().for_each(|v| body.extend(v.to_bytes()));
        T::FORMAT.encode(&body)
    }

    /// Reads a share of a part of `plan` from memory.
    ///
    /// # Errors
    /// [`IrError::Format`] if the bytes are no undamaged file of that kind and plan.
    pub fn decode(plan: &Plan, bytes: &[u8]) -> Result<Self> {
        let body = T::FORMAT.decode(bytes)?;
        let cut = || T::FORMAT.error("cut short");
        let (hash, rest) = body.split_first_chunk::<32>().ok_or_else(cut)?;
        let (sharing, rest) = rest.split_first_chunk::<{ SharingId::LEN }>().ok_or_else(cut)?;
        let (&party, mut rest) = rest.split_first().ok_or_else(cut)?;
        if *hash != plan.hash() {
            return Err(T::FORMAT.error("the share belongs to another plan"));
        }
        let party = match party {
            0 => Role::P0,
            1 => Role::P1,
            other => return Err(T::FORMAT.error(format!("a share of the unknown party {other}"))),
        };
        let layout = T::layout(plan);
        let expected = byte_len(&layout);
        if rest.len() != expected {
            return Err(T::FORMAT.error(format!("{} bytes of values instead of {expected}", rest.len())));
        }
        let mut values = Vec::with_capacity(layout.len());
        for (ring, len) in layout {
            let (packed, after) = rest.split_at(RingVec::byte_len(ring, len));
            values.push(RingVec::from_bytes(ring, packed, len));
            rest = after;
        }
        Ok(Self { plan: *hash, sharing: SharingId::from(*sharing), party, values, what: PhantomData })
    }

    /// Writes the file at once: a reader sees the old file or the new one.
    ///
    /// # Errors
    /// [`IrError::File`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomically(path.as_ref(), &self.encode(), Readers::Owner)
    }

    /// Reads the file at `path` for `plan`.
    ///
    /// # Errors
    /// [`IrError::File`], and those of [`Share::decode`].
    pub fn load(plan: &Plan, path: impl AsRef<Path>) -> Result<Self> {
        let header = 128;
        let limit = header + HEAD + byte_len(&T::layout(plan));
        Self::decode(plan, &T::FORMAT.read(path.as_ref(), limit as u64)?)
    }
}

fn byte_len(layout: &[(Ring, usize)]) -> usize {
    layout.iter().map(|&(ring, len)| RingVec::byte_len(ring, len)).sum()
}
