//! What three parties make, what it costs, and what the helper sees.

mod common;

use std::sync::Arc;

use common::*;
use veilflow_correlation::{Supplier, SupplyCosts};
use veilflow_helper::{HelperCosts, HelperSupplier};
use veilflow_net::{Channel, Role, memory_pair};
use veilflow_online::{Linear, Operation, Party, Relu, Reveal, Tuning};
use veilflow_prim::{Block, Prg, derive_bytes};
use veilflow_ring::RingVec;
use veilflow_spec::LinearShape;

#[test]
fn all_bytes_of_all_three_are_declared_announced_or_not() {
    for announced in [false, true] {
        let (links, ends) = links();
        let helper = serve(&helper(1, 0), ends);
        let runs = both(links, |role, channel, link| {
            let mut supplier = setup(role, channel, link, 1, None).unwrap();
            let mut meters = vec![(channel.meter().sent, supplier.helper_bytes())];
            let mut outcomes = Vec::new();
            for _ in 0..2 {
                if announced {
                    supplier.announce(&[needs()]).unwrap();
                    assert_eq!(supplier.helper_bytes(), meters.last().unwrap().1, "nothing is used yet");
                }
                outcomes.push(run(role, &mut supplier, channel, 9).unwrap());
                meters.push((channel.meter().sent, supplier.helper_bytes()));
            }
            (meters, outcomes)
        });
        let mut costs = HelperCosts::default();
        let mut declared = costs.set_up();
        let mut totals = Vec::new();
        for step in 0..3 {
            if step > 0 {
                declared = declared.then(costs.fill(&demand()));
                for request in layers() {
                    declared = declared.then(costs.linear(&request));
                }
            }
            let volume = declared.volume();
            for role in [0, 1] {
                let metered = runs[role].0[step];
                assert_eq!(metered, (volume.bytes[role], volume.helper[role]), "step {step}, party {role}");
            }
            totals.push([volume.bytes, volume.helper].concat().iter().sum::<u64>());
        }
        // The second run does without the masked weights.
        let masked = all_weight_bytes();
        assert_eq!(totals[1] - totals[0] - (totals[2] - totals[1]), masked);

        let served = ended_well(helper);
        assert_eq!(served.weight_bytes, masked);
        let volume = declared.volume();
        assert_eq!(served.meters.map(|meter| meter.bytes()), volume.helper, "the helper's own meter");

        let [server, client] = [&runs[0].1, &runs[1].1];
        for (server, client) in server.iter().zip(client) {
            check_pairs([&server.1, &client.1], 9);
        }
        for party in [server, client] {
            for (first, second) in masks(&party[0].1).iter().zip(masks(&party[1].1)) {
                assert!(*first != second, "a mask repeats");
            }
        }
    }
}

/// The seeds of a session and its data.
#[derive(Clone, Copy)]
struct Seeds {
    parties: u128,
    masks: u128,
    weights: u128,
    input: u128,
}

/// The frames that each party writes.
type Transcript = [Vec<Vec<u8>>; 2];

/// All frames that each party writes to the helper, headers included, in a run with these seeds; and what
/// each writes to the other.
fn transcript(seeds: Seeds) -> (Transcript, Transcript) {
    let (links, ends) = links();
    let arrivals = serve(&helper(1, 1 << 20), ends);
    let (links, to_helper) = recorded(links);
    let (channels, between) = recorded(memory_pair().into());
    let masks = both_masks(seeds.masks);
    both_over(channels, links, |role, channel, link| {
        let masks = Some(Arc::clone(&masks[role.index()]));
        let mut supplier = setup(role, channel, link, seeds.parties, masks).unwrap();
        supplier.announce(&[needs()]).unwrap();
        run(role, &mut supplier, channel, seeds.weights).unwrap();
        online(role, &mut supplier, channel, seeds.weights, seeds.input);
    });
    ended_well(arrivals);
    [to_helper, between].map(|frames| frames.map(|frames| frames.lock().unwrap().clone())).into()
}

/// A layer and a ReLU on the client's input, prepared and run.
fn online(role: Role, supplier: &mut HelperSupplier, channel: &mut Channel, seed: u128, input: u128) {
    let request = layers().remove(0);
    let weights = weights(&request, seed);
    let possession = possession(role, &request, &weights);
    let relu = Relu::new(request.ring, Tuning { dealt: true, ..Tuning::default() });
    let demand = relu.cost(request.shape.out_len()).demand;
    let mut party = Party::new(role, channel.fork().unwrap(), Prg::from_seed(Block(input)));
    supplier.fill(channel, &demand, &mut party.pools).unwrap();
    let pair = supplier.linear(channel, &request, possession).unwrap();
    party.pools.put_linear(request.layer, request.holder, pair);
    let len = request.shape.in_len();
    let x = Prg::from_seed(Block(input)).ring_vec(request.ring, len);
    let share = if role == Role::P1 { x.clone() } else { RingVec::zeros(request.ring, len) };
    let y = Linear::new(request.clone()).run(&mut party, possession, &share).unwrap();
    let z = relu.run(&mut party, &y).unwrap();
    let result = Reveal::to(Role::P1).run(&mut party, &z).unwrap();
    party.channel.flush().unwrap();
    if let Some(result) = result {
        let want = veilflow_spec::relu(&veilflow_spec::linear(&request.shape, &weights, &x));
        assert!(result == want, "input {input}");
    }
}

/// Splits the frames that hold masked weights from the others. A frame with them has a header, and the
/// message's.
fn split(to_helper: &Transcript) -> (Vec<&[u8]>, Vec<&[u8]>) {
    let frames = to_helper.iter().flatten().map(Vec::as_slice);
    frames.partition(|frame| holds_weights(frame))
}

/// What a party sends in place of its weights, by layer; headers of the same layer must be equal.
fn padded(to_helper: &Transcript) -> Vec<RingVec> {
    let (weights, _) = split(to_helper);
    let layers = layers();
    // Those of P0 come first in both.
    assert_eq!(weights.len(), layers.len(), "each layer's once");
    let parts = weights.iter().zip(&layers).map(|(frame, l)| {
        RingVec::from_bytes(l.ring, &frame[FRAME_HEAD + WEIGHTS_HEAD..], l.shape.weight_len())
    });
    parts.collect()
}

/// A party's mask seed, which it sends after its nonce.
fn mask_seed(between: &[Vec<u8>]) -> [u8; 32] {
    between[0][FRAME_HEAD + 16..][..32].try_into().unwrap()
}

/// The mask A of each layer, made anew from the seeds of both parties and the client's requests, and all of
/// its bytes.
fn weight_masks(to_helper: &Transcript, seeds: [[u8; 32]; 2]) -> Vec<(RingVec, Vec<u8>)> {
    let requests = to_helper[1].concat();
    let masks = layers().into_iter().map(|l| {
        let (shape, numbers) = match &l.shape {
            LinearShape::Conv2d(_) => (5, 18),
            LinearShape::MatMul(_) => (6, 6),
        };
        let start =
            [&[shape][..], &(l.layer as u32).to_le_bytes(), &[l.holder.index() as u8, 0, 0, 0]].concat();
        let at = requests.windows(start.len()).position(|w| w == start).expect("its request");
        let description = &requests[at..at + 1 + 4 * numbers];
        let seed = derive_bytes("veilflow 2026 helper weight mask", &[&seeds[l.holder.index()], description]);
        let stream = || Prg::from_seed(Block::from_bytes(seed));
        let mut bytes = vec![0; 8 * l.shape.weight_len()];
        stream().fill(&mut bytes);
        (stream().ring_vec(l.ring, l.shape.weight_len()), bytes)
    });
    masks.collect()
}

const BASE: Seeds = Seeds { parties: 3, masks: 4, weights: 100, input: 1 };

#[test]
fn what_the_helper_receives_depends_on_no_input_and_on_weights_by_a_one_time_pad() {
    let (base, _) = transcript(BASE);
    let (_, rest) = split(&base);
    // Nothing depends on the input.
    assert!(base == transcript(Seeds { input: 2, ..BASE }).0);
    // Nothing but masked weights depends on the weights, and those differ as the weights do: all have the
    // same mask.
    let (others, _) = transcript(Seeds { weights: 200, ..BASE });
    assert!(rest == split(&others).1);
    for ((these, others), l) in padded(&base).iter().zip(padded(&others)).zip(layers()) {
        let [w, v] = [100, 200].map(|seed| RingVec::from_signed(l.ring, &weights(&l, seed)));
        assert!(these.sub(&others) == w.sub(&v), "{l:?}");
    }
    // The transcript is all there is: hello and store by both, requests by the client, weights by their
    // holders.
    assert_eq!(base[0].iter().map(|frame| frame.len() - FRAME_HEAD).take(2).sum::<usize>(), HELLO + STORE);
    assert_eq!((base[0].len(), split(&base).0.len()), (2 + 2, 3));
    assert!(rest.len() > 2 * 2 && rest.iter().map(|frame| frame.len()).sum::<usize>() > 8 * 25);
    // It does depend on the parties' randomness, in keys and session.
    assert!(base != transcript(Seeds { parties: 4, ..BASE }).0);
}

#[test]
fn the_pad_is_expanded_from_a_seed_that_the_helper_never_receives() {
    let (base, between) = transcript(BASE);
    let (others, others_between) = transcript(Seeds { masks: 5, ..BASE });
    let seeds = between.each_ref().map(|frames| mask_seed(frames));
    let masks = weight_masks(&base, seeds);
    // Seeds are what the pad depends on: with others, and all else the same, it differs as their streams do.
    let other_masks = weight_masks(&others, others_between.each_ref().map(|frames| mask_seed(frames)));
    for (i, (these, others)) in padded(&base).iter().zip(padded(&others)).enumerate() {
        assert!(others.sub(these) == masks[i].0.sub(&other_masks[i].0), "layer {i}");
    }
    // Neither seed nor stream, packed or not, comes to the helper.
    let received = base.concat().concat();
    let secrets = seeds
        .iter()
        .map(|seed| seed.to_vec())
        .chain(masks.iter().flat_map(|(mask, bytes)| [mask.to_bytes(), bytes.clone()]));
    for secret in secrets {
        for piece in secret.chunks_exact(8) {
            assert!(received.windows(8).all(|window| window != piece), "a piece of a secret was sent");
        }
    }
}
