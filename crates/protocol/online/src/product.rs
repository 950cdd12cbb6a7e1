//! Private × private products: a bit of one party times a ring element of the other, by one correlated OT.
//!
//! From u + v = c·α the parties open d = b ⊕ c (by the receiver) and e = x − α (by the sender), both uniform,
//! in one exchange. Then b·x = c·x if d = 0 and x − c·x if d = 1, where c·x = c·α + c·e; so the sender's
//! share is u or x − u and the receiver's v + c·e or its negative. w + 1 bits (Beaver, "Precomputing
//! oblivious transfer", CRYPTO 1995).
//!
//! Where the element is a bit too and a helper deals shares of α·β for random bits α of P0 and β of P1, the
//! parties open d = a ⊕ α and e = b ⊕ β, both uniform. Then a·b = a·e + (1 − 2e)·d·β + (1 − 2e)(1 − 2d)·α·β,
//! of which P0 knows the first term and P1 the second: 2 bits whatever w is.

use veilflow_correlation::{BitProduct, Cost, Demand, Flow, Product, ProductBatch};
use veilflow_net::Role;
use veilflow_ring::{Bits, Ring, RingVec, packed_len};
use veilflow_spec::multiplex;

use crate::{OnlineError, Party, Result, Tuning};

/// One vector of products, from one party's point of view. The parties' jobs mirror each other.
#[derive(Debug)]
pub enum ProductJob {
    /// This party holds the elements.
    Element(RingVec),
    /// This party holds the bits; products are in `Ring`.
    Bit(Bits, Ring),
    /// Each party holds bits; their products are in `Ring`. Only where a helper deals.
    BothBits(Bits, Ring),
}

/// A [`ProductJob`] for costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProductShape {
    /// Who holds the elements, their width, and how many there are.
    Element(Role, u32, usize),
    /// The width of the products of both parties' bits, and how many there are.
    BothBits(u32, usize),
}

impl ProductJob {
    fn ring(&self) -> Ring {
        match self {
            Self::Element(x) => x.ring(),
            Self::Bit(_, ring) | Self::BothBits(_, ring) => *ring,
        }
    }
}

/// Shares of every job's products, all in one exchange; without jobs nothing is sent.
pub fn products(party: &mut Party, jobs: Vec<ProductJob>) -> Result<Vec<RingVec>> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let mut message = Vec::new();
    let mut expected = 0;
    let mut opened = Vec::with_capacity(jobs.len());
    for job in &jobs {
        let bits = job.ring().bits();
        match job {
            ProductJob::Element(x) => {
                let kind = Product { sender: party.role, bits };
                let ProductBatch::Sender { alpha, u } = party.pools.take(kind, x.len())? else {
                    return Err(OnlineError::argument("products", "the pool holds the other half"));
                };
                message.extend(x.sub(&alpha).to_bytes());
                expected += x.len().div_ceil(8);
                opened.push((Bits::default(), u));
            }
            ProductJob::Bit(b, ring) => {
                let kind = Product { sender: party.role.other(), bits };
                let ProductBatch::Receiver { choice, v } = party.pools.take(kind, b.len())? else {
                    return Err(OnlineError::argument("products", "the pool holds the other half"));
                };
                message.extend(b.xor(&choice).to_bytes());
                expected += packed_len(*ring, b.len());
                opened.push((choice, v));
            }
            ProductJob::BothBits(b, _) => {
                let batch = party.pools.take(BitProduct { bits }, b.len())?;
                message.extend(b.xor(&batch.factor).to_bytes());
                expected += b.len().div_ceil(8);
                opened.push((batch.factor, batch.share));
            }
        }
    }
    let theirs = party.exchange(&message, expected)?;
    let mut rest = theirs.as_slice();
    let mut out = Vec::with_capacity(jobs.len());
    for (job, (choice, share)) in jobs.into_iter().zip(opened) {
        let ring = job.ring();
        match job {
            ProductJob::Element(x) => {
                let (mine, next) = rest.split_at(x.len().div_ceil(8));
                rest = next;
                let d = Bits::from_bytes(mine, x.len());
                // d ? x − u : u
                out.push(share.add(&multiplex(&d, &x.sub(&share).sub(&share))));
            }
            ProductJob::Bit(b, _) => {
                let (mine, next) = rest.split_at(packed_len(ring, b.len()));
                rest = next;
                let e = RingVec::from_bytes(ring, mine, b.len());
                let product = share.add(&multiplex(&choice, &e));
                let d = b.xor(&choice);
                // d ? −product : product
                out.push(product.sub(&multiplex(&d, &product.scale(2))));
            }
            ProductJob::BothBits(b, _) => {
                let (mine, next) = rest.split_at(b.len().div_ceil(8));
                rest = next;
                let theirs = Bits::from_bytes(mine, b.len());
                out.push(finish_both_bits(party.role, &b, &choice, &share, &theirs));
            }
        }
    }
    Ok(out)
}

/// The share of private bits' products, from what the other party opened; (1 − 2e)(1 − 2d) is 1 − 2(d ⊕ e).
fn finish_both_bits(role: Role, private: &Bits, factor: &Bits, share: &RingVec, theirs: &Bits) -> RingVec {
    let ring = share.ring();
    let flipped = private.xor(factor).xor(theirs);
    let signed = share.sub(&multiplex(&flipped, &share.scale(2)));
    if role == Role::P0 {
        return signed.add(&RingVec::from_bits(ring, &private.and(theirs)));
    }
    // Here `theirs` is d, and e is what this party opened.
    let own = RingVec::from_bits(ring, &factor.and(theirs));
    signed.add(&own).sub(&multiplex(&private.xor(factor), &own.scale(2)))
}

/// Cost of [`products`].
pub fn products_cost(jobs: &[ProductShape]) -> Cost {
    if jobs.is_empty() {
        return Cost::default();
    }
    let mut bytes = [0u64; 2];
    let mut demand = Demand::default();
    for &job in jobs {
        match job {
            ProductShape::Element(sender, bits, n) => {
                bytes[sender.index()] += (n * bits as usize).div_ceil(8) as u64;
                bytes[sender.other().index()] += n.div_ceil(8) as u64;
                demand.add(Product { sender, bits }, n);
            }
            ProductShape::BothBits(bits, n) => {
                bytes = bytes.map(|bytes| bytes + n.div_ceil(8) as u64);
                demand.add(BitProduct { bits }, n);
            }
        }
    }
    Cost { flows: vec![Flow::Exchange(bytes[0], bytes[1])], demand }
}

/// The products of bits that P0 alone knows with bits that P1 alone knows, in Z_2^w. In two parties P0's are
/// elements that happen to be bits; where a helper deals, both sides open bits only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrivateBits {
    out: Ring,
    dealt: bool,
}

impl PrivateBits {
    /// Products in `out`.
    pub fn new(out: Ring, tuning: Tuning) -> Self {
        Self { out, dealt: tuning.dealt }
    }

    /// The job of the party of `role`, which knows `bits`.
    pub(crate) fn job(self, role: Role, bits: &Bits) -> ProductJob {
        match role {
            _ if self.dealt => ProductJob::BothBits(bits.clone(), self.out),
            Role::P0 => ProductJob::Element(RingVec::from_bits(self.out, bits)),
            Role::P1 => ProductJob::Bit(bits.clone(), self.out),
        }
    }

    /// The job of `n` products, for costs.
    pub(crate) fn shape(self, n: usize) -> ProductShape {
        if self.dealt {
            ProductShape::BothBits(self.out.bits(), n)
        } else {
            ProductShape::Element(Role::P0, self.out.bits(), n)
        }
    }
}

/// Additive shares of shared bits (spec: `bit_to_arithmetic`). w bits, or 2 where a helper deals; one round.
///
/// b = b₀ + b₁ − 2·b₀·b₁, so the product is needed mod 2^(w−1) only, and for w = 1 not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitToArithmetic {
    out: Ring,
    product: Option<PrivateBits>,
}

impl BitToArithmetic {
    /// Into the ring `out`.
    pub fn new(out: Ring, tuning: Tuning) -> Self {
        let product = Ring::new(out.bits() - 1).ok().map(|ring| PrivateBits::new(ring, tuning));
        Self { out, product }
    }

    /// The job that multiplies the two shares of each bit, if one is needed.
    pub(crate) fn job(self, role: Role, bits: &Bits) -> Option<ProductJob> {
        self.product.map(|product| product.job(role, bits))
    }

    /// The job of `n` bits, for costs.
    pub(crate) fn shape(self, n: usize) -> Option<ProductShape> {
        self.product.map(|product| product.shape(n))
    }

    /// Joins shares of bits with their job's product, which is the next of `results` if there was a job.
    pub(crate) fn finish(self, bits: &Bits, results: &mut impl Iterator<Item = RingVec>) -> RingVec {
        let own = RingVec::from_bits(self.out, bits);
        match self.product.and_then(|_| results.next()) {
            Some(product) => own.sub(&product.map_into(self.out, |v| v.wrapping_mul(2))),
            None => own,
        }
    }

    /// Cost of `n` bits.
    pub fn cost(self, n: usize) -> Cost {
        products_cost(self.shape(n).as_slice())
    }

    /// Shares of the elements, from shares of the bits.
    pub fn run(self, party: &mut Party, bits: &Bits) -> Result<RingVec> {
        let jobs = self.job(party.role, bits).into_iter().collect();
        Ok(self.finish(bits, &mut products(party, jobs)?.into_iter()))
    }
}
