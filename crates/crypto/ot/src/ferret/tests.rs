//! Silent OT with a set of parameters too small to be secure, so that iterations are short.

use std::thread;

use veilflow_net::{Channel, NetError, memory_pair};
use veilflow_prim::{Block, Prg};

use super::*;
use crate::{
    OtError, RandomOtReceiver, RandomOtSender,
    batch::{CotReceiver, CotSender},
};

/// 40 trees of 64: an iteration needs 256 + 240 OTs, so 8 trees for the next and 32 to use.
const SET: LpnSet = LpnSet::new(40, 8, 6, 0);
/// Two trees to use before the first refill.
const TREES: usize = 10;

fn run<A: Send, B: Send>(
    seed: u128,
    sender: impl FnOnce(&mut FerretSender, &mut Channel) -> A + Send,
    receiver: impl FnOnce(&mut FerretReceiver, &mut Channel) -> B + Send,
) -> (A, B) {
    let (mut a, mut b) = memory_pair();
    let plan = FerretPlan::insecure(SET, TREES);
    let ours = &plan;
    thread::scope(move |scope| {
        let handle = scope.spawn(move || {
            let mut prg = Prg::from_seed(Block(seed));
            let mut ot = FerretSender::setup(&mut a, &mut prg, ours).expect("sender's setup");
            sender(&mut ot, &mut a)
        });
        let mut prg = Prg::from_seed(Block(!seed));
        let mut ot = FerretReceiver::setup(&mut b, &mut prg, ours).expect("receiver's setup");
        let theirs = receiver(&mut ot, &mut b);
        drop(b);
        (handle.join().expect("the sender panicked"), theirs)
    })
}

fn check(sent: &CotSender, received: &CotReceiver, what: &str) {
    assert_eq!((sent.blocks.len(), received.choices.len()), (received.blocks.len(), received.blocks.len()));
    assert_eq!(sent.delta.0 & 1, 1, "{what}");
    for (i, choice) in received.choices.iter().enumerate() {
        assert_eq!(sent.blocks[i].0 & 1, 0, "{what}, OT {i}");
        assert!(received.blocks[i] == sent.blocks[i] ^ sent.delta.and_bit(choice), "{what}, OT {i}");
    }
}

/// Counts that end within trees, at their ends, and go over the ends of iterations.
const COUNTS: [usize; 12] = [0, 1, 63, 64, 65, 128, 1000, 0, 5000, 3, 2048, 20_000];

#[test]
fn ots_differ_by_delta_over_many_iterations() {
    let (sent, received) = run(
        1,
        |ot, channel| COUNTS.map(|n| ot.correlated(channel, n).expect("sender")),
        |ot, channel| COUNTS.map(|n| ot.correlated(channel, n).expect("receiver")),
    );
    for ((sent, received), n) in sent.iter().zip(&received).zip(COUNTS) {
        assert_eq!(sent.blocks.len(), n);
        check(sent, received, &format!("batch of {n}"));
    }
    let mut blocks: Vec<u128> = sent.iter().flat_map(|s| s.blocks.iter().map(|b| b.0)).collect();
    let made = blocks.len();
    blocks.sort_unstable();
    blocks.dedup();
    assert_eq!(blocks.len(), made, "an OT came twice");
}

#[test]
fn random_ots_are_the_hashed_correlated_ones() {
    let (raw, raw_received) =
        run(2, |ot, channel| ot.correlated(channel, 4000), |ot, channel| ot.correlated(channel, 4000));
    let (sent, received) =
        run(2, |ot, channel| ot.random(channel, 4000), |ot, channel| ot.random(channel, 4000));
    let (raw, raw_received) = (raw.expect("sender"), raw_received.expect("receiver"));
    let (sent, received) = (sent.expect("sender"), received.expect("receiver"));
    assert!(raw_received.choices == received.choices);
    for (i, choice) in received.choices.iter().enumerate() {
        let want = if choice { sent.ones[i] } else { sent.zeros[i] };
        assert!(received.messages[i] == want && sent.zeros[i] != sent.ones[i], "OT {i}");
        assert!(sent.zeros[i] != raw.blocks[i] && sent.ones[i] != raw.blocks[i] ^ raw.delta, "OT {i}");
    }
}

#[test]
fn traffic_and_rounds_are_as_forecast() {
    let plan = FerretPlan::insecure(SET, TREES);
    let (sender, receiver) = run(
        3,
        |ot, channel| {
            let (mut forecast, mut meters) = (plan.forecast(), vec![channel.meter()]);
            let mut want = vec![];
            for n in COUNTS {
                want.push(forecast.extend(n));
                ot.random(channel, n).expect("sender");
                meters.push(channel.meter());
            }
            (want, meters)
        },
        |ot, channel| {
            for n in COUNTS {
                ot.random(channel, n).expect("receiver");
            }
            channel.meter()
        },
    );
    let (want, meters) = sender;
    let setup = plan.setup();
    assert_eq!((meters[0].sent, meters[0].received), (setup.sender, setup.receiver));
    assert_eq!(meters[0].rounds, plan.setup_rounds());
    for ((want, meters), n) in want.iter().zip(meters.windows(2)).zip(COUNTS) {
        let spent = meters[1] - meters[0];
        assert_eq!((spent.sent, spent.received), (want.sender, want.receiver), "{n} OTs");
    }
    assert_eq!(receiver.rounds, plan.setup_rounds() + 1, "one message whatever the count");
    assert_eq!((receiver.received, receiver.sent), (meters[COUNTS.len()].sent, setup.receiver));
    // Whole iterations are forecast at once, with the same result.
    let (mut at_once, mut in_steps) = (plan.forecast(), plan.forecast());
    let total: u64 = (0..1000).map(|_| in_steps.extend(64).sender).sum();
    assert_eq!(at_once.extend(64_000).sender, total);
    assert_eq!(at_once.extend(7), in_steps.extend(7));
}

/// A booster and the instance that starts from its OTs have one Δ and may even hold equal blocks. Their
/// hashes must not meet.
#[test]
fn instances_of_one_delta_hash_under_different_keys() {
    let nonce = Block(5);
    let instance =
        |nonce| instance::Instance::new(SET, plan::Schedule::new(SET, 10, 8), nonce, vec![].into());
    let child = instance(nonce).child_nonce();
    let all =
        [nonce, child, instance(child).child_nonce(), Block(6)].map(|nonce| instance(nonce).hash_probe());
    for (i, a) in all.iter().enumerate() {
        assert!(all[..i].iter().all(|b| a.iter().all(|x| !b.contains(x))), "instance {i}");
    }
}

#[test]
fn a_failed_instance_stays_unusable() {
    let (sent, received) = run(
        5,
        |ot, channel| ot.random(channel, 500).map(drop),
        |ot, channel| {
            let first = ot.random(channel, 1_000_000).map(drop);
            let (mut fresh, mut peer) = memory_pair();
            // Not even over a working channel.
            peer.send(&[0; 100_000]).and_then(|()| peer.flush()).expect("memory channel");
            [first, ot.random(&mut fresh, 1).map(drop)]
        },
    );
    assert!(sent.is_ok());
    assert!(matches!(received[0], Err(OtError::Net(NetError::Closed))), "{received:?}");
    assert!(matches!(received[1], Err(OtError::Unusable)), "{received:?}");
}

#[test]
fn garbage_from_the_sender_is_neither_panic_nor_hang() {
    let (_, received) = run(
        6,
        |_, channel| {
            let mut garbage = vec![0; 40 * 6 * 16];
            Prg::from_seed(Block(9)).fill(&mut garbage);
            channel.send(&garbage).and_then(|()| channel.flush()).expect("memory channel");
        },
        |ot, channel| ot.random(channel, 100_000).map(drop),
    );
    assert!(matches!(received, Err(OtError::Net(NetError::Closed))), "{received:?}");
}

#[test]
fn debug_shows_no_secret() {
    let (sent, received) = run(7, |ot, _| format!("{ot:?}"), |ot, _| format!("{ot:?}"));
    assert_eq!(sent, "FerretSender(depth 6, 0 OTs made)");
    assert_eq!(received, "FerretReceiver(depth 6, 0 OTs made)");
}
