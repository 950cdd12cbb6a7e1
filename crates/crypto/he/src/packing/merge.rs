//! Packing: two ciphertexts become one, level by level.

use super::automorphism::{exponent, permute};
use super::base_extension::BaseExtension;
use super::keys::{PackingKeys, all_primes};
use crate::Combination;
use crate::ntt::vectorised;

impl PackingKeys {
    /// One combination from up to 2^h: its coefficient j + 2^h·i is coefficient 2^h·i of the combination with
    /// index j. Their inputs must have been read with a budget of h = `levels` levels. Panics if there are
    /// none or too many, or no keys of that level.
    pub fn pack(&self, combinations: Vec<Combination>, levels: u32) -> Combination {
        assert!((1..=1 << levels).contains(&combinations.len()), "nothing to pack, or too much");
        let mut slots: Vec<Option<Combination>> = combinations.into_iter().map(Some).collect();
        slots.resize_with(1 << levels, || None);
        for level in (1..=levels).rev() {
            let odd = slots.split_off(1 << (level - 1));
            for (even, odd) in slots.iter_mut().zip(odd) {
                *even = even.take().map(|even| self.merge(even, odd, level));
            }
        }
        slots.remove(0).expect("the first slot was filled")
    }

    /// (e + X^a·o) + σ(e − X^a·o).
    fn merge(&self, even: Combination, odd: Option<Combination>, level: u32) -> Combination {
        let (degree, shift) = (self.parameters.degree(), 1usize << (level - 1));
        let Combination(mut sum) = even;
        let mut image = [(); 2].map(|()| vec![0; sum[0].values.len()]);
        let mut difference = vec![0; degree];
        for (component, image) in image.iter_mut().enumerate() {
            for (i, m) in self.parameters.moduli().enumerate() {
                let at = i * degree..(i + 1) * degree;
                let sum = &mut sum[component].values[at.clone()];
                difference.copy_from_slice(sum);
                if let Some(Combination(odd)) = &odd {
                    let (low, high) = odd[component].values[at.clone()].split_at(degree - shift);
                    vectorised(|| {
                        // X^a moves the low part up. It moves the high part around, where its sign turns.
                        let (wrapped, moved) = sum.split_at_mut(shift);
                        let (wrapped_difference, moved_difference) = difference.split_at_mut(shift);
                        for ((x, d), &o) in wrapped.iter_mut().zip(wrapped_difference).zip(high) {
                            (*x, *d) = (m.sub(*x, o), m.add(*d, o));
                        }
                        for ((x, d), &o) in moved.iter_mut().zip(moved_difference).zip(low) {
                            (*x, *d) = (m.add(*x, o), m.sub(*d, o));
                        }
                    });
                }
                let image = &mut image[at];
                permute(degree, exponent(degree, level), |from, to, negate| {
                    let x = difference[from];
                    // Without a branch, which would be taken at random.
                    let turned = u64::from(negate).wrapping_neg();
                    image[to] = m.reduce_once((x & !turned) | ((m.value() - x) & turned));
                });
            }
        }
        let [c0, c1] = image;
        let [d0, d1] = self.switch(&c1, level);
        let [sum0, sum1] = &mut sum;
        for (i, m) in self.parameters.moduli().enumerate() {
            let at = i * degree..(i + 1) * degree;
            let add = |to: &mut [u64], from: &[u64]| {
                vectorised(|| to.iter_mut().zip(from).for_each(|(x, &y)| *x = m.add(*x, y)));
            };
            add(&mut sum0.values[at.clone()], &c0[at.clone()]);
            add(&mut sum0.values[at.clone()], &d0[at.clone()]);
            add(&mut sum1.values[at.clone()], &d1[at]);
        }
        Combination(sum)
    }

    /// (d₀, d₁) with d₀ + d₁·s ≈ c₁·σ(s).
    fn switch(&self, c1: &[u64], level: u32) -> [Vec<u64>; 2] {
        let parameters = &*self.parameters;
        let degree = parameters.degree();
        let (first, second) = c1.split_at(degree);
        let [p0, p1] = BaseExtension::new(&parameters.ntts, &parameters.special).extend([first, second]);
        // By prime: both products, by coefficients.
        let products: Vec<[Vec<u64>; 2]> = all_primes(parameters)
            .zip([first.to_vec(), second.to_vec(), p0, p1])
            .zip(&self.levels[level as usize - 1])
            .map(|((ntt, mut digit), key)| {
                ntt.forward(&mut digit);
                key.each_ref().map(|key| {
                    let mut product = digit.clone();
                    ntt.multiply(&mut product, key);
                    ntt.inverse(&mut product);
                    product
                })
            })
            .collect();
        let down = BaseExtension::new(&parameters.special, &parameters.ntts);
        [0, 1].map(|component| {
            let rest = down.extend([&products[2][component], &products[3][component]]);
            let mut out = Vec::with_capacity(2 * degree);
            for (i, ntt) in parameters.ntts.iter().enumerate() {
                let mut quotient = rest[i].clone();
                let m = ntt.modulus;
                vectorised(|| {
                    let pairs = quotient.iter_mut().zip(&products[i][component]);
                    pairs.for_each(|(rest, &x)| *rest = m.sub(x, *rest));
                });
                ntt.scale(&mut quotient, self.inverses[i]);
                out.extend(quotient);
            }
            out
        })
    }
}
