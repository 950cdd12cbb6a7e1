//! A simulated link, for benchmarks on one machine.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::channel::DEFAULT_TIMEOUT;
use crate::{NetError, Result};

/// Bytes that may wait on a stream before sending blocks, unless the options say otherwise.
const CAPACITY: usize = 256 << 20;

/// Bandwidth and delay of a link, the same in each direction.
///
/// A frame departs once the link is free and its bytes have passed at the bandwidth. It arrives one delay
/// later, and frames in flight overlap. All forks of a session divide one bandwidth. Each party shapes what
/// it sends, so both must ask for the same shape. Waking a thread takes the operating system some 0.1 ms, by
/// which a frame may come late; it never comes early.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LinkShape {
    /// Bytes a second in each direction, headers of frames included.
    pub bandwidth_bytes_per_s: f64,
    /// Half of the round-trip time.
    pub one_way_delay: Duration,
}

impl LinkShape {
    /// 377 MB/s, 0.8 ms round trip: the LAN of the evaluation in CrypTFlow2 (CCS 2020).
    pub fn lan() -> Self {
        Self { bandwidth_bytes_per_s: 377e6, one_way_delay: Duration::from_micros(400) }
    }

    /// 40 MB/s, 80 ms round trip: the WAN of the evaluation in CrypTFlow2 (CCS 2020).
    pub fn wan() -> Self {
        Self { bandwidth_bytes_per_s: 40e6, one_way_delay: Duration::from_millis(40) }
    }

    fn validate(&self) -> Result<()> {
        // Written so that NaN fails.
        if !(self.bandwidth_bytes_per_s >= 1.0 && self.bandwidth_bytes_per_s.is_finite()) {
            let what = format!("a bandwidth of {} bytes/s is not at least 1", self.bandwidth_bytes_per_s);
            return Err(NetError::Shape { what });
        }
        if self.one_way_delay > Duration::from_secs(60) {
            let what = format!("a delay of {:?} is more than a minute", self.one_way_delay);
            return Err(NetError::Shape { what });
        }
        Ok(())
    }
}

/// How a session's channels behave.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct LinkOptions {
    /// The deadline of each wait, as [`Channel::set_timeout`](crate::Channel::set_timeout) sets it. It is 60
    /// s by default.
    pub timeout: Duration,
    /// The link to simulate in the direction in which we send. There is none by default.
    pub shape: Option<LinkShape>,
    /// How many bytes may wait on each stream for the peer to read before sending blocks: 256 MiB by default.
    /// Two parties that send more than that to each other before either receives wait for each other until
    /// the deadline.
    pub queue: usize,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self { timeout: DEFAULT_TIMEOUT, shape: None, queue: CAPACITY }
    }
}

/// One direction of a session's link, for all its streams.
#[derive(Clone)]
pub(crate) struct Link {
    shaped: Option<Arc<Shaped>>,
    /// Bytes that may wait on each stream.
    pub(crate) capacity: usize,
}

struct Shaped {
    shape: LinkShape,
    free_at: Mutex<Instant>,
}

impl Link {
    pub(crate) fn new(options: &LinkOptions) -> Result<Self> {
        options.shape.iter().try_for_each(LinkShape::validate)?;
        let shaped =
            options.shape.map(|shape| Arc::new(Shaped { shape, free_at: Mutex::new(Instant::now()) }));
        Ok(Self { shaped, capacity: options.queue })
    }

    /// Everything arrives at once.
    pub(crate) fn unshaped() -> Self {
        Self { shaped: None, capacity: CAPACITY }
    }

    /// Takes the link's next slot for `len` bytes, and says when they arrive; `None` for at once.
    pub(crate) fn schedule(&self, len: usize) -> Option<Instant> {
        let Shaped { shape, free_at } = self.shaped.as_deref()?;
        let passing = Duration::from_secs_f64(len as f64 / shape.bandwidth_bytes_per_s);
        let mut free_at = free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let departure = (*free_at).max(Instant::now()) + passing;
        *free_at = departure;
        Some(departure + shape.one_way_delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shaped(shape: LinkShape) -> LinkOptions {
        LinkOptions { shape: Some(shape), ..LinkOptions::default() }
    }

    #[test]
    fn frames_queue_for_the_bandwidth_and_overlap_in_the_delay() {
        let shape = LinkShape { bandwidth_bytes_per_s: 1000.0, one_way_delay: Duration::from_secs(9) };
        let link = Link::new(&shaped(shape)).unwrap();
        let start = Instant::now();
        let first = link.schedule(500).unwrap();
        let second = link.clone().schedule(250).unwrap();
        assert!(first >= start + Duration::from_millis(9500));
        assert_eq!(second - first, Duration::from_millis(250));
        assert_eq!(Link::unshaped().schedule(500), None);
    }

    #[test]
    fn impossible_shapes_are_errors() {
        for bandwidth in [f64::NAN, f64::INFINITY, 0.0, -1.0, 0.5] {
            let shape = LinkShape { bandwidth_bytes_per_s: bandwidth, ..LinkShape::lan() };
            assert!(matches!(Link::new(&shaped(shape)), Err(NetError::Shape { .. })), "{bandwidth}");
        }
        let shape = LinkShape { one_way_delay: Duration::MAX, ..LinkShape::lan() };
        assert!(matches!(Link::new(&shaped(shape)), Err(NetError::Shape { .. })));
    }
}
