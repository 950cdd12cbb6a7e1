//! What is built on random OTs: chosen bits and blocks, correlated OT of elements and vectors.

mod common;

use common::{run, run_extended};
use veilflow_net::NetError;
use veilflow_ot::{
    OtError, RotReceiver, RotSender, Traffic, chosen_bits_bytes, chosen_blocks_bytes, cot_bytes, cot_recv,
    cot_send, cot_vec_recv, cot_vec_send, softspoken_bytes,
};
use veilflow_prim::{Block, Prg};
use veilflow_ring::{Bits, Ring, RingVec};

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
fn chosen_bits_arrive() {
    for n in COUNTS {
        let (sender, receiver) = deal(n as u128, n);
        let mut prg = Prg::from_seed(Block(1000 + n as u128));
        let (zeros, ones, choices) = (prg.bits(n), prg.bits(n), prg.bits(n));
        let (meter, got) = run(
            |channel| {
                sender.send_bits(channel, &zeros, &ones).unwrap();
                channel.meter()
            },
            |channel| receiver.recv_bits(channel, &choices).unwrap(),
        );
        for i in 0..n {
            let want = if choices.get(i) { ones.get(i) } else { zeros.get(i) };
            assert_eq!(got.get(i), want, "bit {i} of {n}");
        }
        let traffic = Traffic { sender: meter.sent, receiver: meter.received };
        assert_eq!(traffic, chosen_bits_bytes(n));
    }
}

#[test]
fn chosen_blocks_arrive() {
    for n in COUNTS {
        let (sender, receiver) = deal(n as u128, n);
        let mut prg = Prg::from_seed(Block(2000 + n as u128));
        let (mut zeros, mut ones) = (vec![Block::ZERO; n], vec![Block::ZERO; n]);
        prg.blocks(&mut zeros);
        prg.blocks(&mut ones);
        let choices = prg.bits(n);
        let (meter, got) = run(
            |channel| {
                sender.send_blocks(channel, &zeros, &ones).unwrap();
                channel.meter()
            },
            |channel| receiver.recv_blocks(channel, &choices).unwrap(),
        );
        for i in 0..n {
            assert!(got[i] == if choices.get(i) { ones[i] } else { zeros[i] }, "block {i} of {n}");
        }
        let traffic = Traffic { sender: meter.sent, receiver: meter.received };
        assert_eq!(traffic, chosen_blocks_bytes(n));
    }
}

#[test]
fn correlated_outputs_differ_by_the_chosen_correlation_at_every_width() {
    for bits in 1..=64 {
        let (n, ring) = (COUNTS[bits as usize % COUNTS.len()], ring(bits));
        let (sender, receiver) = deal(bits.into(), n);
        let mut prg = Prg::from_seed(Block(3000 + u128::from(bits)));
        let (correlations, choices) = (prg.ring_vec(ring, n), prg.bits(n));
        let ((x, meter), z) = run(
            |channel| (sender.send_correlated(channel, &correlations).unwrap(), channel.meter()),
            |channel| receiver.recv_correlated(channel, ring, &choices).unwrap(),
        );
        let want = x.add(&RingVec::from_bits(ring, &choices).zip_map(&correlations, u64::wrapping_mul));
        assert!(z == want, "{bits} bits, {n} OTs");
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
                let x = sender.send_correlated_vectors(channel, ring, width, |i, out| {
                    out.iter_mut().enumerate().for_each(|(j, out)| *out = c(i, j));
                });
                (x.unwrap(), channel.meter())
            },
            |channel| receiver.recv_correlated_vectors(channel, ring, width, &choices).unwrap(),
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
fn correlated_ots_straight_from_the_extension() {
    const N: usize = 10_001;
    let ring = ring(19);
    let mut prg = Prg::from_seed(Block(5000));
    let (correlations, choices) = (prg.ring_vec(ring, N), prg.bits(N));
    let ((x, xs, spent), (z, zs)) = run_extended(
        5001,
        4,
        |ot, channel| {
            let before = channel.meter();
            let x = cot_send(ot, channel, &correlations)?;
            let after = channel.meter();
            let xs = cot_vec_send(ot, channel, ring, N, 3, |i, c| c.fill(i as u64))?;
            Ok((x, xs, (after.sent - before.sent, after.received - before.received)))
        },
        |ot, channel| {
            Ok((cot_recv(ot, channel, ring, &choices)?, cot_vec_recv(ot, channel, ring, 3, &choices)?))
        },
    );
    let chosen = RingVec::from_bits(ring, &choices);
    assert!(z == x.add(&chosen.zip_map(&correlations, u64::wrapping_mul)));
    for (i, (x, z)) in xs.chunks(3).zip(zs.chunks(3)).enumerate() {
        for (x, z) in x.iter().zip(z) {
            assert_eq!(*z, ring.add(*x, chosen.values()[i] * i as u64), "OT {i}");
        }
    }
    let (extension, transfer) = (softspoken_bytes(4, N).unwrap(), cot_bytes(ring, N, 1));
    assert_eq!(spent, (extension.sender + transfer.sender, extension.receiver + transfer.receiver));
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
        |channel| receiver.recv_correlated(channel, ring, &Bits::filled(true, N)).unwrap(),
    );
    balanced(seen.iter().filter(|&b| b).count(), "corrections of all-one choices");
    let (sender, _) = deal(6001, N);
    let (_, payload) = run(
        |channel| sender.send_correlated(channel, &RingVec::zeros(ring, N)).unwrap(),
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
    let refused = |result: Result<(), OtError>| {
        assert!(matches!(result, Err(OtError::Length { batch: 5, given: 4 })), "{result:?}");
    };
    let (_, meter) = run(
        |_| (),
        |channel| {
            let (four, five) = (Bits::zeros(4), Bits::zeros(5));
            let (zeros, ones) = ([Block::ZERO; 4], [Block::ZERO; 5]);
            refused(deal(1, 5).0.send_bits(channel, &four, &five));
            refused(deal(1, 5).0.send_bits(channel, &five, &four));
            refused(deal(1, 5).0.send_blocks(channel, &zeros, &ones));
            refused(deal(1, 5).0.send_blocks(channel, &ones, &zeros));
            refused(deal(1, 5).0.send_correlated(channel, &RingVec::zeros(ring(9), 4)).map(drop));
            refused(deal(1, 5).1.recv_bits(channel, &four).map(drop));
            refused(deal(1, 5).1.recv_blocks(channel, &four).map(drop));
            refused(deal(1, 5).1.recv_correlated(channel, ring(9), &four).map(drop));
            refused(deal(1, 5).1.recv_correlated_vectors(channel, ring(9), 2, &four).map(drop));
            channel.meter()
        },
    );
    assert_eq!((meter.sent, meter.received), (0, 0));
}

#[test]
fn a_peer_that_sends_too_little_is_an_error() {
    let short = |result: Result<(), OtError>| {
        assert!(matches!(result, Err(OtError::Net(NetError::Closed))), "{result:?}");
    };
    let half = |channel: &mut veilflow_net::Channel| {
        channel.send(&[0; 3]).unwrap();
        channel.flush().unwrap();
    };
    let choices = Bits::zeros(100);
    short(run(|c| deal(1, 100).0.send_bits(c, &choices, &choices), half).0);
    short(run(|c| deal(1, 100).0.send_correlated(c, &RingVec::zeros(ring(9), 100)).map(drop), half).0);
    short(run(|c| deal(1, 100).1.recv_bits(c, &choices).map(drop), half).0);
    short(run(|c| deal(1, 100).1.recv_blocks(c, &choices).map(drop), half).0);
    short(run(|c| deal(1, 100).1.recv_correlated_vectors(c, ring(9), 7, &choices).map(drop), half).0);
}
