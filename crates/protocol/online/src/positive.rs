//! Whether a value is positive, as the number 0 or 1.
//!
//! Of the 2^ℓ elements 2^(ℓ−1) − 1 are positive, and a sign bit of x + c is zero for 2^(ℓ−1): so no sign bit
//! alone tells it. That of −x is wrong for the least value, which is its own negative; that of x − 1 is wrong
//! there too, since it wraps. So zero and the least value are told apart from the others, by equality of the
//! low bits, which a comparison finds on the way.
//!
//! With a = −x₀ at P0 and b = x₁ at P1, x = b − a. Let t be the exclusive or of the top bits of a and b, and
//! a′ and b′ the other ℓ − 1 bits.
//!
//! - If a′ ≠ b′, then x is neither zero nor the least value, so [x > 0] = [x ≥ 0]. A subtraction borrows from
//!   the top bit iff b′ < a′, so the sign bit of x is t ⊕ ¬[a′ < b′], and [x > 0] = t ⊕ [a′ < b′].
//! - If a′ = b′, then x is zero or the least value, and [x > 0] = 0 = t ⊕ t.
//!
//! So [x > 0] = t ⊕ T, where T is [a′ < b′], but t where a′ = b′. That is one comparison tree of ℓ − 1 bits
//! above a lowest segment whose bit is t, and of t each party knows its share.
//!
//! What is sent is sent by the tree and by the bit's conversion, so each side sees masked bits only.
//!
//! # Cost
//! That of a sign bit, an eq of the lowest leaf and a join (4 bits) more; and of the conversion to w bits, w
//! bits or 2 where a helper deals. A clip to 0..=1 takes two comparisons and two selections.

use veilflow_correlation::Cost;
use veilflow_net::Role;
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::msb as private_msb;

use crate::{BitToArithmetic, CompareTree, OnlineError, Operation, Party, Result, Tuning};

/// \[x > 0\] of the signed reading as 0 or 1 (spec: `is_positive`), for every element.
#[derive(Debug, Clone)]
pub struct IsPositive {
    ring: Ring,
    tree: CompareTree,
    convert: BitToArithmetic,
}

impl IsPositive {
    /// Of elements of `ring`, in any ring `out`.
    pub fn new(ring: Ring, out: Ring, tuning: Tuning) -> Self {
        let tree = CompareTree::above(ring.bits() - 1, tuning);
        Self { ring, tree, convert: BitToArithmetic::new(out, tuning) }
    }
}

impl Operation for IsPositive {
    fn cost(&self, n: usize) -> Cost {
        self.tree.cost(n).then(self.convert.cost(n))
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        if x.ring() != self.ring {
            return Err(OnlineError::argument("is_positive", "elements of another ring"));
        }
        let private = if party.role == Role::P0 { x.neg() } else { x.clone() };
        let top = private_msb(&private);
        let below = self.tree.run_above(party, private.values(), top.clone())?;
        self.convert.run(party, &top.xor(&below))
    }
}
