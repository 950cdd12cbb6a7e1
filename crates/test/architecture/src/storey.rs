//! The storeys, lowest first.

/// A storey of the house: the folder under `crates/` that a crate lives in.
///
/// Ordered from the ground up. A crate imports from its own storey and those below; `Test` is the roof, so
/// that tests may import everything and nothing that ships may import them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Storey {
    /// Rings, and what every operation means.
    Base,
    /// Channels between parties.
    Wire,
    /// Symmetric primitives, oblivious transfer, homomorphic encryption.
    Crypto,
    /// Correlations and the online protocols that spend them.
    Protocol,
    /// Graphs, passes, importers, execution.
    Model,
    /// What users call.
    App,
    /// What only tests and benchmarks call.
    Test,
}

impl Storey {
    /// The storey of a crate in `folder` (relative to the workspace root), or `None` if that is not
    /// `crates/STOREY/NAME`.
    pub fn of(folder: &str) -> Option<Self> {
        let ["crates", storey, name] = folder.split('/').collect::<Vec<_>>()[..] else { return None };
        if name.is_empty() {
            return None;
        }
        match storey {
            "base" => Some(Self::Base),
            "wire" => Some(Self::Wire),
            "crypto" => Some(Self::Crypto),
            "protocol" => Some(Self::Protocol),
            "model" => Some(Self::Model),
            "app" => Some(Self::App),
            "test" => Some(Self::Test),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Storey;

    #[test]
    fn folders_name_storeys_in_order() {
        let names = ["base", "wire", "crypto", "protocol", "model", "app", "test"];
        let storeys: Vec<_> =
            names.iter().map(|name| Storey::of(&format!("crates/{name}/x")).expect(name)).collect();
        assert!(storeys.is_sorted_by(|lower, upper| lower < upper), "{storeys:?}");
    }

    #[test]
    fn other_folders_are_no_storey() {
        for folder in ["", "crates/base", "crates/base/", "crates/attic/x", "base/ring", "crates/base/ring/x"]
        {
            assert_eq!(Storey::of(folder), None, "{folder}");
        }
    }
}
