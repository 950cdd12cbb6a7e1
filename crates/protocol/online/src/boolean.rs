//! Boolean products: AND of private bits, and AND of shared bits by Beaver triples.
//!
//! What is opened is each operand masked by a random bit used once, hence uniform.

use veilflow_correlation::{And, Cost, Demand, Triple};
use veilflow_net::Role;
use veilflow_ring::Bits;

use crate::{Party, Result};

/// Shares of a·b, where `private` is P0's a or P1's b. Two bits, one round, one OT.
///
/// From u ⊕ v = α·β the parties open d = a ⊕ α and e = b ⊕ β; then a·b = d·e ⊕ d·β ⊕ α·e ⊕ α·β.
pub fn and_private(party: &mut Party, private: &Bits) -> Result<Bits> {
    let batch = party.pools.take(And { sender: Role::P0 }, private.len())?;
    let mine = private.xor(&batch.factor);
    let theirs = party.exchange_bits(&mine)?;
    Ok(finish_and(party.role, private, &batch.factor, &batch.share, &theirs))
}

/// P0 takes d·e ⊕ α·e = a·e, P1 takes d·β: each its own operand or factor times what the other opened.
pub(crate) fn finish_and(role: Role, private: &Bits, factor: &Bits, share: &Bits, theirs: &Bits) -> Bits {
    let own = if role == Role::P0 { private } else { factor };
    share.xor(&own.and(theirs))
}

/// Cost of [`and_private`] of `n` bits.
pub fn and_private_cost(n: usize) -> Cost {
    let bytes = n.div_ceil(8) as u64;
    Cost::exchange(bytes, bytes, Demand::of(And { sender: Role::P0 }, n))
}

/// A shared factor and the shared bits it multiplies, all of one length.
#[derive(Debug)]
pub struct AndGroup {
    /// The common factor.
    pub common: Bits,
    /// The bits it multiplies, one row each.
    pub others: Vec<Bits>,
}

/// Shares of common·other for every row of every group, all in one exchange: per instance 1 + rows bits a
/// party. Without groups nothing is sent.
///
/// A group with an empty length or no rows is not allowed.
pub fn and_shared(party: &mut Party, groups: &[AndGroup]) -> Result<Vec<Vec<Bits>>> {
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let mut mine = Bits::default();
    let mut triples = Vec::with_capacity(groups.len());
    for group in groups {
        let kind = Triple { payload: group.others.len() as u32 };
        let triple = party.pools.take(kind, group.common.len())?;
        mine.append(&group.common.xor(&triple.f));
        for (other, g) in group.others.iter().zip(&triple.g) {
            mine.append(&other.xor(g));
        }
        triples.push(triple);
    }
    let opened = party.open_bits(&mine)?;
    let mut at = 0;
    let mut next = |len: usize| {
        at += len;
        opened.slice(at - len, len)
    };
    let mut out = Vec::with_capacity(groups.len());
    for (group, triple) in groups.iter().zip(triples) {
        let n = group.common.len();
        let d = next(n);
        let mut rows = Vec::with_capacity(group.others.len());
        for (g, h) in triple.g.iter().zip(&triple.h) {
            // x·y = (d ⊕ f)(e ⊕ g) = d·e ⊕ d·g ⊕ f·e ⊕ h; the public d·e goes to P0.
            let e = next(n);
            let mut row = h.xor(&d.and(g));
            row.xor_assign(&triple.f.and(&e));
            if party.role == Role::P0 {
                row.xor_assign(&d.and(&e));
            }
            rows.push(row);
        }
        out.push(rows);
    }
    Ok(out)
}

/// Cost of [`and_shared`]: a group is (rows, length).
pub fn and_shared_cost(groups: &[(u32, usize)]) -> Cost {
    if groups.is_empty() {
        return Cost::default();
    }
    let mut demand = Demand::default();
    let mut bits = 0;
    for &(payload, n) in groups {
        bits += (1 + payload as usize) * n;
        demand.add(Triple { payload }, n);
    }
    let bytes = bits.div_ceil(8) as u64;
    Cost::exchange(bytes, bytes, demand)
}
