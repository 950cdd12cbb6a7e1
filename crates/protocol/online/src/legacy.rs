//! Operations as functions, for callers that do not hold values yet. Goes when the last one does.

use veilflow_correlation::Cost;
use veilflow_ring::{Bits, Ring, RingVec};

use crate::*;

fn ring(bits: u32) -> Ring {
    Ring::new(bits).expect("a width of 1 to 64 bits")
}

pub fn carry(party: &mut Party, x: &RingVec, s: u32) -> Result<Bits> {
    Carry::new(s.min(x.ring().bits()), party.tuning).run(party, x)
}
pub fn carry_cost(s: u32, n: usize, tuning: Tuning) -> Cost {
    Carry::new(s, tuning).cost(n)
}
pub fn msb_and_carry(party: &mut Party, x: &RingVec, s: u32) -> Result<(Bits, Bits)> {
    MsbAndCarry::new(x.ring().bits(), s, party.tuning).run(party, x)
}
pub fn msb(party: &mut Party, x: &RingVec) -> Result<Bits> {
    Msb::new(x.ring().bits(), party.tuning).run(party, x)
}
pub fn msb_cost(bits: u32, n: usize, tuning: Tuning) -> Cost {
    Msb::new(bits, tuning).cost(n)
}
pub fn drelu(party: &mut Party, x: &RingVec) -> Result<Bits> {
    Drelu::new(x.ring().bits(), party.tuning).run(party, x)
}
pub fn drelu_cost(bits: u32, n: usize, tuning: Tuning) -> Cost {
    Drelu::new(bits, tuning).cost(n)
}
pub fn wrap_count(party: &mut Party, x: &RingVec, range: RangeClaim, out: Ring) -> Result<RingVec> {
    WrapCount::new(x.ring().bits(), range, out, party.tuning).run(party, x)
}
pub fn wrap_count_cost(bits: u32, range: RangeClaim, out_bits: u32, n: usize, tuning: Tuning) -> Cost {
    WrapCount::new(bits, range, ring(out_bits), tuning).cost(n)
}
pub fn bit_to_arithmetic(party: &mut Party, bits: &Bits, out: Ring) -> Result<RingVec> {
    BitToArithmetic::new(out, party.tuning).run(party, bits)
}
pub fn bit_to_arithmetic_cost(out_bits: u32, n: usize, tuning: Tuning) -> Cost {
    BitToArithmetic::new(ring(out_bits), tuning).cost(n)
}
pub fn multiplex(party: &mut Party, b: &Bits, x: &RingVec) -> Result<RingVec> {
    Multiplex::new(x.ring()).run(party, b, x)
}
pub fn multiplex_cost(bits: u32, n: usize) -> Cost {
    Multiplex::new(ring(bits)).cost(n)
}
pub fn relu(party: &mut Party, x: &RingVec) -> Result<RingVec> {
    Relu::new(x.ring(), party.tuning).run(party, x)
}
pub fn relu_cost(bits: u32, n: usize, tuning: Tuning) -> Cost {
    Relu::new(ring(bits), tuning).cost(n)
}
pub(crate) fn conversion_job(party: &Party, bits: &Bits, out: Ring) -> Option<ProductJob> {
    BitToArithmetic::new(out, party.tuning).job(party.role, bits)
}
pub(crate) fn conversion_shape(out_bits: u32, n: usize, tuning: Tuning) -> Option<ProductShape> {
    BitToArithmetic::new(ring(out_bits), tuning).shape(n)
}
pub(crate) fn converted(bits: &Bits, product: Option<&RingVec>, out: Ring) -> RingVec {
    BitToArithmetic::new(out, Tuning::default()).finish(bits, &mut product.cloned().into_iter())
}
pub(crate) fn private_bits_job(party: &Party, bits: &Bits, out: Ring) -> ProductJob {
    PrivateBits::new(out, party.tuning).job(party.role, bits)
}
pub(crate) fn private_bits_shape(out_bits: u32, n: usize, tuning: Tuning) -> ProductShape {
    PrivateBits::new(ring(out_bits), tuning).shape(n)
}
pub fn truncate_reduce(party: &mut Party, x: &RingVec, s: u32) -> Result<RingVec> {
    TruncateReduce::new(x.ring(), s, party.tuning)?.run(party, x)
}
pub fn truncate_reduce_cost(bits: u32, s: u32, n: usize, tuning: Tuning) -> Cost {
    TruncateReduce::new(ring(bits), s, tuning).map_or_else(|_| Cost::default(), |op| op.cost(n))
}
pub fn arithmetic_shift(party: &mut Party, x: &RingVec, s: u32, range: RangeClaim) -> Result<RingVec> {
    ArithmeticShift::new(x.ring(), s, range, party.tuning)?.run(party, x)
}
pub fn arithmetic_shift_cost(bits: u32, s: u32, range: RangeClaim, n: usize, tuning: Tuning) -> Cost {
    ArithmeticShift::new(ring(bits), s, range, tuning).map_or_else(|_| Cost::default(), |op| op.cost(n))
}
pub fn sign_extend(party: &mut Party, x: &RingVec, out: Ring, range: RangeClaim) -> Result<RingVec> {
    SignExtend::new(x.ring(), out, range, party.tuning)?.run(party, x)
}
pub fn sign_extend_cost(bits: u32, out: u32, range: RangeClaim, n: usize, tuning: Tuning) -> Cost {
    SignExtend::new(ring(bits), ring(out), range, tuning).map_or_else(|_| Cost::default(), |op| op.cost(n))
}
pub fn zero_extend(party: &mut Party, x: &RingVec, out: Ring, range: RangeClaim) -> Result<RingVec> {
    ZeroExtend::new(x.ring(), out, range, party.tuning)?.run(party, x)
}
pub fn zero_extend_cost(bits: u32, out: u32, range: RangeClaim, n: usize, tuning: Tuning) -> Cost {
    ZeroExtend::new(ring(bits), ring(out), range, tuning).map_or_else(|_| Cost::default(), |op| op.cost(n))
}
pub fn relu_within(party: &mut Party, x: &RingVec, compare: u32) -> Result<RingVec> {
    Relu::within(x.ring(), compare, party.tuning)?.run(party, x)
}
pub fn relu_within_cost(bits: u32, compare: u32, n: usize, tuning: Tuning) -> Cost {
    Relu::within(ring(bits), compare, tuning).map_or_else(|_| Cost::default(), |op| op.cost(n))
}
pub fn relu_truncate(party: &mut Party, x: &RingVec, s: u32) -> Result<RingVec> {
    ReluTruncate::new(x.ring(), s, party.tuning)?.run(party, x)
}
pub fn relu_truncate_cost(bits: u32, s: u32, n: usize, tuning: Tuning) -> Cost {
    ReluTruncate::new(ring(bits), s, tuning).map_or_else(|_| Cost::default(), |op| op.cost(n))
}
pub fn clip(party: &mut Party, x: &RingVec, c: u64) -> Result<RingVec> {
    Clip::new(x.ring(), c, party.tuning)?.run(party, x)
}
pub fn clip_cost(bits: u32, n: usize, tuning: Tuning) -> Cost {
    Clip::new(ring(bits), 1, tuning).map_or_else(|_| Cost::default(), |op| op.cost(n))
}
pub fn clip_within(party: &mut Party, x: &RingVec, c: u64, compare: u32) -> Result<RingVec> {
    Clip::within(x.ring(), c, compare, party.tuning)?.run(party, x)
}
pub fn clip_within_cost(bits: u32, compare: u32, n: usize, tuning: Tuning) -> Cost {
    Clip::within(ring(bits), 1, compare, tuning).map_or_else(|_| Cost::default(), |op| op.cost(n))
}
pub fn max_of(party: &mut Party, x: &RingVec, windows: &[Vec<usize>]) -> Result<RingVec> {
    MaxOf::new(x.ring(), party.tuning).run(party, x, windows)
}
pub fn max_of_cost(bits: u32, sizes: impl IntoIterator<Item = (usize, usize)>, tuning: Tuning) -> Cost {
    MaxOf::new(ring(bits), tuning).cost(sizes)
}
pub fn max_pool(party: &mut Party, x: &RingVec, shape: &veilflow_spec::Pool2dShape) -> Result<RingVec> {
    MaxPool::new(x.ring(), shape, party.tuning)?.run(party, x)
}
pub fn max_pool_cost(bits: u32, shape: &veilflow_spec::Pool2dShape, tuning: Tuning) -> Cost {
    MaxPool::new(ring(bits), shape, tuning).map_or_else(|_| Cost::default(), |op| op.cost())
}
pub fn arg_max(party: &mut Party, x: &RingVec, width: usize, out: Ring) -> Result<RingVec> {
    ArgMax::new(x.ring(), width, out, party.tuning)?.run(party, x)
}
pub fn arg_max_cost(bits: u32, rows: usize, width: usize, out: u32, tuning: Tuning) -> Cost {
    ArgMax::new(ring(bits), width, ring(out), tuning).map_or_else(|_| Cost::default(), |op| op.cost(rows))
}
