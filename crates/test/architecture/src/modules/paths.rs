//! The paths that a module's code names.

use proc_macro2::{TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, Item, ItemUse, Macro, Path, Token, VisRestricted};

use super::tree::flatten;

/// Every path that the items name, imports of the module itself left out.
pub(crate) fn references(items: &[Item]) -> Vec<Vec<String>> {
    let mut collector = Collector { found: Vec::new() };
    items.iter().for_each(|item| collector.visit_item(item));
    collector.found
}

struct Collector {
    found: Vec<Vec<String>>,
}

impl Collector {
    /// Paths among tokens that are no expressions: names with `::` between them.
    fn scan(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut colons = 0;
        // What follows a dot or an apostrophe is a method, a field or a lifetime.
        let mut skip = false;
        for token in tokens {
            match token {
                TokenTree::Ident(name) if colons == 2 && !path.is_empty() => path.push(name.to_string()),
                TokenTree::Ident(name) => {
                    self.flush(&mut path);
                    if !skip && colons == 0 {
                        path.push(name.to_string());
                    }
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Punct(mark) => {
                    self.flush(&mut path);
                    skip = matches!(mark.as_char(), '.' | '\'');
                    colons = 0;
                    continue;
                }
                TokenTree::Group(group) => {
                    self.flush(&mut path);
                    self.scan(group.stream());
                }
                TokenTree::Literal(_) => self.flush(&mut path),
            }
            (skip, colons) = (false, 0);
        }
        self.flush(&mut path);
    }

    fn flush(&mut self, path: &mut Vec<String>) {
        if !path.is_empty() {
            self.found.push(std::mem::take(path));
        }
    }
}

impl<'a> Visit<'a> for Collector {
    fn visit_path(&mut self, path: &'a Path) {
        if path.leading_colon.is_none() {
            self.found.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, item: &'a ItemUse) {
        flatten(&item.tree, Vec::new(), &mut |_, path| self.found.push(path));
    }

    fn visit_macro(&mut self, call: &'a Macro) {
        self.visit_path(&call.path);
        match call.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated) {
            Ok(arguments) => arguments.iter().for_each(|argument| self.visit_expr(argument)),
            Err(_) => self.scan(call.tokens.clone()),
        }
    }

    fn visit_attribute(&mut self, _: &'a Attribute) {}

    fn visit_vis_restricted(&mut self, _: &'a VisRestricted) {}
}
