//! Rules over source text.

use proc_macro2::{TokenStream, TokenTree};

use crate::violation::Violation;

/// Where `unsafe` may be written, as prefixes of paths from the workspace root: kernels that need the
/// processor's vector or AES instructions, each beside a safe twin that its tests compare it with.
pub const UNSAFE_ROOMS: &[&str] = &[
    "crates/base/ring/src/matmul.rs",
    "crates/base/ring/src/simd",
    "crates/crypto/prim/src/",
    "crates/crypto/he/src/",
];

/// Every `unsafe` in `text`, the source of `file` (relative to the workspace root), unless it is in one of
/// [`UNSAFE_ROOMS`].
///
/// The source is tokenised, so the word is free in comments, strings and longer names.
pub fn unsafe_violations(file: &str, text: &str) -> Vec<Violation> {
    if UNSAFE_ROOMS.iter().any(|room| file.starts_with(room)) {
        return Vec::new();
    }
    match text.parse::<TokenStream>() {
        Err(error) => vec![Violation::Source { file: file.to_owned(), reason: error.to_string() }],
        Ok(tokens) => {
            let mut lines = Vec::new();
            unsafe_lines(tokens, &mut lines);
            lines.into_iter().map(|line| Violation::Unsafe { file: file.to_owned(), line }).collect()
        }
    }
}

fn unsafe_lines(tokens: TokenStream, lines: &mut Vec<usize>) {
    for token in tokens {
        match token {
            TokenTree::Group(group) => unsafe_lines(group.stream(), lines),
            TokenTree::Ident(name) if name == "unsafe" => lines.push(name.span().start().line),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "fn f(p: *const u8) -> u8 {\n    // SAFETY: none\n    unsafe { *p }\n}\n";

    #[test]
    fn unsafe_is_found_with_its_line() {
        let file = "crates/model/ir/src/lib.rs";
        assert_eq!(unsafe_violations(file, SAMPLE), [Violation::Unsafe { file: file.to_owned(), line: 3 }]);
        let twice = "unsafe impl Send for X {}\nmod m { unsafe extern \"C\" { fn g(); } }";
        assert_eq!(unsafe_violations(file, twice).len(), 2);
    }

    #[test]
    fn only_the_named_rooms_are_free() {
        for file in [
            "crates/base/ring/src/matmul.rs",
            "crates/base/ring/src/simd/avx512.rs",
            "crates/crypto/prim/src/aes.rs",
        ] {
            assert_eq!(unsafe_violations(file, SAMPLE), [], "{file}");
        }
        for file in [
            "crates/base/ring/src/vector.rs",
            "crates/crypto/prim/tests/t.rs",
            "crates/crypto/primitive/src/lib.rs",
        ] {
            assert_eq!(unsafe_violations(file, SAMPLE).len(), 1, "{file}");
        }
    }

    #[test]
    fn the_word_alone_is_no_violation() {
        let text = "//! unsafe\n#![deny(unsafe_code)]\n/* unsafe */ const S: &str = \"unsafe\"; // unsafe\n";
        assert_eq!(unsafe_violations("crates/app/cli/src/main.rs", text), []);
    }

    #[test]
    fn what_is_not_rust_is_reported() {
        assert!(matches!(
            unsafe_violations("crates/app/x/src/lib.rs", "fn (")[..],
            [Violation::Source { .. }]
        ));
    }
}
