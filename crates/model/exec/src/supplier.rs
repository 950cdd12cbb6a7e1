//! The names of those who can make a session's correlations.

use std::fmt;
use std::str::FromStr;

use crate::error::{ExecError, Result};

/// Who makes correlations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SupplierKind {
    /// Both parties, by SoftSpoken OT; pairs of linear layers by correlated OT.
    Ot,
    /// Both parties, by silent OT: Ferret, or SoftSpoken where few OTs are needed; pairs of linear layers by
    /// correlated OT.
    Silent,
    /// Both parties, by silent OT; pairs of linear layers by homomorphic encryption.
    #[default]
    He,
    /// A third party that colludes with neither.
    Helper,
}

impl SupplierKind {
    const ALL: [Self; 4] = [Self::Ot, Self::Silent, Self::He, Self::Helper];

    /// The name that users choose it by, and that the parties compare.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ot => "ot",
            Self::Silent => "silent",
            Self::He => "he",
            Self::Helper => "helper",
        }
    }
}

impl FromStr for SupplierKind {
    type Err = ExecError;

    fn from_str(name: &str) -> Result<Self> {
        let named = Self::ALL.into_iter().find(|kind| kind.name() == name);
        named.ok_or_else(|| ExecError::UnknownSupplier { name: name.to_owned() })
    }
}

impl fmt::Display for SupplierKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_an_error_lists_them() {
        for kind in SupplierKind::ALL {
            assert_eq!(kind.to_string().parse::<SupplierKind>().unwrap(), kind);
        }
        let message = "dealer".parse::<SupplierKind>().unwrap_err().to_string();
        assert!(SupplierKind::ALL.iter().all(|kind| message.contains(kind.name())), "{message}");
    }
}
