//! Kinds of correlation, and demands: how many of each an operation consumes.

use std::collections::BTreeMap;
use std::fmt;

use veilflow_net::Role;

use crate::{MaskDigits, Rectifier};

/// A kind of correlation. Roles are fixed where the two sides hold different things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A random shared bit times `payload` random shared bits.
    Triple {
        /// Bits multiplied by the same bit.
        payload: u32,
    },
    /// A random bit of `sender` times a random bit of the other party.
    And {
        /// Who plays the OT sender.
        sender: Role,
    },
    /// A random element of Z_2^`bits` of `sender` times a random bit of the other party.
    Product {
        /// Who holds the element.
        sender: Role,
        /// Width of the element.
        bits: u32,
    },
    /// A random 1-of-2^`digit` OT: `sender` holds all messages, the other party one of them and its index.
    Table {
        /// Who holds all messages.
        sender: Role,
        /// Width of the index.
        digit: u32,
        /// Bits of a message.
        payload: u32,
    },
    /// A random bit of P0 times a random bit of P1, in Z_2^`bits`. It takes a helper, or as much as a [`Kind::Product`].
    BitProduct {
        /// Width of the product.
        bits: u32,
    },
    /// What compares two private digits in one exchange: masks of both parties, and shares of sums of their products. It
    /// takes a helper, or corrections that cost more than tables do.
    Leaf {
        /// Width of a digit.
        digit: u32,
        /// 1 for less-than, 2 for equality as well.
        payload: u32,
    },
    /// Two random shared elements and their product, in Z_2^`bits`. It takes a helper.
    RingTriple {
        /// Width of the elements.
        bits: u32,
    },
    /// A random shared index of `bits` bits and the shared rows of its one-hot vector. It takes a helper.
    OneHot {
        /// Width of the index.
        bits: u32,
    },
    /// What a rectifier takes.
    Rectifier(Rectifier),
    /// A random mask and its digits.
    MaskDigits(MaskDigits),
}

impl Kind {
    /// Bits that a helper sends for one correlation: what neither party can expand on its own.
    pub fn dealt_bits(self) -> usize {
        let bits = match self {
            Self::Triple { payload } | Self::Table { payload, .. } | Self::Leaf { payload, .. } => payload,
            Self::And { .. } => 1,
            Self::Product { bits, .. } | Self::BitProduct { bits } | Self::RingTriple { bits } => bits,
            Self::OneHot { bits } => return (1 << bits) - 1,
            Self::MaskDigits(widths) => return widths.rows(),
            Self::Rectifier(rectifier) => return rectifier.dealt_bits(),
        };
        bits as usize
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Triple { payload } => write!(f, "bit triples (payload {payload})"),
            Self::And { sender } => write!(f, "private bit products (sender {sender:?})"),
            Self::Product { sender, bits } => write!(f, "{bits}-bit correlated OTs (sender {sender:?})"),
            Self::Table { sender, digit, payload } => {
                write!(f, "1-of-{} OTs of {payload} bits (sender {sender:?})", 1u64 << digit)
            }
            Self::BitProduct { bits } => write!(f, "products of private bits in {bits} bits"),
            Self::Rectifier(Rectifier { bits, compare, shift, digit, selections, converts }) => {
                let widths = format!("compare {compare}, shift {shift}, digits of {digit}");
                let form = if *converts { ", converted" } else { "" };
                write!(f, "rectifiers of {bits} bits ({widths}, {selections} selections{form})")
            }
            Self::Leaf { digit, payload } => write!(f, "leaves of {digit} bits (payload {payload})"),
            Self::RingTriple { bits } => write!(f, "{bits}-bit multiplication triples"),
            Self::OneHot { bits } => write!(f, "one-hot vectors of {bits} bits"),
            Self::MaskDigits(MaskDigits { bits, from, digit }) => {
                write!(f, "masks of {bits} bits (digits of {digit}, cut at {from})")
            }
        }
    }
}

/// How many correlations of each kind are consumed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Demand(BTreeMap<Kind, usize>);

impl Demand {
    /// `count` of `kind`.
    pub fn of(kind: Kind, count: usize) -> Self {
        let mut out = Self::default();
        out.add(kind, count);
        out
    }

    /// Adds `count` of `kind`.
    pub fn add(&mut self, kind: Kind, count: usize) {
        if count > 0 {
            *self.0.entry(kind).or_default() += count;
        }
    }

    /// Adds everything in `other`.
    pub fn merge(&mut self, other: &Self) {
        other.iter().for_each(|(kind, count)| self.add(kind, count));
    }

    /// Every kind with its count, in a fixed order that both parties share.
    pub fn iter(&self) -> impl Iterator<Item = (Kind, usize)> + '_ {
        self.0.iter().map(|(&kind, &count)| (kind, count))
    }

    /// How many of `kind`.
    pub fn count(&self, kind: Kind) -> usize {
        self.0.get(&kind).copied().unwrap_or(0)
    }

    /// Whether nothing is demanded.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
