//! How often the shares of a value wrap around its ring: what extension, shifts and division take away.
//!
//! What is sent is sent by the comparison tree and by private products, so each side sees masked bits and
//! elements only.

use veilflow_correlation::Cost;
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::msb as private_msb;

use crate::product::PrivateBits;
use crate::sign::operand;
use crate::{
    BitToArithmetic, CompareTree, Party, ProductJob, ProductShape, Result, Tuning, products, products_cost,
};

/// What is publicly known of a shared value's range. A false claim makes results wrong, never insecure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RangeClaim {
    /// Nothing.
    Any,
    /// |x| < 2^ℓ / 3, signed.
    Slack,
    /// x < 2^(ℓ−1): the sign bit is zero.
    NonNegative,
}

impl RangeClaim {
    /// Whether an element's wrap, as its signed or unsigned reading needs it, takes a comparison.
    pub(crate) fn takes_comparison(self, signed: bool) -> bool {
        match self {
            Self::Any => true,
            Self::Slack => !signed,
            Self::NonNegative => false,
        }
    }
}

/// MW = wrap + MSB, how often 2^ℓ must be taken from x₀ + x₁ to reach the signed x (spec: `msb_wrap_count`).
///
/// With [`RangeClaim::Slack`]: MW is 0 iff both shares are below 2^ℓ/3, 2 iff both are at least 2·2^ℓ/3, else
/// 1, so two private products suffice (arXiv 2509.01178). With [`RangeClaim::NonNegative`]: the wrap alone, 1
/// iff either share has its top bit set. With [`RangeClaim::Any`]: one comparison and two conversions.
#[derive(Debug, Clone)]
pub struct WrapCount {
    out: Ring,
    form: Form,
}

#[derive(Debug, Clone)]
enum Form {
    /// MW = a₀ + a₁ − a₀a₁ + b₀b₁.
    Slack(PrivateBits),
    /// MW = m₀ + m₁ − m₀m₁.
    NonNegative(PrivateBits),
    /// Wrap and sign as shared bits, by a tree over all bits that also yields the carry into the sign bit.
    Compared(CompareTree, BitToArithmetic),
}

/// A wrap count whose product jobs are under way.
#[derive(Debug)]
pub(crate) enum Pending {
    Slack(RingVec),
    NonNegative(RingVec),
    Compared(BitToArithmetic, [Bits; 2]),
}

impl WrapCount {
    /// Of elements of `bits` bits within `claim`, mod the ring `out`.
    pub fn new(bits: u32, claim: RangeClaim, out: Ring, tuning: Tuning) -> Self {
        let product = PrivateBits::new(out, tuning);
        let form = match claim {
            RangeClaim::Slack => Form::Slack(product),
            RangeClaim::NonNegative => Form::NonNegative(product),
            RangeClaim::Any => {
                let tree = CompareTree::new(bits, (bits > 1).then(|| bits - 1), tuning);
                Form::Compared(tree, BitToArithmetic::new(out, tuning))
            }
        };
        Self { out, form }
    }

    /// Runs what comes before the products, and adds the jobs of these, to be done beside others in one
    /// exchange.
    pub(crate) fn prepare(
        &self,
        party: &mut Party,
        x: &RingVec,
        jobs: &mut Vec<ProductJob>,
    ) -> Result<Pending> {
        let role = party.role;
        Ok(match &self.form {
            Form::NonNegative(product) => {
                let sign = private_msb(x);
                jobs.push(product.job(role, &sign));
                Pending::NonNegative(RingVec::from_bits(self.out, &sign))
            }
            Form::Slack(product) => {
                let third = x.at_least_thirds(1);
                jobs.push(product.job(role, &third));
                jobs.push(product.job(role, &x.at_least_thirds(2)));
                Pending::Slack(RingVec::from_bits(self.out, &third))
            }
            Form::Compared(tree, conversion) => {
                let (wrap, below) = tree.run(party, &operand(role, x))?;
                let sign = private_msb(x).xor(&below.unwrap_or_else(|| Bits::zeros(x.len())));
                let bits = [wrap, sign];
                jobs.extend(bits.iter().filter_map(|bits| conversion.job(role, bits)));
                Pending::Compared(*conversion, bits)
            }
        })
    }

    /// Cost of what comes before the products of `n` elements.
    pub(crate) fn cost_before(&self, n: usize) -> Cost {
        match &self.form {
            Form::Slack(_) | Form::NonNegative(_) => Cost::default(),
            Form::Compared(tree, _) => tree.cost(n),
        }
    }

    /// The products of `n` elements, for costs.
    pub(crate) fn shapes(&self, n: usize) -> Vec<ProductShape> {
        match &self.form {
            Form::NonNegative(product) => vec![product.shape(n)],
            Form::Slack(product) => vec![product.shape(n); 2],
            Form::Compared(_, conversion) => [conversion.shape(n); 2].into_iter().flatten().collect(),
        }
    }

    /// Cost of `n` elements.
    pub fn cost(&self, n: usize) -> Cost {
        self.cost_before(n).then(products_cost(&self.shapes(n)))
    }

    /// Shares of MW.
    pub fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        let mut jobs = Vec::new();
        let pending = self.prepare(party, x, &mut jobs)?;
        Ok(pending.finish(&mut products(party, jobs)?.into_iter()))
    }
}

impl Pending {
    /// Shares of MW from the first of `results`, which are used up.
    pub(crate) fn finish(self, results: &mut impl Iterator<Item = RingVec>) -> RingVec {
        let mut product = || results.next().expect("a product for every job");
        match self {
            Self::NonNegative(sum) => sum.sub(&product()),
            Self::Slack(sum) => sum.sub(&product()).add(&product()),
            Self::Compared(conversion, [wrap, sign]) => {
                conversion.finish(&wrap, results).add(&conversion.finish(&sign, results))
            }
        }
    }
}
