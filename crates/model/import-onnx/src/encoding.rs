//! How a `TensorProto` encodes its elements.

use veilflow_ir::Reason;

use crate::error::Result;
use crate::proto::{self, data_type};

/// The integers of a tensor with `count` elements, or `None` if its type is another. Truth values are 0 and
/// 1.
pub(crate) fn integers(
    kind: i32,
    raw: Option<&[u8]>,
    tensor: &proto::Tensor,
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
        (data_type::INT4 | data_type::UINT4, raw) => {
            let bytes: Vec<u8> = match raw {
                Some(raw) => raw.to_vec(),
                None => tensor.int32_data.iter().map(|v| v.to_le_bytes()[0]).collect(),
            };
            let signed = |nibble: u8| i64::from((nibble << 4).cast_signed() >> 4);
            let value = |n: u8| if kind == data_type::INT4 { signed(n) } else { i64::from(n) };
            let values = bytes.iter().flat_map(|b| [value(b & 15), value(b >> 4)]);
            values.take(count).collect()
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

/// The floats of a tensor, rounded to `f32`.
pub(crate) fn floats(kind: i32, raw: Option<&[u8]>, tensor: &proto::Tensor) -> Result<Vec<f32>, Reason> {
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
        assert_eq!(from_brain(0x3fc0), 1.5);
    }
}
