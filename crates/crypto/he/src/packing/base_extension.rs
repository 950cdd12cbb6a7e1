//! Residues modulo two primes to residues modulo two others.

use crate::modulus::Shoup;
use crate::ntt::{Ntt, vectorised};

/// Garner's recombination of residues modulo two primes, and the reduction of the centred integer modulo two
/// others.
pub(super) struct BaseExtension<'p> {
    /// The second prime.
    from: &'p Ntt,
    /// The inverse of the first prime modulo the second.
    inverse: Shoup,
    targets: [Target<'p>; 2],
}

/// A prime to go to, with the first prime and the product of both modulo it.
struct Target<'p> {
    ntt: &'p Ntt,
    first: Shoup,
    product: u64,
}

impl<'p> BaseExtension<'p> {
    /// The extension from the primes of two tables to those of two others.
    pub(super) fn new(from: &'p [Ntt], to: &'p [Ntt]) -> Self {
        let [p, q] = [from[0].modulus.value(), from[1].modulus.value()];
        let target = |ntt: &'p Ntt| {
            let m = ntt.modulus;
            let first = m.shoup(p % m.value());
            Target { ntt, first, product: m.mul(q, first) }
        };
        let last = from[1].modulus;
        Self {
            from: &from[1],
            inverse: last.shoup(last.inverse(p % q)),
            targets: [target(&to[0]), target(&to[1])],
        }
    }

    /// The residues modulo every target of the integers with the given residues, centred up to one part in
    /// 2^51.
    pub(super) fn extend(&self, [x, y]: [&[u64]; 2]) -> [Vec<u64>; 2] {
        let q = self.from.modulus;
        let mut digits = vec![0; x.len()];
        vectorised(|| {
            for (digit, (&x, &y)) in digits.iter_mut().zip(x.iter().zip(y)) {
                *digit = q.sub(y, q.reduce(x));
            }
        });
        self.from.scale(&mut digits, self.inverse);
        self.targets.each_ref().map(|target| {
            let mut out = digits.clone();
            target.ntt.scale(&mut out, target.first);
            let m = target.ntt.modulus;
            vectorised(|| {
                for (out, (&x, &digit)) in out.iter_mut().zip(x.iter().zip(&digits)) {
                    let negative = u64::from(digit > q.value() / 2).wrapping_neg();
                    *out = m.sub(m.add(m.reduce(x), *out), target.product & negative);
                }
            });
            out
        })
    }
}
