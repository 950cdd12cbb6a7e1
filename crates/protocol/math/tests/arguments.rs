//! Operands that do not fit are refused before anything is sent; a peer that has gone ends a function.

use veilflow_correlation::{Cost, Supplier};
use veilflow_math::{
    apply, apply_cost, divide, divide_cost, normalise, normalise_cost, softmax, softmax_cost,
};
use veilflow_net::{Role, memory_pair};
use veilflow_online::{
    OnlineError, Party, Result, Tuning, matmul_signed, matmul_signed_cost, most_significant_index,
    most_significant_index_cost,
};
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
    let format = Fixed { bits: 16, scale: 8 };
    let tanh = Function::Tanh.spline(format, format).unwrap();
    let division = Division::new(format, format, format).unwrap();
    let rows = Softmax::new(format, format, 4).unwrap();
    let norm = Normalise::new(Norm::L2, format, format, 4, 0).unwrap();
    let shape = MatMulShape { rows: 2, inner: 3, columns: 2 };
    let refused = |op: &str, result: Result<RingVec>| {
        assert!(
            matches!(&result, Err(OnlineError::Argument { op: named, .. }) if *named == op),
            "{op}: {result:?}"
        );
    };
    refused("math", apply(party, &tanh, &zeros(15, 4)));
    refused("divide", divide(party, &division, &zeros(16, 4), &zeros(16, 3)));
    refused("divide", divide(party, &division, &zeros(16, 4), &zeros(17, 4)));
    refused("softmax", softmax(party, &rows, &zeros(16, 6)));
    refused("softmax", softmax(party, &rows, &zeros(15, 4)));
    refused("normalise", normalise(party, &norm, &zeros(16, 6)));
    refused("normalise", normalise(party, &norm, &zeros(17, 4)));
    refused("matmul", matmul_signed(party, &zeros(8, 6), &zeros(8, 5), &shape));
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
        alone(&apply_cost(&spline, 4, tuning), |p| apply(p, &spline, &zeros(16, 4)));
    }
    let division = Division::new(format, format, format).unwrap();
    alone(&divide_cost(&division, 4, tuning), |p| divide(p, &division, &zeros(16, 4), &zeros(16, 4)));
    let rows = Softmax::new(format, format, 4).unwrap();
    alone(&softmax_cost(&rows, 1, tuning), |p| softmax(p, &rows, &zeros(16, 4)));
    for norm in [Norm::L2, Norm::Layer] {
        let norm = Normalise::new(norm, format, format, 4, 0).unwrap();
        alone(&normalise_cost(&norm, 1, tuning), |p| normalise(p, &norm, &zeros(16, 4)));
    }
    let shape = MatMulShape { rows: 2, inner: 3, columns: 2 };
    let cost = matmul_signed_cost([8; 2], &shape, tuning);
    alone(&cost, |p| matmul_signed(p, &zeros(8, 6), &zeros(8, 6), &shape));
    let out = Ring::new(8).unwrap();
    alone(&most_significant_index_cost(16, 8, 4, tuning), |p| most_significant_index(p, &zeros(16, 4), out));
}
