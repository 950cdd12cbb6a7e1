use super::*;
use crate::modulus::ntt_primes;
use veilflow_prim::{Block, Prg};

const DEGREES: [usize; 6] = [64, 128, 256, 1024, 4096, 8192];

fn random(prg: &mut Prg, modulus: Modulus, len: usize) -> Vec<u64> {
    let q = modulus.value();
    // The largest values first: lazy reductions fail there if anywhere.
    (0..len).map(|i| if i < len / 4 { q - 1 - i as u64 % 2 } else { prg.u64() % q }).collect()
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
        for q in ntt_primes(degree, 2) {
            let ntt = Ntt::new(q, degree);
            let mut prg = Prg::from_seed(Block(u128::from(q)));
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
                assert_eq!(product, schoolbook(ntt.modulus, left, &b), "degree {degree}, q {q}");
            }
        }
    }
}

#[test]
fn sums_hold_the_largest_terms() {
    const N: usize = MIN_DEGREE;
    let ntt = Ntt::new(ntt_primes(N, 1)[0], N);
    let top = vec![ntt.modulus.value() - 1; N];
    let mut sums = [Sums::new(N), Sums::new(N)];
    for _ in 0..MAX_TERMS {
        ntt.multiply_accumulate(&mut sums, [&top, &top], &top);
    }
    let mut out = vec![0; N];
    ntt.reduce(&sums[1], &mut out);
    // (−1)² summed.
    assert_eq!(out, vec![MAX_TERMS as u64; N]);
    let terms = vec![Term { start: 0, weight: top[0] }; 2 * MAX_TERMS + 3];
    ntt.combine(&top, &[terms], &mut out);
    assert_eq!(out, vec![2 * MAX_TERMS as u64 + 3; N]);
    ntt.multiply(&mut out, &top);
    assert_eq!(out, vec![ntt.modulus.value() - (2 * MAX_TERMS as u64 + 3); N]);
}

#[test]
fn combinations_are_sums_of_shifted_multiples() {
    let ntt = Ntt::new(ntt_primes(128, 1)[0], 128);
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
            assert_eq!(*out, sum, "{} terms, element {i}", terms.len());
        }
    }
}

/// The vector kernels equal the scalar code. Passes without comparing where the processor lacks them.
#[cfg(target_arch = "x86_64")]
#[test]
fn ifma_equals_scalar() {
    let Some(ifma) = ifma::Ifma::detect() else { return };
    for degree in DEGREES {
        let ntt = Ntt::new(ntt_primes(degree, 1)[0], degree);
        let mut prg = Prg::from_seed(Block(degree as u128));
        let (a, b) = (random(&mut prg, ntt.modulus, degree), random(&mut prg, ntt.modulus, degree));
        let (mut wide, mut plain) = (a.clone(), a.clone());
        ifma.forward(&ntt, &mut wide);
        scalar::forward(&ntt, &mut plain);
        assert_eq!(wide, plain, "forward, degree {degree}");
        let (mut wide_back, mut plain_back) = (wide.clone(), plain.clone());
        ifma.inverse(&ntt, &mut wide_back);
        scalar::inverse(&ntt, &mut plain_back);
        assert_eq!(wide_back, a, "inverse, degree {degree}");
        assert_eq!(plain_back, a, "inverse, degree {degree}");

        let (mut of_ifma, mut of_scalar) =
            ([Sums::new(degree), Sums::new(degree)], [Sums::new(degree), Sums::new(degree)]);
        for _ in 0..3 {
            ifma.multiply_accumulate(&mut of_ifma, [&wide, &b], &a);
            scalar::multiply_accumulate(&mut of_scalar, [&wide, &b], &a);
        }
        for (x, y) in of_ifma.iter().zip(&of_scalar) {
            ifma.reduce(&ntt, x, &mut wide);
            scalar::reduce(&ntt, y, &mut plain);
            assert_eq!(wide, plain, "sums, degree {degree}");
        }
        let rows = [vec![Term { start: 0, weight: a[0] }, Term { start: 7, weight: b[degree - 1] }], vec![]];
        let buffer = [b.clone(), a.clone()].concat();
        let (mut x, mut y) = (vec![0; 2 * degree], vec![0; 2 * degree]);
        ifma.combine(&ntt, &buffer, &rows, &mut x);
        scalar::combine(&ntt, &buffer, &rows, &mut y);
        assert_eq!(x, y, "combinations, degree {degree}");
        ifma.multiply(&ntt, &mut x[..degree], &b);
        scalar::multiply(&ntt, &mut y[..degree], &b);
        assert_eq!(x, y, "products, degree {degree}");
        let w = ntt.modulus.shoup(b[1]);
        x[0] = (1 << 52) - 1;
        y[0] = x[0];
        ifma.scale(&ntt, &mut x, w);
        scalar::scale(&ntt, &mut y, w);
        assert_eq!(x, y, "multiples, degree {degree}");
    }
}
