//! Whether any of many shared values leaves its range: one shared bit, and nothing of which value it was.
//!
//! Each value gives flags, shared by exclusive or. Of a value whose sign within its range is known as a
//! shared bit (an activation compared it), a flag takes one product of shared bits: with a and b the parties'
//! bits at place j, v the bit of the value there and c the carry into it, c = v ⊕ a ⊕ b, so that the next
//! carry is a ⊕ (a ⊕ b)·(a ⊕ c) = a ⊕ (a ⊕ b)·(v ⊕ b), and the next bit of the value is known in turn. In
//! range, all bits from the sign's place on are equal.
//!
//! Flags are then added up mod 2 over [`PARITIES`] random sets, which is local. If a flag is 1, each sum is 1
//! with probability 1/2, whatever the other flags are; so all are 0 with probability 2^−40. Their disjunction
//! is the result. The sums themselves would tell which flags are set, so they are never opened.
//!
//! What is opened are bits of products, masked by bits used once, so each side sees uniform bits only.

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_prim::{Block, Prg};
use veilflow_ring::{Bits, Ring, RingVec};

use crate::sign::negate;
use crate::{AndGroup, Carry, OnlineError, Party, Result, Tuning, and_shared, and_shared_cost};

/// The sums of flags whose disjunction is taken, and so the bits of security of "no flag is set".
pub const PARITIES: usize = 40;

/// This party's bits of values from the sign's place on, and its shares of their signs.
#[derive(Debug, Clone)]
pub struct UpperBits {
    /// Its share's bits at the places m, m + 1, … of the values, one row a place.
    pub rows: Vec<Bits>,
    /// Shares of [bit m of the value is zero], as an [activation](crate::Activation) tells them.
    pub positive: Bits,
}

/// Shares of the flags of several groups of values (spec: `beyond`), group by group.
///
/// All groups go through their places at the same time: a place takes one exchange.
pub fn beyond(party: &mut Party, groups: &[UpperBits]) -> Result<Bits> {
    let role = party.role;
    let signs: Vec<Bits> = groups.iter().map(|group| negate(role, group.positive.clone())).collect();
    let mut values = signs.clone();
    let mut flags = vec![Bits::default(); groups.len()];
    for place in 1..places(groups.iter().map(|group| group.rows.len())) {
        let open: Vec<usize> = (0..groups.len()).filter(|&g| groups[g].rows.len() > place).collect();
        let products = open.iter().map(|&g| {
            let own = &groups[g].rows[place - 1];
            let other = if role == Role::P0 { values[g].clone() } else { values[g].xor(own) };
            AndGroup { common: own.clone(), others: vec![other] }
        });
        let products = and_shared(party, &products.collect::<Vec<_>>())?;
        for (&g, product) in open.iter().zip(products) {
            let mut next = product.into_iter().next().unwrap_or_default().xor(&groups[g].rows[place]);
            if role == Role::P0 {
                next.xor_assign(&groups[g].rows[place - 1]);
            }
            flags[g].append(&next.xor(&signs[g]));
            values[g] = next;
        }
    }
    Ok(Bits::concat(&flags))
}

/// Cost of [`beyond`] of groups, each given by its rows and its values.
pub fn beyond_cost(groups: &[(usize, usize)]) -> Cost {
    let mut cost = Cost::default();
    for place in 1..places(groups.iter().map(|&(rows, _)| rows)) {
        let open: Vec<_> = groups.iter().filter(|&&(rows, _)| rows > place).map(|&(_, n)| (1, n)).collect();
        cost = cost.then(and_shared_cost(&open));
    }
    cost
}

fn places(rows: impl Iterator<Item = usize>) -> usize {
    rows.max().unwrap_or(0)
}

/// Whether elements lie outside an interval (spec: `outside`).
///
/// Of a = x − low, the sum a + (2^ℓ − 1 − (high − low)) leaves the ring iff x is too large or too small. With
/// a₀ and a₁ the shares of a and b₀ that of the sum at P0, the wraps of a₀ + a₁ and of b₀ + a₁ differ by
/// that, up to whether P0's own addition left the ring: two comparisons, beside each other.
#[derive(Debug, Clone)]
pub struct Outside {
    low: u64,
    rest: u64,
    ring: Ring,
    wrap: Carry,
}

impl Outside {
    /// Of elements of `ring`, whose signed reading holds `low` ≤ `high`.
    pub fn new(ring: Ring, low: i64, high: i64, tuning: Tuning) -> Result<Self> {
        let holds = |v: i64| ring.to_signed(ring.from_signed(v)) == v;
        if low > high || !holds(low) || !holds(high) {
            let reason = format!("{low}..={high} is no interval of {} bits", ring.bits());
            return Err(OnlineError::argument("outside", reason));
        }
        let rest = ring.mask() - high.wrapping_sub(low).cast_unsigned();
        Ok(Self { low: ring.from_signed(low), rest, ring, wrap: Carry::new(ring.bits(), tuning) })
    }

    /// Cost of `n` elements.
    pub fn cost(&self, n: usize) -> Cost {
        self.wrap.cost(2 * n)
    }

    /// Shares of the bits.
    pub fn run(&self, party: &mut Party, x: &RingVec) -> Result<Bits> {
        if x.ring() != self.ring {
            return Err(OnlineError::argument("outside", "elements of another ring"));
        }
        let n = x.len();
        let a = party.add_public(x, self.low.wrapping_neg());
        let b = party.add_public(&a, self.rest);
        let mut both = a.clone();
        both.append(&b);
        let wraps = self.wrap.run(party, &both)?;
        let mut outside = wraps.slice(0, n).xor(&wraps.slice(n, n));
        if party.role == Role::P0 {
            outside.xor_assign(&a.values().iter().zip(b.values()).map(|(a, b)| b < a).collect());
        }
        Ok(outside)
    }
}

/// A share of [some flag is set], from shares of flags and a seed that both parties have and that was drawn
/// without knowledge of the flags.
pub fn any(party: &mut Party, flags: &Bits, seed: Block) -> Result<Bits> {
    let mut sets = Prg::from_seed(seed);
    let mut parity = |_| {
        let chosen = flags.and(&sets.bits(flags.len()));
        chosen.words().iter().map(|word| word.count_ones()).sum::<u32>() % 2 == 1
    };
    let parities: Bits = (0..PARITIES).map(&mut parity).collect();
    // None is set iff all complements are.
    let mut none = negate(party.role, parities);
    while none.len() > 1 {
        let half = none.len() / 2;
        let group = AndGroup { common: none.slice(0, half), others: vec![none.slice(half, half)] };
        let joined = and_shared(party, &[group])?;
        none = Bits::concat([&joined[0][0], &none.slice(2 * half, none.len() % 2)]);
    }
    Ok(negate(party.role, none))
}

/// Cost of [`any`], which does not depend on the number of flags.
pub fn any_cost() -> Cost {
    let (mut cost, mut left) = (Cost::default(), PARITIES);
    while left > 1 {
        cost = cost.then(and_shared_cost(&[(1, left / 2)]));
        left = left.div_ceil(2);
    }
    cost
}
