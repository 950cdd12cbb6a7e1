//! The rules, on this workspace.

use std::fs;
use std::path::Path;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Target, camino::Utf8Path};
use veilflow_architecture::{
    Crate, Library, Sources, Storey, Violation, comment_violations, crate_circles, facade_violations,
    feature_violations, lint_violations, max_width, module_circles, storey_violations, string_errors,
    unsafe_violations,
};

/// Features that change nothing a peer can see, as (crate, feature). None so far.
const ALLOWED_FEATURES: &[(&str, &str)] = &[];

/// The folder of the library that others build on.
const FACADE: &str = "crates/app/veilflow";

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
            let root = |target: &Target| relative(metadata, &target.src_path);
            let libraries = package.targets.iter().filter(|target| target.is_lib());
            let binaries = package.targets.iter().filter(|target| target.is_bin());
            let library =
                |target: &Target| Library { name: target.name.replace('-', "_"), root: root(target) };
            Crate {
                name: package.name.to_string(),
                folder: relative(
                    metadata,
                    package.manifest_path.parent().expect("a manifest lies in a folder"),
                ),
                imports: imports.filter_map(|d| Some(relative(metadata, d.path.as_deref()?))).collect(),
                library: libraries.clone().map(library).next(),
                roots: libraries.chain(binaries).map(root).collect(),
                features: package.features.keys().cloned().collect(),
                manifest: fs::read_to_string(&package.manifest_path).expect("a manifest is readable"),
            }
        })
        .collect();
    // Guards the guards: rules that saw no crates, or no imports, would pass.
    let spec = crates.iter().find(|c| c.folder == "crates/base/spec").expect("spec is in the workspace");
    assert!(spec.imports.contains(&"crates/base/ring".to_owned()), "{spec:?}");
    assert_eq!(spec.roots, ["crates/base/spec/src/lib.rs"]);
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
    let sources = sources(&metadata());
    let violations = sources.iter().flat_map(|(file, text)| unsafe_violations(file, text));
    assert_none(&violations.collect::<Vec<_>>());
}

#[test]
fn no_library_has_texts_as_errors() {
    let metadata = metadata();
    let sources = sources(&metadata);
    let libraries = crates(&metadata).into_iter().filter_map(|c| c.library);
    assert_none(&libraries.flat_map(|library| string_errors(&library.root, &sources)).collect::<Vec<_>>());
}

#[test]
fn crates_and_modules_form_no_circle() {
    let metadata = metadata();
    let (sources, crates) = (sources(&metadata), crates(&metadata));
    assert_none(&crate_circles(&crates));
    let roots = crates.iter().flat_map(|c| &c.roots);
    assert_none(&roots.flat_map(|root| module_circles(root, &sources)).collect::<Vec<_>>());
}

#[test]
fn comments_wrap_where_code_does() {
    let metadata = metadata();
    let rustfmt = fs::read_to_string(metadata.workspace_root.join("rustfmt.toml")).expect("rustfmt.toml");
    let width = max_width(&rustfmt).expect("rustfmt.toml has a width");
    let sources = sources(&metadata);
    let violations = sources.iter().flat_map(|(file, text)| comment_violations(file, text, width));
    assert_none(&violations.collect::<Vec<_>>());
}

#[test]
fn the_facade_exports_and_describes_what_it_names() {
    let metadata = metadata();
    let crates = crates(&metadata);
    let ships = |c: &&Crate| Storey::of(&c.folder) != Some(Storey::Test);
    let libraries = crates.iter().filter(ships).filter_map(|c| c.library.as_ref());
    let roots = libraries.map(|library| (library.name.clone(), library.root.clone())).collect();
    let facade = crates.iter().find(|c| c.folder == FACADE).and_then(|c| c.library.as_ref());
    let facade = facade.expect("the facade is a library");
    assert_none(&facade_violations(&facade.name, &roots, &sources(&metadata)));
}

/// Every source file of the workspace's crates.
fn sources(metadata: &Metadata) -> Sources {
    let mut files = Vec::new();
    rust_files(metadata.workspace_root.join("crates").as_std_path(), &mut files);
    let read = |file: std::path::PathBuf| {
        let text = fs::read_to_string(&file).expect("a source file is readable");
        let file = Utf8Path::from_path(&file).expect("source paths are UTF-8");
        (relative(metadata, file), text)
    };
    let sources: Sources = files.into_iter().map(read).collect();
    assert!(sources.contains_key("crates/test/architecture/tests/workspace.rs"));
    sources
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
