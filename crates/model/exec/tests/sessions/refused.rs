//! What a session refuses, and when.

use veilflow_exec::{ExecError, Held, InputAt, Prediction, Session, SessionOptions, WeightsAt};
use veilflow_ir::{SharingId, WeightShare};
use veilflow_net::{NetError, Role, memory_pair};
use veilflow_prim::{Block, Prg};

use crate::network::{convolutional, recurrent};
use crate::parties::{helped, open};

#[test]
fn parties_of_different_sharings_do_not_begin() {
    let net = convolutional();
    let mut prg = Prg::from_seed(Block(77));
    let mut shared = || WeightsAt::Shared(SharingId::random(&mut prg));
    let (one, other) = (shared(), shared());
    let with = |weights, input| SessionOptions { weights, input, ..helped() };
    for (server, client, what) in [
        (with(one, InputAt::Shared), with(other, InputAt::Shared), r#"parameter "weights""#),
        (with(one, InputAt::Client), with(WeightsAt::Server, InputAt::Client), r#"parameter "weights""#),
        (with(one, InputAt::Client), with(one, InputAt::Shared), r#"parameter "input""#),
    ] {
        let (p0, p1) = memory_pair();
        let outcomes = std::thread::scope(|scope| {
            let p0 = scope.spawn(|| open(p0, Role::P0, net, server).map(|_| ()));
            [open(p1, Role::P1, net, client).map(|_| ()), p0.join().unwrap()]
        });
        for outcome in outcomes {
            let Err(ExecError::Net(NetError::Mismatch { what: found, .. })) = outcome else {
                panic!("{outcome:?} instead of a difference in {what}")
            };
            assert_eq!(found, what);
        }
    }
}

#[test]
fn homomorphic_layers_of_shared_weights_are_refused_before_anything_is_sent() {
    let net = convolutional();
    let weights = WeightsAt::Shared(SharingId::from([7; 16]));
    let options = SessionOptions { weights, ..SessionOptions::default() };
    // Nobody is at the other end.
    let (channel, _) = memory_pair();
    let outcome = Session::open_for(channel, Role::P0, &net.plan, options).map(|_| ());
    let message = outcome.unwrap_err().to_string();
    assert_eq!(
        message,
        "secret-shared weights cannot be run with the supplier he: choose helper, silent or ot"
    );
    assert!(matches!(Prediction::of(&net.plan, &options), Err(ExecError::SharedWeights)));
    // Inputs alone can be shared with any.
    let options = SessionOptions { input: InputAt::Shared, ..SessionOptions::default() };
    options.check(&net.plan).unwrap();
}

/// What a party has that the session is not about is refused before anything is sent to the peer or asked of
/// the helper.
#[test]
fn what_does_not_fit_the_session_is_refused() {
    let net = convolutional();
    let plan = &net.plan;
    let mut prg = Prg::from_seed(Block(77));
    let mut split =
        || net.weights.split(plan, &mut prg).unwrap().map(|h| WeightShare::new(plan, &h).unwrap());
    let (ours, others) = (split(), split());
    let at = WeightsAt::Shared(ours[0].sharing());
    let foreign = &recurrent().weights;
    let cases: [(WeightsAt, Role, Held<'_>, &str); 8] = [
        (at, Role::P0, Held::Nothing, "no share of the weights"),
        (at, Role::P0, Held::Whole(&net.weights), "must not have all of shared weights"),
        (at, Role::P0, Held::Share(&ours[1]), "the other party's"),
        (at, Role::P0, Held::Share(&others[0]), "another sharing"),
        (WeightsAt::Server, Role::P0, Held::Share(&ours[0]), "whole weights at the server"),
        (WeightsAt::Server, Role::P0, Held::Nothing, "the server has no weights"),
        (WeightsAt::Server, Role::P0, Held::Whole(foreign), "another plan"),
        (WeightsAt::Server, Role::P1, Held::Whole(&net.weights), "the client must not have weights"),
    ];
    for (weights, role, held, wanted) in cases {
        let options = SessionOptions { weights, ..helped() };
        let (p0, p1) = memory_pair();
        let [mut session, _peer] = std::thread::scope(|scope| {
            let peer = scope.spawn(|| open(p1, role.other(), net, options).unwrap());
            [open(p0, role, net, options).unwrap(), peer.join().unwrap()]
        });
        let before = session.preparer.channel.meter().sent;
        let message = session.preparer.prepare(plan, held, &|_| {}).unwrap_err().to_string();
        assert!(message.contains(wanted), "{message}");
        assert_eq!(session.preparer.channel.meter().sent, before);
    }
}

/// What both parties choose is checked before anything is sent, and for a prediction too.
#[test]
fn choices_and_plans_that_cannot_be_run_are_refused() {
    let net = convolutional();
    let mut broken = net.plan.clone();
    broken.nodes[0].inputs[0] = usize::MAX;
    let no_thread = SessionOptions { threads: 0, ..SessionOptions::default() };
    for (plan, options) in [(&broken, SessionOptions::default()), (&net.plan, no_thread)] {
        // Nobody is at the other end.
        let (channel, _) = memory_pair();
        let opened = Session::open_for(channel, Role::P1, plan, options).map(|_| ());
        let predicted = Prediction::of(plan, &options).map(|_| ());
        for outcome in [opened, predicted] {
            assert!(
                matches!(outcome, Err(ExecError::Plan(_) | ExecError::Option { option: "threads", .. })),
                "{outcome:?}"
            );
        }
    }
}
