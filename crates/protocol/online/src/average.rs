//! Averages: local sums, divided exactly by a public count. What is sent is sent by the
//! [division](crate::DivideFloor).

use std::collections::BTreeMap;

use veilflow_correlation::Cost;
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::Pool2dShape;

use crate::{DivideFloor, OnlineError, Operation, Party, RangeClaim, Result, Tuning};

/// A sum of d values divided by d, rounded half up (spec: `average`).
#[derive(Debug)]
pub struct Average {
    half: u64,
    divide: DivideFloor,
}

impl Average {
    /// Of sums in `ring` of `d` values, where `claim` is that of a sum plus d/2.
    pub fn new(ring: Ring, d: u64, claim: RangeClaim, tuning: Tuning) -> Result<Self> {
        Ok(Self { half: d / 2, divide: DivideFloor::new(ring, d, claim, tuning)? })
    }
}

impl Operation for Average {
    fn cost(&self, n: usize) -> Cost {
        self.divide.cost(n)
    }

    fn run(&self, party: &mut Party, sum: &RingVec) -> Result<RingVec> {
        let half = party.only_p0(RingVec::from_values(sum.ring(), vec![self.half; sum.len()]));
        self.divide.run(party, &sum.add(&half))
    }
}

/// The average of every window (spec: `average_pool`), by one division a divisor.
#[derive(Debug)]
pub struct AveragePool {
    shape: Pool2dShape,
    /// The positions of the output that are divided alike, of the smallest divisor first.
    groups: Vec<(Average, Vec<usize>)>,
}

impl AveragePool {
    /// Of images of `shape` in `ring`; padding counts or not. `claim` is that of a window's sum plus half its
    /// divisor.
    pub fn new(
        ring: Ring,
        shape: &Pool2dShape,
        count_padding: bool,
        claim: RangeClaim,
        tuning: Tuning,
    ) -> Result<Self> {
        if !shape.is_valid() {
            return Err(OnlineError::argument("average_pool", "the windows do not fit the input"));
        }
        let mut groups = BTreeMap::<usize, Vec<usize>>::new();
        for at in 0..shape.out_len() {
            let (i, j) = (at / shape.out_width % shape.out_height, at % shape.out_width);
            let covered = shape.rows(i).len() * shape.columns(j).len();
            let d = if count_padding { shape.kernel[0] * shape.kernel[1] } else { covered };
            groups.entry(d).or_default().push(at);
        }
        let average = |(d, at)| Ok((Average::new(ring, d as u64, claim, tuning)?, at));
        Ok(Self { shape: shape.clone(), groups: groups.into_iter().map(average).collect::<Result<_>>()? })
    }

    /// Cost of one input.
    pub fn cost(&self) -> Cost {
        self.groups.iter().map(|(average, at)| average.cost(at.len())).fold(Cost::default(), Cost::then)
    }

    /// Shares of the averages.
    pub fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        if x.len() != self.shape.in_len() {
            return Err(OnlineError::argument("average_pool", "input and windows do not fit"));
        }
        let rows = sum_windows(x, &self.shape.horizontal_windows());
        let sums = sum_windows(&rows, &self.shape.vertical_windows());
        let mut out = vec![0; self.shape.out_len()];
        for (average, at) in &self.groups {
            let averages = party.run_in_threads(average, &sums.gather(at.iter().copied()))?;
            at.iter().zip(averages.values()).for_each(|(&at, &v)| out[at] = v);
        }
        Ok(RingVec::from_values(x.ring(), out))
    }
}

fn sum_windows(x: &RingVec, windows: &[Vec<usize>]) -> RingVec {
    let sum = |w: &Vec<usize>| w.iter().fold(0u64, |sum, &i| sum.wrapping_add(x.values()[i]));
    RingVec::from_values(x.ring(), windows.iter().map(sum).collect())
}
