//! Encrypt, multiply, mask, reply, decrypt: exact against the product by its definition, and faults.

use std::sync::Arc;

use veilflow_he::{
    Budget, Decryptor, Encryptor, Form, HeError, Inputs, Load, PackingKeys, Parameters, Product, PublicKey,
    Replier, ScaledMonomial, SecretKey, Sum, WeightPoly, fresh_bytes, packing_keys_bytes, reply_bytes,
};
use veilflow_prim::{Block, Prg};
use veilflow_ring::Ring;

struct Keys {
    parameters: Arc<Parameters>,
    secret: SecretKey,
    public: PublicKey,
}

fn keys(parameters: Parameters, prg: &mut Prg) -> Keys {
    let parameters = Arc::new(parameters);
    let secret = SecretKey::generate(Arc::clone(&parameters), prg);
    let public = PublicKey::from_bytes(Arc::clone(&parameters), &secret.public_key(prg)).unwrap();
    Keys { parameters, secret, public }
}

fn load(ring_bits: u32, weight_bits: u32, weights: usize, levels: u32) -> Load {
    Load { ring_bits, weight_bits, weights, levels, values: 1000 }
}

/// Weights by exponent.
type Weights = Vec<(isize, i64)>;

/// Coefficient `at` of the sum of products in Z_2^ℓ[X]/(X^N + 1).
fn oracle(ring: Ring, messages: &[Vec<u64>], weights: &[Weights], at: usize) -> u64 {
    let n = messages[0].len() as isize;
    let mut sum = 0u64;
    for (message, weights) in messages.iter().zip(weights) {
        for &(exponent, w) in weights {
            let from = at as isize - exponent;
            let value = message[from.rem_euclid(n) as usize].wrapping_mul(w as u64);
            let odd = from.div_euclid(n) % 2 != 0;
            sum = if odd { sum.wrapping_sub(value) } else { sum.wrapping_add(value) };
        }
    }
    ring.reduce(sum)
}

/// One layer of one reply; returns what was decrypted plus the masks.
fn run(
    keys: &Keys,
    budget: Budget,
    form: Form,
    messages: &[Vec<u64>],
    weights: &[Weights],
    positions: &[usize],
    prg: &mut Prg,
) -> Vec<u64> {
    let ring = Ring::new(budget.ring_bits).unwrap();
    let seed = prg.block();
    let mut encryptor = Encryptor::new(&keys.secret, form, budget, seed);
    let mut inputs = Inputs::new(Arc::clone(&keys.parameters), form, budget, seed, messages.len());
    for message in messages {
        let mut bytes = Vec::new();
        encryptor.encrypt(message.iter().copied().enumerate(), prg, &mut bytes);
        assert_eq!(bytes.len(), fresh_bytes(&keys.parameters, &budget));
        inputs.push(&bytes).unwrap();
    }
    let masks: Vec<(usize, u64)> = positions.iter().map(|&at| (at, ring.reduce(prg.u64()))).collect();
    let replier = Replier::new(&keys.public, budget);
    let mut reply = Vec::new();
    match form {
        Form::Points => {
            let mut sum = Sum::new(Arc::clone(&keys.parameters));
            for (i, weights) in weights.iter().enumerate() {
                sum.add(&inputs, i, &WeightPoly::new(&keys.parameters, weights.iter().copied()));
            }
            replier.reply(Product::Points(&mut sum), &masks, prg, &mut reply);
        }
        Form::Coefficients => {
            let monomial =
                |input: usize| move |&(exponent, weight)| ScaledMonomial { input, exponent, weight };
            let row = weights.iter().enumerate().flat_map(|(i, w)| w.iter().map(monomial(i))).collect();
            let combination = inputs.combine(&[row]).pop().unwrap();
            replier.reply(Product::Coefficients(combination), &masks, prg, &mut reply);
        }
    }
    assert_eq!(reply.len(), reply_bytes(&keys.parameters, &budget, positions.len()));
    let values = Decryptor::new(&keys.secret, budget).decrypt(&reply, positions).unwrap();
    values.iter().zip(&masks).map(|(v, (_, mask))| ring.add(*v, *mask)).collect()
}

fn random_weights(prg: &mut Prg, count: usize, bits: u32, degree: usize) -> Weights {
    let weight = |prg: &mut Prg| prg.u64() as i64 >> (64 - bits);
    (0..count).map(|_| (prg.u64() as isize % (4 * degree as isize), weight(prg))).collect()
}

#[test]
fn products_are_exact_at_every_width() {
    for primes in [2, 3] {
        let mut prg = Prg::from_seed(Block(primes as u128));
        let keys = keys(Parameters::insecure_for_tests(64, primes), &mut prg);
        let mut fitting = 0;
        for bits in 1..=40 {
            let ring = Ring::new(bits).unwrap();
            let messages: Vec<Vec<u64>> = (0..5).map(|_| prg.ring_vec(ring, 64).into_values()).collect();
            let weight_bits = 1 + bits % 16;
            let weights: Vec<Weights> =
                (0..5).map(|_| random_weights(&mut prg, 9, weight_bits, 64)).collect();
            let Ok(budget) = Budget::new(&keys.parameters, &load(bits, weight_bits, 45, 0)) else { continue };
            fitting += 1;
            let positions = [0, 1, 17, 62, 63];
            for form in [Form::Points, Form::Coefficients] {
                let got = run(&keys, budget, form, &messages, &weights, &positions, &mut prg);
                let want = positions.map(|at| oracle(ring, &messages, &weights, at));
                assert_eq!(got, want, "{bits} bits, {primes} primes, {form:?}");
            }
        }
        assert!(fitting >= if primes == 2 { 25 } else { 40 }, "{fitting} widths fit {primes} primes");
    }
}

#[test]
fn the_largest_weights_stay_exact_at_full_size() {
    for (degree, primes, bits, taps) in [(4096, 2, 32, 576), (4096, 2, 20, 4096), (8192, 3, 40, 8192)] {
        let mut prg = Prg::from_seed(Block(bits.into()));
        let keys = keys(Parameters::new(degree, primes).unwrap(), &mut prg);
        let ring = Ring::new(bits).unwrap();
        // Every weight at the bound: the norm is met exactly. Messages at their corners and uniform.
        let budget = Budget::new(&keys.parameters, &load(bits, 10, taps, 0)).unwrap();
        let mut message = prg.ring_vec(ring, degree).into_values();
        message[..3].copy_from_slice(&[ring.mask(), 1 << (bits - 1), 0]);
        let weights: Weights = (0..taps as isize).map(|e| (e, -512)).collect();
        let positions: Vec<usize> = (0..degree).step_by(61).collect();
        let got = run(
            &keys,
            budget,
            Form::Points,
            std::slice::from_ref(&message),
            std::slice::from_ref(&weights),
            &positions,
            &mut prg,
        );
        for (&at, got) in positions.iter().zip(got) {
            assert_eq!(
                got,
                oracle(ring, std::slice::from_ref(&message), std::slice::from_ref(&weights), at),
                "degree {degree}, {at}"
            );
        }
    }
}

#[test]
fn more_terms_than_a_sum_holds_are_folded() {
    let mut prg = Prg::from_seed(Block(9));
    let keys = keys(Parameters::insecure_for_tests(64, 2), &mut prg);
    let ring = Ring::new(16).unwrap();
    let budget = Budget::new(&keys.parameters, &load(16, 1, 9000, 0)).unwrap();
    let message = prg.ring_vec(ring, 64).into_values();
    let seed = prg.block();
    let mut bytes = Vec::new();
    let mut encryptor = Encryptor::new(&keys.secret, Form::Points, budget, seed);
    encryptor.encrypt(message.iter().copied().enumerate(), &mut prg, &mut bytes);
    let mut inputs = Inputs::new(Arc::clone(&keys.parameters), Form::Points, budget, seed, 1);
    inputs.push(&bytes).unwrap();
    let mut sum = Sum::new(Arc::clone(&keys.parameters));
    let one = WeightPoly::new(&keys.parameters, [(0, -1)]);
    (0..9000).for_each(|_| sum.add(&inputs, 0, &one));
    let mut reply = Vec::new();
    let replier = Replier::new(&keys.public, budget);
    replier.reply(Product::Points(&mut sum), &[(5, 0)], &mut prg, &mut reply);
    let got = Decryptor::new(&keys.secret, budget).decrypt(&reply, &[5]).unwrap();
    assert_eq!(got, [ring.reduce(message[5].wrapping_mul(9000).wrapping_neg())]);
}

#[test]
fn malformed_messages_are_errors() {
    let mut prg = Prg::from_seed(Block(10));
    let keys = keys(Parameters::insecure_for_tests(64, 2), &mut prg);
    let budget = Budget::new(&keys.parameters, &load(32, 8, 10, 0)).unwrap();
    let length = |error: &HeError| matches!(error, HeError::Length { .. });
    let range = |error: &HeError| matches!(error, HeError::Range { .. });

    let good = keys.secret.public_key(&mut prg);
    let key = |bytes: &[u8]| PublicKey::from_bytes(Arc::clone(&keys.parameters), bytes).map(|_| ());
    assert!(key(&good).is_ok());
    assert!(key(&good[1..]).is_err_and(|e| length(&e)) && key(&[]).is_err_and(|e| length(&e)));
    let mut high = good.clone();
    high[16..].fill(0xff);
    assert!(key(&high).is_err_and(|e| range(&e)));

    let mut inputs = Inputs::new(Arc::clone(&keys.parameters), Form::Points, budget, Block(1), 1);
    let want = fresh_bytes(&keys.parameters, &budget);
    assert!(inputs.push(&vec![0; want - 1]).is_err_and(|e| length(&e)));
    assert!(inputs.push(&vec![0xff; want]).is_err_and(|e| range(&e)));
    assert!(inputs.is_empty());
    assert!(inputs.push(&vec![0; want]).is_ok() && inputs.len() == 1);

    let decryptor = Decryptor::new(&keys.secret, budget);
    let want = reply_bytes(&keys.parameters, &budget, 2);
    assert!(decryptor.decrypt(&vec![0; want + 1], &[0, 1]).is_err_and(|e| length(&e)));
    assert!(
        decryptor.decrypt(&vec![0xff; want], &[0, 1]).is_ok(),
        "every reply of the right length is valid"
    );
}

#[test]
fn secrets_are_not_printed() {
    let mut prg = Prg::from_seed(Block(11));
    let keys = keys(Parameters::insecure_for_tests(64, 2), &mut prg);
    assert_eq!(format!("{:?}", keys.secret), "SecretKey(..)");
    assert_eq!(format!("{:?}", WeightPoly::new(&keys.parameters, [(0, 5)])), "WeightPoly(..)");
    let monomial = ScaledMonomial { input: 1, exponent: -2, weight: 77 };
    assert!(!format!("{monomial:?}").contains("77"));
}

/// Packs `count` products of one input each, and holds every coefficient to the definition.
fn pack(parameters: Parameters, bits: u32, levels: u32, count: usize, form: Form) {
    let mut prg = Prg::from_seed(Block(u128::from(levels) << 8 | count as u128));
    let keys = keys(parameters, &mut prg);
    let bytes = keys.secret.packing_keys(levels, &mut prg);
    let packing = PackingKeys::from_bytes(Arc::clone(&keys.parameters), levels, &bytes).unwrap();
    assert_eq!(bytes.len(), packing_keys_bytes(&keys.parameters, levels));
    let (degree, ring) = (keys.parameters.degree(), Ring::new(bits).unwrap());
    let budget = Budget::new(&keys.parameters, &load(bits, 10, 9, levels)).unwrap();
    let seed = prg.block();
    let mut encryptor = Encryptor::new(&keys.secret, form, budget, seed);
    let mut inputs = Inputs::new(Arc::clone(&keys.parameters), form, budget, seed, count);
    let messages: Vec<Vec<u64>> = (0..count).map(|_| prg.ring_vec(ring, degree).into_values()).collect();
    let weights: Vec<Weights> = (0..count).map(|_| random_weights(&mut prg, 9, 10, degree)).collect();
    for message in &messages {
        let mut bytes = Vec::new();
        encryptor.encrypt(message.iter().copied().enumerate(), &mut prg, &mut bytes);
        inputs.push(&bytes).unwrap();
    }
    let combinations = match form {
        Form::Points => {
            let mut sum = Sum::new(Arc::clone(&keys.parameters));
            let product = |(i, w): (usize, &Weights)| {
                sum.clear();
                sum.add(&inputs, i, &WeightPoly::new(&keys.parameters, w.iter().copied()));
                sum.combination()
            };
            weights.iter().enumerate().map(product).collect()
        }
        Form::Coefficients => {
            let row = |(input, w): (usize, &Weights)| {
                w.iter().map(|&(exponent, weight)| ScaledMonomial { input, exponent, weight }).collect()
            };
            inputs.combine(&weights.iter().enumerate().map(row).collect::<Vec<_>>())
        }
    };
    let packed = packing.pack(combinations, levels);
    let stride = 1 << levels;
    let masks: Vec<(usize, u64)> =
        (0..degree).filter(|at| at % stride < count).map(|at| (at, ring.reduce(prg.u64()))).collect();
    let mut reply = Vec::new();
    Replier::new(&keys.public, budget).reply(Product::Coefficients(packed), &masks, &mut prg, &mut reply);
    let positions: Vec<usize> = masks.iter().map(|(at, _)| *at).collect();
    let values = Decryptor::new(&keys.secret, budget).decrypt(&reply, &positions).unwrap();
    for ((at, mask), value) in masks.into_iter().zip(values) {
        let j = at % stride;
        let want = oracle(ring, &messages[j..=j], &weights[j..=j], at - j);
        assert_eq!(ring.add(value, mask), want, "{count} products, {levels} levels, coefficient {at}");
    }
}

#[test]
fn packed_products_are_exact() {
    for levels in 1..=6 {
        for count in [1, 2, 3, 1 << (levels - 1), (1 << levels) - 1, 1 << levels] {
            if count <= 1 << levels {
                let form = if count % 2 == 0 { Form::Points } else { Form::Coefficients };
                pack(Parameters::insecure_for_tests(64, 2), 20, levels, count, form);
            }
        }
    }
    pack(Parameters::with_packing(8192).unwrap(), 25, 3, 8, Form::Points);
}

#[test]
fn malformed_packing_keys_are_errors() {
    let mut prg = Prg::from_seed(Block(12));
    let keys = keys(Parameters::insecure_for_tests(64, 2), &mut prg);
    let good = keys.secret.packing_keys(2, &mut prg);
    let read = |levels, bytes: &[u8]| {
        PackingKeys::from_bytes(Arc::clone(&keys.parameters), levels, bytes).map(|_| ())
    };
    assert_eq!(read(2, &good), Ok(()));
    assert!(matches!(read(3, &good), Err(HeError::Length { .. })));
    assert!(matches!(read(2, &good[..good.len() - 1]), Err(HeError::Length { .. })));
    let mut high = good;
    high[16..].fill(0xff);
    assert!(matches!(read(2, &high), Err(HeError::Range { .. })));
}
