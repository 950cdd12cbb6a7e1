//! The largest elements of a vector, with their places.

use veilflow_ring::{Ring, RingVec};

/// Pairs of wires that are compared at the same time: the larger element goes to the first of a pair.
pub type Comparators = Vec<[usize; 2]>;

/// Bits of a place among `n` elements.
pub fn place_bits(n: usize) -> u32 {
    n.next_power_of_two().trailing_zeros()
}

/// The layers of a network that brings the `k` largest of `n` wires, in descending order, to the wires that
/// it returns beside them. Panics unless 1 ≤ k ≤ n.
///
/// Lists of K wires, K the next power of two, are sorted by odd-even merging (Batcher, AFIPS 1968). Two
/// sorted lists are merged by comparing each element of the one with its mirror image in the other, which
/// leaves the K largest in a bitonic order, and sorting that. A list that is short is filled up with wires
/// that lose to every other; where they are is known, so they take no comparator.
pub fn top_k_network(n: usize, k: usize) -> (Vec<Comparators>, Vec<usize>) {
    assert!((1..=n).contains(&k), "the {k} largest of {n}");
    let size = k.next_power_of_two();
    let mut lists: Vec<Vec<Option<usize>>> = (0..n)
        .step_by(size)
        .map(|start| (start..start + size).map(|w| (w < n).then_some(w)).collect())
        .collect();
    let mut layers = Vec::new();
    let mut stage = |lists: &mut [Vec<Option<usize>>], pairs: &[[usize; 2]]| {
        let mut layer = Comparators::new();
        for list in lists {
            for &[a, b] in pairs {
                match (list[a], list[b]) {
                    (Some(larger), Some(smaller)) => layer.push([larger, smaller]),
                    (None, Some(_)) => list.swap(a, b),
                    _ => {}
                }
            }
        }
        if !layer.is_empty() {
            layers.push(layer);
        }
    };
    let powers = || (0..size.trailing_zeros()).map(|bit| 1 << bit);
    for span in powers() {
        for step in powers().rev().filter(|&step| step <= span) {
            let starts = (step % span..size - step).step_by(2 * step);
            let pairs = starts.flat_map(|j| (j..j + step.min(size - j - step)).map(|a| [a, a + step]));
            let same = |&[a, b]: &[usize; 2]| a / (2 * span) == b / (2 * span);
            stage(&mut lists, &pairs.filter(same).collect::<Vec<_>>());
        }
    }
    while lists.len() > 1 {
        // Each pair of lists beside each other, the second reversed.
        let mut joined: Vec<Vec<Option<usize>>> = lists
            .chunks(2)
            .filter(|pair| pair.len() == 2)
            .map(|pair| pair[0].iter().chain(pair[1].iter().rev()).copied().collect())
            .collect();
        stage(&mut joined, &(0..size).map(|i| [i, i + size]).collect::<Vec<_>>());
        joined.iter_mut().for_each(|list| list.truncate(size));
        for step in powers().rev() {
            let pairs = (0..size).filter(|i| i & step == 0).map(|i| [i, i + step]);
            stage(&mut joined, &pairs.collect::<Vec<_>>());
        }
        joined.extend((lists.len() % 2 == 1).then(|| lists.pop()).flatten());
        lists = joined;
    }
    let best = lists.swap_remove(0).into_iter().take(k);
    (layers, best.map(|wire| wire.expect("no fewer wires than results")).collect())
}

/// The `k` largest of x, in descending order: of an element v at place i the number v·2^b + (n − 1 − i) mod
/// 2^(ℓ+b), with b = [`place_bits`]. So the lowest place wins ties.
///
/// The [network](top_k_network) compares by the sign of differences mod 2^(ℓ+b); these are the true largest
/// whenever differences of elements fit ℓ bits. Panics unless 1 ≤ k ≤ n and ℓ + b ≤ 64.
pub fn top_k(x: &RingVec, k: usize) -> RingVec {
    let keys = keys(x);
    let ring = keys.ring();
    let (layers, best) = top_k_network(x.len(), k);
    let mut wires = keys.into_values();
    for [a, b] in layers.into_iter().flatten() {
        if ring.msb(ring.sub(wires[a], wires[b])) {
            wires.swap(a, b);
        }
    }
    RingVec::from_values(ring, best.into_iter().map(|wire| wires[wire]).collect())
}

/// Elements with their places below them, as [`top_k`] compares them.
fn keys(x: &RingVec) -> RingVec {
    let bits = place_bits(x.len());
    let ring = Ring::new(x.ring().bits() + bits).expect("a place fits beside an element");
    let last = x.len() as u64 - 1;
    let key = |(i, &v): (u64, &u64)| (v << bits).wrapping_add(last - i);
    RingVec::from_values(ring, (0u64..).zip(x.values()).map(key).collect())
}

/// The places and the elements of [`top_k`] among `n`, signed.
pub fn places(keys: &RingVec, n: usize) -> Vec<(usize, i64)> {
    let bits = place_bits(n);
    let split = |key: &i64| (n - 1 - (key & ((1 << bits) - 1)) as usize % n, key >> bits);
    keys.to_signed().iter().map(split).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_come_out_in_order_and_the_lowest_place_wins() {
        let ring = Ring::new(12).unwrap();
        let mut state = 1u64;
        for n in [1, 2, 3, 7, 8, 9, 31, 100] {
            for k in [1, 2, 3, 5, 8, 13].into_iter().filter(|&k| k <= n) {
                // Few values, so that there are ties.
                let values: Vec<i64> = (0..n)
                    .map(|_| {
                        state = state
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1_442_695_040_888_963_407);
                        (state >> 60) as i64 - 8
                    })
                    .collect();
                let mut order: Vec<usize> = (0..n).collect();
                order.sort_by_key(|&i| -values[i]);
                let wanted: Vec<(usize, i64)> = order[..k].iter().map(|&i| (i, values[i])).collect();
                let found = top_k(&RingVec::from_signed(ring, &values), k);
                assert_eq!(places(&found, n), wanted, "{k} of {n}: {values:?}");
            }
        }
    }
}
