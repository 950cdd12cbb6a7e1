//! The kinds of correlation, each in a file of its own, and the one list of them.
//!
//! A new kind takes a file that implements [`Correlation`], its `mod`, and a line in the list.

mod and;
mod bit_product;
mod leaf;
mod mask_digits;
mod one_hot;
mod product;
mod rectifier;
mod ring_triple;
mod table;
mod triple;

use std::collections::BTreeMap;
use std::fmt;

use veilflow_net::Role;
use veilflow_prim::Prg;

use crate::correlation::Correlation;
use crate::pool::Pool;
use crate::request::RequestError;

pub use rectifier::digits;

/// The pools of all correlations of one type, by their widths.
pub(crate) type Shelf<C> = BTreeMap<C, Pool<<C as Correlation>::Batch>>;

/// A correlation in the list below.
pub trait Listed: Correlation + Into<Kind> {
    /// Where its pools are.
    fn shelf(shelves: &Shelves) -> &Shelf<Self>;
    /// Where its pools are, to put something there or to take it.
    fn shelf_mut(shelves: &mut Shelves) -> &mut Shelf<Self>;
}

/// Makes of the list below everything that depends on which correlations there are. Its first argument is a
/// dollar sign, as the macro that it makes needs one.
macro_rules! list {
    ($d:tt $($module:ident: $kind:ident, $batch:ident;)*) => {
        $(use $module::$kind;)*

        /// What the crate exports of each kind.
        pub(crate) mod types {
            $(pub use super::$module::{$batch, $kind};)*
        }

        /// A correlation of any kind, with its widths. The order of kinds, then of widths, is that of a
        /// [`Demand`](crate::Demand).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $(
                #[doc = concat!("See [`", stringify!($kind), "`](crate::", stringify!($kind), ").")]
                $kind($kind),
            )*
        }

        /// The pools of every kind.
        #[derive(Debug, Default)]
        pub struct Shelves {
            $($module: Shelf<$kind>,)*
        }

        $(
            impl From<$kind> for Kind {
                fn from(kind: $kind) -> Self {
                    Self::$kind(kind)
                }
            }

            impl Listed for $kind {
                fn shelf(shelves: &Shelves) -> &Shelf<Self> {
                    &shelves.$module
                }
                fn shelf_mut(shelves: &mut Shelves) -> &mut Shelf<Self> {
                    &mut shelves.$module
                }
            }
        )*

        /// `for_kind!(kind, it => expression)`: the expression for the correlation in a [`Kind`], whichever
        /// type it has.
        macro_rules! for_kind {
            ($d kind:expr, $d it:ident => $d expression:expr) => {
                match $d kind {
                    $($crate::Kind::$kind($d it) => $d expression,)*
                }
            };
        }
        pub(crate) use for_kind;

        impl Shelves {
            /// Whether every pool is empty.
            pub(crate) fn are_empty(&self) -> bool {
                $(self.$module.values().all(|pool| pool.available() == 0))&&*
            }
        }

        impl Kind {
            /// How many numbers follow a tag in a request; `None` if no kind has the tag.
            pub fn numbers_of(tag: u8) -> Option<usize> {
                match tag {
                    $(<$kind as Correlation>::TAG => Some(numbers::<$kind>()),)*
                    _ => None,
                }
            }

            /// The kind of a request's tag and numbers.
            ///
            /// # Errors
            /// An unknown tag, too many or too few numbers, and numbers that no valid correlation has.
            pub fn read(tag: u8, numbers: &[u32]) -> Result<Self, RequestError> {
                let kind: Self = match tag {
                    $(<$kind as Correlation>::TAG => read::<$kind>(numbers)?.into(),)*
                    _ => return Err(RequestError::Tag(tag)),
                };
                kind.check().map(|()| kind)
            }
        }
    };
}

// One line a correlation. Demands are met in this order, so it is part of the protocol.
list! { $
    triple: Triple, TripleBatch;
    and: And, AndBatch;
    product: Product, ProductBatch;
    table: Table, TableBatch;
    bit_product: BitProduct, BitProductBatch;
    leaf: Leaf, LeafBatch;
    ring_triple: RingTriple, RingTripleBatch;
    one_hot: OneHot, OneHotBatch;
    rectifier: Rectifier, RectifierBatch;
    mask_digits: MaskDigits, MaskDigitsBatch;
}

/// How many numbers a request for such correlations has.
fn numbers<C: Correlation>() -> usize {
    size_of::<C::Numbers>() / size_of::<u32>()
}

fn read<C: Correlation>(numbers: &[u32]) -> Result<C, RequestError> {
    let length = RequestError::Length { tag: C::TAG, expected: self::numbers::<C>(), got: numbers.len() };
    C::read(C::Numbers::try_from(numbers).map_err(|_| length)?)
}

/// Bits of the largest table in one correlation at most.
const MAX_TABLE_BITS: u64 = 1 << 20;

impl Kind {
    /// The tag and the numbers of a request.
    pub fn request(self) -> (u8, Vec<u32>) {
        fn request<C: Correlation>(kind: C) -> (u8, Vec<u32>) {
            (C::TAG, kind.numbers().as_ref().to_vec())
        }
        for_kind!(self, it => request(it))
    }

    /// Whether the widths fit each other, and are within the bounds of what is ever made.
    ///
    /// # Errors
    /// If not. The methods below may then panic.
    pub fn check(self) -> Result<(), RequestError> {
        match for_kind!(self, it => it.largest_table()) {
            Some(1..=MAX_TABLE_BITS) => Ok(()),
            _ => Err(RequestError::Widths),
        }
    }

    /// Bits of memory that one correlation takes at a helper.
    pub fn bits_each(self) -> usize {
        for_kind!(self, it => it.bits_each())
    }

    /// Bits that a helper sends for one correlation: what neither party can expand on its own.
    pub fn dealt_bits(self) -> usize {
        for_kind!(self, it => it.dealt_bits())
    }

    /// Who gets a helper's correction.
    pub fn corrected(self) -> Role {
        for_kind!(self, it => it.corrected())
    }

    /// A helper's correction of `count` correlations, from the streams of P0 and P1.
    pub fn correction(self, count: usize, [mut p0, mut p1]: [Prg; 2]) -> Vec<u8> {
        let [corrected, other] = match self.corrected() {
            Role::P0 => [&mut p0, &mut p1],
            Role::P1 => [&mut p1, &mut p0],
        };
        for_kind!(self, it => it.correct(corrected, other, count))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for_kind!(self, it => it.fmt(f))
    }
}
