//! Simulated links: never faster than asked for, and overlapping where a real link would.

use std::thread;
use std::time::{Duration, Instant};

use veilflow_net::{Channel, LinkOptions, LinkShape, TcpAcceptor, memory_pair_with, tcp_connect_with};

const WAIT: Duration = Duration::from_secs(10);

/// Both ends of a link of this shape, in memory and over TCP.
fn pairs(shape: LinkShape) -> [(Channel, Channel); 2] {
    let options = LinkOptions { shape: Some(shape), ..LinkOptions::default() };
    let acceptor = TcpAcceptor::bind("127.0.0.1:0").unwrap();
    let client = tcp_connect_with(acceptor.local_addr(), WAIT, &options).unwrap();
    let server = acceptor.accept_with(WAIT, &options).unwrap();
    [memory_pair_with(&options).unwrap(), (server, client)]
}

/// The time of the slower party.
fn time(pair: (Channel, Channel), party: impl Fn(&mut Channel, bool) + Sync) -> Duration {
    let (mut a, mut b) = pair;
    let start = Instant::now();
    thread::scope(|scope| {
        scope.spawn(|| party(&mut a, true));
        party(&mut b, false);
    });
    start.elapsed()
}

#[test]
fn a_round_trip_takes_two_delays() {
    let delay = Duration::from_millis(15);
    for pair in pairs(LinkShape { bandwidth_bytes_per_s: 1e9, one_way_delay: delay }) {
        let taken = time(pair, |channel, first| {
            for _ in 0..3 {
                if first {
                    channel.send(&[1]).unwrap();
                    channel.recv_vec(1).unwrap();
                } else {
                    channel.recv_vec(1).unwrap();
                    channel.send(&[1]).unwrap();
                    channel.flush().unwrap();
                }
            }
        });
        assert!(taken >= 6 * delay, "{taken:?}");
    }
}

#[test]
fn frames_in_flight_overlap_and_forks_share_the_bandwidth() {
    let shape = LinkShape { bandwidth_bytes_per_s: 20e6, one_way_delay: Duration::from_millis(50) };
    for pair in pairs(shape) {
        let taken = time(pair, |channel, _| {
            let mut child = channel.fork().unwrap();
            for channel in [&mut *channel, &mut child] {
                channel.send(&[1; 2_000_000]).unwrap();
                channel.flush().unwrap();
            }
            channel.recv_vec(2_000_000).unwrap();
            child.recv_vec(2_000_000).unwrap();
        });
        // Both directions at once: 4 MB at 20 MB/s, then one delay. Were the sixteen frames to wait for each
        // other, it would be sixteen delays.
        assert!(taken >= Duration::from_millis(250) && taken < Duration::from_millis(800), "{taken:?}");
    }
}

#[test]
fn presets_are_the_ones_papers_measure_on() {
    assert_eq!(2 * LinkShape::lan().one_way_delay, Duration::from_micros(800));
    assert_eq!(2 * LinkShape::wan().one_way_delay, Duration::from_millis(80));
    assert_eq!(LinkShape::lan().bandwidth_bytes_per_s, 377e6);
    assert_eq!(LinkShape::wan().bandwidth_bytes_per_s, 40e6);
}
