//! Random polynomials.

use veilflow_prim::Prg;
use zeroize::Zeroizing;

use crate::Parameters;
use crate::modulus::{Modulus, PRIME_BITS};
use crate::parameters::Small;

/// The largest error, a sum of 21 differences of bits: of standard deviation 3.24.
pub(crate) const ERROR_BOUND: u64 = 21;

/// The variance of an error.
pub(crate) const ERROR_VARIANCE: f64 = 10.5;

/// Words drawn at once.
const BATCH: usize = 1024;

/// Uniform residues, `degree` of them for each prime, by rejection. Time depends on the values, so they are
/// for public polynomials.
pub(crate) fn uniform(parameters: &Parameters, prg: &mut Prg) -> Vec<u64> {
    let mut out = Vec::with_capacity(parameters.degree() * parameters.primes());
    for modulus in parameters.moduli() {
        extend_uniform(modulus, parameters.degree(), prg, &mut out);
    }
    out
}

/// `len` uniform residues modulo one prime, likewise.
pub(crate) fn uniform_residues(modulus: Modulus, len: usize, prg: &mut Prg) -> Vec<u64> {
    let mut out = Vec::with_capacity(len);
    extend_uniform(modulus, len, prg, &mut out);
    out
}

fn extend_uniform(modulus: Modulus, len: usize, prg: &mut Prg, out: &mut Vec<u64>) {
    let end = out.len() + len;
    let mut words = vec![0; len];
    while out.len() < end {
        let missing = &mut words[..end - out.len()];
        prg.words(missing);
        let candidates = missing.iter().map(|w| w >> (64 - PRIME_BITS));
        out.extend(candidates.filter(|&x| x < modulus.value()));
    }
}

/// Centred binomial errors.
pub(crate) fn errors(len: usize, prg: &mut Prg) -> Small {
    small(len, prg, |word| {
        // The difference of two halves' counts is the count of one and the other's complement, shifted.
        let bits = (word ^ ((1 << ERROR_BOUND) - 1)) & ((1 << (2 * ERROR_BOUND)) - 1);
        i64::from(bits.count_ones()) - ERROR_BOUND as i64
    })
}

/// Uniform in −1, 0, 1, up to 2^−62.
pub(crate) fn ternary(len: usize, prg: &mut Prg) -> Small {
    small(len, prg, |word| ((u128::from(word) * 3) >> 64) as i64 - 1)
}

/// Secret coefficients, each made of a random word.
fn small(len: usize, prg: &mut Prg, coefficient: impl Fn(u64) -> i64) -> Small {
    let mut out = Zeroizing::new(vec![0i64; len]);
    let mut words = Zeroizing::new([0u64; BATCH]);
    for chunk in out.chunks_mut(BATCH) {
        let words = &mut words[..chunk.len()];
        prg.words(words);
        chunk.iter_mut().zip(words).for_each(|(out, word)| *out = coefficient(*word));
    }
    out
}

/// Sums of three uniform integers, of −2^(`bits` − 1)..2^(`bits` − 1) and twice −2^(`bits` − 2)..2^(`bits` −
/// 2): in −2^`bits`..2^`bits`, with a density that has no step (module `hiding`).
pub(crate) fn floods(len: usize, bits: u32, prg: &mut Prg) -> Zeroizing<Vec<i128>> {
    debug_assert!((2..126).contains(&bits));
    let mut words = Zeroizing::new(vec![0u64; 6 * len]);
    prg.words(&mut words);
    let uniform = |w: &[u64], bits: u32| (u128::from(w[0]) | u128::from(w[1]) << 64) as i128 >> (127 - bits);
    let flood =
        |w: &[u64; 6]| uniform(&w[..2], bits - 1) + uniform(&w[2..4], bits - 2) + uniform(&w[4..], bits - 2);
    Zeroizing::new(words.as_chunks().0.iter().map(flood).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use veilflow_prim::Block;

    #[test]
    fn errors_are_centred_binomial() {
        let e = errors(1 << 16, &mut Prg::from_seed(Block(1)));
        assert!(e.iter().all(|x| x.unsigned_abs() <= ERROR_BOUND));
        let mean = e.iter().sum::<i64>() as f64 / e.len() as f64;
        let variance = e.iter().map(|x| (x * x) as f64).sum::<f64>() / e.len() as f64;
        // Six standard deviations of each estimate.
        assert!(mean.abs() < 0.08 && (variance - 10.5).abs() < 0.35, "mean {mean}, variance {variance}");
    }

    #[test]
    fn secrets_are_ternary_and_floods_fill_their_range() {
        let s = ternary(1 << 16, &mut Prg::from_seed(Block(2)));
        for value in -1..=1 {
            let count = s.iter().filter(|&&x| x == value).count();
            assert!(count.abs_diff((1 << 16) / 3) < 800, "{count} times {value}");
        }
        assert!(s.iter().all(|x| (-1..=1).contains(x)));
        for bits in [2, 63, 64, 65, 90] {
            let f = floods(4096, bits, &mut Prg::from_seed(Block(3)));
            assert!(f.iter().all(|x| (-(1i128 << bits)..1 << bits).contains(x)));
            // A sixth of them is in the outer half.
            let outer = |sign: i128| f.iter().filter(|&&x| sign * x > 1 << (bits - 1)).count();
            let both = outer(1) + outer(-1);
            assert!(bits == 2 || (outer(1) > 200 && outer(-1) > 200 && both < 900), "{both} of 4096");
        }
    }

    #[test]
    fn uniform_residues_cover_the_range() {
        let parameters = Parameters::insecure_for_tests(1024, 3);
        let values = uniform(&parameters, &mut Prg::from_seed(Block(4)));
        for (m, values) in parameters.moduli().zip(values.chunks(1024)) {
            assert!(values.iter().all(|&x| x < m.value()));
            let mean = values.iter().map(|&x| x as f64).sum::<f64>() / 1024.0 / m.value() as f64;
            assert!((mean - 0.5).abs() < 0.055, "mean {mean}");
        }
    }
}
