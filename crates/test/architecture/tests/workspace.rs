//! The rules, on this workspace.

use std::fs;
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, camino::Utf8Path};
use veilflow_architecture::{
    Crate, Violation, feature_violations, lint_violations, storey_violations, unsafe_violations,
};

/// Features that change nothing a peer can see, as (crate, feature). None so far.
const ALLOWED_FEATURES: &[(&str, &str)] = &[];

fn metadata() -> Metadata {
    MetadataCommand::new().no_deps().exec().expect("cargo metadata runs in the workspace")
}

/// `path` relative to the workspace root, with `/` between parts on every system.
fn relative(metadata: &Metadata, path: &Utf8Path) -> String {
    path.strip_prefix(&metadata.workspace_root).unwrap_or(path).as_str().replace('\\', "/")
}

fn crates(metadata: &Metadata) -> Vec<Crate> {
    let crates: Vec<_> = metadata
        .workspace_packages()
        .into_iter()
        .map(|package| {
            let ships = |kind| matches!(kind, DependencyKind::Normal | DependencyKind::Build);
            let imports = package.dependencies.iter().filter(|dependency| ships(dependency.kind));
            Crate {
                name: package.name.to_string(),
                folder: relative(
                    metadata,
                    package.manifest_path.parent().expect("a manifest lies in a folder"),
                ),
                imports: imports.filter_map(|d| Some(relative(metadata, d.path.as_deref()?))).collect(),
                features: package.features.keys().cloned().collect(),
                manifest: fs::read_to_string(&package.manifest_path).expect("a manifest is readable"),
            }
        })
        .collect();
    // Guards the guards: rules that saw no crates, or no imports, would pass.
    let spec = crates.iter().find(|c| c.folder == "crates/base/spec").expect("spec is in the workspace");
    assert!(spec.imports.contains(&"crates/base/ring".to_owned()), "{spec:?}");
    crates
}

#[track_caller]
fn assert_none(violations: &[Violation]) {
    let lines: Vec<_> = violations.iter().map(Violation::to_string).collect();
    assert!(lines.is_empty(), "\n{}", lines.join("\n"));
}

#[test]
fn crates_import_from_their_storey_or_below() {
    assert_none(&storey_violations(&crates(&metadata())));
}

#[test]
fn every_crate_inherits_the_lints() {
    assert_none(&lint_violations(&crates(&metadata())));
}

#[test]
fn no_feature_changes_the_wire() {
    assert_none(&feature_violations(&crates(&metadata()), ALLOWED_FEATURES));
}

#[test]
fn unsafe_stays_in_its_rooms() {
    let metadata = metadata();
    let mut files = Vec::new();
    rust_files(metadata.workspace_root.join("crates").as_std_path(), &mut files);
    assert!(files.iter().any(|file| file.ends_with("crates/test/architecture/tests/workspace.rs")));
    let mut violations = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).expect("a source file is readable");
        let file = Utf8Path::from_path(file).expect("source paths are UTF-8");
        violations.extend(unsafe_violations(&relative(&metadata, file), &text));
    }
    assert_none(&violations);
}

/// Every `.rs` file below `folder`.
fn rust_files(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).expect("a source folder is readable") {
        let path = entry.expect("a folder's entry is readable").path();
        if path.is_dir() {
            // A `target` beside a crate holds generated code.
            if !path.ends_with("target") {
                rust_files(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
