//! The facade: whoever reads its public signatures finds every type in them, with a description.

use std::collections::{BTreeMap, BTreeSet};

use syn::visit::{self, Visit};
use syn::{
    Fields, FnArg, Generics, ImplItem, Item, ItemImpl, Path, ReturnType, Signature, TraitItem, Type,
    Visibility,
};

use crate::modules::{Modules, Reach, Target, ident_of, is_documented, is_public};
use crate::violation::Violation;
use crate::workspace::Sources;

/// Crates that a signature may always take types from.
const LANGUAGE: [&str; 3] = ["std", "core", "alloc"];

/// What the prelude and the language itself define.
const BUILT_IN: &[&str] = &[
    "bool",
    "char",
    "str",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "usize",
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "isize",
    "f32",
    "f64",
    "Self",
    "Option",
    "Result",
    "Vec",
    "String",
    "Box",
    "Send",
    "Sync",
    "Sized",
    "Copy",
    "Clone",
    "Drop",
    "Default",
    "Iterator",
    "IntoIterator",
    "ExactSizeIterator",
    "DoubleEndedIterator",
    "Extend",
    "FromIterator",
    "Fn",
    "FnMut",
    "FnOnce",
    "From",
    "Into",
    "TryFrom",
    "TryInto",
    "AsRef",
    "AsMut",
    "ToOwned",
    "ToString",
    "PartialEq",
    "Eq",
    "PartialOrd",
    "Ord",
];

/// A definition: the crate's name in code, and where in it.
type Definition = (String, usize, String);

/// Types and traits in the public signatures of `facade` that it doesn't export, or that have no description.
///
/// `roots` has the root file of every library of the workspace, by the crate's name in code. The signatures
/// are those of the facade's own items; what it exports of other crates must be described, and what those
/// crates' own signatures name is their affair. A type of a crate outside the workspace must be exported too,
/// unless it is the standard library's.
pub fn facade_violations(
    facade: &str,
    roots: &BTreeMap<String, String>,
    sources: &Sources,
) -> Vec<Violation> {
    let mut crates = BTreeMap::new();
    for (name, root) in roots {
        match Modules::parse(root, sources) {
            Ok(modules) => _ = crates.insert(name.clone(), modules),
            Err(violation) => return vec![violation],
        }
    }
    let workspace = Workspace { crates };
    let Some(own) = workspace.crates.get(facade) else {
        return vec![Violation::Source { file: facade.to_owned(), reason: "no such library".to_owned() }];
    };
    let mut exports = Exports::default();
    workspace.export(facade, 0, &mut exports);
    let mut found = Vec::new();
    for (source, module, name) in &exports.items {
        let modules = &workspace.crates[source];
        if !item(modules, *module, name).is_some_and(is_documented) {
            let file = modules.all[*module].file.clone();
            found.push(Violation::Undocumented { file, name: name.clone() });
        }
    }
    for (module, signature) in signatures(own, facade, &exports) {
        for (path, name) in signature.paths {
            if !workspace.offers(facade, module, &path, &exports) {
                let (file, path) = (own.all[module].file.clone(), path.join("::"));
                found.push(Violation::NotExported { file, item: name, path });
            }
        }
    }
    found.dedup();
    found
}

/// The libraries of the workspace, by their names in code.
struct Workspace {
    crates: BTreeMap<String, Modules>,
}

/// What a crate offers to others.
#[derive(Default)]
struct Exports {
    items: BTreeSet<Definition>,
    /// Paths into crates outside the workspace.
    outside: BTreeSet<Vec<String>>,
    modules: BTreeSet<(String, usize)>,
}

impl Workspace {
    /// Adds what a public module offers.
    fn export(&self, krate: &str, module: usize, exports: &mut Exports) {
        if !exports.modules.insert((krate.to_owned(), module)) {
            return;
        }
        let modules = &self.crates[krate];
        let here = &modules.all[module];
        for item in here.items.iter().filter(|item| is_public(item)) {
            exports.items.extend(ident_of(item).map(|ident| (krate.to_owned(), module, ident.to_string())));
        }
        for child in here.children.values().filter(|child| child.public) {
            self.export(krate, child.index, exports);
        }
        for import in here.imports.iter().filter(|import| import.visibility == Reach::Public) {
            match self.resolve(krate, module, &import.path) {
                Found::Module(source, module) => self.export(&source, module, exports),
                Found::Item(definition) => _ = exports.items.insert(definition),
                Found::Outside(path) => _ = exports.outside.insert(path),
                Found::Unknown => {}
            }
        }
    }

    /// What a path in a crate stands for, across crates of the workspace.
    fn resolve(&self, krate: &str, module: usize, path: &[String]) -> Found {
        let path = match self.crates[krate].resolve(module, path) {
            Target::Module(index) => return Found::Module(krate.to_owned(), index),
            Target::Item(index, name) => return Found::Item((krate.to_owned(), index, name)),
            Target::Outside(path) => path,
            Target::Unknown(name) if self.crates.contains_key(&name) => vec![name],
            Target::Unknown(_) => return Found::Unknown,
        };
        match path.split_first() {
            Some((source, rest)) if self.crates.contains_key(source) => {
                let rest: Vec<String> =
                    ["crate".to_owned()].into_iter().chain(rest.iter().cloned()).collect();
                self.resolve(source, 0, &rest)
            }
            _ => Found::Outside(path),
        }
    }

    /// Whether a reader finds what a path in a signature stands for.
    fn offers(&self, krate: &str, module: usize, path: &[String], exports: &Exports) -> bool {
        match self.resolve(krate, module, path) {
            Found::Item(definition) => exports.items.contains(&definition),
            Found::Outside(path) => {
                LANGUAGE.contains(&path[0].as_str())
                    || exports.outside.iter().any(|known| path.starts_with(known))
            }
            Found::Module(..) => false,
            Found::Unknown => path.len() == 1 && BUILT_IN.contains(&path[0].as_str()),
        }
    }
}

/// What a path stands for.
enum Found {
    Module(String, usize),
    Item(Definition),
    Outside(Vec<String>),
    Unknown,
}

fn item<'a>(modules: &'a Modules, module: usize, name: &str) -> Option<&'a Item> {
    modules.all[module].items.iter().find(|item| ident_of(item).is_some_and(|ident| ident == name))
}

/// The public signatures of the items that a crate defines and offers, each with its module.
fn signatures(modules: &Modules, krate: &str, exports: &Exports) -> Vec<(usize, Signatures)> {
    let mut found = Vec::new();
    for (index, module) in modules.all.iter().enumerate() {
        let offered =
            |module: usize, name: &str| exports.items.contains(&(krate.to_owned(), module, name.to_owned()));
        let mut signatures = Signatures::default();
        for item in &module.items {
            match item {
                Item::Impl(block) => {
                    let target = match &*block.self_ty {
                        Type::Path(target) => modules.resolve(index, &words(&target.path)),
                        _ => continue,
                    };
                    if let Target::Item(module, name) = target
                        && offered(module, &name)
                    {
                        signatures.block(&name, block);
                    }
                }
                item => {
                    if let Some(ident) = ident_of(item)
                        && offered(index, &ident.to_string())
                    {
                        signatures.item(&ident.to_string(), item);
                    }
                }
            }
        }
        found.push((index, signatures));
    }
    found
}

/// The paths of types and traits that signatures name, each with the item whose signature it is.
#[derive(Default)]
struct Signatures {
    paths: Vec<(Vec<String>, String)>,
    /// The item at hand.
    item: String,
    /// Its generic parameters, and those of what it is in.
    parameters: Vec<String>,
}

impl Signatures {
    fn item(&mut self, name: &str, item: &Item) {
        self.item = name.to_owned();
        match item {
            Item::Const(item) => self.visit_type(&item.ty),
            Item::Static(item) => self.visit_type(&item.ty),
            Item::Fn(item) => self.signature(&item.sig),
            Item::Struct(item) => self.within(&item.generics, |all| all.fields(&item.fields, false)),
            Item::Enum(item) => self.within(&item.generics, |all| {
                item.variants.iter().for_each(|variant| all.fields(&variant.fields, true));
            }),
            Item::Type(item) => self.within(&item.generics, |all| all.visit_type(&item.ty)),
            Item::Trait(item) => self.within(&item.generics, |all| {
                item.supertraits.iter().for_each(|bound| all.visit_type_param_bound(bound));
                for member in &item.items {
                    match member {
                        TraitItem::Fn(member) => all.signature(&member.sig),
                        TraitItem::Const(member) => all.visit_type(&member.ty),
                        TraitItem::Type(member) => {
                            member.bounds.iter().for_each(|bound| all.visit_type_param_bound(bound));
                        }
                        _ => {}
                    }
                }
            }),
            _ => {}
        }
    }

    /// The public members of an implementation; of a trait's, the types it chooses.
    fn block(&mut self, name: &str, block: &ItemImpl) {
        self.item = name.to_owned();
        let of_trait = block.trait_.is_some();
        let public = |visibility: &Visibility| matches!(visibility, Visibility::Public(_));
        self.within(&block.generics, |all| {
            for member in &block.items {
                match member {
                    ImplItem::Fn(member) if public(&member.vis) => {
                        all.item = format!("{name}::{}", member.sig.ident);
                        all.signature(&member.sig);
                    }
                    ImplItem::Const(member) if public(&member.vis) => all.visit_type(&member.ty),
                    ImplItem::Type(member) if of_trait => all.visit_type(&member.ty),
                    _ => {}
                }
            }
        });
    }

    fn fields(&mut self, fields: &Fields, of_variant: bool) {
        for field in fields {
            if of_variant || matches!(field.vis, Visibility::Public(_)) {
                self.visit_type(&field.ty);
            }
        }
    }

    fn signature(&mut self, signature: &Signature) {
        self.within(&signature.generics, |all| {
            for input in &signature.inputs {
                if let FnArg::Typed(input) = input {
                    all.visit_type(&input.ty);
                }
            }
            if let ReturnType::Type(_, output) = &signature.output {
                all.visit_type(output);
            }
        });
    }

    /// Visits generics, and what has them.
    fn within(&mut self, generics: &Generics, visit: impl FnOnce(&mut Self)) {
        let before = self.parameters.len();
        self.parameters.extend(generics.type_params().map(|parameter| parameter.ident.to_string()));
        self.parameters.extend(generics.const_params().map(|parameter| parameter.ident.to_string()));
        self.visit_generics(generics);
        visit(self);
        self.parameters.truncate(before);
    }
}

fn words(path: &Path) -> Vec<String> {
    path.segments.iter().map(|segment| segment.ident.to_string()).collect()
}

impl<'a> Visit<'a> for Signatures {
    fn visit_path(&mut self, path: &'a Path) {
        let words = words(path);
        // Associated types belong to their trait, which is visited as a bound.
        if words[0] != "Self" && !self.parameters.contains(&words[0]) {
            self.paths.push((words, self.item.clone()));
        }
        visit::visit_path(self, path);
    }

    /// Lengths of arrays are no types.
    fn visit_expr(&mut self, _: &'a syn::Expr) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is wrong with a facade `front` of this text, before a library `back` and crates outside the
    /// workspace.
    fn found(front: &str) -> Vec<String> {
        let back = "//! Behind.\n mod deep { /// A role.\n pub struct Role; pub struct Bare; }\n pub use deep::{Bare, Role};
            pub mod wide { /// A plan.\n pub struct Plan(pub super::Role); }";
        let sources = [
            ("front/lib.rs", front),
            ("front/inner.rs", "/// One.\n pub struct Inner;"),
            ("back/lib.rs", back),
        ];
        let sources = sources.map(|(file, text)| (file.to_owned(), text.to_owned())).into();
        let roots = ["front", "back"].map(|name| (name.to_owned(), format!("{name}/lib.rs"))).into();
        facade_violations("front", &roots, &sources).iter().map(Violation::to_string).collect()
    }

    fn assert_not_exported(text: &str, item: &str, path: &str) {
        let expected =
            format!("front/lib.rs: `{item}` has `{path}` in its signature, which the facade doesn't export");
        assert_eq!(found(text), [expected], "{text}");
    }

    #[test]
    fn a_facade_that_exports_what_it_names_passes() {
        let text = "mod inner; pub use inner::Inner; use back::wide; pub use back::{wide::Plan, Role as Side};
            pub use rand_core::Rng; use std::path::Path as File; type Short = back::Role;
            /// Runs.\n pub struct Runner<T> { /// Plan.\n pub plan: wide::Plan, secret: back::Bare, kept: T }
            impl<T: Rng> Runner<T> {
                pub fn run<const N: usize>(self, role: back::Role, _: &[[T; N]; N], _: &File) -> Result<Inner, Error> {
                    todo!()
                }
                fn hidden(_: back::Bare) {}
            }
            impl<T> Iterator for Runner<T> { type Item = T; fn next(&mut self) -> Option<Self::Item> { None } }
            /// Fails.\n pub enum Error { /// So.\n Io(std::io::Error), /// Or so.\n Of { what: Inner } }
            struct Private(back::Bare);";
        assert_eq!(found(text), Vec::<String>::new());
    }

    #[test]
    fn whatever_a_signature_names_must_be_exported() {
        let role = "use back::Role; ";
        for (text, item) in [
            ("/// F.\n pub fn f(_: &Role) {}", "f"),
            ("/// F.\n pub fn f() -> Vec<Option<Role>> { todo!() }", "f"),
            ("/// F.\n pub fn f(_: impl Fn(Role)) {}", "f"),
            ("/// F.\n pub fn f<T: Role>(_: T) {}", "f"),
            ("/// S.\n pub struct S { pub role: Role }", "S"),
            ("/// E.\n pub enum E { One(Role) }", "E"),
            ("/// T.\n pub trait T { fn f(_: Role); }", "T"),
            ("/// S.\n pub struct S; impl S { pub fn f(&self) -> Role { todo!() } }", "S::f"),
            ("/// S.\n pub struct S; impl Iterator for S { type Item = Role; }", "S"),
            ("mod a { /// S.\n pub struct S(pub super::Role); } pub use a::*;", "S"),
        ] {
            let path = if text.contains("super::Role") { "super::Role" } else { "Role" };
            assert_not_exported(&format!("{role}{text}"), item, path);
        }
        assert_not_exported("/// F.\n pub fn f(_: &anyhow::Error) {}", "f", "anyhow::Error");
        assert_not_exported("mod inner; /// F.\n pub fn f(_: inner::Inner) {}", "f", "inner::Inner");
        assert_not_exported("/// F.\n pub fn f(_: Unheard) {}", "f", "Unheard");
    }

    #[test]
    fn whatever_is_exported_must_be_described() {
        assert_eq!(
            found("pub use back::{Bare, Role}; /// F.\n pub fn f(_: Bare) {} pub fn g() {}"),
            [
                "back/lib.rs: `Bare` is exported by the facade and has no description",
                "front/lib.rs: `g` is exported by the facade and has no description",
            ]
        );
    }

    #[test]
    fn a_library_that_does_not_exist_is_no_facade() {
        let none = facade_violations("front", &BTreeMap::new(), &Sources::new());
        assert_eq!(none[0].to_string(), "front: no such library");
    }
}
