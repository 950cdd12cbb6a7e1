//! Places for sessions, so that no more are served at once than there may be.

use std::sync::atomic::{AtomicUsize, Ordering};

/// So many places, some of them taken.
pub(crate) struct Places {
    all: usize,
    taken: AtomicUsize,
}

/// A place, free again when this is dropped.
pub(crate) struct Place<'a>(&'a Places);

impl Places {
    pub(crate) fn new(all: usize) -> Self {
        Self { all, taken: AtomicUsize::new(0) }
    }

    /// A place if one is free.
    pub(crate) fn take(&self) -> Option<Place<'_>> {
        let one_more = |taken: usize| (taken < self.all).then_some(taken + 1);
        self.taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, one_more).ok().map(|_| Place(self))
    }

    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Ordering::Acquire)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_free_again_once_dropped() {
        let places = Places::new(2);
        let both = (places.take().unwrap(), places.take().unwrap());
        assert!(places.take().is_none() && places.taken() == 2);
        drop(both.0);
        assert!(places.take().is_some() && places.taken() == 1);
        assert!(Places::new(0).take().is_none());
    }
}
