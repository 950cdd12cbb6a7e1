//! Comments wrap where code does.

use proc_macro2::{TokenStream, TokenTree};

use crate::violation::Violation;

/// The width at which code wraps, `max_width` in the text of rustfmt.toml.
pub fn max_width(rustfmt: &str) -> Option<usize> {
    let width = rustfmt.parse::<toml::Table>().ok()?.get("max_width")?.as_integer()?;
    usize::try_from(width).ok()
}

/// Every comment in `text`, the source of `file`, that goes beyond `width` columns and could be broken: rows
/// of tables, definitions of links and lines of one word can't be.
pub fn comment_violations(file: &str, text: &str, width: usize) -> Vec<Violation> {
    let tokens = match text.parse::<TokenStream>() {
        Ok(tokens) => tokens,
        Err(error) => return vec![Violation::Source { file: file.to_owned(), reason: error.to_string() }],
    };
    let mut literals = Vec::new();
    find_literals(tokens, &mut literals);
    let mut found = Vec::new();
    for (line, content) in (1..).zip(text.lines()) {
        let columns = content.chars().count();
        if columns > width && comment(line, content, &literals).is_some_and(is_breakable) {
            found.push(Violation::LongComment { file: file.to_owned(), line, columns, width });
        }
    }
    found
}

/// The first and last place of a literal, each a line and a column.
type Span = [(usize, usize); 2];

/// Where literals lie. The text of a comment on an item is one too, but begins with its slashes.
fn find_literals(tokens: TokenStream, found: &mut Vec<Span>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => find_literals(group.stream(), found),
            TokenTree::Literal(literal) => {
                let [start, end] = [literal.span().start(), literal.span().end()];
                found.push([(start.line, start.column), (end.line, end.column)]);
            }
            _ => {}
        }
    }
}

/// What the comment on a line says, if there is one: what follows the first slashes outside of literals.
fn comment<'a>(line: usize, content: &'a str, literals: &[Span]) -> Option<&'a str> {
    let inside =
        |column: usize| literals.iter().any(|[start, end]| *start < (line, column) && (line, column) < *end);
    let (at, _) = content.match_indices("//").find(|(at, _)| !inside(content[..*at].chars().count()))?;
    Some(content[at..].trim_start_matches(['/', '!']).trim())
}

fn is_breakable(comment: &str) -> bool {
    let words: Vec<&str> = comment.split_whitespace().collect();
    let is_table = comment.starts_with('|');
    let is_link = words.len() == 2 && words[0].starts_with('[') && words[0].ends_with("]:");
    words.len() > 1 && !is_table && !is_link
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [usize; 0] = [];

    /// The lines of `text` with comments of more than 20 columns.
    fn long(text: &str) -> Vec<usize> {
        let lines = comment_violations("x.rs", text, 20).into_iter().map(|violation| match violation {
            Violation::LongComment { line, .. } => line,
            other => panic!("{other}"),
        });
        lines.collect()
    }

    #[test]
    fn long_comments_of_each_kind_are_found() {
        let text = "//! twenty columns ab\n//! twenty columns a\n/// twenty columns abc\nfn f() {\n    // and indented ones\n}\n";
        assert_eq!(long(text), [1, 3, 5]);
        assert_eq!(long("const A: u8 = 1; // behind code\n"), [1]);
        assert_eq!(long("// zwölf Ø columns ab\n// zwölf Ø columns a\n"), [1]);
    }

    #[test]
    fn what_cannot_be_broken_may_stand() {
        let text = "// https://example.org/a/long/one\n/// | a | table | of | cells |\nfn f() {}\n// [name]: https://example.org/1\n";
        assert_eq!(long(text), NONE);
    }

    #[test]
    fn code_and_literals_are_not_comments() {
        assert_eq!(long("const ADDRESS: &str = \"https://example.org a b\";\n"), NONE);
        assert_eq!(long("const TEXT: &str = \"\n// a text of more than 20\n\";\n"), NONE);
        assert_eq!(long("const A: &str = \"//\"; // behind code and text\n"), [1]);
    }

    #[test]
    fn the_width_is_rustfmts() {
        assert_eq!(max_width("max_width = 110\nuse_small_heuristics = \"Max\"\n"), Some(110));
        assert_eq!(max_width("tab_spaces = 4"), None);
    }
}
