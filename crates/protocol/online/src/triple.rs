//! Products of shared elements by multiplication triples, which a helper deals at an element each (Beaver,
//! "Efficient multiparty protocols using circuit randomization", CRYPTO 1991).
//!
//! For shares of c = a·b the parties open d = x − a and e = y − b; then x·y = d·e + d·b + a·e + c. Both
//! opened values are masked by elements used once, hence uniform. 4w bits online and w dealt, whatever the
//! bits of the factors; by correlated OTs a product takes about 2w a bit of the narrower factor.

use veilflow_correlation::{Cost, Demand, RingTriple};
use veilflow_ring::{RingVec, packed_len};

use crate::{OnlineError, Party, Result};

/// Shares of x·y, element by element, for every pair of equal rings and lengths, all in one exchange; without
/// pairs nothing is sent.
pub fn ring_products(party: &mut Party, pairs: &[[&RingVec; 2]]) -> Result<Vec<RingVec>> {
    if pairs.is_empty() {
        return Ok(Vec::new());
    }
    let mut message = Vec::new();
    let mut triples = Vec::with_capacity(pairs.len());
    for [x, y] in pairs {
        if x.ring() != y.ring() || x.len() != y.len() {
            return Err(OnlineError::argument("ring_products", "factors differ in ring or number"));
        }
        let triple = party.pools.take(RingTriple { bits: x.ring().bits() }, x.len())?;
        let masked = [x.sub(&triple.a), y.sub(&triple.b)];
        masked.iter().for_each(|v| message.extend(v.to_bytes()));
        triples.push((triple, masked));
    }
    let theirs = party.exchange(&message, message.len())?;
    let mut rest = theirs.as_slice();
    let mut opened = |mine: &RingVec| {
        let (bytes, next) = rest.split_at(packed_len(mine.ring(), mine.len()));
        rest = next;
        mine.add(&RingVec::from_bytes(mine.ring(), bytes, mine.len()))
    };
    let mut out = Vec::with_capacity(pairs.len());
    for (triple, [x, y]) in triples {
        let [d, e] = [opened(&x), opened(&y)];
        // d·(e + b) + a·e + c, where one party adds the public d·e.
        let b = party.only_p0(e.clone()).add(&triple.b);
        let product = |v: &RingVec, w: &RingVec| v.zip_map(w, u64::wrapping_mul);
        out.push(product(&d, &b).add(&product(&triple.a, &e)).add(&triple.c));
    }
    Ok(out)
}

/// Cost of [`ring_products`] of pairs of so many bits and so many elements.
pub fn ring_products_cost(pairs: &[(u32, usize)]) -> Cost {
    if pairs.is_empty() {
        return Cost::default();
    }
    let mut demand = Demand::default();
    let mut bytes = 0;
    for &(bits, n) in pairs {
        bytes += 2 * (bits as usize * n).div_ceil(8) as u64;
        demand.add(RingTriple { bits }, n);
    }
    Cost::exchange(bytes, bytes, demand)
}
