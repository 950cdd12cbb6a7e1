//! The product of two shared matrices of different widths.
//!
//! As [`Multiply`](crate::Multiply) element by element, with local sums; but an element's wrap is computed
//! once, however many products it is a factor of. What is sent opens masked bits and elements.

use veilflow_correlation::Cost;
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::MatMulShape;

use crate::by_bits::ByBits;
use crate::factors::Factors;
use crate::multiply::full;
use crate::{Carry, OnlineError, Party, RangeClaim, Result, Tuning, ring_products, ring_products_cost};

/// x·y of the signed readings, in m + n bits or fewer (spec: `matmul_signed`); x is rows × inner, y inner ×
/// columns. Or a stack of such products, one after another.
#[derive(Debug, Clone)]
pub struct MatMul {
    rings: [Ring; 2],
    stack: usize,
    shape: MatMulShape,
    protocol: Protocol,
}

#[derive(Debug, Clone)]
enum Protocol {
    /// By the wraps of the raised matrices.
    ByBits([Carry; 2], ByBits),
    /// By elements of the product's ring.
    ByTriple(Factors, Ring),
}

impl MatMul {
    /// Of matrices of these rings, whose widths are 64 bits at most together; `shape` has an inner size.
    pub fn new(rings: [Ring; 2], shape: &MatMulShape, tuning: Tuning) -> Result<Self> {
        Self::stacked(rings, full(rings)?, 1, shape, tuning)
    }

    /// Of a stack of pairs of such matrices, mod 2^w for an `out` of w bits, which is as wide as either
    /// factor at least and at most as wide as both together.
    pub fn stacked(
        rings: [Ring; 2],
        out: Ring,
        stack: usize,
        shape: &MatMulShape,
        tuning: Tuning,
    ) -> Result<Self> {
        if shape.inner == 0 {
            return Err(OnlineError::argument("matmul", "a sum has no terms"));
        }
        if out < rings[0] || out < rings[1] || out > full(rings)? {
            return Err(OnlineError::argument("matmul", format!("a product of {} bits", out.bits())));
        }
        let protocol = if tuning.dealt {
            Protocol::ByTriple(Factors::new(rings, [RangeClaim::Any; 2], out, true, tuning)?, out)
        } else {
            let carries = rings.map(|ring| Carry::new(ring.bits(), tuning));
            Protocol::ByBits(carries, ByBits::new(rings, out, true))
        };
        Ok(Self { rings, stack, shape: shape.clone(), protocol })
    }

    /// The elements of each matrix.
    fn counts(&self) -> [usize; 2] {
        let MatMulShape { rows, inner, columns } = self.shape;
        [self.stack * rows * inner, self.stack * inner * columns]
    }

    /// The factors of every product: which element of x, and which of y. Those of one sum follow one another.
    fn factors(&self) -> impl Iterator<Item = [usize; 2]> {
        let MatMulShape { rows, inner, columns } = self.shape;
        let sum = move |(s, i, j)| {
            (0..inner).map(move |k| [(s * rows + i) * inner + k, (s * inner + k) * columns + j])
        };
        let entry = move |row| (0..columns).map(move |j| (row / rows, row % rows, j));
        (0..self.stack * rows).flat_map(entry).flat_map(sum)
    }

    /// Cost of one product of matrices.
    pub fn cost(&self) -> Cost {
        let products = self.stack * self.shape.rows * self.shape.inner * self.shape.columns;
        match &self.protocol {
            Protocol::ByBits(carries, product) => {
                let wraps = carries.iter().zip(self.counts()).map(|(carry, n)| carry.cost(n));
                wraps.fold(Cost::default(), Cost::then).then(product.cost(products))
            }
            Protocol::ByTriple(factors, out) => {
                factors.cost(self.counts()).then(ring_products_cost(&[(out.bits(), products)]))
            }
        }
    }

    /// Shares of the product, from shares of both matrices, row by row.
    pub fn run(&self, party: &mut Party, x: &RingVec, y: &RingVec) -> Result<RingVec> {
        if [x.len(), y.len()] != self.counts() || [x.ring(), y.ring()] != self.rings {
            return Err(OnlineError::argument("matmul", "matrices and shape differ in size"));
        }
        let at = |v: &RingVec, which: usize| v.gather(self.factors().map(|pair| pair[which]));
        let products = match &self.protocol {
            Protocol::ByBits([first, second], product) => {
                let [x, y] = [product.read(party, x), product.read(party, y)];
                let wraps = [first.run(party, &x)?, second.run(party, &y)?];
                let bits_at =
                    |which: usize| self.factors().map(|pair| wraps[which].get(pair[which])).collect::<Bits>();
                product.run(party, [&at(&x, 0), &at(&y, 1)], [&bits_at(0), &bits_at(1)])?
            }
            Protocol::ByTriple(factors, _) => {
                let [x, y] = factors.run(party, [x, y])?;
                ring_products(party, &[[&at(&x, 0), &at(&y, 1)]])?.swap_remove(0)
            }
        };
        let sum = |terms: &[u64]| terms.iter().fold(0u64, |sum, v| sum.wrapping_add(*v));
        let sums = products.values().chunks(self.shape.inner).map(sum);
        Ok(RingVec::from_values(products.ring(), sums.collect()))
    }
}
