//! Operands that do not fit are refused before anything is sent; a peer that has gone ends a function.

use veilflow_correlation::{Cost, Supplier};
use veilflow_math::{Apply, Divide, NormaliseRows, SoftmaxRows};
use veilflow_net::{Role, memory_pair};
use veilflow_online::{MatMul, MostSignificantIndex, OnlineError, Operation, Party, Result, Tuning};
use veilflow_prim::{Block, Prg};
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::MatMulShape;
use veilflow_spec::math::{Division, Fixed, Function, Norm, Normalise, Softmax};
use veilflow_testkit::TestDealer;

fn zeros(bits: u32, len: usize) -> RingVec {
    RingVec::zeros(Ring::new(bits).unwrap(), len)
}

#[test]
fn operands_that_do_not_fit_are_refused() {
    let (channel, _peer) = memory_pair();
    let party = &mut Party::new(Role::P0, channel, Prg::from_seed(Block(1)));
    let (format, tuning) = (Fixed { bits: 16, scale: 8 }, Tuning::default());
    let tanh = Apply::new(&Function::Tanh.spline(format, format).unwrap(), tuning).unwrap();
    let division = Divide::new(&Division::new(format, format, format).unwrap(), tuning).unwrap();
    let rows = SoftmaxRows::new(&Softmax::new(format, format, 4).unwrap(), tuning).unwrap();
    let norm = Normalise::new(Norm::L2, format, format, 4, 0).unwrap();
    let norm = NormaliseRows::new(&norm, tuning).unwrap();
    let shape = MatMulShape { rows: 2, inner: 3, columns: 2 };
    let refused = |op: &str, result: Result<RingVec>| {
        assert!(
            matches!(&result, Err(OnlineError::Argument { op: named, .. }) if *named == op),
            "{op}: {result:?}"
        );
    };
    refused("math", tanh.run(party, &zeros(15, 4)));
    refused("divide", division.run(party, &zeros(16, 4), &zeros(16, 3)));
    refused("divide", division.run(party, &zeros(16, 4), &zeros(17, 4)));
    refused("softmax", rows.run(party, &zeros(16, 6)));
    refused("softmax", rows.run(party, &zeros(15, 4)));
    refused("normalise", norm.run(party, &zeros(16, 6)));
    refused("normalise", norm.run(party, &zeros(17, 4)));
    let product = MatMul::new([Ring::new(8).unwrap(); 2], &shape, tuning).unwrap();
    refused("matmul", product.run(party, &zeros(8, 6), &zeros(8, 5)));
    assert_eq!(party.channel.meter().sent, 0, "nothing was sent");
}

/// Runs `op` against a peer that has hung up; correlations are there.
fn alone(cost: &Cost, op: impl Fn(&mut Party) -> Result<RingVec>) {
    let (channel, _) = memory_pair();
    let mut party = Party::new(Role::P0, channel, Prg::from_seed(Block(2)));
    let mut dealer = TestDealer::insecure(Role::P0, 1);
    dealer.fill(&mut party.channel, &cost.demand, &mut party.pools).unwrap();
    let result = op(&mut party);
    assert!(matches!(result, Err(OnlineError::Net(_))), "{result:?}");
}

#[test]
fn a_peer_that_has_gone_is_an_error() {
    let (format, tuning) = (Fixed { bits: 16, scale: 8 }, Tuning::default());
    for function in [Function::Tanh, Function::Log, Function::ExpSigned] {
        let spline = function.spline(format, format).unwrap();
        let apply = Apply::new(&spline, tuning).unwrap();
        alone(&apply.cost(4), |p| apply.run(p, &zeros(16, 4)));
    }
    let division = Divide::new(&Division::new(format, format, format).unwrap(), tuning).unwrap();
    alone(&division.cost(4), |p| division.run(p, &zeros(16, 4), &zeros(16, 4)));
    let rows = SoftmaxRows::new(&Softmax::new(format, format, 4).unwrap(), tuning).unwrap();
    alone(&rows.cost(1), |p| rows.run(p, &zeros(16, 4)));
    for norm in [Norm::L2, Norm::Layer] {
        let norm = Normalise::new(norm, format, format, 4, 0).unwrap();
        let norm = NormaliseRows::new(&norm, tuning).unwrap();
        alone(&norm.cost(1), |p| norm.run(p, &zeros(16, 4)));
    }
    let shape = MatMulShape { rows: 2, inner: 3, columns: 2 };
    let product = MatMul::new([Ring::new(8).unwrap(); 2], &shape, tuning).unwrap();
    alone(&product.cost(), |p| product.run(p, &zeros(8, 6), &zeros(8, 6)));
    let [ring, out] = [16, 8].map(|bits| Ring::new(bits).unwrap());
    let index = MostSignificantIndex::new(ring, out, tuning);
    alone(&index.cost(4), |p| index.run(p, &zeros(16, 4)));
}
