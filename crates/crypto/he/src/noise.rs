//! Noise as it is, against the bound it must keep. Only someone with the secret key can look.

use std::sync::Arc;

use veilflow_prim::{Block, Prg};
use veilflow_ring::Ring;

use crate::hiding::Run;
use crate::ntt::Ntt;
use crate::parameters::Scaling;
use crate::poly::NttPoly;
use crate::{
    Budget, Combination, Encryptor, Form, Inputs, Load, PackingKeys, Parameters, SecretKey, Slots, Sum,
    WeightPoly,
};

/// c₀ + c₁·s − Q/2^ℓ·m at coefficient `at`, centred, up to 1/2.
fn noise(key: &SecretKey, budget: &Budget, Combination([c0, c1]): &Combination, at: usize, m: u64) -> i128 {
    let parameters = &*key.parameters;
    let degree = parameters.degree();
    let mut phase = parameters.forward(c1.clone());
    for (i, ntt) in parameters.ntts.iter().enumerate() {
        let range = i * degree..(i + 1) * degree;
        ntt.multiply(&mut phase.values[range.clone()], &key.s.values[range]);
    }
    let mut phase = parameters.inverse(NttPoly { values: phase.values });
    for (i, m) in parameters.moduli().enumerate() {
        let at = i * degree + at;
        phase.values[at] = m.add(phase.values[at], c0.values[at]);
    }
    let scaling = Scaling::new(parameters, Ring::new(budget.ring_bits).unwrap());
    parameters.add_message(&mut phase, at, &scaling, m.wrapping_neg());
    let [p, q] = [&parameters.ntts[0], &parameters.ntts[1]].map(|ntt: &Ntt| ntt.modulus);
    let (x, y) = (phase.values[at], phase.values[degree + at]);
    let digit = q.mul(q.sub(y, q.reduce(x)), q.shoup(q.inverse(p.value() % q.value())));
    let integer = i128::from(x) + i128::from(p.value()) * i128::from(digit);
    let modulus = i128::from(p.value()) * i128::from(q.value());
    if integer > modulus / 2 { integer - modulus } else { integer }
}

/// The largest noise of products of `inputs` ciphertexts with `weights` weights each, 2^`levels` of them
/// packed if there are levels; and the budget.
fn measure(parameters: Parameters, inputs: usize, weights: &[i64], levels: u32) -> (f64, Budget) {
    let parameters = Arc::new(parameters);
    let mut prg = Prg::from_seed(Block(77));
    let key = SecretKey::generate(Arc::clone(&parameters), &mut prg);
    let (degree, ring) = (parameters.degree(), Ring::new(25).unwrap());
    let load = Load {
        ring_bits: ring.bits(),
        weight_bits: 10,
        weights: inputs * weights.len(),
        levels,
        values: 1 << 17,
        part: Run::new(&[(1 << 17, 0.0)]).part(1 << 17, 0.0),
    };
    let budget = Budget::new(&parameters, &load).unwrap();
    let encryptor = Encryptor::new(&key, Form::Points, budget);
    let mut ciphertexts = Inputs::new(Arc::clone(&parameters), Form::Points, budget, inputs);
    let slots = Slots { free: (0..degree / 2).collect(), given: (degree / 2..degree).collect() };
    let mut messages = Vec::new();
    for place in ciphertexts.places() {
        let (seed, given) = (prg.block(), prg.ring_vec(ring, degree / 2).into_values());
        let mut bytes = Vec::new();
        let mut message = encryptor.encrypt(seed, &slots, &given, &mut prg, &mut bytes);
        message.extend(given);
        place.read(seed, &slots, &bytes).unwrap();
        messages.push(message);
    }
    let poly = WeightPoly::new(&parameters, (0..).zip(weights.iter().copied()));
    let mut sum = Sum::new(Arc::clone(&parameters));
    (0..inputs).for_each(|i| sum.add(&ciphertexts, i, &poly));
    let product = if levels == 0 {
        sum.combination()
    } else {
        let keys = key.packing_keys(levels, &mut prg);
        let keys = PackingKeys::from_bytes(Arc::clone(&parameters), levels, &keys).unwrap();
        keys.pack((0..1 << levels).map(|_| sum.combination()).collect(), levels)
    };
    let largest = (0..degree).step_by(degree / 64).map(|at| {
        let at = at + (at >> 3) % (1 << levels);
        let from = at >> levels << levels;
        let mut m = 0u64;
        for message in &messages {
            for (exponent, &w) in weights.iter().enumerate() {
                let value = message[(from + degree - exponent) % degree].wrapping_mul(w as u64);
                m = if exponent <= from { m.wrapping_add(value) } else { m.wrapping_sub(value) };
            }
        }
        noise(&key, &budget, &product, at, ring.reduce(m)).unsigned_abs() as f64
    });
    (largest.fold(0.0, f64::max), budget)
}

/// The largest noise of 64 coefficients keeps the bound by the margin that documentation states, and is as
/// large as its mean square lets expect: neither bound is wrong by much.
#[test]
fn noise_keeps_its_bounds() {
    let random: Vec<i64> = (0..576i64).map(|i| ((i * 40_503) >> 3) % 1024 - 512).collect();
    let top = vec![-512; 576];
    let wide = || Parameters::with_packing(8192).unwrap();
    let narrow = || Parameters::new(4096, 2).unwrap();
    for (name, parameters, inputs, weights, levels, [least_margin, least]) in [
        ("random weights", narrow(), 2, &random[..], 0, [36.0, 0.5]),
        ("the largest weights", narrow(), 2, &top, 0, [24.0, 0.5]),
        ("one weight", narrow(), 1, &[-512], 0, [1.0, 0.5]),
        ("random weights, packed", wide(), 1, &random, 3, [26.0, 0.5]),
        ("the largest weights, packed", wide(), 1, &top, 3, [15.0, 0.5]),
        ("packing alone", wide(), 1, &[1], 5, [20.0, 0.002]),
    ] {
        let (largest, budget) = measure(parameters, inputs, weights, levels);
        let (margin, deviations) = (budget.noise / largest, largest / budget.mean_square.sqrt());
        assert!(margin >= least_margin, "{name}: the margin is {margin:.1}");
        assert!((least..6.0).contains(&deviations), "{name}: {deviations:.3} standard deviations");
    }
}
