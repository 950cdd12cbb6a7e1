//! The header in front of every flushed buffer.
//!
//! | bytes | field | |
//! |---|---|---|
//! | 0..4 | check | `MAGIC ^ len ^ depth.rotate_left(16)`, so that garbage or a flipped bit shows at once |
//! | 4..8 | len | payload bytes, 1..=[`MAX_PAYLOAD`] |
//! | 8..12 | depth | Lamport clock of the frame, from 1 |
//!
//! Numbers are little-endian.

use crate::{NetError, Result};

/// Bytes of a header.
pub(crate) const HEADER_LEN: usize = 12;

/// The longest payload of a frame; a full buffer is sent without waiting for a flush.
pub(crate) const MAX_PAYLOAD: usize = 1 << 18;

const MAGIC: u32 = u32::from_le_bytes(*b"VFf1");

/// What a header says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Header {
    pub(crate) len: u32,
    pub(crate) depth: u32,
}

impl Header {
    fn check(self) -> u32 {
        MAGIC ^ self.len ^ self.depth.rotate_left(16)
    }

    pub(crate) fn encode(self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[..4].copy_from_slice(&self.check().to_le_bytes());
        bytes[4..8].copy_from_slice(&self.len.to_le_bytes());
        bytes[8..].copy_from_slice(&self.depth.to_le_bytes());
        bytes
    }

    pub(crate) fn decode(bytes: [u8; HEADER_LEN]) -> Result<Self> {
        let [c0, c1, c2, c3, l0, l1, l2, l3, d0, d1, d2, d3] = bytes;
        let check = u32::from_le_bytes([c0, c1, c2, c3]);
        let header =
            Self { len: u32::from_le_bytes([l0, l1, l2, l3]), depth: u32::from_le_bytes([d0, d1, d2, d3]) };
        if check != header.check() {
            return Err(NetError::malformed("a frame's header fails its check"));
        }
        if header.len == 0 || header.len as usize > MAX_PAYLOAD {
            let what = format!("a frame of {} bytes; frames have 1 to {MAX_PAYLOAD}", header.len);
            return Err(NetError::malformed(what));
        }
        if header.depth == 0 {
            return Err(NetError::malformed("a frame of depth 0; depths start at 1"));
        }
        Ok(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_round_trip_and_every_flipped_bit_is_noticed() {
        for header in [
            Header { len: 1, depth: 1 },
            Header { len: MAX_PAYLOAD as u32, depth: u32::MAX },
            Header { len: 77, depth: 0x1234_5678 },
        ] {
            let bytes = header.encode();
            assert_eq!(Header::decode(bytes), Ok(header));
            for bit in 0..8 * HEADER_LEN {
                let mut flipped = bytes;
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(Header::decode(flipped).is_err(), "{header:?}, bit {bit}");
            }
        }
    }

    #[test]
    fn lengths_and_depths_out_of_range_are_rejected() {
        for header in [
            Header { len: 0, depth: 1 },
            Header { len: MAX_PAYLOAD as u32 + 1, depth: 1 },
            Header { len: u32::MAX, depth: 1 },
            Header { len: 1, depth: 0 },
        ] {
            assert!(Header::decode(header.encode()).is_err(), "{header:?}");
        }
    }
}
