//! The SoftSpoken extension: correctness for every k, independence of sessions, statistics, traffic, faults.

mod common;

use std::collections::HashSet;

use common::{run, run_extended};
use veilflow_net::{Channel, NetError, memory_pair};
use veilflow_ot::{
    ExtensionPlan, OtError, RandomOtReceiver, RandomOtSender, Result, RotReceiver, RotSender, Traffic,
};
use veilflow_prim::{Block, Prg};
use veilflow_ring::Bits;

const COUNTS: [usize; 7] = [0, 1, 7, 8, 129, 10_000, 8192];

fn softspoken(k: usize) -> ExtensionPlan {
    ExtensionPlan::SoftSpoken { k }
}

#[test]
fn random_ots_are_correct_for_every_k_and_count() {
    for k in [1, 2, 4, 8] {
        let (sent, received) = run_extended(
            100 + k as u128,
            &softspoken(k),
            |ot, channel| COUNTS.map(|n| ot.random(channel, n)).into_iter().collect::<Result<Vec<_>>>(),
            |ot, channel| COUNTS.map(|n| ot.random(channel, n)).into_iter().collect::<Result<Vec<_>>>(),
        );
        let mut seen = HashSet::new();
        for ((sent, received), n) in sent.iter().zip(&received).zip(COUNTS) {
            assert_eq!((sent.len(), sent.ones.len(), received.len(), received.choices.len()), (n, n, n, n));
            for (i, choice) in received.choices.iter().enumerate() {
                let (zero, one) = (sent.zeros[i], sent.ones[i]);
                let want = if choice { one } else { zero };
                assert!(received.messages[i] == want, "k {k}, {n} OTs, OT {i}");
                assert!(seen.insert(zero.0) && seen.insert(one.0), "k {k}: OT {i} of {n} repeats a message");
            }
        }
    }
}

/// Every count of ones is within 6 standard deviations of its mean: a false alarm has probability 2^-28 a
/// count, and the seeds are fixed.
#[test]
fn choices_and_message_bits_are_balanced_and_unrelated() {
    const N: usize = 1 << 16;
    let balanced = |ones: u32, what: &str| {
        let deviation = (f64::from(ones) - N as f64 / 2.0).abs() / (N as f64 / 4.0).sqrt();
        assert!(deviation < 6.0, "{what}: {ones} ones of {N}");
    };
    for k in [1, 8] {
        let (sent, received) = run_extended(
            300 + k as u128,
            &softspoken(k),
            |ot, channel| ot.random(channel, N),
            |ot, channel| ot.random(channel, N),
        );
        balanced(received.choices.words().iter().map(|w| w.count_ones()).sum(), "choices");
        for bit in 0..128 {
            let column =
                |blocks: &[Block]| -> Bits { blocks.iter().map(|b| (b.0 >> bit) & 1 == 1).collect() };
            let (zeros, ones) = (column(&sent.zeros), column(&sent.ones));
            let ones_of = |bits: &Bits| bits.words().iter().map(|w| w.count_ones()).sum();
            balanced(ones_of(&zeros), "message 0");
            balanced(ones_of(&ones), "message 1");
            balanced(ones_of(&zeros.xor(&ones)), "message 0 against 1");
            balanced(ones_of(&zeros.xor(&received.choices)), "message 0 against choices");
        }
    }
}

#[test]
fn sessions_share_no_output() {
    // The receiver starts each session from the same state: a fresh sender alone must make everything new.
    let session = |seed: u128| {
        run(
            |channel| {
                let mut prg = Prg::from_seed(Block(seed));
                softspoken(4).sender(channel, &mut prg)?.random(channel, 500)
            },
            |channel| {
                let mut prg = Prg::from_seed(Block(77));
                softspoken(4).receiver(channel, &mut prg)?.random(channel, 500)
            },
        )
    };
    let (first, again, second) = (session(1), session(1), session(2));
    let blocks = |side: &(Result<RotSender>, _)| -> HashSet<u128> {
        let sent = side.0.as_ref().expect("sender");
        sent.zeros.iter().chain(&sent.ones).map(|b| b.0).collect()
    };
    assert!(blocks(&first) == blocks(&again), "same seeds, same session");
    assert!(blocks(&first).is_disjoint(&blocks(&second)));
    let choices = |side: &(_, Result<RotReceiver>)| side.1.as_ref().expect("receiver").choices.clone();
    assert!(choices(&first) != choices(&second));
}

#[test]
fn chunks_hold_what_the_batch_holds() {
    const N: usize = 20_000;
    let plan = softspoken(2);
    let collect_sender = |ot: &mut dyn RandomOtSender, channel: &mut Channel| {
        let (mut zeros, mut ones) = (vec![], vec![]);
        ot.random_chunks(channel, N, &mut |at, z, o| {
            assert_eq!(at, zeros.len());
            zeros.extend_from_slice(z);
            ones.extend_from_slice(o);
        })?;
        Ok((zeros, ones))
    };
    let collect_receiver = |ot: &mut dyn RandomOtReceiver, channel: &mut Channel| {
        let (mut choices, mut messages) = (Bits::default(), vec![]);
        ot.random_chunks(channel, N, &mut |at, c, m| {
            assert_eq!((at, c.len()), (messages.len(), m.len()));
            choices.append(c);
            messages.extend_from_slice(m);
        })?;
        Ok((choices, messages))
    };
    let ((zeros, ones), (choices, messages)) = run_extended(400, &plan, collect_sender, collect_receiver);
    let (sent, received) =
        run_extended(400, &plan, |ot, channel| ot.random(channel, N), |ot, channel| ot.random(channel, N));
    assert!(zeros == sent.zeros && ones == sent.ones);
    assert!(choices == received.choices && messages == received.messages);
}

#[test]
fn traffic_is_what_the_cost_functions_say() {
    for k in [1, 2, 4, 8] {
        let (setup, mut forecast) = (softspoken(k).setup().unwrap(), softspoken(k).forecast());
        let (sender, receiver) = run_extended(
            500 + k as u128,
            &softspoken(k),
            |ot, channel| {
                let mut meters = vec![channel.meter()];
                for n in COUNTS {
                    ot.random(channel, n)?;
                    meters.push(channel.meter());
                }
                Ok(meters)
            },
            |ot, channel| {
                let mut meters = vec![channel.meter()];
                for n in COUNTS {
                    ot.random(channel, n)?;
                    meters.push(channel.meter());
                }
                Ok(meters)
            },
        );
        assert_eq!((sender[0].sent, sender[0].received), (setup.sender, setup.receiver), "k {k}");
        assert_eq!((receiver[0].sent, receiver[0].received), (setup.receiver, setup.sender), "k {k}");
        assert_eq!(sender[0].rounds, if k == 1 { 1 } else { 2 }, "k {k}");
        for (i, n) in COUNTS.into_iter().enumerate() {
            let want = forecast.extend(n).unwrap();
            assert_eq!(receiver[i + 1].sent - receiver[i].sent, want.receiver, "k {k}, {n} OTs");
            assert_eq!(sender[i + 1].sent - sender[i].sent, want.sender, "k {k}, {n} OTs");
            assert_eq!(sender[i + 1].received - sender[i].received, want.receiver, "k {k}, {n} OTs");
        }
    }
}

/// Traffic as its derivation in the crate's documentation gives it.
#[test]
fn traffic_follows_from_the_parameter() {
    for k in [1, 2, 4, 8] {
        // A byte that states k, a nonce and two points an OT; a byte, a nonce and a point, and two blocks for
        // each level of a tree but the first.
        let setup = Traffic { sender: 1 + 16 + 128 * 64, receiver: 1 + 16 + 32 + 32 * (k - 1) * (128 / k) };
        assert_eq!(softspoken(k as usize).setup().unwrap(), setup, "k {k}");
        let bits = Traffic { sender: 0, receiver: (128 / k - 1) * 8192 / 8 };
        assert_eq!(softspoken(k as usize).forecast().extend(8192).unwrap(), bits, "k {k}");
    }
}

#[test]
fn unsupported_or_different_k_is_an_error() {
    let (mut channel, _peer) = memory_pair();
    let mut prg = Prg::from_seed(Block(1));
    for k in [0, 3, 16, usize::MAX] {
        let is_refused = |e: OtError| matches!(e, OtError::UnsupportedK(given) if given == k);
        assert!(is_refused(softspoken(k).sender(&mut channel, &mut prg).unwrap_err()));
        assert!(is_refused(softspoken(k).receiver(&mut channel, &mut prg).unwrap_err()));
        assert!(is_refused(softspoken(k).setup().unwrap_err()));
        assert!(is_refused(softspoken(k).forecast().extend(1).unwrap_err()));
    }
    let (sender, receiver) = run(
        |channel| softspoken(4).sender(channel, &mut Prg::from_seed(Block(1))).map(drop),
        |channel| softspoken(8).receiver(channel, &mut Prg::from_seed(Block(2))).map(drop),
    );
    assert!(matches!(sender, Err(OtError::KMismatch { ours: 4, theirs: 8 })));
    assert!(matches!(receiver, Err(OtError::KMismatch { ours: 8, theirs: 4 })));
}

/// A peer that sends `bytes` and hangs up.
fn peer_sending(bytes: Vec<u8>) -> impl FnOnce(&mut Channel) + Send {
    move |channel| {
        channel.send(&bytes).expect("memory channel");
        channel.flush().expect("memory channel");
    }
}

/// A peer that sends `bytes` and then only listens.
fn peer_saying(bytes: Vec<u8>) -> impl FnOnce(&mut Channel) + Send {
    move |channel| {
        peer_sending(bytes)(channel);
        while channel.recv(&mut [0]).is_ok() {}
    }
}

#[test]
fn garbage_points_are_errors_on_both_sides() {
    // k = 4, then a nonce and bytes that encode no group element.
    let garbage = [vec![4], vec![0xff; 16 + 256 * 32]].concat();
    let (result, ()) = run(
        |channel| softspoken(4).sender(channel, &mut Prg::from_seed(Block(1))).map(drop),
        peer_saying(garbage.clone()),
    );
    assert!(matches!(result, Err(OtError::InvalidPoint(0))), "{result:?}");
    let ((), result) = run(peer_saying(garbage), |channel| {
        softspoken(4).receiver(channel, &mut Prg::from_seed(Block(1))).map(drop)
    });
    assert!(matches!(result, Err(OtError::InvalidPoint(0))), "{result:?}");
}

#[test]
fn a_peer_that_leaves_is_an_error() {
    let closed = |result: Result<()>| {
        assert!(matches!(result, Err(OtError::Net(NetError::Closed))), "{result:?}");
    };
    for sent in [vec![], vec![4], vec![4; 40]] {
        let setup =
            |channel: &mut Channel| softspoken(4).sender(channel, &mut Prg::from_seed(Block(1))).map(drop);
        closed(run(setup, peer_sending(sent.clone())).0);
        let setup =
            |channel: &mut Channel| softspoken(4).receiver(channel, &mut Prg::from_seed(Block(1))).map(drop);
        closed(run(peer_sending(sent), setup).1);
    }
    // Set up well, then gone in the middle of an extension.
    let (result, _) = run(
        |channel| {
            let mut ot = softspoken(4).sender(channel, &mut Prg::from_seed(Block(1)))?;
            ot.random(channel, 20_000).map(drop)
        },
        |channel| {
            let mut ot = softspoken(4).receiver(channel, &mut Prg::from_seed(Block(2))).unwrap();
            ot.random(channel, 10_000).map(drop)
        },
    );
    closed(result);
}

#[test]
fn debug_shows_no_secret() {
    let (sent, received) = run_extended(
        600,
        &softspoken(8),
        |ot, channel| Ok((format!("{ot:?}"), format!("{:?}", ot.random(channel, 3)?))),
        |ot, channel| Ok((format!("{ot:?}"), format!("{:?}", ot.random(channel, 3)?))),
    );
    assert_eq!(sent.0, "SoftSpokenSender(k 8, 0 OTs made)");
    assert_eq!(sent.1, "RotSender(len 3)");
    assert_eq!(received.0, "SoftSpokenReceiver(k 8, 0 OTs made)");
    assert_eq!(received.1, "RotReceiver(len 3)");
}
