//! Ferret silent OT by its real parameters, and the extensions behind one interface.

mod common;

use std::collections::HashSet;
use std::time::Duration;

use common::run;
use veilflow_net::Channel;
use veilflow_ot::{
    CotReceiver, CotSender, ExtensionPlan, ExtensionReceiver, ExtensionSender, FerretPlan, FerretReceiver,
    FerretSender, LpnSet, OtError, RandomOtReceiver, RandomOtSender, RotReceiver, RotSender,
    SoftSpokenReceiver, SoftSpokenSender, Traffic, cot_recv, cot_send, ferret_bytes, random_both_ways,
    setup_bytes, softspoken_bytes,
};
use veilflow_prim::{Block, Prg};
use veilflow_ring::{Bits, Ring};

/// As `run`, with silent OT set up by `plan` first.
fn run_silent<A: Send, B: Send>(
    seed: u128,
    plan: &FerretPlan,
    sender: impl FnOnce(&mut FerretSender, &mut Channel) -> Result<A, OtError> + Send,
    receiver: impl FnOnce(&mut FerretReceiver, &mut Channel) -> Result<B, OtError> + Send,
) -> (A, B) {
    let (a, b) = run(
        |channel| {
            let mut prg = Prg::from_seed(Block(seed));
            sender(&mut FerretSender::setup_planned(channel, &mut prg, plan)?, channel)
        },
        |channel| {
            let mut prg = Prg::from_seed(Block(!seed));
            receiver(&mut FerretReceiver::setup_planned(channel, &mut prg, plan)?, channel)
        },
    );
    (a.expect("sender"), b.expect("receiver"))
}

fn check_correlated(sent: &CotSender, received: &CotReceiver, what: &str) {
    assert_eq!(sent.blocks.len(), received.blocks.len(), "{what}");
    for (i, choice) in received.choices.iter().enumerate() {
        assert!(received.blocks[i] == sent.blocks[i] ^ sent.delta.and_bit(choice), "{what}, OT {i}");
    }
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
fn every_set_gives_correlated_ots_at_the_stated_traffic() {
    for (seed, set) in (1..).zip(LpnSet::ALL) {
        let counts = [set.leaves() + 17, 3 * set.leaves(), 1];
        let plan = FerretPlan::with_set(set, counts.iter().sum());
        let (setup, mut forecast) = (plan.setup(), plan.forecast());
        let ((sent, meters), received) = run_silent(
            seed,
            &plan,
            |ot, channel| {
                let mut meters = vec![channel.meter()];
                let mut out = vec![];
                for n in counts {
                    out.push(ot.correlated(channel, n)?);
                    meters.push(channel.meter());
                }
                Ok((out, meters))
            },
            |ot, channel| {
                counts.map(|n| ot.correlated(channel, n)).into_iter().collect::<Result<Vec<_>, _>>()
            },
        );
        for (sent, received) in sent.iter().zip(&received) {
            check_correlated(sent, received, &format!("{set:?}"));
        }
        assert_eq!((meters[0].sent, meters[0].received), (setup.sender, setup.receiver), "{set:?}");
        assert_eq!(meters[0].rounds, plan.setup_rounds(), "{set:?}");
        for (n, meters) in counts.into_iter().zip(meters.windows(2)) {
            let spent = meters[1] - meters[0];
            assert_eq!(
                Traffic { sender: spent.sent, receiver: spent.received },
                forecast.extend(n),
                "{set:?}"
            );
        }
    }
}

/// b10 over the end of an iteration, and what its outputs look like.
///
/// Every count of ones is within 6 standard deviations of its mean: a false alarm has probability 2^-28 a count, and
/// the seed is fixed.
#[test]
fn an_iteration_and_more_looks_random() {
    const N: usize = 800_001;
    let plan = FerretPlan::with_set(LpnSet::B10, N);
    let (sent, received) =
        run_silent(10, &plan, |ot, channel| ot.random(channel, N), |ot, channel| ot.random(channel, N));
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
    let session = |seed: u128| {
        let (sent, received) = run(
            |channel| {
                FerretSender::setup(channel, &mut Prg::from_seed(Block(seed)), 2000)?.random(channel, 2000)
            },
            |channel| {
                FerretReceiver::setup(channel, &mut Prg::from_seed(Block(77)), 2000)?.random(channel, 2000)
            },
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
fn forks_run_in_threads_of_their_own() {
    const N: usize = 5000;
    const STREAMS: usize = 3;
    let plan = FerretPlan::with_set(LpnSet::B10, STREAMS * N);
    let fork_channels = |channel: &mut Channel| -> Vec<Channel> {
        (0..STREAMS).map(|_| channel.fork().expect("memory channel")).collect()
    };
    let (sent, received) = run_silent(
        20,
        &plan,
        |ot, channel| {
            let (want, _) = ot.forecast().fork(N);
            let before = channel.meter();
            let mut forks = vec![ot.fork(channel, N)?];
            assert_eq!((channel.meter() - before).sent, want.sender);
            for _ in 1..STREAMS {
                forks.push(ot.fork(channel, N)?);
            }
            let channels = fork_channels(channel);
            std::thread::scope(|scope| {
                let work = forks.iter_mut().zip(channels);
                let handles: Vec<_> =
                    work.map(|(ot, mut channel)| scope.spawn(move || ot.random(&mut channel, N))).collect();
                handles.into_iter().map(|h| h.join().expect("no panic")).collect::<Result<Vec<_>, _>>()
            })
        },
        |ot, channel| {
            let forks: Result<Vec<_>, _> = (0..STREAMS).map(|_| ot.fork(channel, N)).collect();
            let (mut forks, channels) = (forks?, fork_channels(channel));
            std::thread::scope(|scope| {
                let work = forks.iter_mut().zip(channels);
                let handles: Vec<_> =
                    work.map(|(ot, mut channel)| scope.spawn(move || ot.random(&mut channel, N))).collect();
                handles.into_iter().map(|h| h.join().expect("no panic")).collect::<Result<Vec<_>, _>>()
            })
        },
    );
    let mut seen = HashSet::new();
    for (i, (sent, received)) in sent.iter().zip(&received).enumerate() {
        check_random(sent, received, &format!("stream {i}"));
        assert!(
            sent.zeros.iter().chain(&sent.ones).all(|b| seen.insert(b.0)),
            "stream {i} repeats a message"
        );
    }
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
            move |channel: &mut Channel| -> Result<_, OtError> {
                channel.set_timeout(Duration::from_secs(20));
                let mut prg = Prg::from_seed(Block(30 + u128::from(first)));
                let (mut sender, mut receiver);
                if first {
                    sender = ExtensionSender::setup(channel, &mut prg, plan)?;
                    receiver = ExtensionReceiver::setup(channel, &mut prg, plan)?;
                } else {
                    receiver = ExtensionReceiver::setup(channel, &mut prg, plan)?;
                    sender = ExtensionSender::setup(channel, &mut prg, plan)?;
                }
                assert_ne!(RandomOtSender::speaks(&sender), RandomOtReceiver::speaks(&receiver));
                let rounds = channel.meter().rounds;
                let (mut sent, mut received) = (
                    RotSender { zeros: vec![], ones: vec![] },
                    RotReceiver { choices: Bits::default(), messages: vec![] },
                );
                random_both_ways(
                    &mut sender,
                    &mut receiver,
                    channel,
                    N,
                    |at, zeros, ones| {
                        assert_eq!((at, at % 64, ones.len()), (sent.len(), 0, zeros.len()));
                        sent.zeros.extend_from_slice(zeros);
                        sent.ones.extend_from_slice(ones);
                    },
                    |at, choices, messages| {
                        assert_eq!((at, at % 64, choices.len()), (received.len(), 0, messages.len()));
                        received.choices.append(choices);
                        received.messages.extend_from_slice(messages);
                    },
                )?;
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
    let (correlations, choices) = (prg.ring_vec(ring, 3001), prg.bits(3001));
    let plan = FerretPlan::with_set(LpnSet::B10, 3001);
    let (x, z) = run_silent(
        41,
        &plan,
        |ot, channel| cot_send(ot, channel, &correlations),
        |ot, channel| cot_recv(ot, channel, ring, &choices),
    );
    for (i, choice) in choices.iter().enumerate() {
        let c = if choice { correlations.values()[i] } else { 0 };
        assert_eq!(z.values()[i], ring.add(x.values()[i], c), "OT {i}");
    }
}

#[test]
fn plans_take_the_fewest_bytes() {
    let total = |t: Traffic| t.sender + t.receiver;
    let softspoken = |n| total(setup_bytes(8).unwrap()) + total(softspoken_bytes(8, n).unwrap());
    for n in [0, 1, 1000, 64_000, 80_000, 1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 27, 1 << 40] {
        let best = FerretPlan::fewest_bytes(n);
        for set in LpnSet::ALL {
            assert!(total(best.total(n)) <= total(FerretPlan::with_set(set, n).total(n)), "{n} OTs");
        }
        assert_eq!(ferret_bytes(n), best.total(n));
        let plan = ExtensionPlan::fewest_bytes(n);
        let bytes = total(plan.setup().unwrap()) + total(plan.forecast().extend(n).unwrap());
        assert_eq!(bytes, total(ferret_bytes(n)).min(softspoken(n)), "{n} OTs");
    }
    assert!(matches!(ExtensionPlan::fewest_bytes(60_000), ExtensionPlan::SoftSpoken { k: 8 }));
    assert!(matches!(ExtensionPlan::fewest_bytes(80_000), ExtensionPlan::Ferret(_)));
    assert_eq!(FerretPlan::fewest_bytes(100_000).set(), LpnSet::B10);
    assert_eq!(FerretPlan::fewest_bytes(1 << 30).set(), LpnSet::B13);
    // On a link without cost the fastest set, on one without speed the smallest traffic.
    assert_eq!(FerretPlan::for_link(1 << 30, 0.001).set(), LpnSet::B10);
    assert_eq!(FerretPlan::for_link(1 << 30, 1e9).set(), LpnSet::B13);
    // At most one bit an OT at 2^24, set-up included.
    assert!(8 * total(ferret_bytes(1 << 24)) <= 1 << 24);
    // No count is refused or takes long to plan.
    assert!(total(ferret_bytes(usize::MAX)) > 1 << 50);
}

#[test]
fn different_plans_are_an_error_on_both_sides() {
    let refused = |result: Result<(), OtError>| {
        assert!(matches!(result, Err(OtError::PlanMismatch)), "{result:?}");
    };
    let setup_sender =
        |n| move |c: &mut Channel| FerretSender::setup(c, &mut Prg::from_seed(Block(1)), n).map(drop);
    let setup_receiver =
        |n| move |c: &mut Channel| FerretReceiver::setup(c, &mut Prg::from_seed(Block(2)), n).map(drop);
    // Other trees of one set; another set.
    for (ours, theirs) in [(1000, 5000), (1000, 1 << 30)] {
        let (sender, receiver) = run(setup_sender(ours), setup_receiver(theirs));
        refused(sender);
        refused(receiver);
    }
    // Silent OT against SoftSpoken, either way.
    let (sender, receiver) = run(setup_sender(1000), |c: &mut Channel| {
        SoftSpokenReceiver::setup(c, &mut Prg::from_seed(Block(2)), 8).map(drop)
    });
    refused(sender);
    assert!(matches!(receiver, Err(OtError::KMismatch { ours: 8, .. })), "{receiver:?}");
    let (sender, receiver) = run(
        |c: &mut Channel| SoftSpokenSender::setup(c, &mut Prg::from_seed(Block(1)), 8).map(drop),
        setup_receiver(1000),
    );
    assert!(matches!(sender, Err(OtError::KMismatch { ours: 8, .. })), "{sender:?}");
    refused(receiver);
}
