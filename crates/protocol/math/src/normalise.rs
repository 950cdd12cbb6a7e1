//! Rows of shared values divided by their norm.
//!
//! The sum of squares is exact; its leading one is found once a row, and with it the root and the word
//! 2^(d/2), whose bits are pairs of the one-hot place. What is sent is sent by the operations it is made of.

use veilflow_correlation::Cost;
use veilflow_online::{
    Multiply, Operation, Party, RangeClaim, Result, SignExtend, Tuning, Word, Words, ZeroExtend,
    ring_products, ring_products_cost,
};
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::math::{Norm, Normalise};

use crate::mantissa::MantissaFunction;
use crate::rounded_product::RoundedProduct;
use crate::rows::Rows;
use crate::shift_to_top::ShiftToTop;

/// Every row divided by its norm (spec: `math::normalise`).
#[derive(Debug)]
pub struct NormaliseRows {
    rows: Rows,
    input: Ring,
    /// Of layer normalisation, the extension to the ring in which rows are centred.
    centre: Option<SignExtend>,
    squares: Squares,
    /// The ring of that part of a square which shows in the sum, and its extension.
    kept: Ring,
    summand: ZeroExtend,
    epsilon: u64,
    to_top: ShiftToTop,
    root: MantissaFunction,
    shift: Words,
    product: RoundedProduct,
    extend: SignExtend,
}

impl NormaliseRows {
    /// The normalisation of the rows and formats of `normalise`.
    pub fn new(normalise: &Normalise, tuning: Tuning) -> Result<Self> {
        let Normalise { norm, width, epsilon, centred, sum, shifted, dropped, result, .. } = *normalise;
        let (input, output) = (Ring::new(normalise.input.bits)?, Ring::new(normalise.output.bits)?);
        let root = MantissaFunction::new(&normalise.root, tuning)?;
        let centre = match norm {
            Norm::L2 => None,
            Norm::Layer => Some(SignExtend::new(input, centred, RangeClaim::Any, tuning)?),
        };
        let kept = Ring::new(2 * centred.bits())?.min(sum);
        let multiply = Multiply::signed([shifted, root.out()], tuning)?;
        Ok(Self {
            rows: Rows { width },
            input,
            centre,
            squares: Squares::new(centred, shifted, tuning)?,
            kept,
            summand: ZeroExtend::new(kept, sum, RangeClaim::NonNegative, tuning)?,
            epsilon,
            to_top: ShiftToTop::new(sum, 1, tuning),
            root,
            shift: Words::new(tuning).times(sum.bits() / 2, shifted),
            product: RoundedProduct::new(multiply, dropped, result.bits(), tuning)?,
            extend: SignExtend::new(result, output, RangeClaim::Slack, tuning)?,
        })
    }

    /// Cost of so many rows.
    pub fn cost(&self, rows: usize) -> Cost {
        let n = rows * self.rows.width;
        let centred = self.centre.as_ref().map_or_else(Cost::default, |centre| centre.cost(n));
        let squares = self.squares.cost(n).then(self.summand.cost(n));
        let root = self.to_top.cost(rows).then(self.root.cost(rows));
        let result = self.shift.cost(n).then(self.product.cost(n)).then(self.extend.cost(n));
        centred.then(squares).then(root).then(result)
    }

    /// Shares of the results, from shares of the rows one after another.
    pub fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        let (of, rows) = (self.rows, self.rows.count("normalise", x, self.input)?);
        let centred = match &self.centre {
            None => x.clone(),
            Some(centre) => {
                let x = centre.run(party, x)?;
                x.scale(of.width as u64).sub(&of.spread(&of.sums(&x)))
            }
        };
        let [squares, centred] = self.squares.run(party, &centred)?;
        let sums = of.sums(&self.summand.run(party, &squares.narrow(self.kept))?);
        let shifted = self.to_top.run(party, &party.add_public(&sums, self.epsilon))?;
        let root = self.root.run(party, &shifted.rows)?;
        // Distances 2k and 2k + 1 from the top are both shifts by k.
        let pairs = shifted.octave.rchunks(2).map(|pair| pair[0].xor(&pair[1]));
        let spread = |row: Bits| of.indices(rows).map(|i| row.get(i)).collect();
        let word: Vec<Bits> = pairs.map(spread).collect();
        let up = self.shift.run(party, &[Word::times(&word, &centred)])?.swap_remove(0);
        let narrow = self.product.run(party, &up, &of.spread(&root))?;
        self.extend.run(party, &narrow)
    }
}

/// The squares of centred values, twice as wide, and the values in the ring in which they are shifted.
#[derive(Debug)]
enum Squares {
    /// The values are multiplied, and extended from what shows of them.
    Multiplied(Box<Multiply>, Ring, SignExtend),
    /// Where a helper deals, they are extended once for both, and a triple multiplies them in the first of
    /// these rings.
    Extended(SignExtend, [Ring; 2]),
}

impl Squares {
    fn new(centred: Ring, shifted: Ring, tuning: Tuning) -> Result<Self> {
        let extend = |from, to| SignExtend::new(from, to, RangeClaim::Any, tuning);
        if tuning.dealt {
            let square = Ring::new(2 * centred.bits())?;
            return Ok(Self::Extended(extend(centred, shifted.max(square))?, [square, shifted]));
        }
        let kept = centred.min(shifted);
        let multiply = Box::new(Multiply::signed([centred; 2], tuning)?);
        Ok(Self::Multiplied(multiply, kept, extend(kept, shifted)?))
    }

    fn cost(&self, n: usize) -> Cost {
        match self {
            Self::Multiplied(multiply, _, extend) => multiply.cost(n).then(extend.cost(n)),
            Self::Extended(extend, [square, _]) => {
                extend.cost(n).then(ring_products_cost(&[(square.bits(), n)]))
            }
        }
    }

    fn run(&self, party: &mut Party, x: &RingVec) -> Result<[RingVec; 2]> {
        match self {
            Self::Multiplied(multiply, kept, extend) => {
                Ok([multiply.run(party, x, x)?, extend.run(party, &x.narrow(*kept))?])
            }
            Self::Extended(extend, [square, shifted]) => {
                let x = extend.run(party, x)?;
                let factor = x.narrow(*square);
                let squares = ring_products(party, &[[&factor, &factor]])?.swap_remove(0);
                Ok([squares, x.narrow(*shifted)])
            }
        }
    }
}
