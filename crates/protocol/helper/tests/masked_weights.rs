//! Masked weights that the helper keeps from session to session, and holders that send others than they
//! should.

mod common;

use std::sync::{Arc, Barrier};
use std::time::Duration;

use common::*;
use veilflow_correlation::{
    And, Demand, LinearPair, LinearRequest, Needs, Pools, RequestError, Supplier, SupplyCosts, Triple,
};
use veilflow_helper::{Helper, HelperCosts, HelperError, Served, WeightMasks};
use veilflow_net::{LinkOptions, NetError, Role, Transport, memory_pair_with};
use veilflow_ring::Ring;
use veilflow_spec::{LinearShape, MatMulShape};

/// A session of one run, with right pairs: what the helper says of it, and each party's bytes to the helper
/// and back.
fn session(
    helper: &Arc<Helper>,
    masks: Option<&[Arc<WeightMasks>; 2]>,
    seed: u128,
    weights: u128,
) -> (Served, [u64; 2]) {
    let (links, ends) = links();
    let arrivals = serve(helper, ends);
    let runs = both(links, |role, channel, link| {
        let masks = masks.map(|masks| Arc::clone(&masks[role.index()]));
        let mut supplier = setup(role, channel, link, seed, masks).unwrap();
        let (_, pairs) = run(role, &mut supplier, channel, weights).unwrap();
        (pairs, supplier.helper_bytes())
    });
    check_pairs([&runs[0].0, &runs[1].0], weights);
    (ended_well(arrivals), [runs[0].1, runs[1].1])
}

#[test]
fn a_later_session_sends_no_weights_and_gives_right_pairs() {
    let helper = helper(1, 1 << 20);
    let masks = both_masks(1);
    let mut costs = HelperCosts::default();
    let mut cost = costs.set_up().then(costs.fill(&demand()));
    for request in layers() {
        cost = cost.then(costs.linear(&request));
    }
    let (first, first_bytes) = session(&helper, Some(&masks), 1, 9);
    assert_eq!((first.weight_bytes, first_bytes), (all_weight_bytes(), cost.volume().helper));
    let kept = helper.kept();
    assert_eq!(kept.1, 2, "a model of either party");
    for seed in 2..4 {
        let (later, bytes) = session(&helper, Some(&masks), seed, 9);
        assert_eq!(later.weight_bytes, 0);
        // In their place comes a digest a layer, of 16 bytes.
        let saved = all_weight_bytes() - 16 * layers().len() as u64;
        assert_eq!(first_bytes.iter().sum::<u64>() - bytes.iter().sum::<u64>(), saved);
    }
    // Other masks are another model to the helper; without any, nothing is kept.
    assert_eq!(session(&helper, Some(&both_masks(2)), 4, 9).0.weight_bytes, all_weight_bytes());
    assert_eq!(helper.kept(), (2 * kept.0, 4));
    for seed in 5..7 {
        assert_eq!(session(&helper, None, seed, 9).0.weight_bytes, all_weight_bytes());
    }
    assert_eq!(helper.kept(), (2 * kept.0, 4));
}

#[test]
fn what_was_dropped_for_room_is_sent_again() {
    let probe = helper(1, 1 << 20);
    let models = [both_masks(1), both_masks(2)];
    session(&probe, Some(&models[0]), 1, 9);
    // Room for one of the two, or for nothing.
    for keep in [probe.kept().0, 0] {
        let helper = helper(1, keep);
        let mut seed = 10;
        let mut weight_bytes = |model: usize| {
            seed += 1;
            assert!(helper.kept().0 <= keep);
            session(&helper, Some(&models[model]), seed, 9).0.weight_bytes
        };
        let (all, again) = (all_weight_bytes(), if keep == 0 { all_weight_bytes() } else { 0 });
        assert_eq!([0, 0, 1, 1, 0, 0].map(&mut weight_bytes), [all, again, all, again, all, again]);
    }
}

#[test]
fn first_sessions_at_once_store_a_model_once() {
    let helper = helper(2, 1 << 20);
    let masks = both_masks(3);
    let all_are_set_up = Barrier::new(4);
    let served = std::thread::scope(|scope| {
        let session = |seed: u128| {
            let (helper, masks, barrier) = (&helper, &masks, &all_are_set_up);
            scope.spawn(move || {
                let (links, ends) = links();
                let arrivals = serve(helper, ends);
                let runs = both(links, |role, channel, link| {
                    let masks = Some(Arc::clone(&masks[role.index()]));
                    let mut supplier = setup(role, channel, link, seed, masks).unwrap();
                    barrier.wait();
                    run(role, &mut supplier, channel, 9).unwrap().1
                });
                check_pairs([&runs[0], &runs[1]], 9);
                ended_well(arrivals)
            })
        };
        [session(1), session(2)].map(|session| session.join().unwrap())
    });
    // Neither could know of the other's.
    assert_eq!(served.map(|served| served.weight_bytes), [all_weight_bytes(); 2]);
    let once = helper.kept();
    assert_eq!(once.1, 2);
    assert_eq!(session(&helper, Some(&masks), 3, 9).0.weight_bytes, 0);
    assert_eq!(helper.kept(), once);
}

#[test]
fn weights_that_change_under_a_mask_are_refused_by_their_holder() {
    for across_sessions in [false, true] {
        let helper = helper(1, 1 << 20);
        let masks = both_masks(4);
        if across_sessions {
            session(&helper, Some(&masks), 1, 1);
        }
        let (links, ends) = links();
        let arrivals = serve(&helper, ends);
        let outcomes = both(links, |role, channel, link| {
            let masks = Some(Arc::clone(&masks[role.index()]));
            let mut supplier = setup(role, channel, link, 40, masks).unwrap();
            if !across_sessions {
                run(role, &mut supplier, channel, 1).unwrap();
            }
            run(role, &mut supplier, channel, 2).map(drop)
        });
        drop(arrivals);
        let [server, client] = outcomes.map(error_of);
        assert!(
            server.contains("layer 0") && server.contains("they have changed since they were masked"),
            "{server}"
        );
        assert!(!client.is_empty(), "the client ends too");
    }
}

/// Changes the frames with masked weights.
struct Tamper {
    inner: Box<dyn Transport>,
    change: fn(&mut Vec<u8>),
}

impl Transport for Tamper {
    fn write(&mut self, mut frame: Vec<u8>, timeout: Duration) -> Result<(), NetError> {
        if holds_weights(&frame) {
            (self.change)(&mut frame);
        }
        self.inner.write(frame, timeout)
    }
    fn read(&mut self, out: &mut [u8], timeout: Duration) -> Result<usize, NetError> {
        self.inner.read(out, timeout)
    }
    fn fork(&mut self, timeout: Duration) -> Result<Box<dyn Transport>, NetError> {
        self.inner.fork(timeout)
    }
}

/// What the helper says when a holder's masked weights are changed on their way to it, which ends both
/// parties' runs.
fn tampered(holder: Role, change: fn(&mut Vec<u8>)) -> HelperError {
    let (links, ends) = links();
    let helper = helper(1, 1 << 20);
    let arrivals = serve(&helper, ends);
    let mut role = Role::P0;
    let links = links.map(|link| {
        let this = std::mem::replace(&mut role, Role::P1);
        if this == holder { link.map_transport(|inner| Box::new(Tamper { inner, change })) } else { link }
    });
    let outcomes = both(links, |role, channel, link| {
        let mut supplier = setup(role, channel, link, 70, None).unwrap();
        supplier.announce(&[needs()]).unwrap();
        run(role, &mut supplier, channel, 9)?;
        // A run later both have missed the helper.
        run(role, &mut supplier, channel, 9).map(drop)
    });
    for outcome in outcomes {
        let error = error_of(outcome);
        assert!(error.contains("the connection to the helper failed"), "{error}");
    }
    assert_eq!(helper.kept(), (0, 0), "what was not right is not kept");
    arrivals.into_iter().find_map(|a| a.join().unwrap().err()).expect("the helper ends with an error")
}

#[test]
fn weights_that_are_not_the_ones_due_end_all_three() {
    for holder in [Role::P0, Role::P1] {
        let foreign = tampered(holder, |frame| frame[FRAME_HEAD] ^= 1);
        assert!(matches!(foreign, HelperError::ForeignSession { .. }), "{foreign}");
        let early = tampered(holder, |frame| frame[FRAME_HEAD + 16] += 1);
        assert!(matches!(early, HelperError::OutOfOrder { .. }), "{early}");
        let short = tampered(holder, |frame| frame[FRAME_HEAD + 25] -= 1);
        assert!(matches!(short, HelperError::WeightsLength { .. }), "{short}");
        let long = tampered(holder, |frame| frame[FRAME_HEAD + 32] = 1);
        assert!(matches!(long, HelperError::WeightsLength { .. }), "{long}");
        // A request in their place: out of order by the client, and none of the server's business.
        let request = tampered(holder, |frame| {
            frame[FRAME_HEAD + 24..][..9].copy_from_slice(&[2, 0, 0, 0, 0, 5, 0, 0, 0]);
        });
        match holder {
            Role::P0 => assert!(request.to_string().contains("a request by the server"), "{request}"),
            Role::P1 => assert!(matches!(request, HelperError::OutOfOrder { .. }), "{request}"),
        }
        let unknown = tampered(holder, |frame| frame[FRAME_HEAD + 24] = 254);
        assert!(matches!(unknown, HelperError::Request(RequestError::Tag(254))), "{unknown}");
    }
}

#[test]
fn many_batches_pass_small_queues_with_weights_on_either_side() {
    // A queue of a byte takes a frame at a time.
    let options = LinkOptions { timeout: Duration::from_secs(20), queue: 1, ..LinkOptions::default() };
    let pair = || memory_pair_with(&options).unwrap();
    let request = |layer: usize| LinearRequest {
        layer,
        holder: if layer.is_multiple_of(2) { Role::P0 } else { Role::P1 },
        shape: LinearShape::MatMul(MatMulShape { rows: 40, inner: 50, columns: 1 }),
        ring: Ring::new(33).unwrap(),
        weight_bits: 8,
    };
    let steps: Vec<Needs> = (0..24)
        .map(|layer| {
            let mut demand = Demand::of(Triple { payload: 1 }, 5000);
            demand.add(And { sender: Role::P0 }, 5000);
            demand.add(And { sender: Role::P1 }, 5000);
            Needs { demand, linear: vec![request(layer)] }
        })
        .collect();
    let ((a0, b0), (a1, b1)) = (pair(), pair());
    let arrivals = serve(&helper(1, 1 << 20), [b0, b1]);
    let halves = both([a0, a1], |role, channel, link| {
        let mut supplier = setup(role, channel, link, 80, None).unwrap();
        supplier.announce(&steps).unwrap();
        let mut pairs = Vec::new();
        for step in &steps {
            supplier.fill(channel, &step.demand, &mut Pools::default()).unwrap();
            for request in &step.linear {
                let weights = weights(request, 5);
                pairs.push(supplier.linear(channel, request, possession(role, request, &weights)).unwrap());
            }
        }
        pairs
    });
    ended_well(arrivals);
    for (layer, pair) in halves[0].iter().zip(&halves[1]).enumerate() {
        let request = request(layer);
        let ((LinearPair::Holder { s }, LinearPair::Other { mask, product })
        | (LinearPair::Other { mask, product }, LinearPair::Holder { s })) = pair
        else {
            panic!("a half of each kind")
        };
        assert!(
            product.add(s) == veilflow_spec::linear(&request.shape, &weights(&request, 5), mask),
            "layer {layer}"
        );
    }
}
