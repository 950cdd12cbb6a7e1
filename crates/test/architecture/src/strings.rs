//! Errors are types, not texts.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{GenericArgument, PathArguments, PathSegment, Type};

use crate::modules::Modules;
use crate::violation::Violation;
use crate::workspace::Sources;

/// Every `Result<_, String>` in the library whose root is `root`. What is compiled for tests only may have
/// them.
pub fn string_errors(root: &str, sources: &Sources) -> Vec<Violation> {
    let modules = match Modules::parse(root, sources) {
        Ok(modules) => modules,
        Err(violation) => return vec![violation],
    };
    let mut found = Vec::new();
    for module in &modules.all {
        let mut finder = Finder { lines: Vec::new() };
        module.items.iter().for_each(|item| finder.visit_item(item));
        let violation = |line| Violation::StringError { file: module.file.clone(), line };
        found.extend(finder.lines.into_iter().map(violation));
    }
    found
}

struct Finder {
    lines: Vec<usize>,
}

impl<'a> Visit<'a> for Finder {
    fn visit_path_segment(&mut self, segment: &'a PathSegment) {
        if segment.ident == "Result"
            && let PathArguments::AngleBracketed(arguments) = &segment.arguments
            && let Some(GenericArgument::Type(Type::Path(error))) = arguments.args.iter().nth(1)
            && error.path.segments.last().is_some_and(|last| last.ident == "String")
        {
            self.lines.push(segment.span().start().line);
        }
        visit::visit_path_segment(self, segment);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        let sources = Sources::from([("lib.rs".to_owned(), text.to_owned())]);
        string_errors("lib.rs", &sources).iter().map(Violation::to_string).collect()
    }

    #[test]
    fn texts_as_errors_are_found_wherever_they_are_written() {
        let text = "type R = Result<u8, String>;\nfn f() {\n    let _: Result<_, std::string::String> = Ok(1);\n}\n\
                    trait T {\n    fn g() -> Vec<std::result::Result<(), String>>;\n}\n";
        let found = lines(text);
        let expected =
            [1, 3, 6].map(|line| format!("lib.rs:{line}: an error that is a `String`: give it a type"));
        assert_eq!(found, expected);
    }

    #[test]
    fn results_that_are_texts_and_tests_may_stand() {
        assert_eq!(lines("fn f() -> Result<String> { g::<String>() }"), Vec::<String>::new());
        assert_eq!(lines("fn f() -> Result<String, Error> { todo!() }"), Vec::<String>::new());
        assert_eq!(
            lines("#[cfg(test)] mod t { fn f() -> Result<u8, String> { Ok(1) } }"),
            Vec::<String>::new()
        );
    }
}
