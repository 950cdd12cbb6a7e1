//! Activations made of a comparison and a selection: ReLU, ReLU with truncation, clip.
//!
//! Where a helper deals and it costs fewer bytes, a [masked rectifier](crate::rectify) takes the place of
//! both. What is sent is sent by the operations they are made of, so each side sees masked bits and elements
//! only.

use veilflow_correlation::Cost;
use veilflow_ring::{Bits, Ring, RingVec};

use crate::operation::{ActivationProtocol, cheapest};
use crate::rectify::Rectify;
use crate::sign::negate;
use crate::truncate::{check_shift, local_shift};
use crate::{
    Activation, BitToArithmetic, Drelu, MsbAndCarry, Multiplex, OnlineError, Operation, Party, Result, Tuning,
};

macro_rules! activation {
    ($name:ident) => {
        impl Operation for $name {
            fn cost(&self, n: usize) -> Cost {
                self.0.cost(n)
            }

            fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
                Ok(self.0.run(party, x)?.0)
            }
        }

        impl Activation for $name {
            fn run_with_sign(&self, party: &mut Party, x: &RingVec) -> Result<(RingVec, Bits)> {
                self.0.run(party, x)
            }
        }
    };
}

/// max(x, 0) (spec: `relu`).
#[derive(Debug)]
pub struct Relu(Box<dyn ActivationProtocol>);
activation!(Relu);

impl Relu {
    /// Of elements of `ring`.
    pub fn new(ring: Ring, tuning: Tuning) -> Self {
        let compared = ComparedRelu { sign: Drelu::new(ring.bits(), tuning), select: Multiplex::new(ring) };
        Self(cheapest(compared, Rectify::relu(ring, 0, tuning), tuning))
    }
}

/// [x ≥ 0]·x.
#[derive(Debug)]
struct ComparedRelu {
    sign: Drelu,
    select: Multiplex,
}

impl ActivationProtocol for ComparedRelu {
    fn cost(&self, n: usize) -> Cost {
        self.sign.cost(n).then(self.select.cost(n))
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<(RingVec, Bits)> {
        let positive = self.sign.run(party, x)?;
        Ok((self.select.run(party, &positive, x)?, positive))
    }
}

/// ⌊max(x, 0) / 2^s⌋ in ℓ − s bits (spec: `relu_truncate`).
#[derive(Debug)]
pub struct ReluTruncate(Box<dyn ActivationProtocol>);
activation!(ReluTruncate);

impl ReluTruncate {
    /// Of elements of `ring`, shifted by `shift` < ℓ.
    pub fn new(ring: Ring, shift: u32, tuning: Tuning) -> Result<Self> {
        check_shift("relu_truncate", shift, ring)?;
        if shift == 0 {
            return Ok(Self(Relu::new(ring, tuning).0));
        }
        let (bits, out) = (ring.bits(), Ring::new(ring.bits() - shift)?);
        let compared = ComparedReluTruncate {
            shift,
            out,
            sign: MsbAndCarry::new(bits, shift, tuning),
            carry: BitToArithmetic::new(out, tuning),
            select: Multiplex::new(out),
        };
        Ok(Self(cheapest(compared, Rectify::relu(ring, shift, tuning), tuning)))
    }
}

/// The tree that tells the sign also gives the carry that truncation needs, so both cost one comparison.
#[derive(Debug)]
struct ComparedReluTruncate {
    shift: u32,
    out: Ring,
    sign: MsbAndCarry,
    carry: BitToArithmetic,
    select: Multiplex,
}

impl ActivationProtocol for ComparedReluTruncate {
    fn cost(&self, n: usize) -> Cost {
        self.sign.cost(n).then(self.carry.cost(n)).then(self.select.cost(n))
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<(RingVec, Bits)> {
        let (sign, carry) = self.sign.run(party, x)?;
        let truncated = local_shift(x, self.shift, self.out).add(&self.carry.run(party, &carry)?);
        let positive = negate(party.role, sign);
        Ok((self.select.run(party, &positive, &truncated)?, positive))
    }
}

/// x limited to 0..=c for public c (spec: `clip`), in a ring that may be as narrow as c and a sign bit.
#[derive(Debug)]
pub struct Clip(Box<dyn ActivationProtocol>);
activation!(Clip);

impl Clip {
    /// Of elements of `ring`, limited to `limit`, into `out`, which is no wider. The signed readings of both
    /// rings hold the limit.
    pub fn new(ring: Ring, limit: u64, out: Ring, tuning: Tuning) -> Result<Self> {
        if out > ring || limit > out.mask() >> 1 {
            let reason = format!("a limit of {limit} from {} to {} bits", ring.bits(), out.bits());
            return Err(OnlineError::argument("clip", reason));
        }
        let two = ComparedClip { limit, sign: Drelu::new(ring.bits(), tuning), select: Multiplex::new(out) };
        Ok(Self(cheapest(two, Rectify::clip(ring, limit, out, tuning), tuning)))
    }
}

/// [x ≥ 0]·(x − [x − c ≥ 0]·(x − c)), both comparisons beside each other.
///
/// Of a very negative x, x − c wraps and its sign bit is false; [x ≥ 0] is 0 then. Of any other x it is true.
/// So the result lies in 0..=c for every x, and both selections can be made in the ring that holds c.
#[derive(Debug)]
struct ComparedClip {
    limit: u64,
    sign: Drelu,
    select: Multiplex,
}

impl ActivationProtocol for ComparedClip {
    fn cost(&self, n: usize) -> Cost {
        self.sign.cost(2 * n).then(self.select.cost(n)).then(self.select.cost(n))
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<(RingVec, Bits)> {
        let n = x.len();
        let above = x.sub(&party.only_p0(RingVec::from_values(x.ring(), vec![self.limit; n])));
        let mut both = x.clone();
        both.append(&above);
        let signs = self.sign.run(party, &both)?;
        let [x, above] = [x, &above].map(|v| v.narrow(self.select.ring()));
        let excess = self.select.run(party, &signs.slice(n, n), &above)?;
        let positive = signs.slice(0, n);
        Ok((self.select.run(party, &positive, &x.sub(&excess))?, positive))
    }
}
