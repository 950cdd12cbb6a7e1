//! How a helper deals the pair of a linear layer. It is the counterpart of a
//! [`Correlation`](veilflow_correlation::Correlation), for weights that the helper knows masked. The tags and
//! numbers of requests are
//!
//! | tag | numbers |
//! |---|---|
//! | 5 convolution | layer, holder, ring, then the fields of [`Conv2dShape`] |
//! | 6 matrix product | layer, holder, ring, then the fields of [`MatMulShape`] |

use veilflow_correlation::{LinearPair, LinearRequest, RequestError};
use veilflow_net::Role;
use veilflow_prim::Prg;
use veilflow_ring::{Ring, RingVec};
use veilflow_spec::{Conv2dShape, LinearShape, MatMulShape};

use crate::{HelperError, Result};

const CONVOLUTION: u8 = 5;
const MATRIX_PRODUCT: u8 = 6;

/// Elements of a layer's weights, input or output at most.
const MAX_ELEMENTS: usize = 1 << 28;
/// Multiplications of a layer at most.
const MAX_PRODUCTS: usize = 1 << 38;

/// What a helper is told of a linear layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layer {
    /// Its number in the plan.
    number: usize,
    /// The party that holds its weights.
    pub(crate) holder: Role,
    ring: Ring,
    shape: LinearShape,
}

impl From<&LinearRequest> for Layer {
    fn from(request: &LinearRequest) -> Self {
        let LinearRequest { layer: number, holder, ring, ref shape, .. } = *request;
        Self { number, holder, ring, shape: shape.clone() }
    }
}

impl Layer {
    /// How many numbers follow a tag in a request; `None` if it is no layer's.
    pub(crate) fn numbers_of(tag: u8) -> Option<usize> {
        match tag {
            CONVOLUTION => Some(18),
            MATRIX_PRODUCT => Some(6),
            _ => None,
        }
    }

    /// The tag and the numbers of a request.
    pub(crate) fn request(&self) -> (u8, Vec<usize>) {
        let mut numbers = vec![self.number, self.holder.index(), self.ring.bits() as usize];
        let tag = match &self.shape {
            LinearShape::Conv2d(s) => {
                numbers.extend([s.in_channels, s.in_height, s.in_width, s.out_channels]);
                numbers.extend([s.kernel, s.stride].concat());
                numbers.extend(s.pads);
                numbers.extend(s.dilation);
                numbers.push(s.groups);
                CONVOLUTION
            }
            LinearShape::MatMul(s) => {
                numbers.extend([s.rows, s.inner, s.columns]);
                MATRIX_PRODUCT
            }
        };
        (tag, numbers)
    }

    /// The layer of a layer's tag and as many numbers as that has. Its shape may be invalid.
    pub(crate) fn read(tag: u8, numbers: &[u32]) -> Result<Self> {
        let holder = match numbers[1] {
            0 => Role::P0,
            1 => Role::P1,
            other => return Err(RequestError::Party(other).into()),
        };
        let ring = Ring::new(numbers[2]).map_err(|e| HelperError::Malformed { what: e.to_string() })?;
        let size = |i: usize| numbers[3 + i] as usize;
        let shape = if tag == MATRIX_PRODUCT {
            LinearShape::MatMul(MatMulShape { rows: size(0), inner: size(1), columns: size(2) })
        } else {
            LinearShape::Conv2d(Conv2dShape {
                in_channels: size(0),
                in_height: size(1),
                in_width: size(2),
                out_channels: size(3),
                kernel: [size(4), size(5)],
                stride: [size(6), size(7)],
                pads: [size(8), size(9), size(10), size(11)],
                dilation: [size(12), size(13)],
                groups: size(14),
            })
        };
        Ok(Self { number: numbers[0] as usize, holder, ring, shape })
    }

    /// Refuses an invalid shape, and a layer that takes more memory or time than a helper gives to one
    /// request.
    pub(crate) fn check(&self) -> Result<()> {
        let shape = &self.shape;
        shape.validate()?;
        if shape.in_len().max(shape.out_len()).max(shape.weight_len()) > MAX_ELEMENTS {
            let what = "a layer must have at most 2^28 inputs, outputs and weights";
            return Err(HelperError::TooLarge { what });
        }
        if shape.multiplications() > MAX_PRODUCTS {
            let what = "a layer must take at most 2^38 multiplications";
            return Err(HelperError::TooLarge { what });
        }
        Ok(())
    }

    /// Who gets the correction.
    pub(crate) fn corrected(&self) -> Role {
        self.holder.other()
    }

    /// Bytes of the correction.
    pub(crate) fn correction_len(&self) -> usize {
        RingVec::byte_len(self.ring, self.shape.out_len())
    }

    /// Bytes of the masked weights.
    pub(crate) fn weight_bytes(&self) -> usize {
        RingVec::byte_len(self.ring, self.shape.weight_len())
    }

    /// Packed masked weights under a pad, on their way to the helper.
    pub(crate) fn pad(&self, masked: &RingVec, pad: &mut Prg) -> Vec<u8> {
        masked.add(&pad.ring_vec(self.ring, self.shape.weight_len())).to_bytes()
    }

    /// Takes the pad off.
    pub(crate) fn unpad(&self, padded: &[u8], pad: &mut Prg) -> Vec<u8> {
        let len = self.shape.weight_len();
        RingVec::from_bytes(self.ring, padded, len).sub(&pad.ring_vec(self.ring, len)).to_bytes()
    }

    /// The holder's half, from its stream: s.
    pub(crate) fn expand(&self, prg: &mut Prg) -> LinearPair {
        LinearPair::Holder { s: prg.ring_vec(self.ring, self.shape.out_len()) }
    }

    /// The helper's correction, M·r − s, from the packed weights M = W − A and the streams of P0 and P1.
    pub(crate) fn correct(&self, threads: usize, masked: &[u8], [p0, p1]: [Prg; 2]) -> Vec<u8> {
        let (mut holder, mut other) = if self.holder == Role::P0 { (p0, p1) } else { (p1, p0) };
        let masked = RingVec::from_bytes(self.ring, masked, self.shape.weight_len());
        let product = self.apply(threads, masked, &self.mask(&mut other));
        product.sub(&holder.ring_vec(self.ring, self.shape.out_len())).to_bytes()
    }

    /// The other party's half, r and A·r + (M·r − s), from A, that party's stream and the correction. The
    /// correction is received last, while the helper computes it.
    pub(crate) fn complete(
        &self,
        threads: usize,
        weight_mask: RingVec,
        prg: &mut Prg,
        receive: impl FnOnce() -> Result<Vec<u8>>,
    ) -> Result<LinearPair> {
        let mask = self.mask(prg);
        let own = self.apply(threads, weight_mask, &mask);
        let product = own.add(&RingVec::from_bytes(self.ring, &receive()?, self.shape.out_len()));
        Ok(LinearPair::Other { mask, product })
    }

    /// r, from the stream of the party without the weights.
    fn mask(&self, prg: &mut Prg) -> RingVec {
        prg.ring_vec(self.ring, self.shape.in_len())
    }

    /// The matrix times x.
    fn apply(&self, threads: usize, matrix: RingVec, x: &RingVec) -> RingVec {
        // Sums wrap modulo the ring, in which an element and its bits read as a signed integer are the same.
        let matrix: Vec<i64> = matrix.into_values().into_iter().map(|v| v as i64).collect();
        veilflow_kernel::linear_in_threads(threads, &self.shape, &matrix, x)
    }
}
