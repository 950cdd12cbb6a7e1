//! Elementary functions in `veilflow bench`: which there are, their inputs, and how far they are from
//! correctly rounded.

use anyhow::{Context, Result};
use veilflow_prim::Prg;
use veilflow_reference::Reference;
use veilflow_ring::RingVec;
use veilflow_spec::math::{Fixed, Function, Spline};

/// Widest argument over all values of which errors are taken.
const EXHAUSTIVE_BITS: u32 = 16;

/// A function with its formats.
pub(crate) struct FunctionJob {
    function: Function,
    pub(crate) spline: Spline,
}

impl FunctionJob {
    /// The function on elements of `width` bits, arguments and results alike.
    pub(crate) fn new(function: Function, width: u32, [scale_in, scale_out]: [u32; 2]) -> Result<Self> {
        let [input, output] = [scale_in, scale_out].map(|scale| Fixed { bits: width, scale });
        let spline = function
            .spline(input, output)
            .with_context(|| format!("--width {width} --scale-in {scale_in} --scale-out {scale_out}"))?;
        Ok(Self { function, spline })
    }

    /// `len` arguments of the function's domain.
    pub(crate) fn arguments(&self, prg: &mut Prg, len: usize) -> RingVec {
        let ring = self.spline.input().ring();
        let (first, last) = self.spline.domain().into_inner();
        prg.ring_vec(ring, len).map(|v| {
            let offset = ring.to_signed(v).wrapping_sub(first).rem_euclid(last - first + 1);
            ring.from_signed(first + offset)
        })
    }

    /// The largest error in units of the last place: over the function's whole domain for arguments of up to
    /// 16 bits, else over `used`.
    pub(crate) fn max_ulp(&self, used: &RingVec) -> u64 {
        if self.spline.input().bits <= EXHAUSTIVE_BITS {
            return self.max_ulp_of_all();
        }
        Reference::new().max_ulp(self.function, &self.spline, &used.to_signed())
    }

    /// The largest error over the function's whole domain.
    pub(crate) fn max_ulp_of_all(&self) -> u64 {
        let domain: Vec<i64> = self.spline.domain().collect();
        Reference::new().max_ulp(self.function, &self.spline, &domain)
    }
}
