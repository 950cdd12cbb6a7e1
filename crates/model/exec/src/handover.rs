//! A bounded queue from the one thread that makes to the one that takes. Each learns when the other has gone.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The queue between both threads.
#[derive(Debug)]
pub(crate) struct Handover<T> {
    state: Mutex<State<T>>,
    /// Both threads wait here: the taker for an item, the maker for room. Every change wakes them.
    changed: Condvar,
    room: usize,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    /// The taker waits for the next item.
    wanted: bool,
    maker_gone: bool,
    taker_gone: bool,
}

impl<T> State<T> {
    /// Whether the maker must wait. A waiting taker has room for one item, whatever the queue has.
    fn full(&self, room: usize) -> bool {
        let promised = self.wanted && self.items.is_empty();
        self.items.len() >= room && !promised
    }
}

/// The end of the thread that makes. Dropping it tells the taker that nothing more will come.
#[derive(Debug)]
pub(crate) struct Maker<'a, T>(&'a Handover<T>);

/// The end of the thread that takes. Dropping it tells the maker that nothing more is wanted.
#[derive(Debug)]
pub(crate) struct Taker<'a, T>(&'a Handover<T>);

/// An item was not handed over.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refused<T> {
    /// There was no room in time. The item comes back.
    Full(T),
    /// The taker has gone.
    TakerGone,
}

impl<T> Handover<T> {
    /// A queue of at most `room` items. With no room, an item is handed over only while the taker waits for
    /// it.
    pub(crate) fn new(room: usize) -> Self {
        let state = State { items: VecDeque::new(), wanted: false, maker_gone: false, taker_gone: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), room }
    }

    /// Both ends, once.
    pub(crate) fn ends(&mut self) -> (Maker<'_, T>, Taker<'_, T>) {
        (Maker(self), Taker(self))
    }

    /// No thread panics between two changes that belong together, so a poisoned state is whole.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Maker<'_, T> {
    /// Hands `item` over; if there is no room, waits for it for at most `patience`.
    pub(crate) fn give(&self, item: T, patience: Duration) -> Result<(), Refused<T>> {
        let Handover { changed, room, .. } = self.0;
        let blocked = |state: &mut State<T>| state.full(*room) && !state.taker_gone;
        let waited = changed.wait_timeout_while(self.0.lock(), patience, blocked);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.taker_gone {
            return Err(Refused::TakerGone);
        }
        if state.full(*room) {
            return Err(Refused::Full(item));
        }
        state.items.push_back(item);
        changed.notify_all();
        Ok(())
    }

    /// Whether the taker has taken all.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().items.is_empty()
    }

    /// Whether nothing more will be taken.
    pub(crate) fn taker_gone(&self) -> bool {
        self.0.lock().taker_gone
    }
}

impl<T> Drop for Maker<'_, T> {
    fn drop(&mut self) {
        self.0.lock().maker_gone = true;
        self.0.changed.notify_all();
    }
}

impl<T> Taker<'_, T> {
    /// Waits for the next item; none comes once the maker has gone. The maker's deadlines bound the wait.
    pub(crate) fn take(&self) -> Option<T> {
        let Handover { changed, .. } = self.0;
        let mut state = self.0.lock();
        state.wanted = true;
        changed.notify_all();
        let waits = |state: &mut State<T>| state.items.is_empty() && !state.maker_gone;
        let mut state = changed.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        state.wanted = false;
        let item = state.items.pop_front();
        changed.notify_all();
        item
    }
}

impl<T> Drop for Taker<'_, T> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.taker_gone = true;
        // Nobody will read them, and they may be large.
        state.items.clear();
        drop(state);
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    /// Far longer than any wait that ends as it should.
    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn items_come_in_order_whatever_the_room() {
        for room in 0..4 {
            let mut handover = Handover::new(room);
            let (maker, taker) = handover.ends();
            thread::scope(|scope| {
                // If a change woke nobody, one of these would wait for a minute and fail.
                scope.spawn(move || (0..2_000).for_each(|i| maker.give(i, LONG).unwrap()));
                assert!((0..2_000).all(|i| taker.take() == Some(i)));
                assert_eq!(taker.take(), None);
            });
        }
    }

    #[test]
    fn a_waiting_taker_wakes_for_an_item() {
        let mut handover = Handover::new(1);
        let (maker, taker) = handover.ends();
        let (report, reports) = mpsc::channel();
        thread::scope(|scope| {
            // Moved here, so that a failure drops it and the taker ends.
            let maker = maker;
            scope.spawn(move || report.send(taker.take()));
            while !maker.0.lock().wanted {
                thread::yield_now();
            }
            maker.give(7, Duration::ZERO).unwrap();
            assert_eq!(reports.recv_timeout(LONG), Ok(Some(7)));
        });
    }

    #[test]
    fn without_room_only_a_waiting_taker_is_given_to() {
        let mut handover = Handover::new(0);
        let (maker, taker) = handover.ends();
        assert_eq!(maker.give(1, Duration::from_millis(1)), Err(Refused::Full(1)));
        thread::scope(|scope| {
            scope.spawn(|| maker.give(1, LONG).unwrap());
            assert_eq!(taker.take(), Some(1));
        });
        assert!(maker.is_empty());
        assert_eq!(maker.give(2, Duration::ZERO), Err(Refused::Full(2)));
    }

    #[test]
    fn who_waits_learns_that_the_other_has_gone() {
        let mut handover = Handover::new(0);
        let (maker, taker) = handover.ends();
        thread::scope(|scope| {
            let waiting = scope.spawn(move || maker.give(1, LONG));
            drop(taker);
            assert_eq!(waiting.join().unwrap(), Err(Refused::TakerGone));
        });
        let mut handover = Handover::<u8>::new(1);
        let (maker, taker) = handover.ends();
        thread::scope(|scope| {
            let waiting = scope.spawn(move || taker.take());
            drop(maker);
            assert_eq!(waiting.join().unwrap(), None);
        });
    }
}
