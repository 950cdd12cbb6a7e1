//! What the rules need to know of the workspace.

use std::collections::BTreeMap;

/// Source files: the text by path from the workspace root, with `/` between parts.
pub type Sources = BTreeMap<String, String>;

/// What the rules need to know of one crate of the workspace.
#[derive(Clone, Debug)]
pub struct Crate {
    /// Its package name.
    pub name: String,
    /// Its folder, relative to the workspace root, with `/` between parts: `crates/base/ring`.
    pub folder: String,
    /// Folders of the workspace's crates that its library or binaries are built from. Development
    /// dependencies are left out: tests may import from anywhere.
    pub imports: Vec<String>,
    /// The files its library and binaries begin with: `lib.rs`, `main.rs`.
    pub roots: Vec<String>,
    /// Its library, if it has one.
    pub library: Option<Library>,
    /// The Cargo features it defines.
    pub features: Vec<String>,
    /// The text of its Cargo.toml.
    pub manifest: String,
}

/// The library of a crate.
#[derive(Clone, Debug)]
pub struct Library {
    /// What code calls it: `veilflow_ring`.
    pub name: String,
    /// The file it begins with.
    pub root: String,
}
