//! Shares of a plan's weights, inputs and outputs, as files: what each of two servers holds of what is neither's.
//!
//! Whoever splits draws one half uniformly and takes the other as the difference, mod 2^ℓ for every element, so that either half
//! alone is uniform. Both carry one random number, by which halves of different sharings are told apart.

use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use veilflow_net::Role;
use veilflow_prim::Prg;
use veilflow_ring::{Ring, RingVec};

use crate::container::{Format, Readers, write_atomically};
use crate::plan::Plan;
use crate::{Error, Weights};

/// What both halves of a sharing have in common: a random number, public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SharingId([u8; SharingId::LEN]);

impl SharingId {
    /// Its length in bytes.
    pub const LEN: usize = 16;

    /// A new one.
    pub fn random(prg: &mut Prg) -> Self {
        let mut bytes = [0; Self::LEN];
        prg.fill(&mut bytes);
        Self(bytes)
    }

    /// Its bytes.
    pub fn bytes(self) -> [u8; Self::LEN] {
        self.0
    }
}

impl From<[u8; Self::LEN]> for SharingId {
    fn from(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

/// In hexadecimal.
impl fmt::Display for SharingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What of a plan can be shared.
pub trait Shared: sealed::Shared {}
impl<T: sealed::Shared> Shared for T {}

mod sealed {
    use super::{Format, Plan, Ring};

    pub trait Shared {
        const FORMAT: Format;
        /// The rings and lengths of its vectors.
        fn layout(plan: &Plan) -> Vec<(Ring, usize)>;
    }
}

/// The inputs of a plan, in order.
#[derive(Debug, Clone, Copy)]
pub enum Inputs {}

impl sealed::Shared for Inputs {
    const FORMAT: Format = Format { name: "veilflow-input-share", version: 1 };

    fn layout(plan: &Plan) -> Vec<(Ring, usize)> {
        plan.inputs.iter().map(|input| of_value(plan, input.value)).collect()
    }
}

/// The outputs of a plan, in order.
#[derive(Debug, Clone, Copy)]
pub enum Outputs {}

impl sealed::Shared for Outputs {
    const FORMAT: Format = Format { name: "veilflow-output-share", version: 1 };

    fn layout(plan: &Plan) -> Vec<(Ring, usize)> {
        plan.outputs.iter().map(|output| of_value(plan, output.value)).collect()
    }
}

impl sealed::Shared for Weights {
    const FORMAT: Format = Format { name: "veilflow-weights-share", version: 1 };

    fn layout(plan: &Plan) -> Vec<(Ring, usize)> {
        crate::weight_share::layout(plan)
    }
}

fn of_value(plan: &Plan, value: usize) -> (Ring, usize) {
    let value = &plan.values[value];
    (value.ring(), value.shape.elements())
}

/// A party's share of the inputs.
pub type InputShare = Share<Inputs>;
/// A party's share of the outputs.
pub type OutputShare = Share<Outputs>;

/// A party's share of something of a plan, one vector a part of it. `Debug` tells whose it is, no numbers.
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
    /// What `party` holds of the sharing.
    ///
    /// # Errors
    /// [`Error::Format`] if the values do not fit the plan.
    pub fn new(plan: &Plan, sharing: SharingId, party: Role, values: Vec<RingVec>) -> Result<Self, Error> {
        if !T::layout(plan).into_iter().eq(values.iter().map(|v| (v.ring(), v.len()))) {
            return Err(T::FORMAT.error("the values don't fit the plan"));
        }
        Ok(Self { plan: plan.hash(), sharing, party, values, what: PhantomData })
    }

    /// Splits values: P0's share, uniform, and P1's, the rest.
    ///
    /// # Errors
    /// [`Error::Format`] if the values do not fit the plan.
    pub fn split(plan: &Plan, values: &[RingVec], prg: &mut Prg) -> Result<[Self; 2], Error> {
        let sharing = SharingId::random(prg);
        let masks: Vec<_> = values.iter().map(|v| prg.ring_vec(v.ring(), v.len())).collect();
        let rest = values.iter().zip(&masks).map(|(v, mask)| v.sub(mask)).collect();
        Ok([Self::new(plan, sharing, Role::P0, masks)?, Self::new(plan, sharing, Role::P1, rest)?])
    }

    /// The values behind two shares.
    ///
    /// # Errors
    /// [`Error::Halves`] if they are not both parties' of one sharing.
    pub fn join(&self, other: &Self) -> Result<Vec<RingVec>, Error> {
        if self.plan != other.plan {
            return Err(Error::Halves("they are of different plans"));
        }
        if self.sharing != other.sharing {
            return Err(Error::Halves("they are of different sharings"));
        }
        if self.party == other.party {
            return Err(Error::Halves("they are the same party's"));
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

    /// One vector a part: an input, an output, or a layer's weights and then its biases.
    pub fn values(&self) -> &[RingVec] {
        &self.values
    }

    /// The file: `NAME 1 CHECKSUM`, a line end, the plan's hash, the sharing's number, the party (0 or 1), then the vectors, each
    /// bit-packed.
    pub fn encode(&self) -> Vec<u8> {
        let mut body = [&self.plan[..], &self.sharing.0, &[self.party.index() as u8]].concat();
        self.values.iter().for_each(|v| body.extend(v.to_bytes()));
        T::FORMAT.encode(&body)
    }

    /// Reads a share of something of `plan` from memory.
    ///
    /// # Errors
    /// [`Error::Format`] if the bytes are no undamaged file of that kind and plan.
    pub fn decode(plan: &Plan, bytes: &[u8]) -> Result<Self, Error> {
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
        Ok(Self { plan: *hash, sharing: SharingId(*sharing), party, values, what: PhantomData })
    }

    /// Writes the file; a reader sees the old file or the new one, never half.
    ///
    /// # Errors
    /// [`Error::File`].
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        write_atomically(path.as_ref(), &self.encode(), Readers::Owner)
    }

    /// Reads the file at `path` for `plan`.
    ///
    /// # Errors
    /// [`Error::File`], and those of [`Share::decode`].
    pub fn load(plan: &Plan, path: impl AsRef<Path>) -> Result<Self, Error> {
        let header = 128;
        let limit = header + HEAD + byte_len(&T::layout(plan));
        Self::decode(plan, &T::FORMAT.read(path.as_ref(), limit as u64)?)
    }
}

fn byte_len(layout: &[(Ring, usize)]) -> usize {
    layout.iter().map(|&(ring, len)| RingVec::byte_len(ring, len)).sum()
}

#[cfg(test)]
mod tests;
