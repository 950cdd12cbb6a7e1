//! When two parties that compute and talk are done: a simulation of both clocks and of the link between them.

use veilflow_correlation::Flow;
use veilflow_net::{LinkShape, Role};

use super::prices::wake;

/// What happens at both parties at once.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Event {
    /// Each computes for its seconds.
    Compute([f64; 2]),
    /// They talk.
    Talk(Flow),
    /// One sends what it makes as it makes it, for `make` seconds. The other works on it as it comes, for
    /// `take` seconds.
    Stream { from: Role, bytes: u64, make: f64, take: f64 },
}

/// Clocks of two parties and of the two directions of their link.
#[derive(Debug, Clone)]
pub(super) struct Timeline {
    link: Option<LinkShape>,
    /// Each party's clock says this, in seconds.
    pub(super) now: [f64; 2],
    /// Each direction has carried all it was given at this time.
    free: [f64; 2],
}

impl Timeline {
    /// Both clocks at zero. Without a link messages arrive at once.
    pub(super) fn new(link: Option<LinkShape>) -> Self {
        Self { link, now: [0.0; 2], free: [0.0; 2] }
    }

    fn delay(&self) -> f64 {
        self.link.map_or(0.0, |link| link.one_way_delay.as_secs_f64())
    }

    fn passing(&self, bytes: u64) -> f64 {
        self.link.map_or(0.0, |link| bytes as f64 / link.bandwidth_bytes_per_s)
    }

    /// Sends bytes of which the first are ready at `first` and the last at `last`. Returns when the last
    /// arrive.
    fn carry(&mut self, from: Role, bytes: u64, first: f64, last: f64) -> f64 {
        let passing = self.passing(bytes);
        let free = &mut self.free[from.index()];
        *free = (free.max(first) + passing).max(last);
        *free + self.delay()
    }

    /// A party that is not past `arrival` waits for it.
    fn wait(&mut self, party: Role, arrival: f64) {
        let wake = if self.link.is_some() { wake::ON_A_LINK } else { wake::ON_LOOPBACK }.as_secs_f64();
        let now = &mut self.now[party.index()];
        if *now < arrival {
            *now = arrival + wake;
        }
    }

    /// Lets one event happen.
    pub(super) fn advance(&mut self, event: Event) {
        match event {
            Event::Compute(seconds) => {
                self.now.iter_mut().zip(seconds).for_each(|(now, seconds)| *now += seconds);
            }
            Event::Talk(flow) => {
                let sent = match flow {
                    // The helper works ahead, over a link of its own: its messages only take their time to
                    // pass.
                    Flow::Helper(party, bytes) => {
                        self.now[party.index()] += self.passing(bytes);
                        return;
                    }
                    Flow::From(Role::P0, bytes) => [bytes, 0],
                    Flow::From(Role::P1, bytes) => [0, bytes],
                    Flow::Exchange(p0, p1) => [p0, p1],
                };
                let arrivals = [Role::P0, Role::P1].map(|from| {
                    let now = self.now[from.index()];
                    (sent[from.index()] > 0)
                        .then(|| (from.other(), self.carry(from, sent[from.index()], now, now)))
                });
                arrivals.into_iter().flatten().for_each(|(to, arrival)| self.wait(to, arrival));
            }
            Event::Stream { from, bytes, make, take } => {
                let (first, last) = (self.now[from.index()], self.now[from.index()] + make);
                self.now[from.index()] = last;
                let arrival = self.carry(from, bytes, first, last);
                let to = from.other();
                self.wait(to, first + self.delay());
                self.now[to.index()] += take;
                self.wait(to, arrival);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// 1,000 bytes a second, 5 s away.
    const LINK: LinkShape = LinkShape { bandwidth_bytes_per_s: 1e3, one_way_delay: Duration::from_secs(5) };

    fn after(events: &[Event]) -> [f64; 2] {
        let mut timeline = Timeline::new(Some(LINK));
        events.iter().for_each(|event| timeline.advance(*event));
        // Waking is far below what these events take.
        timeline.now.map(|now| (now * 100.0).round() / 100.0)
    }

    #[test]
    fn parties_wait_for_what_they_need_and_for_nothing_else() {
        let question = Event::Talk(Flow::From(Role::P1, 1000));
        assert_eq!(after(&[question]), [6.0, 0.0]);
        assert_eq!(after(&[Event::Compute([9.0, 1.0]), question]), [9.0, 1.0]);
        assert_eq!(after(&[question, Event::Talk(Flow::From(Role::P0, 2000))]), [6.0, 13.0]);
        // Two messages share the link, and only the second waits for it.
        assert_eq!(after(&[question, question]), [7.0, 0.0]);
        // Both directions at once.
        let both = Event::Talk(Flow::Exchange(1000, 3000));
        assert_eq!(after(&[both]), [8.0, 6.0]);
        assert_eq!(after(&[Event::Talk(Flow::Exchange(0, 0))]), [0.0, 0.0]);
    }

    #[test]
    fn streams_overlap_making_carrying_and_taking() {
        let stream = |make, take| Event::Stream { from: Role::P1, bytes: 4000, make, take };
        // The link, the maker or the taker decides.
        assert_eq!(after(&[stream(1.0, 1.0)]), [9.0, 1.0]);
        assert_eq!(after(&[stream(10.0, 1.0)]), [15.0, 10.0]);
        assert_eq!(after(&[stream(1.0, 10.0)]), [15.0, 1.0]);
    }
}
