//! Private × private products: a bit of one party times a ring element of the other, by one correlated OT.
//!
//! From u + v = c·α the parties open d = b ⊕ c (by the receiver) and e = x − α (by the sender), both uniform, in one
//! exchange. Then b·x = c·x if d = 0 and x − c·x if d = 1, where c·x = c·α + c·e; so the sender's share is u or x − u and
//! the receiver's v + c·e or its negative. w + 1 bits (Beaver, "Precomputing oblivious transfer", CRYPTO 1995).
//!
//! Where the element is a bit too and a helper deals shares of α·β for random bits α of P0 and β of P1, the parties open d = a ⊕ α
//! and e = b ⊕ β, both uniform. Then a·b = a·e + (1 − 2e)·d·β + (1 − 2e)(1 − 2d)·α·β, of which P0 knows the first term and P1 the
//! second: 2 bits whatever w is.

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

/// Shares of every job's products, all in one exchange.
pub fn products(party: &mut Party, jobs: Vec<ProductJob>) -> Result<Vec<RingVec>> {
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

/// The job by which [`bit_to_arithmetic`] multiplies the two shares of a bit, one bit narrower than the output.
///
/// b = b₀ + b₁ − 2·b₀·b₁, so the product is needed mod 2^(w−1) only, and for w = 1 not at all.
pub(crate) fn conversion_job(party: &Party, bits: &Bits, out: Ring) -> Option<ProductJob> {
    Ring::new(out.bits() - 1).ok().map(|ring| private_bits_job(party, bits, ring))
}

/// The job that multiplies P0's private bits with P1's: in two parties P0's are elements that happen to be bits.
pub(crate) fn private_bits_job(party: &Party, bits: &Bits, out: Ring) -> ProductJob {
    if party.tuning.dealt {
        return ProductJob::BothBits(bits.clone(), out);
    }
    match party.role {
        Role::P0 => ProductJob::Element(RingVec::from_bits(out, bits)),
        Role::P1 => ProductJob::Bit(bits.clone(), out),
    }
}

/// The same for costs.
pub(crate) fn private_bits_shape(out_bits: u32, n: usize, tuning: Tuning) -> ProductShape {
    if tuning.dealt {
        ProductShape::BothBits(out_bits, n)
    } else {
        ProductShape::Element(Role::P0, out_bits, n)
    }
}

/// Joins a bit share with its [`conversion_job`]'s product.
pub(crate) fn converted(bits: &Bits, product: Option<&RingVec>, out: Ring) -> RingVec {
    let bits = RingVec::from_bits(out, bits);
    match product {
        Some(product) => bits.sub(&product.map_into(out, |v| v.wrapping_mul(2))),
        None => bits,
    }
}

/// Additive shares in `out` of shared bits (spec: `bit_to_arithmetic`). w bits, or 2 where a helper deals; one round.
pub fn bit_to_arithmetic(party: &mut Party, bits: &Bits, out: Ring) -> Result<RingVec> {
    let jobs: Vec<_> = conversion_job(party, bits, out).into_iter().collect();
    let products = if jobs.is_empty() { Vec::new() } else { products(party, jobs)? };
    Ok(converted(bits, products.first(), out))
}

/// The job of a conversion to `out_bits`, for costs.
pub(crate) fn conversion_shape(out_bits: u32, n: usize, tuning: Tuning) -> Option<ProductShape> {
    (out_bits > 1).then(|| private_bits_shape(out_bits - 1, n, tuning))
}

/// Cost of [`bit_to_arithmetic`] of `n` bits into `out_bits` bits.
pub fn bit_to_arithmetic_cost(out_bits: u32, n: usize, tuning: Tuning) -> Cost {
    conversion_shape(out_bits, n, tuning).map_or_else(Cost::default, |job| products_cost(&[job]))
}
