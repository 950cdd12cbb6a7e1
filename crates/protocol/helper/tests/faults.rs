//! Helpers and parties that fail, and strangers.

mod common;

use std::sync::Mutex;
use std::thread;
use std::time::Duration;

use common::*;
use veilflow_correlation::{And, Supplier, Triple};
use veilflow_helper::HelperError;
use veilflow_net::{Channel, NetError, Role, memory_pair};

/// What the server says when its two batches of triples pass through `tamper` on their way from the helper:
/// the batches, and one of the same number from an earlier session.
fn tampered(tamper: impl Fn(Vec<u8>, Vec<u8>, &[u8]) -> Vec<u8> + Send + Sync) -> String {
    let kind = Triple { payload: 1 };
    let (tamper, earlier) = (&tamper, &Mutex::new(Vec::new()));
    // The first session is honest and recorded, the second's batches are tampered with.
    for round in 0..2 {
        let ([mut to_helper, client_link], ends) = links();
        let (server_link, mut relay) = memory_pair();
        let helper = serve(&helper(1, 0), ends);
        let outcome = thread::scope(|scope| {
            scope.spawn(move || {
                let hello = relay.recv_vec(HELLO).unwrap();
                to_helper.send(&hello).unwrap();
                let answer = to_helper.recv_vec(HELLO).unwrap();
                relay.send(&answer).unwrap();
                let store = relay.recv_vec(STORE).unwrap();
                to_helper.send(&store).unwrap();
                let known = to_helper.recv_vec(HEAD).unwrap();
                relay.send(&known).unwrap();
                let mut batch = || to_helper.recv_vec(HEAD + 125).unwrap();
                let (first, second) = (batch(), batch());
                let mut earlier = earlier.lock().unwrap();
                let bytes = if round == 0 {
                    earlier.clone_from(&first);
                    [first, second].concat()
                } else {
                    tamper(first, second, &earlier)
                };
                relay.send(&bytes).unwrap();
                relay.flush().unwrap();
            });
            let mut links = [server_link, client_link];
            links[0].set_timeout(SHORT);
            both(links, |role, channel, link| {
                let mut supplier = setup(role, channel, link, round + 20, None).unwrap();
                fill(&mut supplier, channel, kind)?;
                fill(&mut supplier, channel, kind)
            })
        });
        drop(helper);
        let [server, client] = outcome;
        assert!(client.is_ok(), "the client is not concerned");
        if round == 1 {
            return error_of(server);
        }
        server.expect("the first session is honest");
    }
    unreachable!("the second round returns")
}

#[test]
fn batches_that_are_not_the_ones_asked_for_are_errors() {
    let foreign = tampered(|_, second, earlier| [earlier, &second].concat());
    assert!(foreign.contains("a message of another session came from the helper"), "{foreign}");
    let repeated = tampered(|first, _, _| [&first[..], &first].concat());
    assert!(repeated.contains("message 0 came from the helper in place of message 1"), "{repeated}");
    let lost = tampered(|_, second, _| second);
    assert!(lost.contains("message 1 came from the helper in place of message 0"), "{lost}");
    let short = tampered(|mut first, second, _| {
        first[24] -= 1;
        first.pop();
        [first, second].concat()
    });
    assert!(short.contains("the helper sent a batch of 124 bytes in place of 125"), "{short}");
    let cut = tampered(|first, _, _| first[..100].to_vec());
    assert!(cut.contains("the connection to the helper failed"), "{cut}");
}

#[test]
fn a_helper_that_leaves_or_is_silent_ends_both_parties() {
    for silent in [false, true] {
        let (mut links, ends) = links();
        links.iter_mut().for_each(|link| link.set_timeout(SHORT));
        let held = Mutex::new(Vec::new());
        let outcomes = thread::scope(|scope| {
            // It answers the hellos, with points of a helper that exists, then nothing.
            for mut end in ends {
                let held = &held;
                scope.spawn(move || {
                    let hello = end.recv_vec(HELLO).unwrap();
                    let mut answer = hello.clone();
                    answer[12] = 0;
                    end.send(&answer).unwrap();
                    let store = end.recv_vec(STORE).unwrap();
                    // It knows no layer.
                    end.send(&[&store[..16], &[0xff; 8], &[0; 8]].concat()).unwrap();
                    end.flush().unwrap();
                    if silent {
                        held.lock().unwrap().push(end);
                    }
                });
            }
            both(links, |role, channel, link| {
                channel.set_timeout(Duration::from_secs(20));
                let mut supplier = setup(role, channel, link, 30, None).unwrap();
                // A correction for the one, then for the other.
                fill(&mut supplier, channel, Triple { payload: 1 })?;
                fill(&mut supplier, channel, And { sender: Role::P0 })
            })
        });
        for outcome in outcomes {
            let error = error_of(outcome);
            assert!(error.contains("the connection to the helper failed"), "{error}");
            let why = if silent { "sent nothing" } else { "closed" };
            assert!(error.contains(why), "{error}");
        }
    }
}

#[test]
fn another_order_than_announced_is_an_error() {
    let (links, ends) = links();
    let helper = serve(&helper(1, 0), ends);
    let [_, client] = both(links, |role, channel, link| {
        let mut supplier = setup(role, channel, link, 50, None).unwrap();
        supplier.announce(&[needs()]).unwrap();
        fill(&mut supplier, channel, And { sender: Role::P1 })
    });
    drop(helper);
    assert!(error_of(client).contains("not those announced"));
}

#[test]
fn strangers_are_turned_away_and_the_session_beside_them_goes_on() {
    let helper = helper(1, 0);
    let welcome = |end: Channel| {
        let helper = helper.clone();
        thread::spawn(move || arrive(&helper, end))
    };
    // Garbage, and another version.
    let (mut stranger, end) = memory_pair();
    stranger.send(&[7; HELLO]).unwrap();
    stranger.flush().unwrap();
    assert!(matches!(welcome(end).join().unwrap(), Err(HelperError::Malformed { .. })));
    let (mut stranger, end) = memory_pair();
    stranger.send(&[&b"VFHELPER"[..], &[9; HELLO - 8]].concat()).unwrap();
    stranger.flush().unwrap();
    assert!(matches!(welcome(end).join().unwrap(), Err(HelperError::Version { theirs: 0x0909_0909, .. })));

    // One session is on; a second finds no room.
    let session = |expect_busy: bool| {
        let (links, ends) = links();
        let arrivals = ends.map(&welcome);
        let outcomes = both(links, |role, channel, link| {
            let outcome = setup(role, channel, link, 60, None);
            if expect_busy {
                assert!(matches!(outcome, Err(HelperError::Busy)), "{outcome:?}");
                return None;
            }
            Some(outcome.unwrap())
        });
        (outcomes, arrivals)
    };
    let (first, arrivals) = session(false);
    let (_, refused) = session(true);
    assert_eq!(
        refused.into_iter().map(|h| h.join().unwrap()).filter(Result::is_err).count(),
        1,
        "the pair is refused as one"
    );
    drop(first);
    ended_well(arrivals);
    // There is room again.
    let (third, arrivals) = session(false);
    drop(third);
    ended_well(arrivals);
}

#[test]
fn who_waits_too_long_for_its_peer_is_dismissed() {
    let helper = helper(1, 0);
    let (mut party, end) = memory_pair();
    let hello = [&b"VFHELPER"[..], &2u32.to_le_bytes(), &[0], &[5; 16], &[1; 32]].concat();
    party.send(&hello).unwrap();
    party.flush().unwrap();
    assert!(helper.welcome(end).unwrap().is_none());
    helper.dismiss(Duration::from_secs(3600));
    party.set_timeout(SHORT);
    assert!(matches!(party.recv_vec(1), Err(NetError::Timeout { .. })), "it still waits");
    let (mut again, end) = memory_pair();
    again.send(&hello).unwrap();
    again.flush().unwrap();
    assert!(matches!(helper.welcome(end), Err(HelperError::SameRole { role: Role::P0 })));

    let (mut party, end) = memory_pair();
    party.send(&hello).unwrap();
    party.flush().unwrap();
    assert!(helper.welcome(end).unwrap().is_none());
    helper.dismiss(Duration::ZERO);
    assert_eq!(party.recv_vec(1), Err(NetError::Closed));
}
