//! Activations made of a comparison and a selection: ReLU, ReLU with truncation, clip.
//!
//! Where a helper deals and it costs fewer bytes, a [masked rectifier](crate::rectify) takes the place of
//! both. What is sent is sent by the operations they are made of, so each side sees masked bits and elements
//! only.

use veilflow_correlation::Cost;
use veilflow_ring::{Ring, RingVec};

use crate::operation::cheapest;
use crate::rectify::Rectify;
use crate::sign::negate;
use crate::truncate::{check_shift, local_shift};
use crate::{BitToArithmetic, Drelu, MsbAndCarry, Multiplex, OnlineError, Operation, Party, Result, Tuning};

/// max(x, 0) (spec: `relu`).
#[derive(Debug)]
pub struct Relu(Box<dyn Operation>);

impl Relu {
    /// Of elements of `ring`.
    pub fn new(ring: Ring, tuning: Tuning) -> Self {
        Self::of(ring, ring, tuning)
    }

    /// Of elements whose low `compare` bits tell the sign: fewer bits are compared than selected.
    pub fn within(ring: Ring, compare: u32, tuning: Tuning) -> Result<Self> {
        match Ring::new(compare) {
            Ok(narrow) if narrow <= ring => Ok(Self::of(ring, narrow, tuning)),
            _ => Err(OnlineError::argument("relu", format!("cannot compare {compare} bits"))),
        }
    }

    fn of(ring: Ring, narrow: Ring, tuning: Tuning) -> Self {
        let compared =
            ComparedRelu { narrow, sign: Drelu::new(narrow.bits(), tuning), select: Multiplex::new(ring) };
        Self(cheapest(compared, Rectify::option(ring, narrow.bits(), 0, &[0], tuning), tuning))
    }
}

impl Operation for Relu {
    fn cost(&self, n: usize) -> Cost {
        self.0.cost(n)
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        self.0.run(party, x)
    }
}

/// [x ≥ 0]·x, of which the low bits tell the sign.
#[derive(Debug)]
struct ComparedRelu {
    narrow: Ring,
    sign: Drelu,
    select: Multiplex,
}

impl Operation for ComparedRelu {
    fn cost(&self, n: usize) -> Cost {
        self.sign.cost(n).then(self.select.cost(n))
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        let positive = self.sign.run(party, &x.narrow(self.narrow))?;
        self.select.run(party, &positive, x)
    }
}

/// ⌊max(x, 0) / 2^s⌋ in ℓ − s bits (spec: `relu_truncate`).
#[derive(Debug)]
pub struct ReluTruncate(Box<dyn Operation>);

impl ReluTruncate {
    /// Of elements of `ring`, shifted by `shift` < ℓ.
    pub fn new(ring: Ring, shift: u32, tuning: Tuning) -> Result<Self> {
        check_shift("relu_truncate", shift, ring)?;
        if shift == 0 {
            return Ok(Self(Box::new(Relu::new(ring, tuning))));
        }
        let (bits, out) = (ring.bits(), Ring::new(ring.bits() - shift)?);
        let compared = ComparedReluTruncate {
            shift,
            out,
            sign: MsbAndCarry::new(bits, shift, tuning),
            carry: BitToArithmetic::new(out, tuning),
            select: Multiplex::new(out),
        };
        Ok(Self(cheapest(compared, Rectify::option(ring, bits, shift, &[0], tuning), tuning)))
    }
}

impl Operation for ReluTruncate {
    fn cost(&self, n: usize) -> Cost {
        self.0.cost(n)
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        self.0.run(party, x)
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

impl Operation for ComparedReluTruncate {
    fn cost(&self, n: usize) -> Cost {
        self.sign.cost(n).then(self.carry.cost(n)).then(self.select.cost(n))
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        let (sign, carry) = self.sign.run(party, x)?;
        let truncated = local_shift(x, self.shift, self.out).add(&self.carry.run(party, &carry)?);
        let positive = negate(party.role, sign);
        self.select.run(party, &positive, &truncated)
    }
}

/// relu(x) − relu(x − c) for public c (spec: `clip`), both in one pass.
#[derive(Debug)]
pub struct Clip(Box<dyn Operation>);

impl Clip {
    /// Of elements of `ring`, limited to `limit`.
    pub fn new(ring: Ring, limit: u64, tuning: Tuning) -> Result<Self> {
        Self::within(ring, limit, ring.bits(), tuning)
    }

    /// Of elements x where the low `compare` bits tell the signs of x and of x − c.
    pub fn within(ring: Ring, limit: u64, compare: u32, tuning: Tuning) -> Result<Self> {
        let two = ComparedClip { limit, relu: Relu::within(ring, compare, tuning)? };
        Ok(Self(cheapest(two, Rectify::option(ring, compare, 0, &[0, limit], tuning), tuning)))
    }
}

impl Operation for Clip {
    fn cost(&self, n: usize) -> Cost {
        self.0.cost(n)
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        self.0.run(party, x)
    }
}

/// Both ReLUs beside each other.
#[derive(Debug)]
struct ComparedClip {
    limit: u64,
    relu: Relu,
}

impl Operation for ComparedClip {
    fn cost(&self, n: usize) -> Cost {
        self.relu.cost(2 * n)
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        let n = x.len();
        let mut both = x.clone();
        both.append(&x.sub(&party.only_p0(RingVec::from_values(x.ring(), vec![self.limit; n]))));
        let y = self.relu.run(party, &both)?;
        Ok(y.slice(0, n).sub(&y.slice(n, n)))
    }
}
