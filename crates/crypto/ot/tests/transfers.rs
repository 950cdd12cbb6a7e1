//! Correlated OT of elements and vectors, on random OTs.

mod common;

use common::{run, run_extended};
use veilflow_net::NetError;
use veilflow_ot::{ExtensionPlan, OtError, RotReceiver, RotSender, Traffic, cot_bytes};
use veilflow_prim::{Block, Prg};
use veilflow_ring::{Bits, Ring};

const COUNTS: [usize; 6] = [0, 1, 7, 8, 129, 3000];

fn ring(bits: u32) -> Ring {
    Ring::new(bits).unwrap()
}

/// A batch of random OTs as a trusted dealer makes it.
fn deal(seed: u128, count: usize) -> (RotSender, RotReceiver) {
    let mut prg = Prg::from_seed(Block(seed));
    let (mut zeros, mut ones) = (vec![Block::ZERO; count], vec![Block::ZERO; count]);
    prg.blocks(&mut zeros);
    prg.blocks(&mut ones);
    let choices = prg.bits(count);
    let messages = choices.iter().enumerate().map(|(i, c)| Block::select(zeros[i], ones[i], c)).collect();
    (RotSender { zeros, ones }, RotReceiver { choices, messages })
}

#[test]
fn correlated_outputs_differ_by_the_chosen_correlation_at_every_width() {
    for bits in 1..=64 {
        let (n, ring) = (COUNTS[bits as usize % COUNTS.len()], ring(bits));
        let (sender, receiver) = deal(bits.into(), n);
        let mut prg = Prg::from_seed(Block(3000 + u128::from(bits)));
        let (correlations, choices) = (prg.ring_vec(ring, n).into_values(), prg.bits(n));
        let ((x, meter), z) = run(
            |channel| {
                let x = sender.send_correlated(channel, ring, 1, |i, c| c[0] = correlations[i]).unwrap();
                (x, channel.meter())
            },
            |channel| receiver.recv_correlated(channel, ring, 1, &choices).unwrap(),
        );
        assert_eq!((x.len(), z.len()), (n, n));
        for (i, choice) in choices.iter().enumerate() {
            assert_eq!(z[i], ring.add(x[i], if choice { correlations[i] } else { 0 }), "{bits} bits, OT {i}");
        }
        let traffic = Traffic { sender: meter.sent, receiver: meter.received };
        assert_eq!(traffic, cot_bytes(ring, n, 1), "{bits} bits, {n} OTs");
        assert_eq!(meter.rounds, if n == 0 { 0 } else { 2 });
    }
}

#[test]
fn correlated_vectors_at_every_shape() {
    for (bits, n, width) in [
        (32, 129, 1),
        (13, 129, 2),
        (1, 1000, 3),
        (37, 1, 1000),
        (64, 9, 20_000),
        (7, 5000, 17),
        (20, 0, 5),
        (20, 5, 0),
    ] {
        let ring = ring(bits);
        let (sender, receiver) = deal(4000 + n as u128, n);
        // Not reduced, on purpose.
        let c = |i: usize, j: usize| (1 + i as u64 * 31 + j as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let choices = Prg::from_seed(Block(4500 + n as u128)).bits(n);
        let ((x, meter), z) = run(
            |channel| {
                let x = sender.send_correlated(channel, ring, width, |i, out| {
                    out.iter_mut().enumerate().for_each(|(j, out)| *out = c(i, j));
                });
                (x.unwrap(), channel.meter())
            },
            |channel| receiver.recv_correlated(channel, ring, width, &choices).unwrap(),
        );
        assert_eq!((x.len(), z.len()), (n * width, n * width));
        for i in 0..n {
            for j in 0..width {
                let want = ring.add(x[i * width + j], if choices.get(i) { c(i, j) } else { 0 });
                assert_eq!(z[i * width + j], want, "{bits} bits, {n} OTs of {width}: element {i}, {j}");
            }
        }
        assert!(x.iter().all(|&x| x == ring.reduce(x)));
        let traffic = Traffic { sender: meter.sent, receiver: meter.received };
        assert_eq!(traffic, cot_bytes(ring, n, width), "{bits} bits, {n} OTs of {width}");
    }
}

#[test]
fn correlated_ots_from_the_extension() {
    const N: usize = 10_001;
    let (ring, plan) = (ring(19), ExtensionPlan::SoftSpoken { k: 4 });
    let choices = Prg::from_seed(Block(5000)).bits(N);
    let ((xs, spent), zs) = run_extended(
        5001,
        &plan,
        |ot, channel| {
            let before = channel.meter();
            let xs = ot.random(channel, N)?.send_correlated(channel, ring, 3, |i, c| c.fill(i as u64))?;
            Ok((xs, channel.meter() - before))
        },
        |ot, channel| ot.random(channel, N)?.recv_correlated(channel, ring, 3, &choices),
    );
    for (i, (x, z)) in xs.chunks(3).zip(zs.chunks(3)).enumerate() {
        for (x, z) in x.iter().zip(z) {
            assert_eq!(*z, ring.add(*x, u64::from(choices.get(i)) * i as u64), "OT {i}");
        }
    }
    let (extension, transfer) = (plan.forecast().extend(N).unwrap(), cot_bytes(ring, N, 3));
    assert_eq!(spent.sent, extension.sender + transfer.sender);
    assert_eq!(spent.received, extension.receiver + transfer.receiver);
}

/// What the sender sees of the choices, and the outputs, must be uniform whatever the inputs are.
#[test]
fn inputs_are_masked() {
    const N: usize = 1 << 14;
    let balanced = |ones: usize, what: &str| {
        let deviation = (ones as f64 - N as f64 / 2.0).abs() / (N as f64 / 4.0).sqrt();
        assert!(deviation < 6.0, "{what}: {ones} ones of {N}");
    };
    let ring = ring(8);
    let (_, receiver) = deal(6000, N);
    let (seen, _) = run(
        |channel| {
            let seen = channel.recv_vec(N / 8).unwrap();
            channel.send(&vec![0; N]).unwrap();
            channel.flush().unwrap();
            Bits::from_bytes(&seen, N)
        },
        |channel| receiver.recv_correlated(channel, ring, 1, &Bits::filled(true, N)).unwrap(),
    );
    balanced(seen.iter().filter(|&b| b).count(), "corrections of all-one choices");
    let (sender, _) = deal(6001, N);
    let (_, payload) = run(
        |channel| sender.send_correlated(channel, ring, 1, |_, c| c.fill(0)).unwrap(),
        |channel| {
            channel.send(&vec![0; N / 8]).unwrap();
            channel.recv_vec(N).unwrap()
        },
    );
    for bit in 0..8 {
        balanced(payload.iter().filter(|&b| b >> bit & 1 == 1).count(), "payload of zero correlations");
    }
}

#[test]
fn wrong_lengths_are_errors_before_anything_is_sent() {
    let (_, meter) = run(
        |_| (),
        |channel| {
            let result = deal(1, 5).1.recv_correlated(channel, ring(9), 2, &Bits::zeros(4));
            assert!(matches!(result, Err(OtError::Length { batch: 5, given: 4 })), "{result:?}");
            channel.meter()
        },
    );
    assert_eq!((meter.sent, meter.received), (0, 0));
}

#[test]
fn a_peer_that_sends_too_little_is_an_error() {
    let short = |result: Result<Vec<u64>, OtError>| {
        assert!(matches!(result, Err(OtError::Net(NetError::Closed))), "{result:?}");
    };
    let half = |channel: &mut veilflow_net::Channel| {
        channel.send(&[0; 3]).unwrap();
        channel.flush().unwrap();
    };
    let choices = Bits::zeros(100);
    short(run(|c| deal(1, 100).0.send_correlated(c, ring(9), 1, |_, _| ()), half).0);
    short(run(|c| deal(1, 100).1.recv_correlated(c, ring(9), 7, &choices), half).0);
}
