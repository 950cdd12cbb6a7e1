//! Every example runs, and ends well.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where cargo puts the examples of the package whose test this is.
fn compiled(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("a test has a file");
    let target = this.parent().and_then(Path::parent).expect("tests lie in target/PROFILE/deps");
    let example = target.join("examples").join(name).with_extension(std::env::consts::EXE_EXTENSION);
    assert!(example.exists(), "{} is missing: `cargo test -p veilflow` builds it", example.display());
    example
}

fn names() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let files = std::fs::read_dir(folder).expect("there are examples");
    let mut names: Vec<_> = files
        .map(|file| file.expect("a readable entry").path())
        .filter(|file| file.extension().is_some_and(|e| e == "rs"))
        .map(|file| file.file_stem().expect("it has a name").to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn every_example_runs() {
    let names = names();
    assert_eq!(names, ["in_process", "prepare_then_infer", "shared_weights", "two_processes", "with_helper"]);
    for name in names {
        let ended = Command::new(compiled(&name)).output().expect("an example starts");
        let (said, errors) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        assert!(ended.status.success(), "{name}: {said}{errors}");
        assert!(!said.is_empty(), "{name} says something");
    }
}

/// The server and the client that documents show are short.
#[test]
fn an_embedded_server_and_client_are_under_25_lines_each() {
    let text = include_str!("../examples/two_processes.rs");
    for name in ["serve", "infer"] {
        let from = text.find(&format!("fn {name}(")).expect("the example has it");
        let lines = text[from..].lines().position(|line| line == "}").expect("it ends") + 1;
        assert!(lines < 25, "{name} has {lines} lines");
    }
}

/// The repository's README shows the same two, word for word.
#[test]
fn the_readme_shows_the_example() {
    let text = include_str!("../examples/two_processes.rs");
    let from = text.find("/// The model's owner serves").expect("the example has it");
    let to = text.find("fn main()").expect("the example has it");
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../README.md");
    let readme = std::fs::read_to_string(readme).expect("the repository has a README");
    assert!(readme.contains(text[from..to].trim_end()), "README.md differs from the example");
}
