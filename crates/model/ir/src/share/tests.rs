//! Shares add up in every ring, and files that are damaged or do not belong together are refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use veilflow_net::Role;
use veilflow_prim::{Block, Prg};
use veilflow_ring::{Ring, RingVec};

use super::parts::sealed;
use super::*;
use crate::plan::Plan;
use crate::plan::tests::{recurrent, small};
use crate::{Parameters, Weights};

const SEED: u128 = 20;

fn prg() -> Prg {
    Prg::from_seed(Block(SEED))
}

/// The plan whose first input and output have this width; it need not verify.
fn of_width(width: u32) -> Plan {
    let mut plan = small();
    for value in &mut plan.values {
        value.width = width;
    }
    plan
}

/// Weights of [`recurrent`], whose third layer works in a wider ring than the first and takes its weights.
fn recurrent_weights() -> (Plan, Weights) {
    let mut plan = recurrent();
    plan.values[7].width = 27;
    let shared: Arc<[i64]> = (-8..8).map(|w| 15 * w).collect();
    let layer =
        |bias: i64| Parameters { weights: shared.clone(), bias: vec![bias, -bias, i64::MIN, i64::MAX] };
    let constant = Parameters { weights: [].into(), bias: vec![-7] };
    let weights =
        Weights::new(&plan, BTreeMap::from([(0, layer(3)), (5, constant), (6, layer(-90))])).unwrap();
    (plan, weights)
}

#[test]
fn shares_of_every_width_add_up() {
    let mut prg = prg();
    for width in 1..=64 {
        let plan = of_width(width);
        let ring = Ring::new(width).unwrap();
        let mut values = prg.ring_vec(ring, 16).into_values();
        values[..4].copy_from_slice(&[0, 1, ring.mask(), 1 << (width - 1)]);
        let x = [RingVec::from_values(ring, values)];
        let [a, b] = InputShare::split(&plan, &x, &mut prg).unwrap();
        assert_eq!((a.party(), b.party(), a.sharing()), (Role::P0, Role::P1, b.sharing()));
        let [a, b] = [a, b].map(|half| InputShare::decode(&plan, &half.encode()).unwrap());
        assert!(a.join(&b).unwrap() == x && b.join(&a).unwrap() == x, "{width} bits, seed {SEED}");
    }
}

#[test]
fn halves_are_drawn_anew_each_time() {
    let (plan, mut prg) = (small(), prg());
    let x = [RingVec::zeros(plan.values[0].ring(), 16)];
    let halves: Vec<_> = (0..2).flat_map(|_| InputShare::split(&plan, &x, &mut prg).unwrap()).collect();
    for (i, half) in halves.iter().enumerate() {
        assert!(half.values()[0] != x[0], "half {i} is what was split, seed {SEED}");
        assert!(halves[..i].iter().all(|other| other.values() != half.values()), "half {i}, seed {SEED}");
    }
    assert_ne!(halves[0].sharing(), halves[2].sharing());
}

#[test]
fn shares_of_weights_add_up_in_the_ring_of_each_layer() {
    let (plan, weights) = recurrent_weights();
    let halves = weights.split(&plan, &mut prg()).unwrap();
    let halves = halves.map(|half| Share::<Weights>::decode(&plan, &half.encode()).unwrap());
    // Weights in 27 bits, though the first layer's ring has 20; a bias each in its own.
    let lens: Vec<_> = halves[0].values().iter().map(|v| (v.ring().bits(), v.len())).collect();
    assert_eq!(lens, [(27, 16), (20, 4), (30, 0), (30, 1), (27, 0), (27, 4)]);
    let [a, b] = halves.each_ref().map(|half| WeightShare::new(&plan, half).unwrap());
    for size in plan.parameters() {
        let ring = plan.values[plan.nodes[size.node].output].ring();
        let [whole, a, b] = [weights.of(size.node), a.of(size.node), b.of(size.node)].map(Option::unwrap);
        for pick in [|p: &Parameters| p.weights.to_vec(), |p: &Parameters| p.bias.clone()] {
            let [whole, a, b] = [whole, a, b].map(|p| RingVec::from_signed(ring, &pick(p)));
            assert!(a.add(&b) == whole, "node {}, seed {SEED}", size.node);
        }
    }
    assert!(Arc::ptr_eq(&a.of(0).unwrap().weights, &a.of(6).unwrap().weights));
    assert!(weights.split(&small(), &mut prg()).is_err());
    assert!(WeightShare::new(&small(), &halves[0]).is_err());
}

#[test]
fn halves_that_do_not_belong_together_are_refused() {
    let (plan, mut prg) = (small(), prg());
    let x = [RingVec::zeros(plan.values[0].ring(), 16)];
    let [a, b] = InputShare::split(&plan, &x, &mut prg).unwrap();
    let [other, _] = InputShare::split(&plan, &x, &mut prg).unwrap();
    let mut elsewhere = small();
    elsewhere.name = "other".into();
    let [foreign, _] = InputShare::split(&elsewhere, &x, &mut prg).unwrap();
    for (half, reason) in
        [(&other, "different sharings"), (&b, "the same party's"), (&foreign, "different plans")]
    {
        let message = half.join(&b).unwrap_err().to_string();
        assert!(message.contains(reason), "{message}");
    }
    let message = InputShare::decode(&elsewhere, &a.encode()).unwrap_err().to_string();
    assert!(message.contains("belongs to another plan"), "{message}");
    let message = OutputShare::decode(&plan, &a.encode()).unwrap_err().to_string();
    assert!(message.contains("veilflow-output-share file: another kind of file"), "{message}");
    let narrow = [RingVec::zeros(Ring::new(3).unwrap(), 16)];
    for wrong in [&narrow[..], &[], &[x[0].clone(), x[0].clone()], &[x[0].slice(0, 15)]] {
        assert!(InputShare::split(&plan, wrong, &mut prg).is_err());
    }
}

#[test]
fn damaged_files_are_refused() {
    let (plan, weights) = recurrent_weights();
    let [half, _] = weights.split(&plan, &mut prg()).unwrap();
    let good = half.encode();
    let body = good.iter().position(|&b| b == b'\n').unwrap() + 1;
    for len in 0..good.len() {
        assert!(Share::<Weights>::decode(&plan, &good[..len]).is_err(), "cut to {len}");
    }
    for i in 0..good.len() {
        let mut bad = good.clone();
        bad[i] ^= 1;
        assert!(Share::<Weights>::decode(&plan, &bad).is_err(), "byte {i}");
    }
    // With a checksum that is right.
    let reframed =
        |body: &[u8]| Share::<Weights>::decode(&plan, &<Weights as sealed::Shared>::FORMAT.encode(body));
    for (change, reason) in [
        (good[body..body + 40].to_vec(), "cut short"),
        (good[body..good.len() - 1].to_vec(), "bytes of values instead of"),
        ([&good[body..], &[0]].concat(), "bytes of values instead of"),
        ([&good[body..body + 48], &[2], &good[body + 49..]].concat(), "the unknown party 2"),
    ] {
        let message = reframed(&change).unwrap_err().to_string();
        assert!(message.contains(reason), "{message}");
    }
    assert!(reframed(&good[body..]).is_ok());
}

#[test]
fn files_are_read_back_and_long_ones_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half");
    let (plan, weights) = recurrent_weights();
    let [half, _] = weights.split(&plan, &mut prg()).unwrap();
    half.save(&path).unwrap();
    let read = WeightShare::load(&plan, &path).unwrap();
    assert_eq!((read.sharing(), read.party()), (half.sharing(), Role::P0));
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
    let mut long = half.encode();
    long.extend([0; 200]);
    std::fs::write(&path, long).unwrap();
    let message = WeightShare::load(&plan, &path).unwrap_err().to_string();
    assert!(message.contains("longer than"), "{message}");
}

#[test]
fn nothing_secret_is_printed() {
    let (plan, weights) = recurrent_weights();
    let [half, _] = weights.split(&plan, &mut prg()).unwrap();
    let id = half.sharing();
    assert_eq!(format!("{half:?}"), format!("Share(veilflow-weights-share, P0, sharing {id})"));
    let share = WeightShare::new(&plan, &half).unwrap();
    assert_eq!(format!("{share:?}"), format!("WeightShare(P0, sharing {id})"));
    assert_eq!(id.to_string().len(), 32);
}
