//! Operands that do not fit are refused before anything is sent.

use veilflow_math::{apply, divide, normalise, softmax};
use veilflow_net::{Role, memory_pair};
use veilflow_online::{OnlineError, Party, Result, matmul_signed};
use veilflow_prim::{Block, Prg};
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::MatMulShape;
use veilflow_spec::math::{Division, Fixed, Function, Norm, Normalise, Softmax};

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
