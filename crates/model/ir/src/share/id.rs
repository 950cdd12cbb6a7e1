//! What tells one sharing from another.

use std::fmt;

use veilflow_prim::Prg;

/// The public random number that both halves of a sharing carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SharingId([u8; SharingId::LEN]);

impl SharingId {
    /// The length in bytes.
    pub const LEN: usize = 16;

    /// A new number.
    pub fn random(prg: &mut Prg) -> Self {
        let mut bytes = [0; Self::LEN];
        prg.fill(&mut bytes);
        Self(bytes)
    }

    /// The number's bytes.
    pub fn bytes(self) -> [u8; Self::LEN] {
        self.0
    }
}

impl From<[u8; Self::LEN]> for SharingId {
    fn from(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }
}

/// In hexadecimal.
impl fmt::Display for SharingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
