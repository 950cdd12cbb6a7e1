//! The parameter sets there are.

use std::sync::{Arc, LazyLock};

use veilflow_he::{Parameters, packing_keys_bytes, public_key_bytes};

/// The parameter sets: 104 bits at degree 4096; as many at degree 8192, with packing; 156 bits at degree
/// 8192, for wide rings and large sums.
pub(super) static PARAMETERS: LazyLock<[Arc<Parameters>; 3]> = LazyLock::new(|| {
    [Parameters::new(4096, 2), Parameters::with_packing(8192), Parameters::new(8192, 3)]
        .map(|made| Arc::new(made.expect("all are in the security table")))
});

/// A parameter set in use, with keys to pack through some levels.
#[derive(Debug, Clone)]
pub(super) struct Set {
    pub(super) parameters: Arc<Parameters>,
    pub(super) levels: u32,
}

impl Set {
    /// Bytes of its public keys.
    pub(super) fn key_bytes(&self) -> usize {
        let packing = if self.levels == 0 { 0 } else { packing_keys_bytes(&self.parameters, self.levels) };
        public_key_bytes(&self.parameters) + packing
    }
}
