//! Formats that no protocol has are refused where an operation is made; operands that do not fit it, before
//! anything is sent.

use veilflow_correlation::{LinearRequest, Possession};
use veilflow_net::{Role, memory_pair};
use veilflow_online::{
    AveragePool, DivideFloor, DivideTowardZero, IsPositive, Linear, MatMul, Multiply, OnlineError, Operation,
    Party, RangeClaim, Result, SharePrivate, SignExtend, Tuning, Word, Words,
};
use veilflow_prim::{Block, Prg};
use veilflow_ring::{Bits, Ring, RingVec};
use veilflow_spec::{LinearShape, MatMulShape, Pool2dShape};

fn ring(bits: u32) -> Ring {
    Ring::new(bits).unwrap()
}

fn refused<T: std::fmt::Debug>(op: &str, result: Result<T>) {
    let named = matches!(&result, Err(OnlineError::Argument { op: named, .. }) if *named == op);
    assert!(named, "{op}: {result:?}");
}

#[test]
fn formats_that_no_protocol_has_are_refused() {
    let any = RangeClaim::Any;
    let shape = MatMulShape { rows: 2, inner: 0, columns: 2 };
    let pool = Pool2dShape {
        channels: 1,
        in_height: 2,
        in_width: 2,
        kernel: [1, 1],
        stride: [1, 1],
        pad: [0, 0],
        out_height: 3,
        out_width: 2,
    };
    for dealt in [false, true] {
        let tuning = Tuning { dealt, ..Tuning::default() };
        refused("sign_extend", SignExtend::new(ring(9), ring(8), any, tuning));
        for d in [0, 128, u64::MAX] {
            refused("divide_floor", DivideFloor::new(ring(8), d, any, tuning));
        }
        refused("divide_floor", DivideFloor::new(ring(64), 1 << 62, any, tuning));
        refused("divide_toward_zero", DivideTowardZero::new(ring(8), 7, any, tuning));
        refused("average_pool", AveragePool::new(ring(8), &pool, false, any, tuning));
        refused("matmul", MatMul::new([ring(8); 2], &shape, tuning));
        for out in [7, 17] {
            refused("multiply", Multiply::signed_into([ring(8); 2], [any; 2], ring(out), tuning));
        }
        assert!(Multiply::unsigned([ring(32), ring(33)], [any; 2], tuning).is_err());
        assert!(Multiply::signed([ring(64), ring(1)], tuning).is_err());
    }
}

#[test]
fn operands_that_do_not_fit_are_refused() {
    let (channel, _peer) = memory_pair();
    let party = &mut Party::new(Role::P0, channel, Prg::from_seed(Block(1)));
    let zeros = |bits, n| RingVec::zeros(ring(bits), n);
    for dealt in [false, true] {
        let tuning = Tuning { dealt, ..Tuning::default() };
        let multiply = Multiply::signed([ring(8), ring(9)], tuning).unwrap();
        refused("multiply", multiply.run(party, &zeros(8, 4), &zeros(9, 3)));
        refused("multiply", multiply.run(party, &zeros(9, 4), &zeros(8, 4)));
        let positive = IsPositive::new(ring(8), ring(2), tuning);
        refused("is_positive", positive.run(party, &zeros(9, 4)));
        let words = Words::new(tuning).value(2, ring(8)).times(2, ring(9));
        let (bits, x) = ([Bits::zeros(4), Bits::zeros(4)], zeros(9, 4));
        refused("words", words.run(party, &[Word::alone(&bits)]));
        refused("words", words.run(party, &[Word::alone(&bits), Word::alone(&bits)]));
        refused("words", words.run(party, &[Word::alone(&bits[..1]), Word::times(&bits, &x)]));
        refused("words", words.run(party, &[Word::alone(&bits), Word::times(&bits, &zeros(9, 5))]));
        refused("words", words.run(party, &[Word::alone(&bits), Word::times(&bits, &zeros(8, 4))]));
    }
    let shape = LinearShape::MatMul(MatMulShape { rows: 2, inner: 3, columns: 1 });
    let linear =
        Linear::new(LinearRequest { layer: 0, holder: Role::P0, shape, ring: ring(8), weight_bits: 4 });
    refused("linear", linear.run(party, Possession::Theirs, &zeros(8, 2)));
    refused("linear", linear.run(party, Possession::Theirs, &zeros(9, 3)));
    refused("share_private", SharePrivate::new(Role::P0, ring(8)).run(party, None, 3));
    refused("share_private", SharePrivate::new(Role::P1, ring(8)).run(party, Some(&zeros(8, 3)), 3));
    assert_eq!(party.channel.meter().sent, 0, "nothing was sent");
}
