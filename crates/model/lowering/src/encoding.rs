//! How a `TensorProto` encodes its elements.

use veilflow_ir::Reason;

use crate::error::Result;
use crate::source::{self, data_type};

/// The integers of a tensor with `count` elements, or `None` if its type is another. Truth values are 0 and
/// 1.
pub(crate) fn integers(
    kind: i32,
    raw: Option<&[u8]>,
    tensor: &source::Tensor,
    count: usize,
) -> Result<Option<Vec<i64>>, Reason> {
    let from_int32 = || tensor.int32_data.iter().map(|&v| i64::from(v)).collect::<Vec<i64>>();
    let values = match (kind, raw) {
        (data_type::BOOL, Some(raw)) => raw.iter().map(|&b| i64::from(b != 0)).collect(),
        (data_type::INT8, Some(raw)) => raw.iter().map(|&b| i64::from(b.cast_signed())).collect(),
        (data_type::UINT8, Some(raw)) => raw.iter().map(|&b| i64::from(b)).collect(),
        (data_type::INT16, Some(raw)) => fixed(raw, |b| i64::from(i16::from_le_bytes(b)))?,
        (data_type::UINT16, Some(raw)) => fixed(raw, |b| i64::from(u16::from_le_bytes(b)))?,
        (data_type::INT32, Some(raw)) => fixed(raw, |b| i64::from(i32::from_le_bytes(b)))?,
        (data_type::UINT32, Some(raw)) => fixed(raw, |b| i64::from(u32::from_le_bytes(b)))?,
        (data_type::INT64, Some(raw)) => fixed(raw, i64::from_le_bytes)?,
        (data_type::UINT64, Some(raw)) => fixed(raw, |b| u64::from_le_bytes(b).cast_signed())?,
        (data_type::INT64, None) => tensor.int64_data.clone(),
        (data_type::UINT32 | data_type::UINT64, None) => {
            tensor.uint64_data.iter().map(|v| v.cast_signed()).collect()
        }
        (data_type::INT4 | data_type::UINT4 | data_type::INT2 | data_type::UINT2, raw) => {
            let bits = if matches!(kind, data_type::INT4 | data_type::UINT4) { 4 } else { 2 };
            let signed = matches!(kind, data_type::INT4 | data_type::INT2);
            let low = 8 - bits;
            let extended = |code: u8| i64::from((code << low).cast_signed() >> low);
            let value = |code: u8| if signed { extended(code) } else { i64::from(code) };
            codes(raw, tensor, bits).map(value).take(count).collect()
        }
        (
            data_type::BOOL
            | data_type::INT8
            | data_type::UINT8
            | data_type::INT16
            | data_type::UINT16
            | data_type::INT32,
            None,
        ) => from_int32(),
        _ => return Ok(None),
    };
    Ok(Some(values))
}

/// Codes of fewer than 8 bits, packed into bytes from the low end.
fn codes(raw: Option<&[u8]>, tensor: &source::Tensor, bits: u32) -> impl Iterator<Item = u8> {
    let bytes = packed(raw, tensor);
    bytes.into_iter().flat_map(move |b| (0..8 / bits).map(move |i| b >> (i * bits) & ((1 << bits) - 1)))
}

/// Elements of at most 8 bits, as bytes.
fn packed(raw: Option<&[u8]>, tensor: &source::Tensor) -> Vec<u8> {
    match raw {
        Some(raw) => raw.to_vec(),
        None => tensor.int32_data.iter().map(|v| v.to_le_bytes()[0]).collect(),
    }
}

/// The floats of a tensor with `count` elements, rounded to `f32`.
pub(crate) fn floats(
    kind: i32,
    raw: Option<&[u8]>,
    tensor: &source::Tensor,
    count: usize,
) -> Result<Vec<f32>, Reason> {
    let bits = || tensor.int32_data.iter().map(|v| v.cast_unsigned() as u16);
    match (kind, raw) {
        (data_type::FLOAT, Some(raw)) => fixed(raw, f32::from_le_bytes),
        (data_type::FLOAT, None) => Ok(tensor.float_data.clone()),
        (data_type::DOUBLE, Some(raw)) => fixed(raw, |b| f64::from_le_bytes(b) as f32),
        (data_type::DOUBLE, None) => Ok(tensor.double_data.iter().map(|&v| v as f32).collect()),
        (data_type::FLOAT16, Some(raw)) => fixed(raw, |b| from_half(u16::from_le_bytes(b))),
        (data_type::FLOAT16, None) => Ok(bits().map(from_half).collect()),
        (data_type::BFLOAT16, Some(raw)) => fixed(raw, |b| from_brain(u16::from_le_bytes(b))),
        (data_type::BFLOAT16, None) => Ok(bits().map(from_brain).collect()),
        (data_type::FLOAT4E2M1, raw) => {
            Ok(codes(raw, tensor, 4).map(|code| Minifloat::E2M1.value(code)).take(count).collect())
        }
        (kind, raw) if data_type::is_narrow_float(kind) => {
            let format = match kind {
                data_type::FLOAT8E4M3FN => Minifloat::E4M3,
                data_type::FLOAT8E4M3FNUZ => Minifloat::E4M3_UNSIGNED_ZERO,
                data_type::FLOAT8E5M2 => Minifloat::E5M2,
                _ => Minifloat::E5M2_UNSIGNED_ZERO,
            };
            Ok(packed(raw, tensor).into_iter().map(|code| format.value(code)).collect())
        }
        (other, _) => Err(format!("type {} isn't supported, use float", data_type::name(other)).into()),
    }
}

/// Little-endian elements of `N` bytes each.
fn fixed<const N: usize, T>(raw: &[u8], decode: impl Fn([u8; N]) -> T) -> Result<Vec<T>, Reason> {
    let (chunks, rest) = raw.as_chunks::<N>();
    if !rest.is_empty() {
        return Err(format!("{} bytes of raw data, no multiple of {N}", raw.len()).into());
    }
    Ok(chunks.iter().map(|&b| decode(b)).collect())
}

/// A format of floats of at most 8 bits: ONNX's technical notes on float8 and float4.
struct Minifloat {
    exponent: u32,
    fraction: u32,
    bias: i32,
    special: Special,
}

/// Which codes are no numbers.
enum Special {
    /// None.
    Nothing,
    /// Those whose bits are all ones, but for the sign.
    Ones,
    /// Those with the largest exponent, infinity among them.
    LargestExponent,
    /// That of minus zero.
    MinusZero,
}

impl Minifloat {
    const E2M1: Self = Self { exponent: 2, fraction: 1, bias: 1, special: Special::Nothing };
    const E4M3: Self = Self { exponent: 4, fraction: 3, bias: 7, special: Special::Ones };
    const E4M3_UNSIGNED_ZERO: Self = Self { exponent: 4, fraction: 3, bias: 8, special: Special::MinusZero };
    const E5M2: Self = Self { exponent: 5, fraction: 2, bias: 15, special: Special::LargestExponent };
    const E5M2_UNSIGNED_ZERO: Self = Self { exponent: 5, fraction: 2, bias: 16, special: Special::MinusZero };

    fn value(&self, code: u8) -> f32 {
        let exponent = i32::from(code >> self.fraction) & ((1 << self.exponent) - 1);
        let fraction = code & ((1 << self.fraction) - 1);
        let negative = code >> (self.exponent + self.fraction) & 1 == 1;
        let largest = exponent == (1 << self.exponent) - 1;
        let full = fraction == (1 << self.fraction) - 1;
        let scale = 2f32.powi(exponent.max(1) - self.bias - self.fraction as i32);
        let hidden = if exponent > 0 { 1u8 << self.fraction } else { 0 };
        let magnitude = match self.special {
            Special::Ones if largest && full => f32::NAN,
            Special::LargestExponent if largest && fraction == 0 => f32::INFINITY,
            Special::LargestExponent if largest => f32::NAN,
            Special::MinusZero if negative && code & 127 == 0 => f32::NAN,
            _ => f32::from(hidden + fraction) * scale,
        };
        if negative { -magnitude } else { magnitude }
    }
}

/// A number of IEEE 754's binary16: 5 bits of exponent, 10 of fraction.
fn from_half(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f32::from(bits & 1023));
    let magnitude = match exponent {
        0 => fraction * 2f32.powi(-24),
        31 if fraction == 0.0 => f32::INFINITY,
        31 => f32::NAN,
        _ => (1024.0 + fraction) * 2f32.powi(exponent - 25),
    };
    if bits >> 15 == 1 { -magnitude } else { magnitude }
}

/// A number of bfloat16: the upper half of an `f32`.
fn from_brain(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_have_the_values_of_the_standard() {
        for (bits, value) in [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65504.0),
            (0x0001, 5.960_464_5e-8),
            (0x0400, 6.103_515_6e-5),
            (0x3555, 0.333_251_95),
            (0x7c00, f32::INFINITY),
        ] {
            assert_eq!(from_half(bits), value, "{bits:#x}");
        }
        assert!(from_half(0x7e00).is_nan());
        for (format, code, value) in [
            (Minifloat::E4M3, 0x7e, 448.0),
            (Minifloat::E4M3, 0x01, 0.001_953_125),
            (Minifloat::E4M3_UNSIGNED_ZERO, 0x7f, 240.0),
            (Minifloat::E5M2, 0x7b, 57344.0),
            (Minifloat::E5M2, 0xfc, f32::NEG_INFINITY),
            (Minifloat::E5M2_UNSIGNED_ZERO, 0x7f, 57344.0),
            (Minifloat::E2M1, 0x7, 6.0),
            (Minifloat::E2M1, 0x9, -0.5),
        ] {
            assert_eq!(format.value(code), value, "{code:#x}");
        }
        assert!(Minifloat::E4M3.value(0xff).is_nan() && Minifloat::E5M2_UNSIGNED_ZERO.value(0x80).is_nan());
        assert_eq!(from_brain(0x3fc0), 1.5);
    }
}
