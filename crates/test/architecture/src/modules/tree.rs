//! Parsing of files into modules.

use std::collections::BTreeMap;

use proc_macro2::{TokenStream, TokenTree};
use syn::{Attribute, Ident, ImplItem, Item, ItemMod, Meta, TraitItem, UseTree, Visibility};

use crate::violation::Violation;
use crate::workspace::Sources;

/// All modules of a library or binary; tests are left out.
pub(crate) struct Modules {
    /// The root first.
    pub(crate) all: Vec<Module>,
}

/// A module: a file, or a part of one.
pub(crate) struct Module {
    /// The file that its code lies in.
    pub(crate) file: String,
    pub(crate) parent: Option<usize>,
    /// The modules declared in it, as indices, by name.
    pub(crate) children: BTreeMap<String, Child>,
    /// Its items other than modules and imports.
    pub(crate) items: Vec<Item>,
    pub(crate) imports: Vec<Import>,
}

/// A module declared in another.
pub(crate) struct Child {
    pub(crate) index: usize,
    pub(crate) public: bool,
}

/// One name that a `use` brings in.
pub(crate) struct Import {
    /// What it is called here; `None` brings in everything that `path` holds.
    pub(crate) name: Option<String>,
    pub(crate) path: Vec<String>,
    pub(crate) visibility: Reach,
}

/// How far a name is seen.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Private,
    /// Further modules of the crate.
    Crate,
    Public,
}

impl Modules {
    /// The modules below `root`, the `lib.rs` or `main.rs`.
    pub(crate) fn parse(root: &str, sources: &Sources) -> Result<Self, Violation> {
        let mut modules = Self { all: Vec::new() };
        let folder = root.rfind('/').map_or("", |slash| &root[..=slash]);
        modules.file(root, folder, None, sources)?;
        Ok(modules)
    }

    /// Adds the module in `file`, whose child modules lie in `folder`, which is empty or ends in `/`.
    fn file(
        &mut self,
        file: &str,
        folder: &str,
        parent: Option<usize>,
        sources: &Sources,
    ) -> Result<usize, Violation> {
        let refuse = |reason: String| Violation::Source { file: file.to_owned(), reason };
        let text = sources.get(file).ok_or_else(|| refuse("is missing".to_owned()))?;
        let syntax = syn::parse_file(text).map_err(|error| refuse(error.to_string()))?;
        self.module(file, folder, parent, syntax.items, sources)
    }

    fn module(
        &mut self,
        file: &str,
        folder: &str,
        parent: Option<usize>,
        items: Vec<Item>,
        sources: &Sources,
    ) -> Result<usize, Violation> {
        let index = self.all.len();
        self.all.push(Module {
            file: file.to_owned(),
            parent,
            children: BTreeMap::new(),
            items: Vec::new(),
            imports: Vec::new(),
        });
        for item in items {
            match item {
                item if is_test(attributes(&item)) => {}
                Item::Mod(declared) => self.child(file, folder, index, declared, sources)?,
                Item::Use(item) => flatten(&item.tree, Vec::new(), &mut |name, path| {
                    let visibility = reach(&item.vis);
                    self.all[index].imports.push(Import { name, path, visibility });
                }),
                item => self.all[index].items.push(without_tests(item)),
            }
        }
        Ok(index)
    }

    fn child(
        &mut self,
        file: &str,
        folder: &str,
        parent: usize,
        declared: ItemMod,
        sources: &Sources,
    ) -> Result<(), Violation> {
        let name = declared.ident.to_string();
        let inner = format!("{folder}{name}/");
        let public = matches!(declared.vis, Visibility::Public(_));
        let index = match declared.content {
            Some((_, items)) => self.module(file, &inner, Some(parent), items, sources)?,
            None => {
                let beside = format!("{folder}{name}.rs");
                let inside = format!("{inner}mod.rs");
                let child = if sources.contains_key(&inside) { inside } else { beside };
                self.file(&child, &inner, Some(parent), sources)?
            }
        };
        self.all[parent].children.insert(name, Child { index, public });
        Ok(())
    }
}

/// Each name of a tree of imports, with its path.
pub(super) fn flatten(
    tree: &UseTree,
    mut before: Vec<String>,
    add: &mut dyn FnMut(Option<String>, Vec<String>),
) {
    let mut named = |ident: &Ident, name: &Ident, mut path: Vec<String>| {
        // `use a::{self}` brings in `a`.
        if ident != "self" || path.is_empty() {
            path.push(ident.to_string());
        }
        let name = if name == "self" { path.last().cloned() } else { Some(name.to_string()) };
        add(name, path);
    };
    match tree {
        UseTree::Path(tree) => {
            before.push(tree.ident.to_string());
            flatten(&tree.tree, before, add);
        }
        UseTree::Name(tree) => named(&tree.ident, &tree.ident, before),
        UseTree::Rename(tree) => named(&tree.ident, &tree.rename, before),
        UseTree::Glob(_) => add(None, before),
        UseTree::Group(tree) => tree.items.iter().for_each(|part| flatten(part, before.clone(), add)),
    }
}

fn reach(visibility: &Visibility) -> Reach {
    match visibility {
        Visibility::Public(_) => Reach::Public,
        Visibility::Restricted(_) => Reach::Crate,
        Visibility::Inherited => Reach::Private,
    }
}

/// An item less those of its members that are compiled for tests only.
fn without_tests(mut item: Item) -> Item {
    match &mut item {
        Item::Impl(item) => item.items.retain(|member| match member {
            ImplItem::Const(member) => !is_test(&member.attrs),
            ImplItem::Fn(member) => !is_test(&member.attrs),
            ImplItem::Type(member) => !is_test(&member.attrs),
            _ => true,
        }),
        Item::Trait(item) => item.items.retain(|member| match member {
            TraitItem::Fn(member) => !is_test(&member.attrs),
            _ => true,
        }),
        _ => {}
    }
    item
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The name that an item defines.
pub(crate) fn ident_of(item: &Item) -> Option<&Ident> {
    match item {
        Item::Const(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        Item::Fn(item) => Some(&item.sig.ident),
        Item::Macro(item) => item.ident.as_ref(),
        Item::Static(item) => Some(&item.ident),
        Item::Struct(item) => Some(&item.ident),
        Item::Trait(item) => Some(&item.ident),
        Item::TraitAlias(item) => Some(&item.ident),
        Item::Type(item) => Some(&item.ident),
        Item::Union(item) => Some(&item.ident),
        _ => None,
    }
}

pub(crate) fn is_public(item: &Item) -> bool {
    let visibility = match item {
        Item::Const(item) => &item.vis,
        Item::Enum(item) => &item.vis,
        Item::Fn(item) => &item.vis,
        Item::Static(item) => &item.vis,
        Item::Struct(item) => &item.vis,
        Item::Trait(item) => &item.vis,
        Item::TraitAlias(item) => &item.vis,
        Item::Type(item) => &item.vis,
        Item::Union(item) => &item.vis,
        _ => return false,
    };
    matches!(visibility, Visibility::Public(_))
}

pub(crate) fn is_documented(item: &Item) -> bool {
    attributes(item).iter().any(|attribute| attribute.path().is_ident("doc"))
}

/// Whether what has these attributes is compiled for tests only: `cfg(test)`, or `cfg(all(test, …))`.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => needs_test(list.tokens.clone()),
        _ => false,
    })
}

fn needs_test(condition: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = condition.into_iter().collect();
    match &tokens[..] {
        [TokenTree::Ident(name)] => name == "test",
        [TokenTree::Ident(name), TokenTree::Group(all)] if name == "all" => {
            let mut parts: Vec<TokenStream> = vec![TokenStream::new()];
            for token in all.stream() {
                match (token, parts.last_mut()) {
                    (TokenTree::Punct(mark), _) if mark.as_char() == ',' => parts.push(TokenStream::new()),
                    (token, Some(part)) => part.extend([token]),
                    (_, None) => {}
                }
            }
            parts.into_iter().any(needs_test)
        }
        _ => false,
    }
}
