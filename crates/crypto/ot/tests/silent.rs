//! Ferret silent OT by its real parameters, and the extensions behind one interface.

mod common;

use std::collections::HashSet;
use std::time::Duration;

use common::{run, run_extended};
use veilflow_net::Channel;
use veilflow_ot::{ExtensionPlan, FerretPlan, LpnSet, OtError, Result, RotReceiver, RotSender, Traffic};
use veilflow_prim::{Block, Prg};
use veilflow_ring::{Bits, Ring};

/// Silent OT for so many OTs, where only bytes count.
fn silent(count: usize) -> ExtensionPlan {
    ExtensionPlan::Ferret(FerretPlan::for_link(count, f64::INFINITY))
}

fn check_random(sent: &RotSender, received: &RotReceiver, what: &str) {
    assert_eq!((sent.len(), sent.ones.len()), (received.len(), received.choices.len()), "{what}");
    for (i, choice) in received.choices.iter().enumerate() {
        let (want, other) =
            if choice { (sent.ones[i], sent.zeros[i]) } else { (sent.zeros[i], sent.ones[i]) };
        assert!(received.messages[i] == want && want != other, "{what}, OT {i}");
    }
}

#[test]
fn every_set_gives_random_ots_at_the_stated_traffic() {
    for (seed, set) in (1..).zip(LpnSet::ALL) {
        let counts = [set.leaves() + 17, 3 * set.leaves(), 1];
        let plan = FerretPlan::with_set(set, counts.iter().sum());
        let rounds = plan.setup_rounds();
        let plan = ExtensionPlan::Ferret(plan);
        let (setup, mut forecast) = (plan.setup().unwrap(), plan.forecast());
        let ((sent, meters), received) = run_extended(
            seed,
            &plan,
            |ot, channel| {
                let mut meters = vec![channel.meter()];
                let mut out = vec![];
                for n in counts {
                    out.push(ot.random(channel, n)?);
                    meters.push(channel.meter());
                }
                Ok((out, meters))
            },
            |ot, channel| counts.map(|n| ot.random(channel, n)).into_iter().collect::<Result<Vec<_>>>(),
        );
        for (sent, received) in sent.iter().zip(&received) {
            check_random(sent, received, &format!("{set:?}"));
        }
        assert_eq!((meters[0].sent, meters[0].received), (setup.sender, setup.receiver), "{set:?}");
        assert_eq!(meters[0].rounds, rounds, "{set:?}");
        for (n, meters) in counts.into_iter().zip(meters.windows(2)) {
            let spent = meters[1] - meters[0];
            assert_eq!(
                Traffic { sender: spent.sent, receiver: spent.received },
                forecast.extend(n).unwrap(),
                "{set:?}"
            );
        }
    }
}

/// b10 over the end of an iteration, and what its outputs look like.
///
/// Every count of ones is within 6 standard deviations of its mean: a false alarm has probability 2^-28 a
/// count, and the seed is fixed.
#[test]
fn an_iteration_and_more_looks_random() {
    const N: usize = 800_001;
    let plan = ExtensionPlan::Ferret(FerretPlan::with_set(LpnSet::B10, N));
    let (sent, received) =
        run_extended(10, &plan, |ot, channel| ot.random(channel, N), |ot, channel| ot.random(channel, N));
    check_random(&sent, &received, "b10");

    let balanced = |ones: usize, of: usize, what: &str| {
        let deviation = (ones as f64 - of as f64 / 2.0).abs() / (of as f64 / 4.0).sqrt();
        assert!(deviation < 6.0, "{what}: {ones} ones of {of}");
    };
    let ones = |bits: &Bits| bits.iter().filter(|&bit| bit).count();
    let choices = &received.choices;
    balanced(ones(choices), N, "choices");
    // Neighbours, places of one leaf in neighbouring trees, and the two iterations.
    for lag in [1, 2, 64, 1024, 777 * 1024] {
        let (head, tail) = (choices.slice(0, N - lag), choices.slice(lag, N - lag));
        balanced(ones(&head.xor(&tail)), N - lag, &format!("choices {lag} apart"));
    }
    // Within a tree, where the noise puts a single error.
    for tree in [0, 1, 500, 776, 777] {
        let tree_choices = choices.slice(tree * 1024, 1024);
        balanced(ones(&tree_choices), 1024, &format!("choices of tree {tree}"));
    }
    for bit in [0, 1, 63, 64, 127] {
        let column = |blocks: &[Block]| -> Bits { blocks.iter().map(|b| (b.0 >> bit) & 1 == 1).collect() };
        let (zeros, others) = (column(&sent.zeros), column(&sent.ones));
        balanced(ones(&zeros), N, "message 0");
        balanced(ones(&others), N, "message 1");
        balanced(ones(&zeros.xor(&others)), N, "message 0 against 1");
        balanced(ones(&zeros.xor(choices)), N, "message 0 against choices");
    }
    let distinct: HashSet<u128> = sent.zeros.iter().chain(&sent.ones).map(|b| b.0).collect();
    assert_eq!(distinct.len(), 2 * N, "a message came twice");
}

#[test]
fn sessions_share_no_output() {
    // The receiver starts each session from the same state: a fresh sender alone must make everything new.
    let plan = silent(2000);
    let session = |seed: u128| {
        let (sent, received) = run(
            |channel| plan.sender(channel, &mut Prg::from_seed(Block(seed)))?.random(channel, 2000),
            |channel| plan.receiver(channel, &mut Prg::from_seed(Block(77)))?.random(channel, 2000),
        );
        (sent.expect("sender"), received.expect("receiver"))
    };
    let blocks =
        |sent: &RotSender| -> HashSet<u128> { sent.zeros.iter().chain(&sent.ones).map(|b| b.0).collect() };
    let ((first, choices), (again, _), (second, others)) = (session(1), session(1), session(2));
    assert!(blocks(&first) == blocks(&again), "same seeds, same session");
    assert!(blocks(&first).is_disjoint(&blocks(&second)));
    assert!(choices.choices != others.choices);
}

#[test]
fn both_directions_at_once_with_any_extension() {
    const N: usize = 9000;
    let plans = [
        ExtensionPlan::SoftSpoken { k: 4 },
        ExtensionPlan::Ferret(FerretPlan::with_set(LpnSet::B10, N)),
        ExtensionPlan::Ferret(FerretPlan::with_set(LpnSet::B11, N)),
    ];
    for plan in &plans {
        let party = |first: bool| {
            move |channel: &mut Channel| -> Result<_> {
                channel.set_timeout(Duration::from_secs(20));
                let mut prg = Prg::from_seed(Block(30 + u128::from(first)));
                let (mut sender, mut receiver);
                if first {
                    sender = plan.sender(channel, &mut prg)?;
                    receiver = plan.receiver(channel, &mut prg)?;
                } else {
                    receiver = plan.receiver(channel, &mut prg)?;
                    sender = plan.sender(channel, &mut prg)?;
                }
                assert_ne!(sender.speaks(), receiver.speaks());
                let rounds = channel.meter().rounds;
                let (sent, received);
                if sender.speaks() {
                    sent = sender.random(channel, N)?;
                    received = receiver.random(channel, N)?;
                } else {
                    received = receiver.random(channel, N)?;
                    sent = sender.random(channel, N)?;
                }
                Ok((sent, received, channel.meter().rounds - rounds))
            }
        };
        let (a, b) = run(party(true), party(false));
        let (a, b) = (a.expect("first"), b.expect("second"));
        check_random(&a.0, &b.1, &format!("{plan:?}, forth"));
        check_random(&b.0, &a.1, &format!("{plan:?}, back"));
        // The party that ends the set-up may send at once; the other has just received.
        assert!(a.2 <= 1 && b.2 <= 1, "{plan:?}: {} and {} rounds", a.2, b.2);
        let (forth, back): (HashSet<_>, HashSet<_>) =
            (a.0.zeros.iter().map(|x| x.0).collect(), b.0.zeros.iter().map(|x| x.0).collect());
        assert!(forth.is_disjoint(&back), "{plan:?}: the directions share messages");
    }
}

#[test]
fn transfers_work_over_silent_ots() {
    let ring = Ring::new(21).expect("a ring of 21 bits");
    let mut prg = Prg::from_seed(Block(40));
    let (correlations, choices) = (prg.ring_vec(ring, 3001).into_values(), prg.bits(3001));
    let plan = ExtensionPlan::Ferret(FerretPlan::with_set(LpnSet::B10, 3001));
    let (x, z) = run_extended(
        41,
        &plan,
        |ot, channel| {
            ot.random(channel, 3001)?.send_correlated(channel, ring, 1, |i, c| c[0] = correlations[i])
        },
        |ot, channel| ot.random(channel, 3001)?.recv_correlated(channel, ring, 1, &choices),
    );
    for (i, choice) in choices.iter().enumerate() {
        assert_eq!(z[i], ring.add(x[i], if choice { correlations[i] } else { 0 }), "OT {i}");
    }
}

#[test]
fn plans_take_the_fewest_bytes_where_only_bytes_count() {
    let fewest = |n| FerretPlan::for_link(n, f64::INFINITY);
    let bytes =
        |plan: &ExtensionPlan, n| plan.setup().unwrap().bytes() + plan.forecast().extend(n).unwrap().bytes();
    for n in [0, 1, 1000, 64_000, 80_000, 1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 27, 1 << 40] {
        let best = fewest(n).total(n).bytes();
        for set in LpnSet::ALL {
            assert!(best <= FerretPlan::with_set(set, n).total(n).bytes(), "{n} OTs");
        }
        let softspoken = bytes(&ExtensionPlan::SoftSpoken { k: 8 }, n);
        assert_eq!(bytes(&ExtensionPlan::for_link(n, f64::INFINITY), n), best.min(softspoken), "{n} OTs");
    }
    // On a link without cost the fastest set, on one without speed the smallest traffic.
    assert_eq!(FerretPlan::for_link(1 << 30, 0.001).set(), LpnSet::B9);
    assert_eq!(FerretPlan::for_link(1 << 30, 1e9).set(), LpnSet::B13);
    // At most one bit an OT at 2^24, set-up included.
    assert!(8 * fewest(1 << 24).total(1 << 24).bytes() <= 1 << 24);
    // No count is refused or takes long to plan.
    assert!(fewest(usize::MAX).total(usize::MAX).bytes() > 1 << 50);
}

#[test]
fn different_plans_are_an_error_on_both_sides() {
    let setup = |ours: &ExtensionPlan, theirs: &ExtensionPlan| {
        run(
            |c: &mut Channel| ours.sender(c, &mut Prg::from_seed(Block(1))).map(drop),
            |c: &mut Channel| theirs.receiver(c, &mut Prg::from_seed(Block(2))).map(drop),
        )
    };
    let refused = |result: Result<()>| {
        assert!(matches!(result, Err(OtError::PlanMismatch)), "{result:?}");
    };
    // Other trees of one set; another set.
    for theirs in [silent(5000), silent(1 << 30)] {
        let (sender, receiver) = setup(&silent(1000), &theirs);
        refused(sender);
        refused(receiver);
    }
    // Silent OT against SoftSpoken, either way.
    let softspoken = ExtensionPlan::SoftSpoken { k: 8 };
    let (sender, receiver) = setup(&silent(1000), &softspoken);
    refused(sender);
    assert!(matches!(receiver, Err(OtError::KMismatch { ours: 8, .. })), "{receiver:?}");
    let (sender, receiver) = setup(&softspoken, &silent(1000));
    assert!(matches!(sender, Err(OtError::KMismatch { ours: 8, .. })), "{sender:?}");
    refused(receiver);
}
