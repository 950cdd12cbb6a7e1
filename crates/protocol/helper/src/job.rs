//! What a party asks the helper for: a batch of a kind, or a linear layer's pair. A request is a tag and its numbers, 32 bits
//! each, all from the public plan.
//!
//! | tag | numbers |
//! |---|---|
//! | 1 triple | payload, count |
//! | 2 private product of bits | sender, count |
//! | 3 product | sender, bits, count |
//! | 4 table | sender, digit, payload, count |
//! | 5 convolution | layer, holder, ring, channels, height, width, outputs, kernel ×2, stride ×2, pads ×4, dilation ×2, groups |
//! | 6 matrix product | layer, holder, ring, rows, inner, columns |
//! | 7 leaf | digit, payload, count |
//! | 8 product of private bits | bits, count |
//! | 9 multiplication triple | bits, count |
//! | 10 one-hot vector | bits, count |
//! | 11 rectifier | bits, compare, shift, digit, selections, converts, count |
//! | 12 mask digits | bits, from, digit, count |

use veilflow_correlation::{Demand, Kind, LinearRequest, MaskDigits, Needs, Rectifier};
use veilflow_net::Role;
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::LinearShape;

use crate::{HelperError, Result, shape};

/// Bits of all parts of a batch at most, which bounds the memory of every side.
const MAX_BATCH_BITS: usize = 1 << 26;
/// Elements of a layer's weights, input or output at most, and its multiplications.
const MAX_LAYER_ELEMENTS: usize = 1 << 28;
const MAX_LAYER_PRODUCTS: usize = 1 << 38;
/// Bits of one table at most.
const MAX_TABLE_BITS: u64 = 1 << 20;

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Job {
    Batch { kind: Kind, count: usize },
    Layer { layer: usize, holder: Role, ring: Ring, shape: LinearShape },
}

/// Bits that the parts of one correlation take, both parties' and the correction.
fn bits_each(kind: Kind) -> usize {
    match kind {
        Kind::Leaf { digit, payload } => (2 << digit) + 2 * payload as usize,
        Kind::RingTriple { .. } => 7 * 64,
        // The index and the rows of both, and the correction.
        Kind::MaskDigits(widths) => 2 * 64 + 3 * widths.rows(),
        Kind::OneHot { bits } => 2 * bits as usize + (3 << bits),
        Kind::Triple { payload } => 2 + 4 * payload as usize,
        Kind::And { .. } => 4,
        // Elements take a word whatever their width.
        Kind::Product { .. } => 3 * 64 + 1,
        Kind::BitProduct { .. } => 2 * 64 + 2,
        Kind::Rectifier(rectifier) => 2 * 64 + 3 * rectifier.rows() + 6 * 64 * rectifier.random_bits(),
        Kind::Table { digit, payload, .. } => {
            ((payload as usize) << digit) + digit as usize + payload as usize
        }
    }
}

/// Correlations of `kind` in the largest batch: whole words of bits.
fn largest(kind: Kind) -> usize {
    (MAX_BATCH_BITS / bits_each(kind) / 64 * 64).max(64)
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
        batches(&needs.demand).chain(needs.linear.iter().map(Self::layer))
    }

    pub(crate) fn layer(request: &LinearRequest) -> Self {
        let LinearRequest { layer, holder, ring, ref shape, .. } = *request;
        Self::Layer { layer, holder, ring, shape: shape.clone() }
    }

    /// Who gets the helper's correction.
    pub(crate) fn corrected(&self) -> Role {
        match self {
            // Layers whose weights the server holds burden the helper's link to the client, what looks alike at both that to the server.
            Self::Batch {
                kind:
                    Kind::Triple { .. }
                    | Kind::Leaf { .. }
                    | Kind::RingTriple { .. }
                    | Kind::OneHot { .. }
                    | Kind::Rectifier(_)
                    | Kind::MaskDigits(_),
                ..
            } => Role::P0,
            Self::Batch {
                kind: Kind::And { sender } | Kind::Product { sender, .. } | Kind::Table { sender, .. },
                ..
            } => sender.other(),
            Self::Batch { kind: Kind::BitProduct { .. }, .. } => Role::P1,
            Self::Layer { holder, .. } => holder.other(),
        }
    }

    /// Bytes of the helper's correction.
    pub(crate) fn correction_len(&self) -> usize {
        match self {
            Self::Batch { kind, count } => (kind.dealt_bits() * count).div_ceil(8),
            Self::Layer { ring, shape, .. } => RingVec::byte_len(*ring, shape.out_len()),
        }
    }

    /// Bytes of the masked weights, for a layer.
    pub(crate) fn weight_bytes(&self) -> usize {
        match self {
            Self::Batch { .. } => 0,
            Self::Layer { ring, shape, .. } => RingVec::byte_len(*ring, shape.weight_len()),
        }
    }

    /// The request's bytes.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let role = |role: Role| role.index();
        let (tag, numbers) = match self {
            Self::Batch { kind, count } => match *kind {
                Kind::RingTriple { bits } => (9, vec![bits as usize, *count]),
                Kind::OneHot { bits } => (10, vec![bits as usize, *count]),
                Kind::MaskDigits(MaskDigits { bits, from, digit }) => {
                    (12, vec![bits as usize, from as usize, digit as usize, *count])
                }
                Kind::Leaf { digit, payload } => (7, vec![digit as usize, payload as usize, *count]),
                Kind::Rectifier(Rectifier { bits, compare, shift, digit, selections, converts }) => {
                    let numbers =
                        [bits, compare, shift, digit, selections, converts.into()].map(|n| n as usize);
                    (11, numbers.into_iter().chain([*count]).collect())
                }
                Kind::BitProduct { bits } => (8, vec![bits as usize, *count]),
                Kind::Triple { payload } => (1, vec![payload as usize, *count]),
                Kind::And { sender } => (2, vec![role(sender), *count]),
                Kind::Product { sender, bits } => (3, vec![role(sender), bits as usize, *count]),
                Kind::Table { sender, digit, payload } => {
                    (4, vec![role(sender), digit as usize, payload as usize, *count])
                }
            },
            Self::Layer { layer, holder, ring, shape } => {
                let (tag, sizes) = shape::write(shape);
                (tag, [&[*layer, role(*holder), ring.bits() as usize][..], &sizes].concat())
            }
        };
        // A plan's sizes are below 2^31; what is cut here the helper would not make either way.
        let numbers = numbers.into_iter().flat_map(|n| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes());
        std::iter::once(tag).chain(numbers).collect()
    }

    /// Bytes of the numbers after a tag; `None` if there is no such tag.
    pub(crate) fn numbers_len(tag: u8) -> Option<usize> {
        Some(4 * [2, 2, 3, 4, 18, 6, 3, 2, 2, 2, 7, 4].get(usize::from(tag).checked_sub(1)?)?)
    }

    /// Reads a request, and refuses what cannot be made or is too large.
    pub(crate) fn decode(tag: u8, bytes: &[u8]) -> Result<Self> {
        let malformed = |what: String| HelperError::Malformed { what };
        let (words, _) = bytes.as_chunks::<4>();
        let numbers: Vec<u32> = words.iter().map(|&word| u32::from_le_bytes(word)).collect();
        let size = |i: usize| numbers[i] as usize;
        if Self::numbers_len(tag) != Some(bytes.len()) {
            return Err(malformed(format!("a request of the unknown kind {tag}")));
        }
        let role = |number: u32| match number {
            0 => Ok(Role::P0),
            1 => Ok(Role::P1),
            other => Err(malformed(format!("a request that names the party {other}"))),
        };
        let ring = |bits: u32| Ring::new(bits).map_err(|e| malformed(e.to_string()));
        let job = match tag {
            1 => Self::Batch { kind: Kind::Triple { payload: numbers[0] }, count: size(1) },
            2 => Self::Batch { kind: Kind::And { sender: role(numbers[0])? }, count: size(1) },
            3 => {
                let bits = ring(numbers[1])?.bits();
                Self::Batch { kind: Kind::Product { sender: role(numbers[0])?, bits }, count: size(2) }
            }
            4 => {
                let (digit, payload) = (numbers[1], numbers[2]);
                Self::Batch {
                    kind: Kind::Table { sender: role(numbers[0])?, digit, payload },
                    count: size(3),
                }
            }
            shape::CONV | shape::MATMUL => {
                let (layer, holder, ring) = (size(0), role(numbers[1])?, ring(numbers[2])?);
                Self::Layer { layer, holder, ring, shape: shape::read(tag, &numbers[3..]) }
            }
            8 => {
                let bits = ring(numbers[0])?.bits();
                Self::Batch { kind: Kind::BitProduct { bits }, count: size(1) }
            }
            9 => {
                let bits = ring(numbers[0])?.bits();
                Self::Batch { kind: Kind::RingTriple { bits }, count: size(1) }
            }
            10 => Self::Batch { kind: Kind::OneHot { bits: numbers[0] }, count: size(1) },
            11 => {
                let rectifier = Rectifier {
                    bits: numbers[0],
                    compare: numbers[1],
                    shift: numbers[2],
                    digit: numbers[3],
                    selections: numbers[4],
                    converts: match numbers[5] {
                        0 => false,
                        1 => true,
                        other => return Err(malformed(format!("a request with {other} for yes or no"))),
                    },
                };
                Self::Batch { kind: Kind::Rectifier(rectifier), count: size(6) }
            }
            12 => {
                let widths = MaskDigits { bits: numbers[0], from: numbers[1], digit: numbers[2] };
                Self::Batch { kind: Kind::MaskDigits(widths), count: size(3) }
            }
            _ => {
                let (digit, payload) = (numbers[0], numbers[1]);
                Self::Batch { kind: Kind::Leaf { digit, payload }, count: size(2) }
            }
        };
        job.check()?;
        Ok(job)
    }

    /// Refuses what takes more memory or time than a helper gives to one request.
    pub(crate) fn check(&self) -> Result<()> {
        let too_large = |what| Err(HelperError::TooLarge { what });
        match self {
            Self::Batch { kind, count } => {
                let each = match *kind {
                    Kind::Rectifier(rectifier) => u64::from(rectifier.is_valid()),
                    Kind::Triple { payload } => u64::from(payload),
                    Kind::Table { digit, payload, .. } => u64::from(payload) << digit.min(32),
                    Kind::Leaf { digit, payload: 1 | 2 } if digit > 0 => 1 << digit.min(32),
                    Kind::Leaf { .. } => 0,
                    Kind::MaskDigits(widths) => u64::from(widths.is_valid()),
                    Kind::OneHot { bits: 0 } => 0,
                    Kind::OneHot { bits } => 1 << bits.min(32),
                    Kind::And { .. }
                    | Kind::Product { .. }
                    | Kind::BitProduct { .. }
                    | Kind::RingTriple { .. } => 1,
                };
                if each == 0 || each > MAX_TABLE_BITS {
                    return too_large(
                        "a correlation must hold 1 to 2^20 bits, in widths that fit each other",
                    );
                }
                if *count == 0 || *count > largest(*kind) {
                    return too_large("a batch must hold one correlation or more, and 2^26 bits at most");
                }
            }
            Self::Layer { shape, .. } => {
                shape.validate()?;
                if shape.in_len().max(shape.out_len()).max(shape.weight_len()) > MAX_LAYER_ELEMENTS {
                    return too_large("a layer must have at most 2^28 inputs, outputs and weights");
                }
                if shape.multiplications() > MAX_LAYER_PRODUCTS {
                    return too_large("a layer must take at most 2^38 multiplications");
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use veilflow_spec::{Conv2dShape, MatMulShape};

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
            Kind::Triple { payload: 2 },
            Kind::And { sender: Role::P1 },
            Kind::Product { sender: Role::P0, bits: 17 },
            Kind::Table { sender: Role::P1, digit: 3, payload: 5 },
            Kind::Leaf { digit: 2, payload: 2 },
            Kind::BitProduct { bits: 17 },
            Kind::RingTriple { bits: 23 },
            Kind::OneHot { bits: 6 },
            Kind::Rectifier(Rectifier {
                bits: 40,
                compare: 33,
                shift: 7,
                digit: 3,
                selections: 1,
                converts: true,
            }),
            Kind::MaskDigits(MaskDigits { bits: 29, from: 7, digit: 4 }),
        ]
        .map(|kind| Job::Batch { kind, count: 77 })
        .into();
        jobs.push(Job::Layer { layer: 3, holder: Role::P0, ring, shape: LinearShape::Conv2d(conv) });
        jobs.push(Job::Layer { layer: 4, holder: Role::P1, ring, shape: LinearShape::MatMul(matrix) });
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
        let mut demand = Demand::of(Kind::Triple { payload: 2 }, 20_000_001);
        demand.add(Kind::Table { sender: Role::P0, digit: 9, payload: 64 }, 5_000);
        demand.add(Kind::And { sender: Role::P0 }, 1);
        let rectifier =
            Rectifier { bits: 17, compare: 17, shift: 0, digit: 4, selections: 2, converts: false };
        demand.add(Kind::Rectifier(rectifier), 300_001);
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
