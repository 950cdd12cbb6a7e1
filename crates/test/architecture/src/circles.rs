//! No circles: among the modules of a crate, and among crates.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::modules::{Modules, Target, references};
use crate::violation::{Arrow, Violation};
use crate::workspace::{Crate, Sources};

/// Who takes what from whom: the names of each arrow.
type Arrows = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Circles among the files of the library or binary whose root is `root`, one for each knot of files.
///
/// A file takes from another what its code names by path or import and the other defines; a name that a
/// module passes on belongs to the module that defines it. So a parent may pass on what its children define,
/// and a child may take what its parent passes on, but not both what the other defines. What is compiled for
/// tests only doesn't count.
pub fn module_circles(root: &str, sources: &Sources) -> Vec<Violation> {
    match Modules::parse(root, sources) {
        Ok(modules) => circles(&arrows(&modules)),
        Err(violation) => vec![violation],
    }
}

/// Circles among crates, by what their libraries and binaries import.
pub fn crate_circles(crates: &[Crate]) -> Vec<Violation> {
    let imports = |c: &Crate| c.imports.iter().map(|import| (import.clone(), BTreeSet::new())).collect();
    circles(&crates.iter().map(|c| (c.folder.clone(), imports(c))).collect())
}

fn arrows(modules: &Modules) -> Arrows {
    let mut arrows = Arrows::new();
    for (index, module) in modules.all.iter().enumerate() {
        let imports = module.imports.iter().filter(|import| !modules.is_re_export(index, import));
        let imports = imports.map(|import| import.path.clone());
        for path in imports.chain(references(&module.items)) {
            // A module counts by what is taken from it.
            let Target::Item(source, name) = modules.resolve(index, &path) else { continue };
            let (from, to) = (&module.file, &modules.all[source].file);
            if from != to {
                arrows.entry(from.clone()).or_default().entry(to.clone()).or_default().insert(name);
            }
        }
    }
    arrows
}

/// The shortest circle of each knot: of nodes that all reach each other.
fn circles(arrows: &Arrows) -> Vec<Violation> {
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        arrows.keys().map(|from| (from, walk(arrows, from).into_keys().collect())).collect();
    let mut found = Vec::new();
    let mut seen: BTreeSet<&String> = BTreeSet::new();
    for (&node, reaches) in &reached {
        if !reaches.contains(node) || seen.contains(node) {
            continue;
        }
        let knot: Vec<&String> = reaches
            .iter()
            .copied()
            .filter(|&other| reached.get(other).is_some_and(|back| back.contains(node)))
            .collect();
        seen.extend(&knot);
        let shortest = knot.iter().map(|&start| circle(arrows, start)).min_by_key(Vec::len);
        found.push(Violation::Circle { knot: knot.len(), arrows: shortest.unwrap_or_default() });
    }
    found
}

/// Everything that `start` leads to, each with the node before it on a shortest way.
fn walk<'a>(arrows: &'a Arrows, start: &'a String) -> BTreeMap<&'a String, &'a String> {
    let mut before = BTreeMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for next in arrows.get(node).into_iter().flat_map(BTreeMap::keys) {
            before.entry(next).or_insert_with(|| {
                queue.push_back(next);
                node
            });
        }
    }
    before
}

/// The shortest circle through a node that lies on one.
fn circle(arrows: &Arrows, start: &String) -> Vec<Arrow> {
    let before = walk(arrows, start);
    let mut circle = Vec::new();
    let mut to = start;
    loop {
        let from = before[to];
        let names = arrows[from][to].iter().cloned().collect();
        circle.push(Arrow { from: from.clone(), to: to.clone(), names });
        if from == start {
            break;
        }
        to = from;
    }
    circle.reverse();
    circle
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The circles of a library of these files, each written as its arrows.
    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let sources = files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
        module_circles("lib.rs", &sources).iter().map(Violation::to_string).collect()
    }

    #[test]
    fn a_circle_is_found_with_the_names_that_tie_it() {
        let files = [
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b::{self, Two}; fn one(_: Two) { b::f(); }"),
            ("b.rs", "pub struct Two; pub fn f() { super::c::three() }"),
            ("c.rs", "pub fn three() { assert_eq!(crate::a::one(1), 2); }"),
        ];
        let expected =
            "a circle (3 in the knot): a.rs -> b.rs (Two, f), b.rs -> c.rs (three), c.rs -> a.rs (one)";
        assert_eq!(found(&files), [expected]);
        assert_eq!(found(&files[..3]), ["c.rs: is missing"]);
    }

    #[test]
    fn parents_pass_on_what_children_define() {
        let files = [
            ("lib.rs", "pub mod a; pub use a::Two; pub use a::b::three;"),
            ("a/mod.rs", "mod c; pub mod b; pub use b::*; pub use c::Two;"),
            ("a/b.rs", "pub fn three(_: super::Two) -> crate::Two { loop {} }"),
            ("a/c.rs", "pub struct Two;"),
        ];
        assert_eq!(found(&files), Vec::<String>::new());
    }

    #[test]
    fn a_parent_that_uses_its_child_may_not_define_what_the_child_uses() {
        let child = ("child.rs", "pub struct Child(super::Parent);");
        let passes_on = ("lib.rs", "mod child; pub use child::Child; pub struct Parent;");
        assert_eq!(found(&[passes_on, child]), Vec::<String>::new());
        for text in [
            "mod child; use child::Child; pub struct Parent; fn f(_: Child) {}",
            "mod child; pub use child::Child; pub struct Parent; fn f(_: Child) {}",
            "mod child; pub struct Parent; fn f() { let _ = child::Child; }",
            "mod child; pub use child::*; pub struct Parent; fn f() -> Option<Child> { None }",
            "mod child; pub use child::*; pub struct Parent; fn f() { println!(\"{:?}\", Child) }",
        ] {
            let expected =
                "a circle (2 in the knot): child.rs -> lib.rs (Parent), lib.rs -> child.rs (Child)";
            assert_eq!(found(&[("lib.rs", text), child]), [expected], "{text}");
        }
    }

    #[test]
    fn tests_comments_and_parts_of_one_file_do_not_count() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a.rs", "pub struct One; #[cfg(test)] mod tests { use crate::b::Two; } #[cfg(test)] mod more;"),
            (
                "b.rs",
                "use super::a::One; /// [`super::a`]
                pub struct Two(One); mod inner { use super::Two; pub fn f() {} } fn g() { inner::f() }
                impl Two { #[cfg(test)] fn f() {} }",
            ),
        ];
        assert_eq!(found(&files), Vec::<String>::new());
        let used = ("a.rs", "pub struct One; #[cfg(not(test))] fn f(_: crate::b::Two) {}");
        assert_eq!(found(&[files[0], used, files[2]]).len(), 1);
    }

    #[test]
    fn a_module_and_its_item_may_share_a_name() {
        let files = [
            ("lib.rs", "mod linear; mod user; pub use linear::linear;"),
            ("linear.rs", "pub fn linear() {} pub fn other() {}"),
            ("user.rs", "use crate::linear; fn f() { linear(); linear::other(); }"),
        ];
        assert_eq!(found(&files), Vec::<String>::new());
    }

    #[test]
    fn crates_form_no_circle() {
        let new = |folder: &str, imports: &[&str]| Crate {
            name: folder.to_owned(),
            folder: folder.to_owned(),
            imports: imports.iter().map(|&import| import.to_owned()).collect(),
            roots: Vec::new(),
            library: None,
            features: Vec::new(),
            manifest: String::new(),
        };
        assert_eq!(crate_circles(&[new("a", &["b"]), new("b", &["c"])]), []);
        let circle = crate_circles(&[new("a", &["b"]), new("b", &["a", "c"])]);
        assert_eq!(circle[0].to_string(), "a circle (2 in the knot): a -> b, b -> a");
    }
}
