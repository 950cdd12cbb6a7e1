//! Arithmetic modulo a prime below 2^52.

/// A multiplier with its precomputed quotient, for Shoup's product.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Shoup {
    /// The multiplier, reduced.
    pub(crate) value: u64,
    /// ⌊value·2^64/q⌋. Its top 52 bits are ⌊value·2^52/q⌋, what the 52-bit kernels need.
    pub(crate) quotient: u64,
}

/// A prime q, 2^51 < q < 2^52: as large as the 52-bit multipliers of AVX-512 IFMA take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Modulus {
    q: u64,
    /// ⌊2^115/q⌋, for [`Modulus::fraction`].
    reciprocal: u64,
}

/// Bits of every prime.
pub(crate) const PRIME_BITS: u32 = 52;

impl Modulus {
    pub(crate) fn new(q: u64) -> Self {
        assert!(q >> (PRIME_BITS - 1) == 1, "primes have {PRIME_BITS} bits");
        Self { q, reciprocal: ((1u128 << 115) / u128::from(q)) as u64 }
    }

    #[inline]
    pub(crate) fn value(self) -> u64 {
        self.q
    }

    /// x − q if x ≥ q, for x < 2q; without a branch.
    #[inline]
    pub(crate) fn reduce_once(self, x: u64) -> u64 {
        x.min(x.wrapping_sub(self.q))
    }

    /// x mod q for x below 2^52, the residue of another prime: below 2q.
    #[inline]
    pub(crate) fn reduce(self, x: u64) -> u64 {
        self.reduce_once(x)
    }

    #[inline]
    pub(crate) fn add(self, a: u64, b: u64) -> u64 {
        self.reduce_once(a + b)
    }

    #[inline]
    pub(crate) fn sub(self, a: u64, b: u64) -> u64 {
        self.reduce_once(a + self.q - b)
    }

    pub(crate) fn shoup(self, value: u64) -> Shoup {
        debug_assert!(value < self.q);
        Shoup { value, quotient: ((u128::from(value) << 64) / u128::from(self.q)) as u64 }
    }

    /// x·w mod q up to one q: below 2q. Any x.
    #[inline]
    pub(crate) fn mul_lazy(self, x: u64, w: Shoup) -> u64 {
        let quotient = ((u128::from(x) * u128::from(w.quotient)) >> 64) as u64;
        x.wrapping_mul(w.value).wrapping_sub(quotient.wrapping_mul(self.q))
    }

    /// x·w mod q. Any x.
    #[inline]
    pub(crate) fn mul(self, x: u64, w: Shoup) -> u64 {
        self.reduce_once(self.mul_lazy(x, w))
    }

    /// a·b mod q, by division: for tables and tests.
    pub(crate) fn mul_slow(self, a: u64, b: u64) -> u64 {
        (u128::from(a) * u128::from(b) % u128::from(self.q)) as u64
    }

    pub(crate) fn pow(self, base: u64, mut exponent: u64) -> u64 {
        let (mut out, mut square) = (1, base % self.q);
        while exponent > 0 {
            if exponent & 1 == 1 {
                out = self.mul_slow(out, square);
            }
            square = self.mul_slow(square, square);
            exponent >>= 1;
        }
        out
    }

    pub(crate) fn inverse(self, a: u64) -> u64 {
        self.pow(a, self.q - 2)
    }

    /// The residue of a signed integer of magnitude below q, without a branch.
    #[inline]
    pub(crate) fn residue(self, x: i64) -> u64 {
        debug_assert!(x.unsigned_abs() < self.q);
        (x as u64).wrapping_add(self.q & ((x >> 63) as u64))
    }

    /// y/q as a fraction of 2^64, at most 3 too small. For y < q.
    #[inline]
    pub(crate) fn fraction(self, y: u64) -> u64 {
        ((u128::from(y) * u128::from(self.reciprocal)) >> 51) as u64
    }

    /// y/q as a fraction of 2^128, at most 9 too small. For y < q.
    #[inline]
    pub(crate) fn wide_fraction(self, y: u64) -> u128 {
        let high = self.fraction(y);
        // What is left of 2^64·y is below 4q.
        let rest = high.wrapping_mul(self.q).wrapping_neg();
        (u128::from(high) << 64) + ((u128::from(rest) * u128::from(self.reciprocal)) >> 51)
    }
}

/// The `count` largest primes below 2^52 that are 1 mod 2N, so that Z_q has primitive 2N-th roots of unity.
pub(crate) fn ntt_primes(degree: usize, count: usize) -> Vec<u64> {
    let step = 2 * degree as u64;
    let first = ((1 << PRIME_BITS) - 1) / step * step + 1;
    let candidates = (0..).map(|i| first - i * step).filter(|&q| q < 1 << PRIME_BITS);
    candidates.filter(|&q| is_prime(q)).take(count).collect()
}

/// Miller–Rabin with the first twelve primes as bases: no composite below 3.3·10^24 passes (Sorenson, Webster
/// 2015).
pub(crate) fn is_prime(n: u64) -> bool {
    const BASES: [u64; 12] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];
    let modulus = Modulus::new(n);
    let (odd, twos) = ((n - 1) >> (n - 1).trailing_zeros(), (n - 1).trailing_zeros());
    BASES.iter().all(|&base| {
        let mut x = modulus.pow(base, odd);
        let mut probable = x == 1 || x == n - 1;
        for _ in 1..twos {
            x = modulus.mul_slow(x, x);
            probable |= x == n - 1;
        }
        probable
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_prime_and_fit_the_transform() {
        for degree in [64, 4096, 8192] {
            let primes = ntt_primes(degree, 3);
            assert!(primes.windows(2).all(|w| w[0] > w[1]));
            for q in primes {
                assert!(q < 1 << 52 && q > 1 << 51 && q % (2 * degree as u64) == 1);
                // Trial division would take 2^26 steps a prime; a Fermat test with other bases is independent
                // enough.
                assert!((41..141).all(|a| Modulus::new(q).pow(a, q - 1) == 1));
            }
        }
        assert!(!is_prime((1 << 52) - 1) && !is_prime(67_108_859 * 67_108_837));
    }

    #[test]
    fn products_equal_division() {
        let m = Modulus::new(ntt_primes(64, 1)[0]);
        let q = m.value();
        let corners = [0, 1, 2, q / 2, q - 2, q - 1, q, 2 * q - 1, 4 * q - 1, u64::MAX, u64::MAX - 1];
        for x in corners {
            for w in corners.map(|w| w % q) {
                assert_eq!(m.mul(x, m.shoup(w)), m.mul_slow(x % q, w), "{x} * {w}");
            }
            let y = x % q;
            let exact = ((u128::from(y) << 64) / u128::from(q)) as u64;
            assert!((0..=3).contains(&(exact - m.fraction(y))), "{y}");
            // Long division, 64 bits at a time.
            let rest = (u128::from(y) << 64) % u128::from(q);
            let wide = (u128::from(exact) << 64) | ((rest << 64) / u128::from(q));
            assert!((0..=9).contains(&(wide - m.wide_fraction(y))), "{y}");
        }
        for x in [-5, -1, 0, 1, 5, 1 - q as i64, q as i64 - 1] {
            assert_eq!(i128::from(m.residue(x)), i128::from(x).rem_euclid(i128::from(q)));
        }
    }
}
