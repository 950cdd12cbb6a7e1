//! Who makes correlations.

use std::fmt;

use serde::{Deserialize, Serialize};
use veilflow_exec::SupplierKind;

/// Who makes the correlations that a run uses up: what takes most of its time, and needs no input. Both
/// parties choose the same.
///
/// The answer is the same with any. Between two parties, [`Supplier::He`] suits most networks;
/// [`Supplier::Helper`] is several times quicker, but needs a third party that colludes with neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Supplier {
    /// Silent oblivious transfer; linear layers by homomorphic encryption. Rings of up to 40 bits or so, and
    /// no secret-shared weights.
    #[default]
    He,
    /// Silent oblivious transfer, linear layers too: any network, and many more bytes.
    Silent,
    /// SoftSpoken oblivious transfer: any network, the most bytes, the least computing.
    Ot,
    /// A third party, the [`Helper`](crate::Helper), which sees no weights, no input and no output.
    Helper,
}

impl Supplier {
    pub(crate) fn kind(self) -> SupplierKind {
        match self {
            Self::He => SupplierKind::He,
            Self::Silent => SupplierKind::Silent,
            Self::Ot => SupplierKind::Ot,
            Self::Helper => SupplierKind::Helper,
        }
    }
}

/// As `he`, `silent`, `ot` or `helper`.
impl fmt::Display for Supplier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind().fmt(f)
    }
}
