//! What a broken rule looks like.

use std::fmt;

/// An arrow of a circle: who takes which names from whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrow {
    /// The file or crate that takes the names.
    pub from: String,
    /// The one that defines them.
    pub to: String,
    /// The names; none between crates.
    pub names: Vec<String>,
}

impl fmt::Display for Arrow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.from, self.to)?;
        if self.names.is_empty() { Ok(()) } else { write!(f, " ({})", self.names.join(", ")) }
    }
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
    #[error("{file}:{line}: `unsafe` outside its rooms; they are named in `UNSAFE_ROOMS`")]
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
    /// Modules of a crate, or crates, that need each other.
    #[error("a circle ({knot} in the knot): {}", arrows.iter().map(Arrow::to_string).collect::<Vec<_>>().join(", "))]
    Circle {
        /// How many all reach each other.
        knot: usize,
        /// The shortest circle among them.
        arrows: Vec<Arrow>,
    },
    /// A comment beyond the width of code.
    #[error("{file}:{line}: a comment of {columns} columns; break it before column {width}")]
    LongComment {
        /// The file, relative to the workspace root.
        file: String,
        /// The line, from 1.
        line: usize,
        /// Where the line ends.
        columns: usize,
        /// The width of code.
        width: usize,
    },
    /// An error that is a text.
    #[error("{file}:{line}: an error that is a `String`: give it a type")]
    StringError {
        /// The file, relative to the workspace root.
        file: String,
        /// The line, from 1.
        line: usize,
    },
    /// A type in a public signature of the facade that its readers cannot name.
    #[error("{file}: `{item}` has `{path}` in its signature, which the facade doesn't export")]
    NotExported {
        /// The file of the signature, relative to the workspace root.
        file: String,
        /// The item whose signature it is.
        item: String,
        /// The type or trait, as it is written there.
        path: String,
    },
    /// Something that the facade exports without a description.
    #[error("{file}: `{name}` is exported by the facade and has no description")]
    Undocumented {
        /// The file of its definition, relative to the workspace root.
        file: String,
        /// The item.
        name: String,
    },
}
