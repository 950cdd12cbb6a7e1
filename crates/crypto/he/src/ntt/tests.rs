//! Every test runs on every kernel that the processor has, whichever it would choose.

use veilflow_prim::{Block, Prg};

use super::kernels::kernels;
use super::scalar::Scalar;
use super::tables::{MAX_TERMS, MIN_DEGREE, Ntt, Sums, Term};
use crate::modulus::{Modulus, is_prime, ntt_primes};

const DEGREES: [usize; 7] = [64, 128, 256, 1024, 2048, 4096, 8192];

fn random(prg: &mut Prg, modulus: Modulus, len: usize) -> Vec<u64> {
    let q = modulus.value();
    // The largest values first: lazy reductions fail there if anywhere.
    (0..len).map(|i| if i < len / 4 { q - 1 - i as u64 % 2 } else { prg.u64() % q }).collect()
}

/// Tables of a prime for every kernel.
fn tables(q: u64, degree: usize) -> impl Iterator<Item = Ntt> {
    kernels().map(move |kernel| Ntt::with_kernel(q, degree, kernel))
}

/// The product in Z_q[X]/(X^N + 1) by its definition.
fn schoolbook(m: Modulus, a: &[u64], b: &[u64]) -> Vec<u64> {
    let n = a.len();
    let mut out = vec![0; n];
    for (i, &x) in a.iter().enumerate() {
        for (j, &y) in b.iter().enumerate() {
            let product = m.mul_slow(x, y);
            let at = (i + j) % n;
            out[at] = if i + j < n { m.add(out[at], product) } else { m.sub(out[at], product) };
        }
    }
    out
}

#[test]
fn products_equal_schoolbook() {
    for degree in [64, 128, 512] {
        for ntt in ntt_primes(degree, 2).into_iter().flat_map(|q| tables(q, degree)) {
            let mut prg = Prg::from_seed(Block(u128::from(ntt.modulus.value())));
            let (a, b) = (random(&mut prg, ntt.modulus, degree), random(&mut prg, ntt.modulus, degree));
            let (mut fa, mut fb) = (a.clone(), b.clone());
            ntt.forward(&mut fa);
            ntt.forward(&mut fb);
            let mut sums = [Sums::new(degree), Sums::new(degree)];
            ntt.multiply_accumulate(&mut sums, [&fa, &fb], &fb);
            for (sums, left) in sums.iter().zip([&a, &b]) {
                let mut product = vec![0; degree];
                ntt.reduce(sums, &mut product);
                ntt.inverse(&mut product);
                let expected = schoolbook(ntt.modulus, left, &b);
                assert_eq!(product, expected, "{:?}, degree {degree}, {:?}", ntt.kernel, ntt.modulus);
            }
        }
    }
}

#[test]
fn sums_hold_the_largest_terms() {
    const N: usize = MIN_DEGREE;
    for ntt in tables(ntt_primes(N, 1)[0], N) {
        let top = vec![ntt.modulus.value() - 1; N];
        let mut sums = [Sums::new(N), Sums::new(N)];
        // Twice, the second time after a reduction, which counts as a term.
        for (terms, expected) in [(MAX_TERMS, MAX_TERMS), (MAX_TERMS - 1, 2 * MAX_TERMS - 1)] {
            for _ in 0..terms {
                ntt.multiply_accumulate(&mut sums, [&top, &top], &top);
            }
            let mut out = vec![0; N];
            ntt.reduce(&sums[1], &mut out);
            // (−1)² summed.
            assert_eq!(out, vec![expected as u64; N], "{:?}", ntt.kernel);
            sums.iter_mut().for_each(|sums| sums.fold(&ntt));
        }
        let mut out = vec![0; N];
        let terms = vec![Term { start: 0, weight: top[0] }; 2 * MAX_TERMS + 3];
        ntt.combine(&top, &[terms], &mut out);
        assert_eq!(out, vec![2 * MAX_TERMS as u64 + 3; N], "{:?}", ntt.kernel);
        ntt.multiply(&mut out, &top);
        assert_eq!(out, vec![ntt.modulus.value() - (2 * MAX_TERMS as u64 + 3); N], "{:?}", ntt.kernel);
    }
}

#[test]
fn combinations_are_sums_of_shifted_multiples() {
    for ntt in tables(ntt_primes(128, 1)[0], 128) {
        let m = ntt.modulus;
        let mut prg = Prg::from_seed(Block(3));
        let buffer = random(&mut prg, m, 500);
        let mut term = || Term { start: prg.u64() as usize % 373, weight: prg.u64() % m.value() };
        let rows: Vec<Vec<Term>> = [9, 0, 1].map(|len| (0..len).map(|_| term()).collect()).into();
        let mut out = vec![1; 3 * 128];
        ntt.combine(&buffer, &rows, &mut out);
        for (terms, out) in rows.iter().zip(out.chunks(128)) {
            for (i, out) in out.iter().enumerate() {
                let sum = terms.iter().fold(0, |s, t| m.add(s, m.mul_slow(t.weight, buffer[t.start + i])));
                assert_eq!(*out, sum, "{:?}, {} terms, element {i}", ntt.kernel, terms.len());
            }
        }
    }
}

/// What every operation makes of inputs at the corners and random ones.
fn results(ntt: &Ntt) -> Vec<(String, Vec<u64>)> {
    let (m, degree) = (ntt.modulus, ntt.degree);
    let (q, mut prg) = (m.value(), Prg::from_seed(Block(degree as u128)));
    let inputs = [
        vec![0; degree],
        vec![q - 1; degree],
        (0..degree as u64).map(|i| i % 2 * (q - 1)).collect(),
        (0..degree as u64).map(|i| q / 2 + i / 4 % 2).collect(),
        random(&mut prg, m, degree),
        (0..degree).map(|_| prg.u64() % q).collect(),
    ];
    let mut out = Vec::new();
    for (i, a) in inputs.iter().enumerate() {
        let mut result = |what: &str, f: &dyn Fn(&mut Vec<u64>)| {
            let mut values = a.clone();
            f(&mut values);
            out.push((format!("{what} of input {i}"), values));
        };
        result("forward", &|x| ntt.forward(x));
        result("inverse", &|x| ntt.inverse(x));
        result("forward and back", &|x| {
            ntt.forward(x);
            ntt.inverse(x);
            assert_eq!(x, a, "{:?}, degree {degree}, q {q}, input {i}", ntt.kernel);
        });
        for (j, b) in inputs.iter().enumerate() {
            result(&format!("product with {j}"), &|x| ntt.multiply(x, b));
            let mut sums = [Sums::new(degree), Sums::new(degree)];
            for c in &inputs {
                ntt.multiply_accumulate(&mut sums, [a, b], c);
            }
            sums.iter_mut().enumerate().for_each(|(side, sums)| {
                result(&format!("sum {side} with {j}"), &|x| ntt.reduce(sums, x));
                sums.fold(ntt);
            });
            ntt.multiply_accumulate(&mut sums, [b, a], a);
            result(&format!("folded sum with {j}"), &|x| ntt.reduce(&sums[0], x));
        }
        for w in [0, 1, q / 2, q / 2 + 1, q - 1, inputs[5][i]] {
            result(&format!("multiple by {w}"), &|x| {
                // Up to 52 bits are allowed.
                x.iter_mut().step_by(3).for_each(|x| *x = (1 << 52) - 1 - *x % 5);
                ntt.scale(x, m.shoup(w));
            });
        }
        result("combination", &|x| {
            let term = |start, weight| Term { start, weight };
            let row = vec![term(0, q - 1), term(7, inputs[5][3]), term(degree, 0), term(degree - 1, 1)];
            x.resize(2 * degree, 0);
            ntt.combine(&inputs.concat(), &[row, vec![]], x);
        });
    }
    out
}

/// The least prime of 52 bits for a degree: corrections are most, in units of q, where q is least.
pub(super) fn least_prime(degree: usize) -> u64 {
    let step = 2 * degree as u64;
    (1 << 51..)
        .step_by(degree * 2)
        .map(|x| x / step * step + 1)
        .find(|&q| is_prime(q))
        .expect("there are many")
}

#[test]
fn kernels_give_the_same_residues() {
    for degree in DEGREES {
        for q in ntt_primes(degree, 2).into_iter().chain([least_prime(degree)]) {
            let expected = results(&Ntt::with_kernel(q, degree, &Scalar));
            for ntt in tables(q, degree) {
                for ((what, got), (_, expected)) in results(&ntt).iter().zip(&expected) {
                    assert!(got == expected, "{:?}, degree {degree}, q {q}: {what}", ntt.kernel);
                }
            }
        }
    }
}
