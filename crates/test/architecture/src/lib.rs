//! The rules of ARCHITECTURE.md that a machine can check.
//!
//! Each rule is a function from facts about the workspace to the [`Violation`]s it finds, so that it is tested on made-up
//! workspaces that break it. The facts of the real one are gathered in `tests/workspace.rs`.

mod rules;
mod sources;
mod storey;

pub use rules::{feature_violations, lint_violations, storey_violations};
pub use sources::{UNSAFE_ROOMS, unsafe_violations};
pub use storey::Storey;

/// What the rules need to know of one crate of the workspace.
#[derive(Clone, Debug)]
pub struct Crate {
    /// Its package name.
    pub name: String,
    /// Its folder, relative to the workspace root, with `/` between parts: `crates/base/ring`.
    pub folder: String,
    /// Folders of the workspace's crates that its library or binaries are built from. Development dependencies are left
    /// out: tests may import from anywhere.
    pub imports: Vec<String>,
    /// The Cargo features it defines.
    pub features: Vec<String>,
    /// The text of its Cargo.toml.
    pub manifest: String,
}

/// A rule broken, and where.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Violation {
    /// A crate lies outside the storeys.
    #[error("{folder} is in no storey: a crate lives in crates/STOREY/NAME")]
    Homeless {
        /// The crate's folder.
        folder: String,
    },
    /// A crate imports from a higher storey.
    #[error("{importer} imports {imported}: only its own storey and those below are open to it")]
    Upward {
        /// The folder of the crate that imports.
        importer: String,
        /// The folder of the crate it imports.
        imported: String,
    },
    /// A crate has lints of its own instead of the workspace's.
    #[error("{folder}/Cargo.toml lacks `[lints] workspace = true`")]
    OwnLints {
        /// The crate's folder.
        folder: String,
    },
    /// A crate's manifest is not TOML.
    #[error("{folder}/Cargo.toml: {reason}")]
    Manifest {
        /// The crate's folder.
        folder: String,
        /// What the parser says.
        reason: String,
    },
    /// A crate defines a Cargo feature that nobody has allowed.
    #[error(
        "{name} defines the feature `{feature}`: behaviour is chosen at run time, by arguments both parties compare"
    )]
    Feature {
        /// The crate's name.
        name: String,
        /// The feature.
        feature: String,
    },
    /// `unsafe` outside the rooms named for it.
    #[error("{file}:{line}: `unsafe` outside {UNSAFE_ROOMS:?}")]
    Unsafe {
        /// The file, relative to the workspace root.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// A source file is not Rust.
    #[error("{file}: {reason}")]
    Source {
        /// The file, relative to the workspace root.
        file: String,
        /// What the tokeniser says.
        reason: String,
    },
}
