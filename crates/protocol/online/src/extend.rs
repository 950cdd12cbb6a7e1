//! Extension to a wider ring. x₀ + x₁ taken as integers exceeds x by 2^m times a small count, which is removed.
//!
//! What is sent is sent by the wrap count or the carry and its conversion, so each side sees masked bits and elements only.

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_ring::{Ring, RingVec};

use crate::{BitToArithmetic, Carry, OnlineError, Operation, Party, RangeClaim, Result, Tuning, WrapCount};

/// The ring of what extension lacks, if it is wider: the wraps are needed mod 2^(n−m) only.
fn rest(op: &'static str, ring: Ring, out: Ring) -> Result<Option<Ring>> {
    match out.bits().checked_sub(ring.bits()) {
        Some(0) => Ok(None),
        Some(bits) => Ok(Some(Ring::new(bits)?)),
        None => Err(OnlineError::argument(op, format!("{} bits do not fit {}", ring.bits(), out.bits()))),
    }
}

/// Takes 2^m·count from the shares read as integers; the count is needed mod 2^(n−m) only.
pub(crate) fn remove_wraps(x: &RingVec, wraps: &RingVec, out: Ring) -> RingVec {
    let m = x.ring().bits();
    x.map_into(out, |v| v).sub(&wraps.map_into(out, |v| v << m))
}

/// Shares of v + 2^(ℓ−1), whose unsigned reading is 2^(ℓ−1) more than the signed one of v.
pub(crate) fn raise(party: &Party, v: &RingVec) -> RingVec {
    let half = 1u64 << (v.ring().bits() - 1);
    if party.role == Role::P0 { v.map(|v| v.wrapping_add(half)) } else { v.clone() }
}

/// Takes from v what [`raise`] added to an element of so many bits.
pub(crate) fn lower(party: &Party, v: &RingVec, bits: u32) -> RingVec {
    let half = 1u64 << (bits - 1);
    if party.role == Role::P0 { v.map(|v| v.wrapping_sub(half)) } else { v.clone() }
}

/// How an extension finds the wraps to remove.
#[derive(Debug, Clone)]
enum Wraps {
    /// It extends by nothing.
    None,
    /// By what is known of the sign.
    Counted(WrapCount),
    /// By a comparison of all bits.
    Compared(Carry, BitToArithmetic),
}

impl Wraps {
    fn compared(ring: Ring, rest: Ring, tuning: Tuning) -> Self {
        Self::Compared(Carry::new(ring.bits(), tuning), BitToArithmetic::new(rest, tuning))
    }

    fn cost(&self, n: usize) -> Cost {
        match self {
            Self::None => Cost::default(),
            Self::Counted(count) => count.cost(n),
            Self::Compared(carry, convert) => carry.cost(n).then(convert.cost(n)),
        }
    }

    /// Shares of x in `out`, without the wraps.
    fn remove(&self, party: &mut Party, x: &RingVec, out: Ring) -> Result<RingVec> {
        let wraps = match self {
            Self::None => return Ok(x.clone()),
            Self::Counted(count) => count.run(party, x)?,
            Self::Compared(carry, convert) => {
                let wrap = carry.run(party, x)?;
                convert.run(party, &wrap)?
            }
        };
        Ok(remove_wraps(x, &wraps, out))
    }
}

/// The signed reading in a wider ring (spec: `sign_extend`).
///
/// Of an element of unknown range, the one raised by half the ring is extended as an unsigned number: of it only the wrap matters,
/// not the sign.
#[derive(Debug, Clone)]
pub struct SignExtend {
    out: Ring,
    raised: bool,
    wraps: Wraps,
}

impl SignExtend {
    /// From `ring` to `out`, which is as wide at least, of elements within `claim`.
    pub fn new(ring: Ring, out: Ring, claim: RangeClaim, tuning: Tuning) -> Result<Self> {
        let raised = claim == RangeClaim::Any && out != ring;
        let wraps = match rest("sign_extend", ring, out)? {
            None => Wraps::None,
            Some(rest) if raised => Wraps::compared(ring, rest, tuning),
            Some(rest) => Wraps::Counted(WrapCount::new(ring.bits(), claim, rest, tuning)),
        };
        Ok(Self { out, raised, wraps })
    }
}

impl Operation for SignExtend {
    fn cost(&self, n: usize) -> Cost {
        self.wraps.cost(n)
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        if !self.raised {
            return self.wraps.remove(party, x, self.out);
        }
        let raised = raise(party, x);
        let extended = self.wraps.remove(party, &raised, self.out)?;
        Ok(lower(party, &extended, x.ring().bits()))
    }
}

/// The unsigned reading in a wider ring (spec: `zero_extend`). Of non-negative elements it takes one private product.
#[derive(Debug, Clone)]
pub struct ZeroExtend {
    out: Ring,
    wraps: Wraps,
}

impl ZeroExtend {
    /// From `ring` to `out`, which is as wide at least, of elements within `claim`.
    pub fn new(ring: Ring, out: Ring, claim: RangeClaim, tuning: Tuning) -> Result<Self> {
        let wraps = match rest("zero_extend", ring, out)? {
            None => Wraps::None,
            Some(rest) if claim == RangeClaim::NonNegative => {
                Wraps::Counted(WrapCount::new(ring.bits(), claim, rest, tuning))
            }
            Some(rest) => Wraps::compared(ring, rest, tuning),
        };
        Ok(Self { out, wraps })
    }
}

impl Operation for ZeroExtend {
    fn cost(&self, n: usize) -> Cost {
        self.wraps.cost(n)
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        self.wraps.remove(party, x, self.out)
    }
}
