//! Encrypt, multiply, mask, reply, decrypt: exact against the product by its definition, and faults.

use std::sync::Arc;

use veilflow_he::hiding::Run;
use veilflow_he::{
    Budget, Decryptor, Encryptor, Form, HeError, Inputs, Load, PackingKeys, Parameters, Product, PublicKey,
    Replier, ScaledMonomial, SecretKey, Slots, Sum, WeightPoly, fresh_bytes, packing_keys_bytes, reply_bytes,
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
    Load {
        ring_bits,
        weight_bits,
        weights,
        levels,
        values: 1000,
        part: Run::new(&[(1000, 0.0)]).part(1000, 0.0),
    }
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

/// Encrypts, by way of bytes. Every third message is the encryption's own choice, and takes the place of what
/// was there.
fn encrypt(keys: &Keys, budget: Budget, form: Form, messages: &mut [Vec<u64>], prg: &mut Prg) -> Inputs {
    let encryptor = Encryptor::new(&keys.secret, form, budget);
    let mut inputs = Inputs::new(Arc::clone(&keys.parameters), form, budget, messages.len());
    for (message, place) in messages.iter_mut().zip(inputs.places()) {
        let (free, given): (Vec<usize>, Vec<usize>) = (0..message.len()).partition(|at| at % 3 == 2);
        let values: Vec<u64> = given.iter().map(|&at| message[at]).collect();
        let slots = Slots { free, given };
        let (seed, mut bytes) = (prg.block(), Vec::new());
        let chosen = encryptor.encrypt(seed, &slots, &values, prg, &mut bytes);
        slots.free.iter().zip(chosen).for_each(|(&at, m)| message[at] = m);
        let want = fresh_bytes(&keys.parameters, &budget, slots.free.len(), slots.given.len());
        assert_eq!(bytes.len(), want);
        place.read(seed, &slots, &bytes).unwrap();
    }
    inputs
}

/// Replies, and decrypts; returns the sums of both shares.
fn reply(keys: &Keys, budget: Budget, product: Product<'_>, positions: &[usize], prg: &mut Prg) -> Vec<u64> {
    let ring = Ring::new(budget.ring_bits).unwrap();
    let mut bytes = Vec::new();
    let shares = Replier::new(&keys.public, budget).reply(product, positions, prg, &mut bytes);
    assert_eq!(bytes.len(), reply_bytes(&keys.parameters, &budget, positions.len()));
    let values = Decryptor::new(&keys.secret, budget).decrypt(&bytes, positions).unwrap();
    values.iter().zip(shares).map(|(&v, share)| ring.add(v, share)).collect()
}

/// One layer of one reply; returns what it comes to.
fn run(
    keys: &Keys,
    budget: Budget,
    form: Form,
    messages: &mut [Vec<u64>],
    weights: &[Weights],
    positions: &[usize],
    prg: &mut Prg,
) -> Vec<u64> {
    let inputs = encrypt(keys, budget, form, messages, prg);
    match form {
        Form::Points => {
            let mut sum = Sum::new(Arc::clone(&keys.parameters));
            for (i, weights) in weights.iter().enumerate() {
                sum.add(&inputs, i, &WeightPoly::new(&keys.parameters, weights.iter().copied()));
            }
            reply(keys, budget, Product::Points(&mut sum), positions, prg)
        }
        Form::Coefficients => {
            let monomial =
                |input: usize| move |&(exponent, weight)| ScaledMonomial { input, exponent, weight };
            let row = weights.iter().enumerate().flat_map(|(i, w)| w.iter().map(monomial(i))).collect();
            let combination = inputs.combine(&[row]).pop().unwrap();
            reply(keys, budget, Product::Coefficients(combination), positions, prg)
        }
    }
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
            let mut messages: Vec<Vec<u64>> = (0..5).map(|_| prg.ring_vec(ring, 64).into_values()).collect();
            let weight_bits = 1 + bits % 16;
            let weights: Vec<Weights> =
                (0..5).map(|_| random_weights(&mut prg, 9, weight_bits, 64)).collect();
            let Ok(budget) = Budget::new(&keys.parameters, &load(bits, weight_bits, 45, 0)) else { continue };
            fitting += 1;
            let positions = [0, 1, 17, 62, 63];
            for form in [Form::Points, Form::Coefficients] {
                let got = run(&keys, budget, form, &mut messages, &weights, &positions, &mut prg);
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
        let mut messages = [prg.ring_vec(ring, degree).into_values()];
        messages[0][..5].copy_from_slice(&[ring.mask(), 1 << (bits - 1), 0, 0, 1]);
        let weights: Weights = (0..taps as isize).map(|e| (e, -512)).collect();
        let positions: Vec<usize> = (0..degree).step_by(61).collect();
        let got = run(
            &keys,
            budget,
            Form::Points,
            &mut messages,
            std::slice::from_ref(&weights),
            &positions,
            &mut prg,
        );
        for (&at, got) in positions.iter().zip(got) {
            let want = oracle(ring, &messages, std::slice::from_ref(&weights), at);
            assert_eq!(got, want, "degree {degree}, {at}");
        }
    }
}

#[test]
fn more_terms_than_a_sum_holds_are_folded() {
    let mut prg = Prg::from_seed(Block(9));
    let keys = keys(Parameters::insecure_for_tests(64, 2), &mut prg);
    let ring = Ring::new(16).unwrap();
    let budget = Budget::new(&keys.parameters, &load(16, 1, 9000, 0)).unwrap();
    let mut messages = [prg.ring_vec(ring, 64).into_values()];
    let inputs = encrypt(&keys, budget, Form::Points, &mut messages, &mut prg);
    let mut sum = Sum::new(Arc::clone(&keys.parameters));
    let one = WeightPoly::new(&keys.parameters, [(0, -1)]);
    (0..9000).for_each(|_| sum.add(&inputs, 0, &one));
    let got = reply(&keys, budget, Product::Points(&mut sum), &[5], &mut prg);
    assert_eq!(got, [ring.reduce(messages[0][5].wrapping_mul(9000).wrapping_neg())]);
}

/// Whatever is encrypted, the same randomness makes the same reply: only the server's share, which stays at
/// home, holds the message.
#[test]
fn replies_do_not_depend_on_the_message() {
    let keys = keys(Parameters::new(4096, 2).unwrap(), &mut Prg::from_seed(Block(13)));
    let ring = Ring::new(30).unwrap();
    let budget = Budget::new(&keys.parameters, &load(30, 8, 4, 0)).unwrap();
    let weights: Weights = vec![(0, 7), (1, -100), (63, 1), (4000, 127)];
    let positions: Vec<usize> = (0..4096).collect();
    let slots = Slots { free: Vec::new(), given: positions.clone() };
    let transcript = |messages: &[u64]| {
        let mut prg = Prg::from_seed(Block(14));
        let (seed, mut fresh, mut bytes) = (prg.block(), Vec::new(), Vec::new());
        let encryptor = Encryptor::new(&keys.secret, Form::Points, budget);
        encryptor.encrypt(seed, &slots, messages, &mut prg, &mut fresh);
        let mut inputs = Inputs::new(Arc::clone(&keys.parameters), Form::Points, budget, 1);
        inputs.places().next().unwrap().read(seed, &slots, &fresh).unwrap();
        let mut sum = Sum::new(Arc::clone(&keys.parameters));
        sum.add(&inputs, 0, &WeightPoly::new(&keys.parameters, weights.iter().copied()));
        let replier = Replier::new(&keys.public, budget);
        (replier.reply(Product::Points(&mut sum), &positions, &mut prg, &mut bytes), bytes)
    };
    let message = Prg::from_seed(Block(15)).ring_vec(ring, 4096).into_values();
    let (shares, bytes) = transcript(&message);
    let (shares_of_zero, bytes_of_zero) = transcript(&vec![0; 4096]);
    assert!(bytes == bytes_of_zero);
    for (at, (share, of_zero)) in shares.iter().zip(&shares_of_zero).enumerate() {
        let want = oracle(ring, std::slice::from_ref(&message), std::slice::from_ref(&weights), at);
        assert_eq!(ring.sub(*share, *of_zero), want, "coefficient {at}");
    }
    // Both shares of zeros fill 64 classes alike: chi-square of 63 degrees of freedom, 63 ± 11.2.
    let client = Decryptor::new(&keys.secret, budget).decrypt(&bytes_of_zero, &positions).unwrap();
    for share in [shares_of_zero, client] {
        let mut classes = [0f64; 64];
        share.iter().for_each(|s| classes[(s >> 24) as usize] += 1.0);
        let chi_square: f64 = classes.iter().map(|n| (n - 64.0) * (n - 64.0) / 64.0).sum();
        assert!((63.0 - 56.0..63.0 + 67.0).contains(&chi_square), "{chi_square}");
    }
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

    let mut inputs = Inputs::new(Arc::clone(&keys.parameters), Form::Points, budget, 1);
    let slots = Slots { free: (0..20).collect(), given: (20..64).collect() };
    let want = fresh_bytes(&keys.parameters, &budget, 20, 44);
    let mut push = |bytes: &[u8]| inputs.places().next().unwrap().read(Block(1), &slots, bytes);
    assert!(push(&vec![0; want - 1]).is_err_and(|e| length(&e)));
    assert!(push(&vec![0xff; want]).is_err_and(|e| range(&e)));
    assert!(push(&vec![0; want]).is_ok());

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
    let mut messages: Vec<Vec<u64>> = (0..count).map(|_| prg.ring_vec(ring, degree).into_values()).collect();
    let weights: Vec<Weights> = (0..count).map(|_| random_weights(&mut prg, 9, 10, degree)).collect();
    let inputs = encrypt(&keys, budget, form, &mut messages, &mut prg);
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
    let positions: Vec<usize> = (0..degree).filter(|at| at % stride < count).collect();
    let values = reply(&keys, budget, Product::Coefficients(packed), &positions, &mut prg);
    for (at, value) in positions.into_iter().zip(values) {
        let j = at % stride;
        let want = oracle(ring, &messages[j..=j], &weights[j..=j], at - j);
        assert_eq!(value, want, "{count} products, {levels} levels, coefficient {at}");
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
