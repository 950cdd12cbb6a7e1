//! The shape of a comparison tree: how k bits are cut into digits, and in which order segments join. Public.

use veilflow_correlation::digits;

use crate::Tuning;

/// Digits and joins of a comparison of k bits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shape {
    /// Digit widths, least significant first: those of the slots from 0 on, or from 1 on above a segment.
    pub(super) digits: Vec<u32>,
    /// Joins by level, as (low, high) slots. The result stays in the low slot.
    pub(super) levels: Vec<Vec<(usize, usize)>>,
    /// After how many levels slot 0 holds the comparison of the low s bits.
    pub(super) carry_after: Option<usize>,
}

impl Shape {
    /// A tree over `k` bits that also yields the comparison of the low `s` bits, if asked for.
    ///
    /// The lowest segment takes in, level by level, what the other segments have joined to so far. A join
    /// with it is cheaper than others, since it makes no eq; more levels than necessary allow for more of
    /// them.
    pub(super) fn new(k: u32, s: Option<u32>, tuning: Tuning) -> Self {
        let s = s.map(|s| s.min(k));
        let width = tuning.leaf_bits();
        let digits = digits(k, s.unwrap_or(0), width);
        if digits.is_empty() {
            return Self { digits, levels: Vec::new(), carry_after: None };
        }
        // Without a boundary the low part is the lowest digit alone.
        let low = s.map_or(1, |s| s.div_ceil(width) as usize);
        let (levels, boundary) = joins(low, digits.len() - low, tuning);
        Self { digits, levels, carry_after: s.map(|_| boundary) }
    }

    /// A tree over `k` bits, in slots from 1 on, above a segment in slot 0.
    pub(super) fn above(k: u32, tuning: Tuning) -> Self {
        let digits = digits(k, 0, tuning.leaf_bits());
        let (levels, _) = joins(1, digits.len(), tuning);
        Self { digits, levels, carry_after: None }
    }
}

/// The joins of `low` segments and `high` ones above them, by level, and after how many levels the low ones
/// are joined.
fn joins(low: usize, high: usize, tuning: Tuning) -> (Vec<Vec<(usize, usize)>>, usize) {
    let (split, depth) = depths(low, high, tuning.extra_levels.min(MAX_EXTRA_LEVELS));
    let below = distribute(low - 1, 0..split);
    let above = distribute(high, split..depth);
    let mut levels = vec![Vec::new(); depth as usize];
    let mut start = 1;
    let taken = (1..).zip(&below).chain((split + 1..).zip(&above));
    for (level, &size) in taken {
        join_balanced(start, size, &mut levels);
        levels[level as usize - 1].push((0, start));
        start += size;
    }
    while levels.last().is_some_and(Vec::is_empty) {
        levels.pop();
    }
    (levels, below.len())
}

/// More levels than this save next to nothing.
const MAX_EXTRA_LEVELS: u32 = 8;

/// After how many levels the low segments are joined, and all: the least depth plus `extra`, with as many
/// joins of the lowest segment as it allows. At level j it can take in 2^(j−1) segments.
fn depths(low: usize, high: usize, extra: u32) -> (u32, u32) {
    let log = |n: usize| n.next_power_of_two().trailing_zeros();
    let fits = |split: u32, depth: u32| (1usize << depth) - (1usize << split) >= high;
    let first = log(low);
    let least = (first..).find(|&depth| fits(first, depth)).unwrap_or(first);
    let depth = least + extra;
    let joins = |split: u32| (split as usize).min(low - 1) + ((depth - split) as usize).min(high);
    let best = (first..=depth)
        .filter(|&split| fits(split, depth))
        .max_by_key(|&split| (joins(split), depth - split));
    (best.unwrap_or(first), depth)
}

/// How many segments the lowest one takes in at each of these levels (counted from 0), `total` in all.
fn distribute(total: usize, levels: std::ops::Range<u32>) -> Vec<usize> {
    let mut sizes = vec![1; levels.len().min(total)];
    let mut rest = total - sizes.len();
    for (size, level) in sizes.iter_mut().zip(levels).rev() {
        let more = rest.min((1 << level) - 1);
        *size += more;
        rest -= more;
    }
    sizes
}

/// Joins segments `start..start + size` into the first, as early as possible.
fn join_balanced(start: usize, size: usize, levels: &mut [Vec<(usize, usize)>]) {
    let mut slots: Vec<usize> = (start..start + size).collect();
    for level in levels {
        level.extend(slots.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        slots = slots.into_iter().step_by(2).collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_above_a_segment_join_it_too() {
        for leaf_bits in 1..=4 {
            for k in 0..=64u32 {
                let tuning = Tuning { leaf_bits, extra_levels: k % 4, ..Tuning::default() };
                let tree = Shape::above(k, tuning);
                assert_eq!(tree.digits.iter().sum::<u32>(), k);
                let mut joined: Vec<usize> = tree.levels.iter().flatten().map(|&(_, high)| high).collect();
                joined.sort_unstable();
                assert_eq!(joined, (1..=tree.digits.len()).collect::<Vec<_>>(), "k {k}");
            }
        }
    }

    #[test]
    fn trees_join_every_segment_and_stop_at_the_boundary() {
        for leaf_bits in 1..=4 {
            for k in 1..=64u32 {
                for s in std::iter::once(None).chain((1..=k).map(Some)) {
                    let tuning = Tuning { leaf_bits, extra_levels: k % 4, ..Tuning::default() };
                    let tree = Shape::new(k, s, tuning);
                    assert_eq!(tree.digits.iter().sum::<u32>(), k);
                    let joins: usize = tree.levels.iter().map(Vec::len).sum();
                    assert_eq!(joins + 1, tree.digits.len(), "k {k} s {s:?}");
                    assert_eq!(tree.carry_after.is_some(), s.is_some());
                    let mut start = 0;
                    let on_boundary = tree.digits.iter().any(|d| {
                        start += d;
                        Some(start) == s
                    });
                    assert_eq!(on_boundary, s.is_some());
                    // Who is joined was not joined before, and the survivor is below.
                    let mut joined = vec![false; tree.digits.len()];
                    for &(low, high) in tree.levels.iter().flatten() {
                        assert!(low < high && !joined[low] && !joined[high]);
                        joined[high] = true;
                    }
                    let quick = Shape::new(k, s, Tuning { leaf_bits, ..Tuning::default() });
                    assert!(tree.levels.len() <= quick.levels.len() + (k % 4) as usize);
                }
            }
        }
    }
}
