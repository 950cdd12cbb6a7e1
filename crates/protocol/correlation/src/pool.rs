//! A pool: batches waiting for use, first in, first out.

use std::collections::VecDeque;

use crate::batch::Batch;

/// Batches of one kind of correlation.
#[derive(Debug)]
pub struct Pool<B> {
    batches: VecDeque<B>,
    /// How much of the first batch is used up.
    used: usize,
    available: usize,
}

impl<B> Default for Pool<B> {
    fn default() -> Self {
        Self { batches: VecDeque::new(), used: 0, available: 0 }
    }
}

impl<B: Batch> Pool<B> {
    /// How many correlations are left.
    pub(crate) fn available(&self) -> usize {
        self.available
    }

    pub(crate) fn put(&mut self, batch: B) {
        if batch.count() > 0 {
            self.available += batch.count();
            self.batches.push_back(batch);
        }
    }

    /// Moves `count` correlations out, or says how many there are. Nothing is taken on failure.
    pub(crate) fn take(&mut self, count: usize) -> Result<B, usize> {
        if count > self.available || self.batches.is_empty() {
            return Err(self.available);
        }
        self.available -= count;
        let mut out: Option<B> = None;
        let mut missing = count;
        loop {
            let front = &self.batches[0];
            let left = front.count() - self.used;
            let part = missing.min(left);
            let piece = if self.used == 0 && part == left {
                self.batches.pop_front().expect("there is a front batch")
            } else {
                let piece = front.slice(self.used, part);
                self.used += part;
                if part == left {
                    self.batches.pop_front();
                    self.used = 0;
                }
                piece
            };
            missing -= part;
            match &mut out {
                Some(joined) => joined.append(&piece),
                None => out = Some(piece),
            }
            if missing == 0 {
                return Ok(out.expect("at least one piece was taken"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use veilflow_ring::Bits;

    use super::*;

    fn bits(range: std::ops::Range<usize>) -> Bits {
        // A sequence without a short period.
        range.map(|i| (i * i) % 7 % 2 == 1 || i % 5 == 0).collect()
    }

    #[test]
    fn what_is_taken_comes_in_order_and_once() {
        let mut pool = Pool::default();
        let (mut put, mut taken) = (0, 0);
        for (more, count) in [(10, 3), (0, 7), (5, 0), (70, 6), (1, 70), (64, 64), (3, 3)] {
            pool.put(bits(put..put + more));
            put += more;
            assert!(pool.take(count).unwrap() == bits(taken..taken + count), "{count} after {taken}");
            taken += count;
            assert_eq!(pool.available(), put - taken);
        }
        assert_eq!(put, taken);
    }

    #[test]
    fn too_much_is_refused_and_nothing_is_taken() {
        let mut pool = Pool::default();
        pool.put(bits(0..9));
        assert!(matches!(pool.take(10), Err(9)));
        assert!(pool.take(9).unwrap() == bits(0..9));
        assert!(matches!(pool.take(1), Err(0)));
    }
}
