//! A random local code as a graph, from which places are removed.

use veilflow_prim::{Block, Prg};

/// How often a trajectory is recorded: so many times until no place is left.
const POINTS: usize = 1000;

/// Sizes at a moment of the removal, as shares of k.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Point {
    /// Places left.
    pub(super) places: f64,
    /// Samples that use no other place.
    pub(super) samples: f64,
}

/// Which sample uses which place.
pub(super) struct Graph {
    locality: usize,
    /// The places of each sample, one sample after the other.
    uses: Vec<u32>,
    /// The samples of each place, one place after the other; place i has those from `starts[i]` on.
    users: Vec<u32>,
    starts: Vec<u32>,
    /// How many samples that are left use a place; `GONE` for a place that is removed.
    degrees: Vec<u32>,
    left: Vec<bool>,
    samples: usize,
    places: usize,
    /// An order to remove places in at random.
    order: Vec<u32>,
}

const GONE: u32 = u32::MAX;

/// `count` numbers below `bound`, with a bias of less than `bound`/2^32.
fn below(bound: usize, count: usize, prg: &mut Prg) -> Vec<u32> {
    let mut words = vec![0; count.div_ceil(2)];
    prg.words(&mut words);
    let halves = words.into_iter().flat_map(|word| [word & u64::from(u32::MAX), word >> 32]);
    halves.take(count).map(|half| ((half * bound as u64) >> 32) as u32).collect()
}

impl Graph {
    /// `samples` samples that use `locality` of `places` places each, independent and uniform.
    pub(super) fn random(places: usize, samples: usize, locality: usize, seed: u64) -> Self {
        let mut prg = Prg::from_seed(Block::from(u128::from(seed)));
        let uses = below(places, samples * locality, &mut prg);
        let mut order: Vec<u32> = (0..places as u32).collect();
        for i in (1..places).rev() {
            order.swap(i, prg.u64() as usize % (i + 1));
        }

        let mut starts = vec![0u32; places + 1];
        for &place in &uses {
            starts[place as usize + 1] += 1;
        }
        let degrees = starts[1..].to_vec();
        for i in 0..places {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut users = vec![0u32; uses.len()];
        for (at, &place) in uses.iter().enumerate() {
            users[next[place as usize] as usize] = (at / locality) as u32;
            next[place as usize] += 1;
        }
        Self { locality, uses, users, starts, degrees, left: vec![true; samples], samples, places, order }
    }

    /// Removes `at_random` places, and then the one with the fewest samples again and again, until there are
    /// half as many samples as places.
    pub(super) fn shrink(&mut self, at_random: usize) -> Vec<Point> {
        let total = self.places;
        let step = (total / POINTS).max(1);
        for place in std::mem::take(&mut self.order).into_iter().take(at_random) {
            self.remove(place, |_, _| ());
        }
        // A place is in the bucket of its degree, and may still be in those of degrees it had.
        let most =
            self.degrees.iter().filter(|&&degree| degree != GONE).max().map_or(0, |&most| most as usize);
        let mut buckets = vec![Vec::new(); most + 1];
        for (place, &degree) in self.degrees.iter().enumerate().filter(|(_, degree)| **degree != GONE) {
            buckets[degree as usize].push(place as u32);
        }
        let mut points = Vec::new();
        let mut lowest = 0;
        while 2 * self.samples >= self.places && lowest < buckets.len() {
            let Some(place) = buckets[lowest].pop() else {
                lowest += 1;
                continue;
            };
            if self.degrees[place as usize] as usize != lowest {
                continue;
            }
            if self.places.is_multiple_of(step) {
                let share = |count: usize| count as f64 / total as f64;
                points.push(Point { places: share(self.places), samples: share(self.samples) });
            }
            self.remove(place, |other, degree| {
                buckets[degree as usize].push(other);
                lowest = lowest.min(degree as usize);
            });
        }
        points
    }

    /// Removes a place with its samples, and calls `changed` with every other place whose degree falls.
    fn remove(&mut self, place: u32, mut changed: impl FnMut(u32, u32)) {
        self.degrees[place as usize] = GONE;
        self.places -= 1;
        let range = self.starts[place as usize] as usize..self.starts[place as usize + 1] as usize;
        for &sample in &self.users[range] {
            if !std::mem::take(&mut self.left[sample as usize]) {
                continue;
            }
            self.samples -= 1;
            let at = sample as usize * self.locality;
            for &other in &self.uses[at..at + self.locality] {
                let degree = &mut self.degrees[other as usize];
                if *degree != GONE {
                    *degree -= 1;
                    changed(other, *degree);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_agree_with_the_definition() {
        let mut graph = Graph::random(300, 900, 3, 7);
        let points = graph.shrink(30);
        assert_eq!(points[0].places, 0.9);
        let gone = |sample: &[u32]| sample.iter().any(|&place| graph.degrees[place as usize] == GONE);
        let left = graph.uses.chunks(3).filter(|sample| !gone(sample)).count();
        assert_eq!(left, graph.samples);
        assert!(graph.places > 0 && 2 * graph.samples < graph.places);
        assert!(points.windows(2).all(|pair| pair[1].samples <= pair[0].samples));
    }

    #[test]
    fn the_seed_decides() {
        let run = |seed| Graph::random(200, 1000, 4, seed).shrink(0);
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
    }
}
