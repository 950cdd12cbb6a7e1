//! The operations of [`Ntt`] in safe scalar code.

use super::tables::{Kernel, MAX_TERMS, Ntt, Sums, Term};
use crate::modulus::Shoup;

const LIMB: u64 = (1 << 52) - 1;

/// low + 2^52·high mod q.
fn fold(ntt: &Ntt, low: u64, high: u64) -> u64 {
    let m = ntt.modulus;
    let high = high + (low >> 52);
    m.add(m.mul(low & LIMB, ntt.limbs[0]), m.mul(high, ntt.limbs[1]))
}

/// Runs anywhere.
#[derive(Debug)]
pub(super) struct Scalar;

impl Kernel for Scalar {
    fn name(&self) -> &'static str {
        "scalar"
    }

    fn forward(&self, ntt: &Ntt, values: &mut [u64]) {
        let m = ntt.modulus;
        let (q, two_q) = (m.value(), 2 * m.value());
        let mut half = values.len() / 2;
        let mut groups = 1;
        while half > 0 {
            for (group, block) in values.chunks_exact_mut(2 * half).enumerate() {
                let root = ntt.roots.at(groups + group);
                let (left, right) = block.split_at_mut(half);
                for (x, y) in left.iter_mut().zip(right) {
                    // Both below 4q.
                    let u = (*x).min(x.wrapping_sub(two_q));
                    let v = m.mul_lazy(*y, root);
                    *x = u + v;
                    *y = u + two_q - v;
                }
            }
            groups *= 2;
            half /= 2;
        }
        for x in values {
            let y = (*x).min(x.wrapping_sub(two_q));
            *x = y.min(y.wrapping_sub(q));
        }
    }

    fn inverse(&self, ntt: &Ntt, values: &mut [u64]) {
        let m = ntt.modulus;
        let two_q = 2 * m.value();
        let mut half = 1;
        let mut groups = values.len() / 2;
        while groups > 0 {
            for (group, block) in values.chunks_exact_mut(2 * half).enumerate() {
                let root = ntt.inverse_roots.at(groups + group);
                let (left, right) = block.split_at_mut(half);
                for (x, y) in left.iter_mut().zip(right) {
                    // Both below 2q.
                    let (u, v) = (*x, *y);
                    let sum = u + v;
                    *x = sum.min(sum.wrapping_sub(two_q));
                    *y = m.mul_lazy(u + two_q - v, root);
                }
            }
            groups /= 2;
            half *= 2;
        }
        values.iter_mut().for_each(|x| *x = m.mul(*x, ntt.inverse_degree));
    }

    fn multiply_accumulate(&self, sums: &mut [Sums; 2], factors: [&[u64]; 2], w: &[u64]) {
        for (sums, factor) in sums.iter_mut().zip(factors) {
            let limbs = sums.low.iter_mut().zip(&mut sums.high);
            for ((low, high), (a, w)) in limbs.zip(factor.iter().zip(w)) {
                let product = u128::from(*a) * u128::from(*w);
                *low += product as u64 & LIMB;
                *high += (product >> 52) as u64;
            }
        }
    }

    fn reduce(&self, ntt: &Ntt, sums: &Sums, out: &mut [u64]) {
        for (out, (low, high)) in out.iter_mut().zip(sums.low.iter().zip(&sums.high)) {
            *out = fold(ntt, *low, *high);
        }
    }

    fn scale(&self, ntt: &Ntt, values: &mut [u64], w: Shoup) {
        values.iter_mut().for_each(|x| *x = ntt.modulus.mul(*x, w));
    }

    fn multiply(&self, ntt: &Ntt, values: &mut [u64], w: &[u64]) {
        for (x, w) in values.iter_mut().zip(w) {
            let product = u128::from(*x) * u128::from(*w);
            *x = fold(ntt, product as u64 & LIMB, (product >> 52) as u64);
        }
    }

    fn combine(&self, ntt: &Ntt, buffer: &[u64], rows: &[Vec<Term>], out: &mut [u64]) {
        for (terms, out) in rows.iter().zip(out.chunks_exact_mut(ntt.degree)) {
            for (i, out) in out.iter_mut().enumerate() {
                *out = terms.chunks(MAX_TERMS).fold(0, |sum, terms| {
                    let (mut low, mut high) = (0, 0);
                    for term in terms {
                        let product = u128::from(buffer[term.start + i]) * u128::from(term.weight);
                        low += product as u64 & LIMB;
                        high += (product >> 52) as u64;
                    }
                    ntt.modulus.add(sum, fold(ntt, low, high))
                });
            }
        }
    }
}
