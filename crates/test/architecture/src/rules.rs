//! Rules over the crates of the workspace.

use crate::storey::Storey;
use crate::violation::Violation;
use crate::workspace::Crate;

/// Crates outside every storey, and imports from a higher storey.
pub fn storey_violations(crates: &[Crate]) -> Vec<Violation> {
    let mut found = Vec::new();
    for importer in crates {
        let Some(storey) = Storey::of(&importer.folder) else {
            found.push(Violation::Homeless { folder: importer.folder.clone() });
            continue;
        };
        for imported in &importer.imports {
            // A homeless import is reported under its own name, if it is of this workspace, and is no
            // storey's to import.
            if Storey::of(imported).is_none_or(|below| below > storey) {
                found.push(Violation::Upward {
                    importer: importer.folder.clone(),
                    imported: imported.clone(),
                });
            }
        }
    }
    found
}

/// Crates that do not inherit the workspace's lints.
pub fn lint_violations(crates: &[Crate]) -> Vec<Violation> {
    crates.iter().filter_map(lint_violation).collect()
}

fn lint_violation(crate_: &Crate) -> Option<Violation> {
    let folder = crate_.folder.clone();
    match crate_.manifest.parse::<toml::Table>() {
        Err(error) => Some(Violation::Manifest { folder, reason: error.message().to_owned() }),
        Ok(manifest) => {
            let inherits = manifest.get("lints").and_then(|lints| lints.get("workspace")?.as_bool());
            (inherits != Some(true)).then_some(Violation::OwnLints { folder })
        }
    }
}

/// Cargo features other than the `allowed` pairs (crate name, feature).
///
/// Two builds that differ in features must never differ on the wire; the simplest way to be sure is to have
/// none.
pub fn feature_violations(crates: &[Crate], allowed: &[(&str, &str)]) -> Vec<Violation> {
    let mut found = Vec::new();
    for Crate { name, features, .. } in crates {
        for feature in features {
            if !allowed.contains(&(name, feature)) {
                found.push(Violation::Feature { name: name.clone(), feature: feature.clone() });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crate_in(folder: &str, imports: &[&str]) -> Crate {
        Crate {
            name: format!("veilflow-{}", folder.rsplit('/').next().unwrap_or(folder)),
            folder: folder.to_owned(),
            imports: imports.iter().map(|&import| import.to_owned()).collect(),
            roots: Vec::new(),
            library: None,
            features: Vec::new(),
            manifest: "[lints]\nworkspace = true\n".to_owned(),
        }
    }

    #[test]
    fn downward_and_level_imports_pass() {
        let crates = [
            crate_in("crates/base/ring", &[]),
            crate_in("crates/base/spec", &["crates/base/ring"]),
            crate_in("crates/model/exec", &["crates/wire/net", "crates/model/ir"]),
            crate_in("crates/test/bench", &["crates/app/cli", "crates/test/testkit"]),
        ];
        assert_eq!(storey_violations(&crates), []);
    }

    #[test]
    fn an_upward_import_is_found() {
        let crates = [crate_in("crates/wire/net", &["crates/base/ring", "crates/crypto/ot"])];
        let expected = Violation::Upward {
            importer: "crates/wire/net".to_owned(),
            imported: "crates/crypto/ot".to_owned(),
        };
        assert_eq!(storey_violations(&crates), [expected]);
    }

    #[test]
    fn what_ships_may_not_import_a_test_crate() {
        assert_eq!(storey_violations(&[crate_in("crates/app/cli", &["crates/test/testkit"])]).len(), 1);
    }

    #[test]
    fn a_crate_outside_the_storeys_is_found_and_may_not_be_imported() {
        let crates = [crate_in("tools/x", &[]), crate_in("crates/app/cli", &["tools/x"])];
        let expected = [
            Violation::Homeless { folder: "tools/x".to_owned() },
            Violation::Upward { importer: "crates/app/cli".to_owned(), imported: "tools/x".to_owned() },
        ];
        assert_eq!(storey_violations(&crates), expected);
    }

    #[test]
    fn lints_must_be_the_workspaces() {
        let with = |manifest: &str| Crate { manifest: manifest.to_owned(), ..crate_in("crates/base/x", &[]) };
        assert_eq!(lint_violations(&[with("[lints]\nworkspace = true"), with("lints.workspace = true")]), []);
        for manifest in
            ["", "[lints]\nworkspace = false", "[lints.rust]\nunsafe_code = \"allow\"", "# [lints]"]
        {
            let expected = Violation::OwnLints { folder: "crates/base/x".to_owned() };
            assert_eq!(lint_violations(&[with(manifest)]), [expected], "{manifest}");
        }
        assert!(matches!(lint_violations(&[with("[lints")])[..], [Violation::Manifest { .. }]));
    }

    #[test]
    fn a_feature_is_found_unless_allowed_for_that_crate() {
        let one = Crate { features: vec!["fast".to_owned()], ..crate_in("crates/base/one", &[]) };
        let two = Crate { features: vec!["fast".to_owned()], ..crate_in("crates/base/two", &[]) };
        let expected = Violation::Feature { name: "veilflow-two".to_owned(), feature: "fast".to_owned() };
        assert_eq!(feature_violations(&[one, two], &[("veilflow-one", "fast")]), [expected]);
    }
}
