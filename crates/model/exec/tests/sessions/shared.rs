//! Weights and inputs that neither party may see whole: each has a share.

use veilflow_exec::{Held, InputAt, Overflow, SessionOptions, SupplierKind, WeightsAt};
use veilflow_ir::{InputShare, OutputShare, PlanOp, SharingId, Tensor, WeightShare};
use veilflow_net::Role;
use veilflow_passes::Compiled;
use veilflow_prim::{Block, Prg};
use veilflow_ring::{Ring, RingVec};

use crate::network::{INPUTS, STEPS, convolutional, pixels, recurrent, tensor};
use crate::parties::{Brings, assert_as_predicted, both, encode, expected, helped};

const SEED: u128 = 77;

/// All four ways to hold weights and input: outputs equal the clear run's, bytes and rounds what was
/// predicted.
fn runs_whoever_holds_what(net: &Compiled, input: &Tensor, common: SessionOptions) {
    let plan = &net.plan;
    let (expected, whole) = (expected(net, input), encode(net, input));
    let mut prg = Prg::from_seed(Block(SEED));
    let weights = net.weights.split(plan, &mut prg).unwrap();
    let weights = weights.each_ref().map(|half| WeightShare::new(plan, half).unwrap());
    let inputs = InputShare::split(plan, &whole, &mut prg).unwrap();
    let weights_at = [WeightsAt::Server, WeightsAt::Shared(weights[0].sharing())];
    for (at, input_at) in
        weights_at.into_iter().flat_map(|w| [InputAt::Client, InputAt::Shared].map(|i| (w, i)))
    {
        let options = SessionOptions { weights: at, input: input_at, ..common };
        let brings = [Role::P0, Role::P1].map(|role| Brings {
            weights: match (at, role) {
                (WeightsAt::Shared(_), _) => Held::Share(&weights[role.index()]),
                (WeightsAt::Server, Role::P0) => Held::Whole(&net.weights),
                (WeightsAt::Server, Role::P1) => Held::Nothing,
            },
            input: match (input_at, role) {
                (InputAt::Shared, _) => Some(inputs[role.index()].values()),
                (InputAt::Client, Role::P0) => None,
                (InputAt::Client, Role::P1) => Some(&whole),
            },
            options,
        });
        let seen = both(net, brings);
        assert_as_predicted(net, &options, &seen);
        // No value left its range, whoever knows it.
        match seen.each_ref().map(|seen| seen.overflow) {
            [Overflow::Nothing, Overflow::Known(bit)] if input_at == InputAt::Client => assert!(!bit),
            [Overflow::Share(a), Overflow::Share(b)] if input_at == InputAt::Shared => assert_eq!(a, b),
            other => panic!("{other:?}"),
        }
        let bits = seen.each_ref().map(|seen| seen.overflow);
        let [server, client] = seen.map(|seen| seen.outputs);
        let outputs = match input_at {
            InputAt::Client => {
                assert!(server.is_none());
                client.unwrap()
            }
            InputAt::Shared => {
                let run = SharingId::random(&mut prg);
                let half = |role: Role, values: Option<Vec<RingVec>>| {
                    let Overflow::Share(bit) = bits[role.index()] else { panic!("no share of the bit") };
                    let bit = RingVec::from_values(Ring::new(1).unwrap(), vec![bit.into()]);
                    OutputShare::new(plan, run, role, [values.unwrap(), vec![bit]].concat()).unwrap()
                };
                let (server, client) = (half(Role::P0, server), half(Role::P1, client));
                assert!(server.values()[0] != expected[0] && client.values()[0] != expected[0]);
                let mut joined = server.join(&client).unwrap();
                assert_eq!(joined.pop().unwrap().values(), [0]);
                joined
            }
        };
        assert!(outputs == expected, "{options:?}, seed {SEED}\n{plan}");
    }
}

#[test]
fn recurrent_networks() {
    let net = recurrent();
    let is = |wanted: fn(&PlanOp) -> bool| net.plan.nodes.iter().any(|node| wanted(&node.op));
    // Layers of one sharing, and constants of either sign.
    assert!(is(|op| matches!(op, PlanOp::Linear { weights_of: Some(_), .. })), "{}", net.plan);
    assert!(is(|op| matches!(op, PlanOp::SubtractFrom { .. })), "{}", net.plan);
    assert!(is(|op| matches!(op, PlanOp::AddConstant { .. })), "{}", net.plan);
    runs_whoever_holds_what(net, &tensor(&[STEPS, INPUTS], 2.0, 90), helped());
}

#[test]
fn convolutional_networks_in_threads_just_in_time() {
    let options = SessionOptions { threads: 2, just_in_time: true, ..helped() };
    runs_whoever_holds_what(convolutional(), &pixels(3), options);
}

#[test]
fn networks_without_a_helper() {
    let options = SessionOptions { supplier: SupplierKind::Ot, ..SessionOptions::default() };
    runs_whoever_holds_what(recurrent(), &tensor(&[STEPS, INPUTS], 2.0, 91), options);
    let options = SessionOptions { supplier: SupplierKind::Silent, threads: 2, ..SessionOptions::default() };
    runs_whoever_holds_what(convolutional(), &pixels(5), options);
}
