//! The 128-bit block.

use std::{
    fmt,
    ops::{BitXor, BitXorAssign},
};

use zeroize::Zeroize;

/// 128 bits, usually a key, a seed or an OT message. As bytes it is little-endian.
///
/// Comparison is not constant-time; compare blocks in tests and of public values only.
#[derive(Clone, Copy, Default, PartialEq, Eq, Zeroize)]
#[repr(transparent)]
pub struct Block(pub u128);

impl fmt::Debug for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Block(..)")
    }
}

impl Block {
    /// All bits zero.
    pub const ZERO: Self = Self(0);

    /// The block with these bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(u128::from_le_bytes(bytes))
    }

    /// The bytes of the block.
    pub fn to_bytes(self) -> [u8; 16] {
        self.0.to_le_bytes()
    }

    /// The low 64 bits.
    pub fn low(self) -> u64 {
        self.0 as u64
    }

    /// `self` if `bit`, else zero, without a branch.
    pub fn and_bit(self, bit: bool) -> Self {
        Self(self.0 & u128::from(bit).wrapping_neg())
    }

    /// `one` if `bit`, else `zero`, without a branch.
    pub fn select(zero: Self, one: Self, bit: bool) -> Self {
        zero ^ (zero ^ one).and_bit(bit)
    }
}

impl BitXor for Block {
    type Output = Self;

    fn bitxor(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }
}

impl BitXorAssign for Block {
    fn bitxor_assign(&mut self, other: Self) {
        self.0 ^= other.0;
    }
}

impl From<u128> for Block {
    fn from(value: u128) -> Self {
        Self(value)
    }
}

impl From<Block> for u128 {
    fn from(block: Block) -> Self {
        block.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selection_and_bytes() {
        let (a, b) = (Block(0x0123_4567 << 90 | 7), Block(u128::MAX / 3));
        assert!(Block::select(a, b, false) == a && Block::select(a, b, true) == b);
        assert!(a.and_bit(true) == a && a.and_bit(false) == Block::ZERO);
        assert!(Block::from_bytes(a.to_bytes()) == a);
        assert_eq!(a.to_bytes()[0], 7, "little-endian");
        assert_eq!(format!("{b:?}"), "Block(..)");
    }
}
