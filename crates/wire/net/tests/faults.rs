//! Whatever a peer or a stranger does ends in a clear error, in time.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use veilflow_net::{
    Channel, Hello, LinkOptions, NetError, Result, Role, TcpAcceptor, Transport, handshake, memory_pair,
    memory_pair_with, tcp_connect, tcp_connect_with,
};

const WAIT: Duration = Duration::from_secs(10);
const SHORT: Duration = Duration::from_millis(50);

fn acceptor() -> (TcpAcceptor, SocketAddr) {
    let acceptor = TcpAcceptor::bind("127.0.0.1:0").unwrap();
    let addr = acceptor.local_addr();
    (acceptor, addr)
}

/// Two ends that wait no longer than `SHORT`, in memory and over TCP.
fn impatient_pairs() -> [(Channel, Channel); 2] {
    let options = LinkOptions { timeout: SHORT, ..LinkOptions::default() };
    let (acceptor, addr) = acceptor();
    let client = tcp_connect_with(addr, WAIT, &options).unwrap();
    let server = acceptor.accept_with(WAIT, &options).unwrap();
    [memory_pair_with(&options).unwrap(), (server, client)]
}

/// The preamble of a connection, byte for byte.
fn preamble(version: u32, session: [u8; 16], stream: u64) -> Vec<u8> {
    [b"VEILFLOW".as_slice(), &version.to_le_bytes(), &session, &stream.to_le_bytes()].concat()
}

/// A connection on which `bytes` have been sent.
fn stranger(addr: SocketAddr, bytes: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    stream.write_all(bytes).unwrap();
    stream
}

fn assert_timeout<T: std::fmt::Debug>(outcome: &Result<T>, start: Instant, least: Duration) {
    assert!(matches!(outcome, Err(NetError::Timeout { waited }) if *waited >= least), "{outcome:?}");
    assert!(start.elapsed() < WAIT, "{:?}", start.elapsed());
}

#[test]
fn silence_is_a_timeout_which_is_final() {
    for (mut a, _b) in impatient_pairs() {
        let start = Instant::now();
        let outcome = a.recv(&mut [0]);
        // A socket's clock may be coarser than ours.
        assert_timeout(&outcome, start, SHORT - Duration::from_millis(5));
        assert_eq!(a.recv(&mut [0]), outcome);
        assert_eq!(a.send(&[0]), outcome);
        assert_eq!(a.flush(), outcome);
        assert_eq!(a.fork().err(), outcome.err());
    }
}

#[test]
fn forks_inherit_the_deadline() {
    let deadline = Duration::from_millis(400);
    for (mut a, mut b) in impatient_pairs() {
        a.set_timeout(deadline);
        thread::scope(|scope| {
            let fork = scope.spawn(|| b.fork().unwrap());
            let mut child = a.fork().unwrap();
            let start = Instant::now();
            assert_timeout(&child.recv(&mut [0]), start, deadline - Duration::from_millis(5));
            drop(fork.join().unwrap());
        });
    }
}

#[test]
fn a_fork_the_peer_does_not_make_is_a_timeout() {
    let [_, (mut server, _client)] = impatient_pairs();
    let start = Instant::now();
    assert_timeout(&server.fork().map(drop), start, SHORT);
}

#[test]
fn an_accept_without_client_and_a_connect_without_server_end_in_time() {
    let (acceptor, addr) = acceptor();
    let start = Instant::now();
    assert_timeout(&acceptor.accept(SHORT), start, SHORT);
    drop(acceptor);
    let outcome = tcp_connect(addr, SHORT);
    assert!(matches!(&outcome, Err(NetError::Connect { addr: tried, .. }) if *tried == addr), "{outcome:?}");
    assert!(start.elapsed() < WAIT);
}

#[test]
fn a_peer_that_leaves_closes_the_channel() {
    for (mut a, mut b) in impatient_pairs() {
        a.set_timeout(WAIT);
        b.set_timeout(WAIT);
        b.send(b"last words").unwrap();
        b.flush().unwrap();
        b.send(b"not flushed").unwrap();
        drop(b);
        assert_eq!(a.recv_vec(10).unwrap(), b"last words");
        assert_eq!(a.recv(&mut [0]), Err(NetError::Closed));
    }
}

#[test]
fn a_peer_that_leaves_in_the_middle_of_a_message_closes_the_channel() {
    for (mut a, mut b) in impatient_pairs() {
        a.set_timeout(WAIT);
        b.set_timeout(WAIT);
        b.send(&[1; 10]).unwrap();
        b.flush().unwrap();
        drop(b);
        assert_eq!(a.recv_vec(11), Err(NetError::Closed));
    }
}

#[test]
fn sending_to_a_peer_that_left_fails_before_long() {
    for (mut a, b) in impatient_pairs() {
        drop(b);
        let start = Instant::now();
        let error = loop {
            if let Err(error) = a.send(&[0; 1000]).and_then(|()| a.flush()) {
                break error;
            }
            assert!(start.elapsed() < WAIT);
            thread::sleep(Duration::from_millis(1));
        };
        assert_eq!(error, NetError::Closed);
    }
}

#[test]
fn a_peer_that_left_cannot_be_forked_with_in_memory() {
    let (mut a, b) = memory_pair();
    drop(b);
    assert_eq!(a.fork().err(), Some(NetError::Closed));

    let (mut a, b) = memory_pair();
    let mut child = a.fork().unwrap();
    drop(b);
    assert_eq!(child.recv(&mut [0]), Err(NetError::Closed));

    let (mut a, mut b) = memory_pair();
    a.fork().unwrap().send(&[1]).unwrap();
    drop(a);
    assert_eq!(b.fork().unwrap().recv(&mut [0]), Err(NetError::Closed));
}

#[test]
fn a_peer_that_reads_nothing_fills_the_queue_until_the_deadline() {
    let (mut a, _b) = memory_pair();
    a.set_timeout(SHORT);
    let chunk = vec![0; 1 << 20];
    let error = (0..300).find_map(|_| a.send(&chunk).err()).unwrap();
    assert!(matches!(error, NetError::QueueFull { limit, .. } if limit == 256 << 20), "{error:?}");

    // A queue of our choice: a few frames, whose headers count.
    let (mut a, mut b) =
        memory_pair_with(&LinkOptions { timeout: SHORT, queue: 3 << 18, ..LinkOptions::default() }).unwrap();
    let frame = vec![7; 1 << 18];
    a.send(&frame).unwrap();
    a.send(&frame).unwrap();
    // There is room again once the peer has read.
    b.recv(&mut vec![0; 1 << 18]).unwrap();
    a.send(&frame).unwrap();
    let error = a.send(&frame).unwrap_err();
    assert!(matches!(error, NetError::QueueFull { limit, .. } if limit == 3 << 18), "{error:?}");
}

#[test]
fn strangers_do_not_disturb_sessions() {
    let (acceptor, addr) = acceptor();
    let client_session = tcp_connect(addr, WAIT).unwrap();
    let _silent: Vec<_> = (0..80).map(|_| TcpStream::connect(addr).unwrap()).collect();
    let mut dropped: Vec<_> = [
        b"GET / HTTP/1.1\r\nHost: somebody.else\r\n\r\n".to_vec(),
        vec![0xff; 100],
        // A fork of a session nobody knows.
        preamble(1, [9; 16], 5),
    ]
    .iter()
    .map(|bytes| stranger(addr, bytes))
    .collect();
    let _cut = stranger(addr, &preamble(1, [9; 16], 0)[..20]);
    for stream in &mut dropped {
        // Closed or reset, but not kept.
        assert!(matches!(stream.read(&mut [0; 16]), Ok(0) | Err(_)));
    }

    let start = Instant::now();
    let server_session = acceptor.accept(WAIT).unwrap();
    thread::scope(|scope| {
        for mut channel in [client_session, server_session] {
            scope.spawn(move || {
                let mut child = channel.fork().unwrap();
                child.send(&[7]).unwrap();
                assert_eq!(child.recv_vec(1).unwrap(), [7]);
            });
        }
    });
    // Sooner than the silent ones are given up.
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[test]
fn a_client_of_another_version_learns_so() {
    let (_acceptor, addr) = acceptor();
    let mut answer = [0; 13];
    stranger(addr, &preamble(2, [9; 16], 0)).read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"VEILFLOK\x01\x00\x00\x00\x02");
}

#[test]
fn sessions_beyond_the_queue_are_refused() {
    let (_acceptor, addr) = acceptor();
    let _waiting: Vec<_> = (0..64).map(|_| tcp_connect(addr, WAIT).unwrap()).collect();
    assert!(matches!(tcp_connect(addr, WAIT), Err(NetError::Refused { .. })));
}

#[test]
fn garbage_in_a_session_is_noticed_at_once() {
    let (acceptor, addr) = acceptor();
    let opening = preamble(1, [9; 16], 0);
    let _stranger = stranger(addr, &[opening.as_slice(), b"GET / HTTP/1.1\r\n"].concat());
    let mut channel = acceptor.accept(WAIT).unwrap();
    let outcome = handshake(&mut channel, Role::P0, &Hello::new([0; 32]));
    assert!(matches!(outcome, Err(NetError::Malformed { .. })), "{outcome:?}");
}

#[test]
fn a_server_that_is_not_ours_is_an_error() {
    let answers: [&[u8]; 3] = [b"220 mail.example ESMTP\r\n", b"", b"VEILFLOK\x01\x00\x00\x00\x63"];
    for answer in answers {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        thread::scope(|scope| {
            scope.spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                stream.read_exact(&mut [0; 36]).unwrap();
                stream.write_all(answer).unwrap();
            });
            let outcome = tcp_connect(addr, WAIT);
            let expected = match &outcome {
                Err(NetError::Malformed { .. }) => !answer.is_empty(),
                Err(NetError::Connect { .. }) => answer.is_empty(),
                _ => false,
            };
            assert!(expected, "{outcome:?}");
        });
    }
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let start = Instant::now();
    let outcome = tcp_connect(silent.local_addr().unwrap(), SHORT);
    assert!(matches!(outcome, Err(NetError::Connect { .. })), "{outcome:?}");
    assert!(start.elapsed() < WAIT);
}

#[test]
fn a_mismatch_reaches_both_sides_over_tcp() {
    let (acceptor, addr) = acceptor();
    let mut client = tcp_connect(addr, WAIT).unwrap();
    let mut server = acceptor.accept(WAIT).unwrap();
    thread::scope(|scope| {
        // Each side leaves as soon as it knows.
        let peer = scope.spawn(move || handshake(&mut server, Role::P0, &Hello::new([1; 32])));
        let ours = handshake(&mut client, Role::P1, &Hello::new([2; 32]));
        drop(client);
        for outcome in [ours, peer.join().unwrap()] {
            assert!(matches!(outcome, Err(NetError::Mismatch { .. })), "{outcome:?}");
        }
    });
}

type Change = Box<dyn FnMut(Vec<u8>) -> Vec<u8> + Send>;
type Expectation = fn(&NetError) -> bool;

/// Changes the frames that leave.
struct Tamper {
    inner: Box<dyn Transport>,
    change: Arc<Mutex<Change>>,
}

impl Transport for Tamper {
    fn write(&mut self, frame: Vec<u8>, timeout: Duration) -> Result<()> {
        let frame = (self.change.lock().unwrap())(frame);
        self.inner.write(frame, timeout)
    }

    fn read(&mut self, out: &mut [u8], timeout: Duration) -> Result<usize> {
        self.inner.read(out, timeout)
    }

    fn fork(&mut self, timeout: Duration) -> Result<Box<dyn Transport>> {
        Ok(Box::new(Self { inner: self.inner.fork(timeout)?, change: self.change.clone() }))
    }
}

#[test]
fn a_transport_can_be_wrapped_to_tamper_with_frames() {
    let cases: [(&str, Change, Expectation); 3] = [
        ("a flipped bit of a header", Box::new(flip_fifth), |error| {
            matches!(error, NetError::Malformed { .. })
        }),
        (
            "a frame cut short",
            Box::new(|mut frame: Vec<u8>| {
                frame.pop();
                frame
            }),
            is_timeout,
        ),
        ("a dropped frame", Box::new(|_| Vec::new()), is_timeout),
    ];
    for (case, change, expected) in cases {
        let change = Arc::new(Mutex::new(change));
        for (a, mut b) in impatient_pairs() {
            let mut a = a.map_transport(|inner| Box::new(Tamper { inner, change: change.clone() }));
            a.send(&[1; 20]).unwrap();
            a.flush().unwrap();
            let error = b.recv_vec(20).unwrap_err();
            assert!(expected(&error), "{case}: {error:?}");
        }
    }
}

fn flip_fifth(mut frame: Vec<u8>) -> Vec<u8> {
    frame[5] ^= 4;
    frame
}

fn is_timeout(error: &NetError) -> bool {
    matches!(error, NetError::Timeout { .. })
}
