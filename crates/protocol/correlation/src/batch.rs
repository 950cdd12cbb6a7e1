//! Batches: values of many correlations, cut and joined as one.

use veilflow_ring::{Bits, RingVec};

/// One value, or one set of values, for each of a number of correlations.
///
/// The crate does not export the trait: whoever could slice a batch could use a correlation twice.
pub trait Batch: Sized {
    /// How many correlations the batch holds.
    fn count(&self) -> usize;

    /// Correlations `start..start + len`. The caller never hands out the same one twice.
    fn slice(&self, start: usize, len: usize) -> Self;

    /// Adds the correlations of `other` at the end.
    fn append(&mut self, other: &Self);
}

impl Batch for Bits {
    fn count(&self) -> usize {
        self.len()
    }
    fn slice(&self, start: usize, len: usize) -> Self {
        self.slice(start, len)
    }
    fn append(&mut self, other: &Self) {
        self.append(other);
    }
}

impl Batch for RingVec {
    fn count(&self) -> usize {
        self.len()
    }
    fn slice(&self, start: usize, len: usize) -> Self {
        self.slice(start, len)
    }
    fn append(&mut self, other: &Self) {
        self.append(other);
    }
}

/// Rows of equal length, each with a value for every correlation.
impl<B: Batch> Batch for Vec<B> {
    fn count(&self) -> usize {
        self.first().map_or(0, Batch::count)
    }
    fn slice(&self, start: usize, len: usize) -> Self {
        self.iter().map(|row| row.slice(start, len)).collect()
    }
    fn append(&mut self, other: &Self) {
        self.iter_mut().zip(other).for_each(|(row, other)| row.append(other));
    }
}

/// Makes a struct a [`Batch`], field by field. The first field named tells the length, so it must not be
/// without rows.
macro_rules! batch {
    ($name:ident { $first:ident $(, $field:ident)* }) => {
        impl $crate::batch::Batch for $name {
            fn count(&self) -> usize {
                $crate::batch::Batch::count(&self.$first)
            }
            fn slice(&self, start: usize, len: usize) -> Self {
                use $crate::batch::Batch;
                Self {
                    $first: Batch::slice(&self.$first, start, len),
                    $($field: Batch::slice(&self.$field, start, len),)*
                }
            }
            fn append(&mut self, other: &Self) {
                use $crate::batch::Batch;
                Batch::append(&mut self.$first, &other.$first);
                $(Batch::append(&mut self.$field, &other.$field);)*
            }
        }
        $crate::batch::redacted!($name);
    };
}
pub(crate) use batch;

/// A `Debug` that tells a batch's length only.
macro_rules! redacted {
    ($name:ident) => {
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, concat!(stringify!($name), "(len {})"), $crate::batch::Batch::count(self))
            }
        }
    };
}
pub(crate) use redacted;
