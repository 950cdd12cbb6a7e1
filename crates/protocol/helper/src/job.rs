//! What a party asks the helper for: a batch of a kind of correlation, or a linear layer's pair. A request is
//! a tag and its numbers, 32 bits each, all from the public plan. The numbers of a batch are the widths of
//! its kind, then how many there are.

use veilflow_correlation::{Demand, Kind, Needs, RequestError};
use veilflow_net::Role;

use crate::layer::Layer;
use crate::{HelperError, Result};

/// Bits of all parts of a batch at most, which bounds the memory of every side.
const MAX_BATCH_BITS: usize = 1 << 26;

/// What one request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Job {
    Batch { kind: Kind, count: usize },
    Layer(Layer),
}

/// Correlations of a valid `kind` in the largest batch: whole words of bits.
fn largest(kind: Kind) -> usize {
    (MAX_BATCH_BITS / kind.bits_each() / 64 * 64).max(64)
}

/// A demand as batches of bounded size, in the order in which they are made.
pub(crate) fn batches(demand: &Demand) -> impl Iterator<Item = Job> {
    demand.iter().flat_map(|(kind, count)| {
        let step = largest(kind);
        (0..count).step_by(step).map(move |start| Job::Batch { kind, count: step.min(count - start) })
    })
}

impl Job {
    /// Everything that `needs` takes, in the order in which it is asked for.
    pub(crate) fn all(needs: &Needs) -> impl Iterator<Item = Self> {
        batches(&needs.demand).chain(needs.linear.iter().map(|request| Self::Layer(request.into())))
    }

    /// Who gets the helper's correction.
    pub(crate) fn corrected(&self) -> Role {
        match self {
            Self::Batch { kind, .. } => kind.corrected(),
            Self::Layer(layer) => layer.corrected(),
        }
    }

    /// Bytes of the helper's correction.
    pub(crate) fn correction_len(&self) -> usize {
        match self {
            Self::Batch { kind, count } => (kind.dealt_bits() * count).div_ceil(8),
            Self::Layer(layer) => layer.correction_len(),
        }
    }

    /// The request's bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        // A plan's sizes are below 2^31. What is cut here is beyond what the helper makes.
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let (tag, numbers): (u8, Vec<u32>) = match self {
            Self::Batch { kind, count } => {
                let (tag, mut numbers) = kind.request();
                numbers.push(number(*count));
                (tag, numbers)
            }
            Self::Layer(layer) => {
                let (tag, numbers) = layer.request();
                (tag, numbers.into_iter().map(number).collect())
            }
        };
        std::iter::once(tag).chain(numbers.into_iter().flat_map(u32::to_le_bytes)).collect()
    }

    /// Bytes of the numbers after a tag; `None` if there is no such tag.
    pub(crate) fn numbers_len(tag: u8) -> Option<usize> {
        let batch = || Kind::numbers_of(tag).map(|widths| widths + 1);
        Layer::numbers_of(tag).or_else(batch).map(|numbers| 4 * numbers)
    }

    /// Reads a request, and refuses what cannot be made or is too large.
    pub(crate) fn decode(tag: u8, bytes: &[u8]) -> Result<Self> {
        let expected = Self::numbers_len(tag).ok_or(RequestError::Tag(tag))? / 4;
        let (words, rest) = bytes.as_chunks::<4>();
        let numbers: Vec<u32> = words.iter().map(|&word| u32::from_le_bytes(word)).collect();
        let job = match *numbers {
            _ if numbers.len() != expected || !rest.is_empty() => {
                return Err(RequestError::Length { tag, expected, got: numbers.len() }.into());
            }
            [ref widths @ .., count] if Layer::numbers_of(tag).is_none() => {
                Self::Batch { kind: Kind::read(tag, widths)?, count: count as usize }
            }
            _ => Self::Layer(Layer::read(tag, &numbers)?),
        };
        job.check()?;
        Ok(job)
    }

    /// Refuses what takes more memory or time than a helper gives to one request.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::Batch { kind, count } => {
                kind.check()?;
                if *count == 0 || *count > largest(*kind) {
                    let what = "a batch must hold one correlation or more, and 2^26 bits at most";
                    return Err(HelperError::TooLarge { what });
                }
                Ok(())
            }
            Self::Layer(layer) => layer.check(),
        }
    }
}

#[cfg(test)]
mod tests {
    use veilflow_correlation::{
        And, BitProduct, Leaf, LinearRequest, MaskDigits, OneHot, Product, Rectifier, RingTriple, Table,
        Triple,
    };
    use veilflow_ring::Ring;
    use veilflow_spec::{Conv2dShape, LinearShape, MatMulShape};

    use super::*;

    fn jobs() -> Vec<Job> {
        let ring = Ring::new(37).unwrap();
        let conv = Conv2dShape {
            in_channels: 4,
            in_height: 9,
            in_width: 7,
            out_channels: 6,
            kernel: [3, 2],
            stride: [2, 1],
            pads: [1, 0, 2, 1],
            dilation: [1, 2],
            groups: 2,
        };
        let matrix = MatMulShape { rows: 5, inner: 8, columns: 3 };
        let mut jobs: Vec<Job> = [
            Triple { payload: 2 }.into(),
            And { sender: Role::P1 }.into(),
            Product { sender: Role::P0, bits: 17 }.into(),
            Table { sender: Role::P1, digit: 3, payload: 5 }.into(),
            Leaf { digit: 2, payload: 2 }.into(),
            BitProduct { bits: 17 }.into(),
            RingTriple { bits: 23 }.into(),
            OneHot { bits: 6 }.into(),
            Rectifier { bits: 40, kept: 33, shift: 7, digit: 3, selections: 1, converts: true }.into(),
            MaskDigits { bits: 29, from: 7, digit: 4 }.into(),
        ]
        .map(|kind: Kind| Job::Batch { kind, count: 77 })
        .into();
        let layer = |layer, holder, shape| {
            Job::Layer(Layer::from(&LinearRequest { layer, holder, shape, ring, weight_bits: 8 }))
        };
        jobs.push(layer(3, Role::P0, LinearShape::Conv2d(conv)));
        jobs.push(layer(4, Role::P1, LinearShape::MatMul(matrix)));
        jobs
    }

    #[test]
    fn requests_read_as_they_were_written() {
        for job in jobs() {
            let bytes = job.encode();
            assert_eq!(Job::numbers_len(bytes[0]), Some(bytes.len() - 1), "{job:?}");
            assert_eq!(Job::decode(bytes[0], &bytes[1..]).unwrap(), job);
        }
    }

    #[test]
    fn no_tag_has_two_meanings() {
        for tag in 0..=u8::MAX {
            assert!(Kind::numbers_of(tag).is_none() || Layer::numbers_of(tag).is_none(), "{tag}");
        }
        // It announces masked weights.
        assert_eq!(Job::numbers_len(u8::MAX), None);
    }

    #[test]
    fn no_request_is_made_of_hostile_bytes_that_exceeds_the_limits() {
        for tag in [0, 13, 255] {
            assert_eq!(Job::numbers_len(tag), None);
            assert!(Job::decode(tag, &[]).is_err());
        }
        for job in jobs() {
            let good = job.encode();
            for at in (1..good.len()).step_by(4) {
                for value in [0, 1, 2, 64, 65, 1 << 20, 1 << 24, u32::MAX] {
                    let mut bytes = good.clone();
                    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
                    // Whatever is accepted is within the limits, and its sizes can be computed.
                    if let Ok(job) = Job::decode(bytes[0], &bytes[1..]) {
                        assert!(job.check().is_ok() && job.correction_len() < 1 << 32, "{job:?}");
                    }
                }
            }
            let mut huge = good.clone();
            let end = huge.len();
            huge[end - 4..].fill(0xff);
            assert!(Job::decode(huge[0], &huge[1..]).is_err(), "{job:?}");
        }
    }

    #[test]
    fn a_demand_is_cut_without_loss_into_batches_within_the_limits() {
        let mut demand = Demand::of(Triple { payload: 2 }, 20_000_001);
        demand.add(Table { sender: Role::P0, digit: 9, payload: 64 }, 5_000);
        demand.add(And { sender: Role::P0 }, 1);
        let rectifier = Rectifier { bits: 17, kept: 17, shift: 0, digit: 4, selections: 2, converts: false };
        demand.add(rectifier, 300_001);
        let mut got = Demand::default();
        for job in batches(&demand) {
            job.check().unwrap();
            if let Job::Batch { kind, count } = job {
                got.add(kind, count);
            }
        }
        assert_eq!(got, demand);
    }
}
