//! The plan file: one header line, then JSON.

use std::path::Path;

use super::Plan;
use crate::container::{Format, Readers, write_atomically};
use crate::error::Result;

const FORMAT: Format = Format { name: "veilflow-plan", version: 2 };

/// The longest plan file.
const MAX_BYTES: u64 = 1 << 26;

impl Plan {
    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a plan has string keys only")
    }

    /// What identifies the plan: the BLAKE3 hash of its JSON form. Parties compare it before they start.
    pub fn hash(&self) -> [u8; 32] {
        *blake3::hash(&self.json()).as_bytes()
    }

    /// The plan file: `veilflow-plan 2 HASH`, a line end, JSON.
    pub fn encode(&self) -> Vec<u8> {
        FORMAT.encode(&self.json())
    }

    /// Reads a plan file from memory and verifies it.
    ///
    /// # Errors
    /// [`IrError::Format`](crate::IrError::Format) if the bytes are no undamaged plan file of this version,
    /// and those of [`Plan::verify`].
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        if bytes.len() as u64 > MAX_BYTES {
            return Err(FORMAT.error(format!("longer than {MAX_BYTES} bytes")));
        }
        let body = FORMAT.decode(bytes)?;
        let plan: Self = serde_json::from_slice(body).map_err(|e| FORMAT.error(e.to_string()))?;
        plan.verify()?;
        // A plan must have one hash. Spaces or fields in another order would give it a second one.
        if plan.json() != body {
            return Err(FORMAT.error("not written by this program"));
        }
        Ok(plan)
    }

    /// Writes the plan file at once: a reader sees the old file or the new one.
    ///
    /// # Errors
    /// [`IrError::File`](crate::IrError::File).
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        write_atomically(path.as_ref(), &self.encode(), Readers::Everybody)
    }

    /// Reads and verifies the plan file at `path`.
    ///
    /// # Errors
    /// [`IrError::File`](crate::IrError::File), and those of [`Plan::decode`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        Self::decode(&FORMAT.read(path.as_ref(), MAX_BYTES)?)
    }
}
