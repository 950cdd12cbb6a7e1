//! Sessions over TCP that go well.

use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

use veilflow_net::{Channel, Meter, Result, TcpAcceptor, tcp_connect};

const WAIT: Duration = Duration::from_secs(10);

/// Both ends of a new session, the server's first, and its acceptor.
fn session() -> (Channel, Channel, TcpAcceptor) {
    let acceptor = TcpAcceptor::bind("127.0.0.1:0").unwrap();
    let client = tcp_connect(acceptor.local_addr(), WAIT).unwrap();
    let server = acceptor.accept(WAIT).unwrap();
    (server, client, acceptor)
}

/// Runs `party` for both, given its index.
fn both(server: Channel, client: Channel, party: impl Fn(usize, Channel) -> Result<()> + Sync) {
    thread::scope(|scope| {
        let peer = scope.spawn(|| party(0, server));
        party(1, client).unwrap();
        peer.join().unwrap().unwrap();
    });
}

/// Bytes that tell a shift, a swap or a mixed-up stream apart.
fn pattern(seed: usize, len: usize) -> Vec<u8> {
    (0..len).map(|i| (((i + seed) * 2_654_435_761) >> 11) as u8).collect()
}

#[test]
fn both_parties_may_send_64_mib_at_once() {
    let (server, client, _acceptor) = session();
    let len = 64 << 20;
    both(server, client, |index, mut channel| {
        channel.send(&pattern(index, len))?;
        channel.flush()?;
        assert!(channel.recv_vec(len)? == pattern(1 - index, len));
        let len = len as u64;
        assert_eq!(channel.meter(), Meter { sent: len, received: len, rounds: 1 });
        Ok(())
    });
}

#[test]
fn reads_need_not_match_writes() {
    let (server, client, _acceptor) = session();
    let lens = [1, 2, 3, 1000, 262_143, 262_144, 262_145, 700_000, 5];
    let total: usize = lens.iter().sum();
    both(server, client, |index, mut channel| {
        if index == 0 {
            let bytes = pattern(9, total);
            let mut rest = bytes.as_slice();
            for len in lens {
                let (now, later) = rest.split_at(len);
                channel.send(now)?;
                rest = later;
            }
            channel.flush()
        } else {
            let mut bytes = Vec::new();
            for len in lens.into_iter().rev() {
                bytes.extend(channel.recv_vec(len)?);
            }
            assert!(bytes == pattern(9, total));
            Ok(())
        }
    });
}

#[test]
fn forks_are_independent_streams() {
    let (server, client, _acceptor) = session();
    let len = 3 << 20;
    both(server, client, |index, mut channel| {
        let mut children = Vec::new();
        for _ in 0..4 {
            children.push(channel.fork()?);
        }
        let mut grandchild = children[0].fork()?;
        // The last stream is served first: no stream waits for another.
        for (i, child) in [&mut channel, &mut grandchild].into_iter().chain(&mut children).enumerate() {
            child.send(&pattern(2 * i + index, len))?;
            child.flush()?;
        }
        for (i, child) in children.iter_mut().enumerate().rev() {
            assert!(child.recv_vec(len)? == pattern(2 * (i + 2) + 1 - index, len));
        }
        assert!(grandchild.recv_vec(len)? == pattern(2 + 1 - index, len));
        assert!(channel.recv_vec(len)? == pattern(1 - index, len));
        children.push(grandchild);
        children.into_iter().for_each(|child| channel.join(child));
        let bytes = 6 * len as u64;
        assert_eq!(channel.meter(), Meter { sent: bytes, received: bytes, rounds: 1 });
        Ok(())
    });
}

#[test]
fn an_acceptor_serves_sessions_at_once_and_one_after_another() {
    let acceptor = TcpAcceptor::bind("127.0.0.1:0").unwrap();
    let addr = acceptor.local_addr();
    let converse = |number: u8, mut channel: Channel| -> Result<()> {
        let mut child = channel.fork()?;
        for channel in [&mut channel, &mut child] {
            channel.send(&[number])?;
            assert_eq!(channel.recv_vec(1)?, [number]);
        }
        Ok(())
    };
    thread::scope(|scope| {
        let mut parties = Vec::new();
        for number in 0..3 {
            let client = tcp_connect(addr, WAIT).unwrap();
            let server = acceptor.accept(WAIT).unwrap();
            parties.push(scope.spawn(move || converse(number, client)));
            parties.push(scope.spawn(move || converse(number, server)));
        }
        for party in parties {
            party.join().unwrap().unwrap();
        }
    });
    let client = tcp_connect(addr, WAIT).unwrap();
    let server = acceptor.accept(WAIT).unwrap();
    both(server, client, |_, channel| converse(9, channel));
}

#[test]
fn channels_outlive_their_acceptor_which_then_frees_its_address() {
    let (server, client, acceptor) = session();
    let addr = acceptor.local_addr();
    drop(acceptor);
    both(server, client, |index, mut channel| {
        let mut child = channel.fork()?;
        child.send(&[index as u8])?;
        assert_eq!(child.recv_vec(1)?, [1 - index as u8]);
        Ok(())
    });
    TcpAcceptor::bind(addr).unwrap();
}

#[test]
fn a_client_may_start_before_its_server() {
    // A port that was free a moment ago.
    let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    thread::scope(|scope| {
        let client = scope.spawn(|| tcp_connect(addr, WAIT).unwrap());
        thread::sleep(Duration::from_millis(100));
        let acceptor = TcpAcceptor::bind(addr).unwrap();
        let mut server = acceptor.accept(WAIT).unwrap();
        server.send(b"ready").unwrap();
        server.flush().unwrap();
        assert_eq!(client.join().unwrap().recv_vec(5).unwrap(), b"ready");
    });
}

#[test]
fn what_was_flushed_arrives_after_the_sender_has_gone() {
    let (mut server, mut client, _acceptor) = session();
    let len = 32 << 20;
    thread::scope(|scope| {
        scope.spawn(move || {
            server.send(&pattern(3, len)).unwrap();
            server.flush().unwrap();
        });
        thread::sleep(Duration::from_millis(50));
        assert!(client.recv_vec(len).unwrap() == pattern(3, len));
    });
}

#[test]
fn parties_that_leave_much_unread_close_at_once() {
    let (server, client, _acceptor) = session();
    let start = Instant::now();
    both(server, client, |_, mut channel| {
        channel.send(&vec![0; 32 << 20])?;
        channel.flush()
    });
    assert!(start.elapsed() < WAIT, "{:?}", start.elapsed());
}
