//! The largest elements of a vector with their places, and nothing of the others: a network of comparators on
//! elements that carry their places in their low bits.
//!
//! Of a pair a, b, d = [a − b ≥ 0]·(a − b) gives the larger, b + d, and the smaller, a − d: a comparison and
//! a multiplexer. Pairs of a layer are compared together.
//!
//! What is sent is sent by comparisons and multiplexers, so each side sees masked bits and elements only.
//!
//! # Cost
//! 4,855 comparators in 34 layers for the 5 largest of 1,000 elements; of the largest alone, 999 in 10. Five
//! tournaments one after another would take 4,990 in 50.

use veilflow_correlation::Cost;
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::{Comparators, place_bits, top_k_network};

use crate::{Drelu, Multiplex, OnlineError, Party, Result, Tuning};

/// The largest elements with their places (spec: `top_k`).
#[derive(Debug, Clone)]
pub struct TopK {
    elements: usize,
    ring: Ring,
    keys: Ring,
    layers: Vec<Comparators>,
    best: Vec<usize>,
    larger: Drelu,
    select: Multiplex,
}

impl TopK {
    /// The `k` largest of so many elements of `ring`.
    pub fn new(ring: Ring, elements: usize, k: usize, tuning: Tuning) -> Result<Self> {
        if k == 0 || k > elements {
            return Err(OnlineError::argument("top_k", format!("the {k} largest of {elements}")));
        }
        let keys = Ring::new(ring.bits() + place_bits(elements))?;
        let (layers, best) = top_k_network(elements, k);
        let (larger, select) = (Drelu::new(keys.bits(), tuning), Multiplex::new(keys));
        Ok(Self { elements, ring, keys, layers, best, larger, select })
    }

    /// Cost of one vector.
    pub fn cost(&self) -> Cost {
        let layer = |layer: &Comparators| self.larger.cost(layer.len()).then(self.select.cost(layer.len()));
        self.layers.iter().map(layer).fold(Cost::default(), Cost::then)
    }

    /// Shares of the largest elements with their places, from shares of the elements.
    pub fn run(&self, party: &mut Party, x: &RingVec) -> Result<RingVec> {
        if x.len() != self.elements || x.ring() != self.ring {
            return Err(OnlineError::argument("top_k", "elements of another number or ring"));
        }
        let last = self.elements as u64 - 1;
        let places = RingVec::from_values(self.keys, (0..self.elements as u64).map(|i| last - i).collect());
        let lifted = x.map_into(self.keys, |v| v << (self.keys.bits() - self.ring.bits()));
        let mut wires = lifted.add(&party.only_p0(places)).into_values();
        for layer in &self.layers {
            let side = |at: usize, wires: &[u64]| {
                RingVec::from_values(self.keys, layer.iter().map(|pair| wires[pair[at]]).collect())
            };
            let [a, b] = [side(0, &wires), side(1, &wires)];
            let difference = a.sub(&b);
            let larger = self.larger.run(party, &difference)?;
            let excess = self.select.run(party, &larger, &difference)?;
            let (most, least) = (b.add(&excess), a.sub(&excess));
            for ((pair, most), least) in layer.iter().zip(most.values()).zip(least.values()) {
                (wires[pair[0]], wires[pair[1]]) = (*most, *least);
            }
        }
        Ok(RingVec::from_values(self.keys, self.best.iter().map(|&wire| wires[wire]).collect()))
    }
}
