//! How many runs of the same weights a server prepares at most.
//!
//! What homomorphic replies leave unhidden of the weights adds up over runs, whichever clients they are for:
//! under a root, or nearly ([`Distance`]). So a server counts the runs that it prepares, used or not, and
//! stops where all together could be told from runs that reveal nothing with an advantage of 2^−30.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use veilflow_two_party::Distance;

use crate::error::{ExecError, Result};

/// The statistical distance that all runs of the same weights may have together.
const ALL_RUNS: f64 = 1.0 / (1u64 << 30) as f64;

/// So many runs are taken from the ledger at a time: a server that ends forgets the rest of them.
const AT_A_TIME: u64 = 64;

/// Adds so many runs to those that are used, and returns how many were used before.
type Ledger = dyn Fn(u64) -> io::Result<u64> + Send + Sync;

/// The runs of some weights that are left.
pub struct RunLimit {
    most: u64,
    ledger: Box<Ledger>,
    /// Runs taken from the ledger, and not used.
    left: Mutex<u64>,
}

impl fmt::Debug for RunLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RunLimit(at most {})", self.most)
    }
}

impl RunLimit {
    /// For runs of this distance each. `ledger` adds so many runs to those that are used, durably, and
    /// returns how many were used before.
    pub fn new(distance: Distance, ledger: impl Fn(u64) -> io::Result<u64> + Send + Sync + 'static) -> Self {
        Self { most: most_runs(distance), ledger: Box::new(ledger), left: Mutex::new(0) }
    }

    /// Counts for as long as it lives, and no longer.
    pub fn in_memory(distance: Distance) -> Self {
        let used = AtomicU64::new(0);
        Self::new(distance, move |runs| Ok(used.fetch_add(runs, Ordering::Relaxed)))
    }

    /// A run is to be prepared.
    pub(crate) fn take(&self) -> Result<()> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        if *left == 0 {
            let before = (self.ledger)(AT_A_TIME).map_err(ExecError::RunsNotKept)?;
            *left = self.most.saturating_sub(before).min(AT_A_TIME);
        }
        match left.checked_sub(1) {
            Some(rest) => *left = rest,
            None => return Err(ExecError::RunsUsedUp { most: self.most }),
        }
        Ok(())
    }
}

/// The most runs that are within 2^−30 together. Without any distance there is no limit.
pub fn most_runs(distance: Distance) -> u64 {
    let root = distance.square.sqrt();
    // x = √runs solves sum·x² + root·x = ALL_RUNS. This form of the solution divides by no zero but one.
    let x = 2.0 * ALL_RUNS / (root + (distance.square + 4.0 * distance.sum * ALL_RUNS).sqrt());
    (x * x) as u64
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn runs_add_up_to_the_limit_and_no_further() {
        for distance in [
            Distance { square: 2f64.powi(-80), sum: 0.0 },
            Distance { square: 0.0, sum: 2f64.powi(-40) },
            Distance { square: 2f64.powi(-82), sum: 2f64.powi(-43) },
        ] {
            let most = most_runs(distance);
            assert!(distance.times(most as f64).total() <= ALL_RUNS * 1.000_001, "{most}");
            assert!(distance.times(most as f64 + 2.0).total() > ALL_RUNS, "{most}");
        }
        assert_eq!(most_runs(Distance { square: 2f64.powi(-80), sum: 0.0 }), 1 << 20);
        assert_eq!(most_runs(Distance::default()), u64::MAX);
    }

    #[test]
    fn runs_are_written_down_before_they_are_prepared() {
        let written = Arc::new(AtomicU64::new(30));
        let seen = Arc::clone(&written);
        let distance = Distance { square: 0.0, sum: ALL_RUNS / 100.5 };
        let limit = RunLimit::new(distance, move |runs| Ok(seen.fetch_add(runs, Ordering::Relaxed)));
        for runs in 30..100 {
            limit.take().unwrap();
            assert!(written.load(Ordering::Relaxed) > runs, "run {runs}");
        }
        assert!(matches!(limit.take(), Err(ExecError::RunsUsedUp { most: 100 })));
        assert!(matches!(limit.take(), Err(ExecError::RunsUsedUp { most: 100 })));

        let failing = RunLimit::new(distance, |_| Err(io::ErrorKind::PermissionDenied.into()));
        assert!(matches!(failing.take(), Err(ExecError::RunsNotKept(_))));
        let forgetful = RunLimit::in_memory(distance);
        assert!((0..100).all(|_| forgetful.take().is_ok()) && forgetful.take().is_err());
    }
}
