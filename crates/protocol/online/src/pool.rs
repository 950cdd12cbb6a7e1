//! Maximum pooling: a tournament of compare-and-select, all windows in step.
//!
//! What is sent is sent by the ReLUs it is made of, so each side sees masked bits and elements only.

use veilflow_correlation::Cost;
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::Pool2dShape;

use crate::{OnlineError, Operation, Party, Relu, Result, Tuning};

/// The maximum of lists of elements (spec: `max_of`): max(a, b) = b + relu(a − b), neighbours first.
#[derive(Debug)]
pub struct MaxOf {
    ring: Ring,
    excess: Relu,
}

impl MaxOf {
    /// Of elements of `ring`.
    pub fn new(ring: Ring, tuning: Tuning) -> Self {
        Self { ring, excess: Relu::new(ring, tuning) }
    }

    /// Cost for lists given by their sizes and how many there are of each.
    pub fn cost(&self, sizes: impl IntoIterator<Item = (usize, usize)>) -> Cost {
        let mut sizes: Vec<(usize, usize)> = sizes.into_iter().collect();
        let mut cost = Cost::default();
        while sizes.iter().any(|&(size, count)| size > 1 && count > 0) {
            cost = cost.then(self.excess.cost(sizes.iter().map(|(size, count)| size / 2 * count).sum()));
            sizes.iter_mut().for_each(|(size, _)| *size = size.div_ceil(2));
        }
        cost
    }

    /// Shares of the maximum of each list, given by the indices of its elements in `x`.
    pub fn run(&self, party: &mut Party, x: &RingVec, lists: &[Vec<usize>]) -> Result<RingVec> {
        if lists.iter().any(|w| w.is_empty() || w.iter().any(|&i| i >= x.len())) {
            return Err(OnlineError::argument("max_of", "a list is empty or reaches past the input"));
        }
        let ring = self.ring;
        let mut fields: Vec<Vec<u64>> =
            lists.iter().map(|w| w.iter().map(|&i| x.values()[i]).collect()).collect();
        while fields.iter().any(|f| f.len() > 1) {
            let pairs = fields.iter().flat_map(|f| f.chunks_exact(2));
            let differences = RingVec::from_values(ring, pairs.map(|p| p[0].wrapping_sub(p[1])).collect());
            let excess = party.run_in_threads(&self.excess, &differences)?;
            let mut excess = excess.values().iter();
            for field in &mut fields {
                let next = field.chunks(2).map(|pair| match (pair, pair.len()) {
                    ([_, b], _) => ring.add(*b, *excess.next().expect("one excess a pair")),
                    (pair, _) => pair[0],
                });
                *field = next.collect();
            }
        }
        Ok(RingVec::from_values(ring, fields.into_iter().map(|f| f[0]).collect()))
    }
}

/// The largest element of every window (spec: `max_pool`): rows, then columns of row maxima.
#[derive(Debug)]
pub struct MaxPool {
    shape: Pool2dShape,
    max: MaxOf,
}

impl MaxPool {
    /// Of images of `shape` in `ring`.
    pub fn new(ring: Ring, shape: &Pool2dShape, tuning: Tuning) -> Result<Self> {
        if !shape.is_valid() {
            return Err(OnlineError::argument("max_pool", "the windows do not fit the input"));
        }
        Ok(Self { shape: shape.clone(), max: MaxOf::new(ring, tuning) })
    }

    /// Cost of one input.
    pub fn cost(&self) -> Cost {
        self.max.cost(self.shape.horizontal_sizes()).then(self.max.cost(self.shape.vertical_sizes()))
    }

    /// Shares of the maxima.
    pub fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        if x.len() != self.shape.in_len() {
            return Err(OnlineError::argument("max_pool", "input and windows do not fit"));
        }
        let rows = self.max.run(party, x, &self.shape.horizontal_windows())?;
        self.max.run(party, &rows, &self.shape.vertical_windows())
    }
}
