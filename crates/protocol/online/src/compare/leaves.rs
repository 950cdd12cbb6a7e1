//! Leaves: the shares of (lt, eq) of one digit.
//!
//! A digit of two private numbers is compared in one of three ways, chosen when the tree is made:
//!
//! - one bit by one private product: lt = ¬a·b; eq = ¬a ⊕ b takes none;
//! - by a table: the digit of one party chooses from masked results that the other offers (1-of-2^d OT);
//! - by products, where a helper deals ([`Tuning::dealt`](crate::Tuning::dealt)): the 2^d − 1 products [a <
//!   j]·[b = j], whose sum is [a < b], and another sum of products of the same bits for equality
//!   ([`LeafBatch::sums`]). Each side opens its bits masked, as for a private product; of the masks' products
//!   only the sums matter, a bit each.
//!
//! A public digit is compared with a dealt one locally ([`public_leaf`]).
//!
//! # What each side sees
//! Who chooses from a table sees it masked by messages it does not hold; who offers sees the digit masked by
//! a random index; products open masked bits. Everything seen is uniform.

use veilflow_correlation::{self as correlation, And, AndBatch, Demand, LeafBatch, Table, TableBatch};
use veilflow_net::Role;
use veilflow_ring::{Bits, equals};

use super::joins::Segment;
use crate::boolean::finish_and;
use crate::{OnlineError, Party, Result};

/// What a digit of one bit consumes.
const BIT: And = And { sender: Role::P0 };

/// How a digit of `width` bits is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leaf {
    width: u32,
    /// 2 if equality is needed, else 1.
    payload: u32,
    protocol: Protocol,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Bit,
    Products,
    /// The party that offers the table.
    Table(Role),
}

impl Leaf {
    /// The leaf of a slot. The parties offer tables in turns, so that both directions carry alike.
    pub(super) fn new(slot: usize, width: u32, dealt: bool) -> Self {
        let payload = if slot == 0 { 1 } else { 2 };
        let protocol = match (width, dealt) {
            (1, _) => Protocol::Bit,
            (_, true) => Protocol::Products,
            (_, false) if slot.is_multiple_of(2) => Protocol::Table(Role::P0),
            (_, false) => Protocol::Table(Role::P1),
        };
        Self { width, payload, protocol }
    }

    pub(super) fn width(self) -> u32 {
        self.width
    }

    fn entries(self) -> usize {
        1 << self.width
    }

    /// Demands the correlations of `n` instances.
    pub(super) fn demand(self, demand: &mut Demand, n: usize) {
        match self.protocol {
            Protocol::Bit => demand.add(BIT, n),
            Protocol::Products => demand.add(self.products(), n),
            Protocol::Table(sender) => demand.add(self.table(sender), n),
        }
    }

    fn products(self) -> correlation::Leaf {
        correlation::Leaf { digit: self.width, payload: self.payload }
    }

    fn table(self, sender: Role) -> Table {
        Table { sender, digit: self.width, payload: self.payload }
    }

    /// Bits that the party of `role` opens of an instance.
    pub(super) fn opened(self, role: Role) -> usize {
        match self.protocol {
            Protocol::Bit => 1,
            Protocol::Products => self.entries() - 1,
            Protocol::Table(sender) if sender == role => 0,
            Protocol::Table(_) => self.width as usize,
        }
    }

    /// Bits by which the party of `role` corrects an instance after that.
    pub(super) fn corrected(self, role: Role) -> usize {
        match self.protocol {
            Protocol::Table(sender) if sender == role => (self.entries() - 1) * self.payload as usize,
            _ => 0,
        }
    }

    /// Takes the correlation, and appends this party's masked `digit` to what is opened.
    pub(super) fn open<'a>(
        self,
        party: &mut Party,
        digit: &'a [Bits],
        opening: &mut Bits,
    ) -> Result<Opened<'a>> {
        let (role, n) = (party.role, digit[0].len());
        Ok(match self.protocol {
            Protocol::Bit => {
                let private = if role == Role::P0 { digit[0].not() } else { digit[0].clone() };
                let batch = party.pools.take(BIT, n)?;
                opening.append(&private.xor(&batch.factor));
                Opened::Bit { private, batch }
            }
            Protocol::Products => {
                let private = operands(role, digit);
                let batch = party.pools.take(self.products(), n)?;
                private.iter().zip(&batch.masks).for_each(|(bit, mask)| opening.append(&bit.xor(mask)));
                Opened::Products { private, batch }
            }
            Protocol::Table(sender) => match party.pools.take(self.table(sender), n)? {
                TableBatch::Sender { messages } if sender == role => Opened::Offered { digit, messages },
                TableBatch::Receiver { index, message } if sender != role => {
                    digit.iter().zip(&index).for_each(|(bit, index)| opening.append(&bit.xor(index)));
                    Opened::Chosen { index, message }
                }
                _ => return Err(OnlineError::argument("compare", "the pool holds the other half")),
            },
        })
    }

    /// The shares from what the peer opened, but for a table that this party chose from: that one awaits the
    /// corrections, to which this party appends those of its own table.
    pub(super) fn answer(
        self,
        role: Role,
        opened: Opened<'_>,
        theirs: &mut Rows,
        corrections: &mut Bits,
    ) -> Answered {
        let has_eq = self.payload == 2;
        match opened {
            Opened::Bit { private, batch } => {
                let lt = finish_and(role, &private, &batch.factor, &batch.share, &theirs.next());
                Answered::Done(Segment { lt, eq: has_eq.then_some(private) })
            }
            Opened::Products { private, batch } => {
                let theirs: Vec<Bits> = private.iter().map(|_| theirs.next()).collect();
                Answered::Done(finish_products(role, &private, &batch, &theirs))
            }
            Opened::Offered { digit, messages } => {
                let shift: Vec<Bits> = digit.iter().map(|_| theirs.next()).collect();
                Answered::Done(offer(role, digit, &shift, &messages, has_eq, corrections))
            }
            Opened::Chosen { index, message } => {
                Answered::Awaiting { index, masked: Segment::from_rows(message) }
            }
        }
    }
}

/// A leaf after this party opened its digit.
pub(super) enum Opened<'a> {
    /// One bit, by a private product.
    Bit { private: Bits, batch: AndBatch },
    /// A digit, by products of private bits.
    Products { private: Vec<Bits>, batch: LeafBatch },
    /// A digit whose table this party offers.
    Offered { digit: &'a [Bits], messages: Vec<Vec<Bits>> },
    /// A digit that chooses from the peer's table.
    Chosen { index: Vec<Bits>, message: Vec<Bits> },
}

/// A leaf after the peer opened its digit.
pub(super) enum Answered {
    /// This party has its shares.
    Done(Segment),
    /// This party has the entry under its index before the peer's corrections.
    Awaiting { index: Vec<Bits>, masked: Segment },
}

impl Answered {
    /// The shares, of a table after the peer's corrections.
    pub(super) fn finish(self, corrections: &mut Rows) -> Segment {
        match self {
            Self::Done(segment) => segment,
            Self::Awaiting { index, masked: Segment { mut lt, mut eq } } => {
                for q in 1..1usize << index.len() {
                    let selected = equals(&index, q);
                    lt.xor_assign(&selected.and(&corrections.next()));
                    if let Some(eq) = &mut eq {
                        eq.xor_assign(&selected.and(&corrections.next()));
                    }
                }
                Segment { lt, eq }
            }
        }
    }
}

/// Bits read in rows of `n`.
pub(super) struct Rows {
    pub(super) bits: Bits,
    pub(super) at: usize,
    pub(super) n: usize,
}

impl Rows {
    fn next(&mut self) -> Bits {
        let row = self.bits.slice(self.at, self.n);
        self.at += self.n;
        row
    }
}

/// The sender's half of a leaf: its share is the masked entry at the peer's shift, and every other entry is
/// sent masked and corrected by that share. With index r the peer holds mask r, and r ⊕ shift is its digit.
fn offer(
    role: Role,
    digit: &[Bits],
    shift: &[Bits],
    messages: &[Vec<Bits>],
    has_eq: bool,
    corrections: &mut Bits,
) -> Segment {
    let mut share = table_entry(role, digit, shift, 0, has_eq);
    share.iter_mut().zip(&messages[0]).for_each(|(entry, mask)| entry.xor_assign(mask));
    for (q, masks) in messages.iter().enumerate().skip(1) {
        for ((mut entry, mask), share) in
            table_entry(role, digit, shift, q, has_eq).into_iter().zip(masks).zip(&share)
        {
            entry.xor_assign(mask);
            entry.xor_assign(share);
            corrections.append(&entry);
        }
    }
    Segment::from_rows(share)
}

/// What a party multiplies to compare its digit: [a < j] at P0 and [b = j] at P1, for j in 1..2^d.
fn operands(role: Role, digit: &[Bits]) -> Vec<Bits> {
    let rows = 1..1usize << digit.len();
    if role == Role::P1 {
        return rows.map(|j| equals(digit, j)).collect();
    }
    let mut below = Bits::zeros(digit[0].len());
    let row = |j| {
        below.xor_assign(&equals(digit, j - 1));
        below.clone()
    };
    rows.map(row).collect()
}

/// The shares of (lt, eq) given what the other party opened. P0 multiplies its own bits with P1's masked
/// ones, P1 the masked bits of P0 with its masks; their sum lacks what the masks contribute, which the batch
/// holds.
fn finish_products(role: Role, private: &[Bits], batch: &LeafBatch, theirs: &[Bits]) -> Segment {
    let (left, right) = if role == Role::P0 { (private, theirs) } else { (theirs, &batch.masks[..]) };
    let mut rows = LeafBatch::sums(left, right, batch.shares.len() as u32);
    rows.iter_mut().zip(&batch.shares).for_each(|(row, share)| row.xor_assign(share));
    if let [_, eq] = &mut rows[..] {
        eq.xor_assign(if role == Role::P0 { &private[0] } else { &private[private.len() - 1] });
    }
    Segment::from_rows(rows)
}

/// The sender's digit compared with j = q ⊕ shift, bit-sliced: (a < b, a = b) where the sender's is a at P0,
/// b at P1.
fn table_entry(role: Role, mine: &[Bits], shift: &[Bits], q: usize, has_eq: bool) -> Vec<Bits> {
    let n = mine[0].len();
    let (mut lt, mut eq) = (Bits::zeros(n), Bits::filled(true, n));
    for (i, (mine, shift)) in mine.iter().zip(shift).enumerate() {
        let j = if q >> i & 1 == 1 { shift.not() } else { shift.clone() };
        let differ = mine.xor(&j);
        // The highest bit in which they differ decides: b's is set there if a < b.
        let b = if role == Role::P0 { &j } else { mine };
        lt.xor_assign(&differ.and(&lt.xor(b)));
        eq = eq.and(&differ.not());
    }
    if has_eq { vec![lt, eq] } else { vec![lt] }
}
