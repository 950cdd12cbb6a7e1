//! The check of a run: whether any watched value left its range, as one bit.
//!
//! Each party keeps, of the values that the plan says, its shares of the elements to be checked until the
//! nodes have run. Then all flags are made together, and of them one shared bit, which the client alone is
//! given; where the input is shared, each party keeps its share. The client draws the elements that are
//! checked, before anything is known of them, and the sets of flags that are added up.
//!
//! What is sent beside that draw is sent by comparisons and products of shared bits, so each side sees masked
//! bits only, and the client the one bit.

use std::collections::BTreeMap;

use veilflow_correlation::Cost;
use veilflow_ir::plan::{Plan, PlanOp, PlanValue, RangeCheck};
use veilflow_net::Role;
use veilflow_online::{Drelu, Outside, Party, Reveal, Tuning, UpperBits, any, any_cost, beyond, beyond_cost};
use veilflow_prim::{Block, Prg};
use veilflow_ring::{Bits, Ring, RingVec};

use crate::error::{ExecError, Result};

/// Bytes of the client's draw.
const SEED_BYTES: usize = 16;

/// Elements of different widths are compared together, in the next ring of a multiple of so many bits.
const COMPARED_TOGETHER: u32 = 8;

/// What a run of a plan checks, and by which protocols.
#[derive(Debug)]
pub(crate) struct Check {
    ranges: Vec<Watched>,
    /// For the comparisons of elements whose signs no node tells: by width, the ranges.
    compared: BTreeMap<u32, (Drelu, Vec<usize>)>,
    /// For the intervals: the ranges that have the same one.
    intervals: BTreeMap<(u32, i64, i64), (Outside, Vec<usize>)>,
}

/// A value that is watched.
#[derive(Debug)]
struct Watched {
    value: usize,
    bits: u32,
    elements: usize,
    /// So many of them are checked.
    checked: usize,
    how: How,
}

#[derive(Debug, Clone, Copy)]
enum How {
    /// By the bits from place m on, where a node tells bit m.
    Signed { magnitude: u32, node: usize, offset: usize },
    /// Likewise, where a comparison must tell it.
    Compared { magnitude: u32 },
    /// By an interval.
    Interval,
}

/// What a party keeps of a run for its check.
pub(crate) struct Watch<'a> {
    check: &'a Check,
    /// The elements that are checked, of each range; all of them if `None`.
    chosen: Vec<Option<Vec<usize>>>,
    /// The checked elements' shares, once their value is made.
    shares: Vec<Option<RingVec>>,
    /// Shares of their signs, of those that a node tells.
    positive: Vec<Option<Bits>>,
    flags: Block,
}

/// The node that tells bit m of a value's elements, and the place of the first of them among its own: an
/// activation that reads them, or what is left of them after a truncation, with that bit at the top.
fn sign_node(plan: &Plan, value: usize, magnitude: u32) -> Option<(usize, usize)> {
    // Values whose bits from a place on are bit m of the elements, which stand there from an offset on.
    let mut found = BTreeMap::from([(value, (magnitude, 0))]);
    for (index, node) in plan.nodes.iter().enumerate() {
        let told = |(at, input)| found.get(input).map(|&(place, offset)| (at, place, offset));
        let Some((at, place, offset)) = node.inputs.iter().enumerate().find_map(told) else {
            continue;
        };
        let (reads, makes) = (plan.values[node.inputs[at]].width, plan.values[node.output].width);
        let at_top = reads == place + 1;
        let next = match node.op {
            PlanOp::Relu | PlanOp::ReluTruncate { .. } | PlanOp::Clip { .. } if at_top => {
                return Some((index, offset));
            }
            PlanOp::Reshape => (place, offset),
            PlanOp::Narrow { .. } if makes > place => (place, offset),
            PlanOp::ShiftLeft { by } => (place + by, offset),
            PlanOp::TruncateReduce { shift } | PlanOp::TruncateExtend { shift, .. } if at_top => {
                (place - shift, offset)
            }
            PlanOp::Concat { axis } if plan.values[node.output].shape[..axis].iter().all(|&n| n == 1) => {
                let before = |&input: &usize| plan.values[input].shape.elements();
                (place, offset + node.inputs[..at].iter().map(before).sum::<usize>())
            }
            _ => continue,
        };
        found.insert(node.output, next);
    }
    None
}

impl Watched {
    fn new(plan: &Plan, range: &RangeCheck) -> Self {
        let value = range.value();
        let PlanValue { ref shape, magnitude, width: bits, .. } = plan.values[value];
        let elements = shape.elements();
        let how = match range {
            RangeCheck::Interval { .. } => How::Interval,
            RangeCheck::Magnitude { .. } => match sign_node(plan, value, magnitude) {
                Some((node, offset)) => How::Signed { magnitude, node, offset },
                None => How::Compared { magnitude },
            },
        };
        Self { value, bits, elements, checked: plan.checks.of(elements), how }
    }

    /// The place of the sign, m, if bits are to equal the one there.
    fn place(&self) -> Option<u32> {
        match self.how {
            How::Signed { magnitude, .. } | How::Compared { magnitude } => Some(magnitude),
            How::Interval => None,
        }
    }
}

impl Check {
    /// Of a verified plan.
    pub(crate) fn new(plan: &Plan, tuning: Tuning) -> Result<Self> {
        let ranges: Vec<Watched> = plan.checks.ranges.iter().map(|range| Watched::new(plan, range)).collect();
        let mut compared = BTreeMap::<u32, (Drelu, Vec<usize>)>::new();
        let mut intervals = BTreeMap::<_, (Outside, Vec<usize>)>::new();
        for (index, (watched, range)) in ranges.iter().zip(&plan.checks.ranges).enumerate() {
            if let How::Compared { magnitude } = watched.how {
                let width = (magnitude + 1).next_multiple_of(COMPARED_TOGETHER);
                compared
                    .entry(width)
                    .or_insert_with(|| (Drelu::new(width, tuning), Vec::new()))
                    .1
                    .push(index);
            }
            if let RangeCheck::Interval { value, low, high } = *range {
                let ring = ring(plan.values[value].width)?;
                let outside = Outside::new(ring, low, high, tuning)?;
                let key = (ring.bits(), low, high);
                intervals.entry(key).or_insert_with(|| (outside, Vec::new())).1.push(index);
            }
        }
        Ok(Self { ranges, compared, intervals })
    }

    /// Whether anything is checked.
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Whether node `index` is to tell the signs that it finds.
    pub(crate) fn asks_for_signs(&self, index: usize) -> bool {
        self.ranges.iter().any(|r| matches!(r.how, How::Signed { node, .. } if node == index))
    }

    /// What the client's draw sends before the nodes run.
    pub(crate) fn draw_cost(&self) -> Cost {
        if self.is_empty() { Cost::default() } else { Cost::message(Role::P1, SEED_BYTES as u64) }
    }

    /// What is sent and consumed after the nodes have run, but for giving the client the bit.
    pub(crate) fn cost(&self) -> Cost {
        if self.is_empty() {
            return Cost::default();
        }
        let elements = |ranges: &[usize]| ranges.iter().map(|&r| self.ranges[r].checked).sum::<usize>();
        let compared = self.compared.values().map(|(drelu, ranges)| drelu.cost(elements(ranges)));
        let intervals = self.intervals.values().map(|(outside, ranges)| outside.cost(elements(ranges)));
        let group = |range: &Watched| Some(((range.bits - range.place()?) as usize, range.checked));
        let groups: Vec<_> = self.ranges.iter().filter_map(group).collect();
        let before = compared.chain(intervals).fold(Cost::default(), Cost::then);
        before.then(beyond_cost(&groups)).then(any_cost())
    }

    /// What giving the client the bit sends.
    pub(crate) fn reveal_cost(&self) -> Cost {
        if self.is_empty() { Cost::default() } else { Reveal::to(Role::P1).cost(bit_ring(), 1) }
    }

    /// Begins a run: the client draws what is checked.
    pub(crate) fn begin(&self, party: &mut Party) -> Result<Watch<'_>> {
        let seed = match (self.is_empty(), party.role) {
            (true, _) => Block(0),
            (false, Role::P1) => {
                let seed = party.prg.block();
                party.channel.send(&seed.0.to_le_bytes())?;
                // The server waits for it before anything else.
                party.channel.flush()?;
                seed
            }
            (false, Role::P0) => {
                let bytes = party.channel.recv_vec(SEED_BYTES)?;
                Block(u128::from_le_bytes(bytes.try_into().expect("as long as was asked for")))
            }
        };
        let mut prg = Prg::from_seed(seed);
        let chosen = |range: &Watched| {
            let place = |_| (prg.u64() % range.elements as u64) as usize;
            (range.checked < range.elements).then(|| (0..range.checked).map(place).collect())
        };
        let chosen = self.ranges.iter().map(chosen).collect();
        let (shares, positive) = (vec![None; self.ranges.len()], vec![None; self.ranges.len()]);
        Ok(Watch { check: self, chosen, shares, positive, flags: prg.block() })
    }
}

fn ring(bits: u32) -> Result<Ring> {
    Ring::new(bits).map_err(|e| ExecError::Misfit { what: e.to_string() })
}

/// Shared bits, as elements to be revealed.
fn bit_ring() -> Ring {
    Ring::new(1).expect("bits are a ring")
}

impl Watch<'_> {
    /// Keeps what is to be checked of a value that was made.
    pub(crate) fn made(&mut self, value: usize, share: &RingVec) {
        for (index, range) in self.check.ranges.iter().enumerate().filter(|(_, r)| r.value == value) {
            debug_assert_eq!(share.len(), range.elements);
            self.shares[index] = Some(match &self.chosen[index] {
                None => share.clone(),
                Some(chosen) => share.gather(chosen.iter().copied()),
            });
        }
    }

    /// Keeps the signs that a node found.
    pub(crate) fn signs(&mut self, index: usize, positive: &Bits) {
        for (at, range) in self.check.ranges.iter().enumerate() {
            if let How::Signed { node, offset, .. } = range.how
                && node == index
            {
                self.positive[at] = Some(match &self.chosen[at] {
                    None => positive.slice(offset, range.elements),
                    Some(chosen) => chosen.iter().map(|&i| positive.get(offset + i)).collect(),
                });
            }
        }
    }

    /// This party's shares of what is checked of some ranges, one after another, lifted into `width` bits.
    fn joined(&self, ranges: &[usize], width: Option<u32>) -> Result<RingVec> {
        let mut joined: Option<RingVec> = None;
        for &index in ranges {
            let mut share = self.share(index)?.clone();
            if let (Some(width), How::Compared { magnitude }) = (width, self.check.ranges[index].how) {
                // The bit of the sign comes to the top.
                share = share.map_into(ring(width)?, |v| v << (width - 1 - magnitude));
            }
            match &mut joined {
                Some(joined) => joined.append(&share),
                None => joined = Some(share),
            }
        }
        joined.ok_or_else(|| ExecError::Misfit { what: "a check of nothing".to_owned() })
    }

    fn share(&self, index: usize) -> Result<&RingVec> {
        self.shares[index].as_ref().ok_or_else(|| {
            let value = self.check.ranges[index].value;
            ExecError::Misfit { what: format!("value {value} is checked before it is made") }
        })
    }

    /// A share of whether any value left its range, after all nodes have run.
    pub(crate) fn finish(mut self, party: &mut Party) -> Result<Bits> {
        let check = self.check;
        for (&width, (drelu, ranges)) in &check.compared {
            let elements = self.joined(ranges, Some(width))?;
            let demand = |n| drelu.cost(n).demand;
            let positive = party.in_threads(elements.len(), demand, |party, part| {
                drelu.run(party, &elements.slice(part.start, part.len()))
            })?;
            let (positive, mut at) = (Bits::concat(&positive), 0);
            for &index in ranges {
                let checked = check.ranges[index].checked;
                self.positive[index] = Some(positive.slice(at, checked));
                at += checked;
            }
        }
        let mut outside = Bits::default();
        for (protocol, ranges) in check.intervals.values() {
            outside.append(&protocol.run(party, &self.joined(ranges, None)?)?);
        }
        let mut groups = Vec::with_capacity(check.ranges.len());
        for (index, range) in check.ranges.iter().enumerate() {
            let Some(magnitude) = range.place() else { continue };
            let share = self.share(index)?;
            let row = |place: u32| share.values().iter().map(|v| v >> place & 1 == 1).collect();
            let rows = (magnitude..share.ring().bits()).map(row).collect();
            let missing = || ExecError::Misfit { what: format!("no signs of value {}", range.value) };
            let positive = self.positive[index].clone().ok_or_else(missing)?;
            groups.push(UpperBits { rows, positive });
        }
        let mut flags = beyond(party, &groups)?;
        flags.append(&outside);
        Ok(any(party, &flags, self.flags)?)
    }
}

/// The bit for the client: `Some` there, `None` at the server.
pub(crate) fn reveal(party: &mut Party, share: &Bits) -> Result<Option<bool>> {
    let share = RingVec::from_bits(bit_ring(), share);
    Ok(Reveal::to(Role::P1).run(party, &share)?.map(|bit| bit.values()[0] == 1))
}
