//! Batches of correlations. None is `Clone`; the `Debug` of each tells its length only.

use std::fmt;

use veilflow_ring::{Bits, Ring, RingVec};

use crate::{Kind, MaskDigitsBatch, RectifierBatch};

/// What a pool needs of a batch: to be cut and joined.
pub(crate) trait Batch: Sized {
    fn len(&self) -> usize;
    /// Correlations `start..start + len`. The caller never hands out the same one twice.
    fn slice(&self, start: usize, len: usize) -> Self;
    fn append(&mut self, other: &Self);
}

macro_rules! redacted {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "(len {})"), self.len())
            }
        }
    )*};
}
redacted!(
    TripleBatch,
    AndBatch,
    ProductBatch,
    BitProductBatch,
    TableBatch,
    LeafBatch,
    RingTripleBatch,
    OneHotBatch
);

pub(crate) fn slice_rows(rows: &[Bits], start: usize, len: usize) -> Vec<Bits> {
    rows.iter().map(|row| row.slice(start, len)).collect()
}

pub(crate) fn append_rows(rows: &mut [Bits], other: &[Bits]) {
    rows.iter_mut().zip(other).for_each(|(row, other)| row.append(other));
}

/// One party's shares of bit triples with a common factor: hⱼ = f·gⱼ.
pub struct TripleBatch {
    /// The common factor.
    pub f: Bits,
    /// The other factors, one row a payload bit.
    pub g: Vec<Bits>,
    /// The products, one row a payload bit.
    pub h: Vec<Bits>,
}

impl Batch for TripleBatch {
    fn len(&self) -> usize {
        self.f.len()
    }
    fn slice(&self, start: usize, len: usize) -> Self {
        Self {
            f: self.f.slice(start, len),
            g: slice_rows(&self.g, start, len),
            h: slice_rows(&self.h, start, len),
        }
    }
    fn append(&mut self, other: &Self) {
        self.f.append(&other.f);
        append_rows(&mut self.g, &other.g);
        append_rows(&mut self.h, &other.h);
    }
}

/// One party's half of private bit products: a factor of its own and its share of the product. Both roles look alike.
pub struct AndBatch {
    /// This party's random factor.
    pub factor: Bits,
    /// Its share of the product of both factors.
    pub share: Bits,
}

impl Batch for AndBatch {
    fn len(&self) -> usize {
        self.factor.len()
    }
    fn slice(&self, start: usize, len: usize) -> Self {
        Self { factor: self.factor.slice(start, len), share: self.share.slice(start, len) }
    }
    fn append(&mut self, other: &Self) {
        self.factor.append(&other.factor);
        self.share.append(&other.share);
    }
}

/// One party's half of random bit-by-element products: u + v = c·α mod 2^w.
pub enum ProductBatch {
    /// The party that holds the elements.
    Sender {
        /// Random elements.
        alpha: RingVec,
        /// Shares of the products.
        u: RingVec,
    },
    /// The party that holds the bits.
    Receiver {
        /// Random bits.
        choice: Bits,
        /// Shares of the products.
        v: RingVec,
    },
}

impl ProductBatch {
    /// The ring of the products.
    pub fn ring(&self) -> Ring {
        match self {
            Self::Sender { u: share, .. } | Self::Receiver { v: share, .. } => share.ring(),
        }
    }
}

impl Batch for ProductBatch {
    fn len(&self) -> usize {
        match self {
            Self::Sender { u: share, .. } | Self::Receiver { v: share, .. } => share.len(),
        }
    }
    fn slice(&self, start: usize, len: usize) -> Self {
        match self {
            Self::Sender { alpha, u } => {
                Self::Sender { alpha: alpha.slice(start, len), u: u.slice(start, len) }
            }
            Self::Receiver { choice, v } => {
                Self::Receiver { choice: choice.slice(start, len), v: v.slice(start, len) }
            }
        }
    }
    fn append(&mut self, other: &Self) {
        match (self, other) {
            (Self::Sender { alpha, u }, Self::Sender { alpha: alpha2, u: u2 }) => {
                alpha.append(alpha2);
                u.append(u2);
            }
            (Self::Receiver { choice, v }, Self::Receiver { choice: choice2, v: v2 }) => {
                choice.append(choice2);
                v.append(v2);
            }
            _ => unreachable!("a pool's kind fixes which half it holds"),
        }
    }
}

/// One party's half of products of private bits in Z_2^w: a factor of its own and its share of the product. Both roles look alike.
pub struct BitProductBatch {
    /// This party's random factor.
    pub factor: Bits,
    /// Its additive share of the product of both factors.
    pub share: RingVec,
}

impl Batch for BitProductBatch {
    fn len(&self) -> usize {
        self.factor.len()
    }
    fn slice(&self, start: usize, len: usize) -> Self {
        Self { factor: self.factor.slice(start, len), share: self.share.slice(start, len) }
    }
    fn append(&mut self, other: &Self) {
        self.factor.append(&other.factor);
        self.share.append(&other.share);
    }
}

/// One party's half of random 1-of-2^d OTs, bit-sliced.
pub enum TableBatch {
    /// The party that holds all messages.
    Sender {
        /// `messages[entry][payload bit]`: one row of bits over the batch.
        messages: Vec<Vec<Bits>>,
    },
    /// The party that holds one message of each.
    Receiver {
        /// Bits of the index, least significant first.
        index: Vec<Bits>,
        /// Bits of the message under the index.
        message: Vec<Bits>,
    },
}

impl Batch for TableBatch {
    fn len(&self) -> usize {
        match self {
            Self::Sender { messages } => messages[0][0].len(),
            Self::Receiver { message, .. } => message[0].len(),
        }
    }
    fn slice(&self, start: usize, len: usize) -> Self {
        match self {
            Self::Sender { messages } => {
                Self::Sender { messages: messages.iter().map(|m| slice_rows(m, start, len)).collect() }
            }
            Self::Receiver { index, message } => Self::Receiver {
                index: slice_rows(index, start, len),
                message: slice_rows(message, start, len),
            },
        }
    }
    fn append(&mut self, other: &Self) {
        match (self, other) {
            (Self::Sender { messages }, Self::Sender { messages: others }) => {
                messages.iter_mut().zip(others).for_each(|(m, o)| append_rows(m, o));
            }
            (Self::Receiver { index, message }, Self::Receiver { index: i2, message: m2 }) => {
                append_rows(index, i2);
                append_rows(message, m2);
            }
            _ => unreachable!("a pool's kind fixes which half it holds"),
        }
    }
}

/// One party's half of what compares digits: masks of its own, and its shares of [`LeafBatch::sums`] of P0's masks and P1's.
/// Both roles look alike.
pub struct LeafBatch {
    /// One row of random bits for each of 1..2^d.
    pub masks: Vec<Bits>,
    /// Shares of the sums, one row a payload bit.
    pub shares: Vec<Bits>,
}

impl LeafBatch {
    /// Σⱼ lⱼ·rⱼ, and if `payload` is 2 Σⱼ (l₁ ⊕ lⱼ ⊕ lⱼ₊₁)·rⱼ as well, where l past the last is 0. With lⱼ = [a < j] and rⱼ = [b = j]
    /// for j in 1..2^d these are [a < b], and [a = b] ⊕ l₁ ⊕ r_last.
    pub fn sums(left: &[Bits], right: &[Bits], payload: u32) -> Vec<Bits> {
        let len = right[0].len();
        let mut sums = vec![Bits::zeros(len); payload as usize];
        for (j, (l, r)) in left.iter().zip(right).enumerate() {
            sums[0].xor_assign(&l.and(r));
            if let Some(sum) = sums.get_mut(1) {
                let mut l = left[0].xor(l);
                if let Some(next) = left.get(j + 1) {
                    l.xor_assign(next);
                }
                sum.xor_assign(&l.and(r));
            }
        }
        sums
    }
}

impl Batch for LeafBatch {
    fn len(&self) -> usize {
        self.masks[0].len()
    }
    fn slice(&self, start: usize, len: usize) -> Self {
        Self { masks: slice_rows(&self.masks, start, len), shares: slice_rows(&self.shares, start, len) }
    }
    fn append(&mut self, other: &Self) {
        append_rows(&mut self.masks, &other.masks);
        append_rows(&mut self.shares, &other.shares);
    }
}

/// One party's shares of multiplication triples: c = a·b mod 2^w. Both roles look alike.
pub struct RingTripleBatch {
    /// A random factor.
    pub a: RingVec,
    /// The other.
    pub b: RingVec,
    /// Their product.
    pub c: RingVec,
}

impl Batch for RingTripleBatch {
    fn len(&self) -> usize {
        self.a.len()
    }
    fn slice(&self, start: usize, len: usize) -> Self {
        let [a, b, c] = [&self.a, &self.b, &self.c].map(|v| v.slice(start, len));
        Self { a, b, c }
    }
    fn append(&mut self, other: &Self) {
        self.a.append(&other.a);
        self.b.append(&other.b);
        self.c.append(&other.c);
    }
}

/// One party's shares of random indices and of their one-hot vectors. Both roles look alike.
pub struct OneHotBatch {
    /// Bits of the index, lowest first.
    pub index: Vec<Bits>,
    /// Row j − 1, for j in 1..2^m, is [index = j]. Row 0 would be what is missing to one.
    pub rows: Vec<Bits>,
}

impl OneHotBatch {
    /// The rows 1..2^m of an index's one-hot vector. Every row is made of all bits alike: no address depends on them.
    pub fn rows_of(index: &[Bits]) -> Vec<Bits> {
        let mut rows: Vec<Bits> = Vec::new();
        for bit in index {
            // Rows j and j + 2^t: without and with the bit; of j = 0 the first is left out.
            let upper: Vec<Bits> = rows.iter().map(|row| row.and(bit)).collect();
            let mut alone = bit.clone();
            for (row, upper) in rows.iter_mut().zip(&upper) {
                row.xor_assign(upper);
                alone.xor_assign(upper);
            }
            rows.push(alone);
            rows.extend(upper);
        }
        rows
    }
}

impl Batch for OneHotBatch {
    fn len(&self) -> usize {
        self.index[0].len()
    }
    fn slice(&self, start: usize, len: usize) -> Self {
        Self { index: slice_rows(&self.index, start, len), rows: slice_rows(&self.rows, start, len) }
    }
    fn append(&mut self, other: &Self) {
        append_rows(&mut self.index, &other.index);
        append_rows(&mut self.rows, &other.rows);
    }
}

macro_rules! any_batch {
    ($($any:ident($batch:ty)),*) => {
        /// Any batch, as a pool holds it.
        #[derive(Debug)]
        pub(crate) enum AnyBatch {
            $($any($batch),)*
        }

        impl Batch for AnyBatch {
            fn len(&self) -> usize {
                match self {
                    $(Self::$any(batch) => batch.len(),)*
                }
            }
            fn slice(&self, start: usize, len: usize) -> Self {
                match self {
                    $(Self::$any(batch) => Self::$any(batch.slice(start, len)),)*
                }
            }
            fn append(&mut self, other: &Self) {
                match (self, other) {
                    $((Self::$any(batch), Self::$any(other)) => batch.append(other),)*
                    _ => unreachable!("a pool's batches are all of its kind"),
                }
            }
        }
    };
}
any_batch!(
    Triple(TripleBatch),
    And(AndBatch),
    Product(ProductBatch),
    BitProduct(BitProductBatch),
    Table(TableBatch),
    Leaf(LeafBatch),
    RingTriple(RingTripleBatch),
    OneHot(OneHotBatch),
    Rectifier(RectifierBatch),
    MaskDigits(MaskDigitsBatch)
);

impl AnyBatch {
    /// Whether the batch has the form that `kind` promises.
    pub(crate) fn fits(&self, kind: Kind) -> bool {
        match (self, kind) {
            (Self::Triple(b), Kind::Triple { payload }) => {
                b.g.len() == payload as usize && b.h.len() == payload as usize
            }
            (Self::And(_), Kind::And { .. }) => true,
            (Self::Product(b), Kind::Product { bits, .. }) => b.ring().bits() == bits,
            (Self::BitProduct(b), Kind::BitProduct { bits }) => b.share.ring().bits() == bits,
            (Self::Table(TableBatch::Sender { messages }), Kind::Table { digit, payload, .. }) => {
                messages.len() == 1 << digit && messages.iter().all(|m| m.len() == payload as usize)
            }
            (Self::Table(TableBatch::Receiver { index, message }), Kind::Table { digit, payload, .. }) => {
                index.len() == digit as usize && message.len() == payload as usize
            }
            (Self::Leaf(b), Kind::Leaf { digit, payload }) => {
                b.masks.len() == (1 << digit) - 1 && b.shares.len() == payload as usize
            }
            (Self::RingTriple(b), Kind::RingTriple { bits }) => {
                [&b.a, &b.b, &b.c].iter().all(|v| v.ring().bits() == bits)
            }
            (Self::MaskDigits(b), Kind::MaskDigits(widths)) => b.fits(&widths),
            (Self::OneHot(b), Kind::OneHot { bits }) => {
                b.index.len() == bits as usize && b.rows.len() + 1 == 1 << bits
            }
            (Self::Rectifier(b), Kind::Rectifier(rectifier)) => b.fits(&rectifier),
            _ => false,
        }
    }
}
