//! What is printed: JSON lines, tables, units, errors.
#![allow(clippy::print_stdout)]

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result};
use comfy_table::Table;
use comfy_table::presets::UTF8_HORIZONTAL_ONLY;
use serde::Serialize;

/// Prints one JSON object on one line of standard output.
pub(crate) fn print_json(value: &impl Serialize) -> Result<()> {
    let line = json_line(value)?;
    let mut out = std::io::stdout().lock();
    out.write_all(line.as_bytes()).and_then(|()| out.flush()).context("cannot write to standard output")
}

/// JSON leaves some characters that steer a terminal as they are. They occur in strings alone, where an
/// escape stands for the same.
fn json_line(value: &impl Serialize) -> Result<String> {
    let json = serde_json::to_string(value)?;
    let mut line = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        if steers(c) {
            line.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    Ok(line)
}

/// Prints text to standard output.
pub(crate) fn print(text: &str) {
    text.split('\n').for_each(|line| println!("{}", printable(line)));
}

/// An error and its causes on one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |line, cause| format!("{line}: {cause}"))
}

/// The first failure of what is printed from several threads.
#[derive(Debug, Default)]
pub(crate) struct Printing(Mutex<Option<anyhow::Error>>);

impl Printing {
    /// Notes how printing went.
    pub(crate) fn note(&self, printed: Result<()>) {
        if let Err(error) = printed {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        }
    }

    /// Fails if printing did.
    pub(crate) fn check(self) -> Result<()> {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}

/// An empty table with a header.
pub(crate) fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_HORIZONTAL_ONLY).set_header(header.to_vec());
    table
}

/// Bytes in a unit that keeps three digits.
pub(crate) fn bytes(n: u64) -> String {
    match n {
        0..10_000 => format!("{n} B"),
        10_000..1_000_000 => format!("{:.1} kB", n as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} MB", n as f64 / 1e6),
        _ => format!("{:.2} GB", n as f64 / 1e9),
    }
}

/// Says how many input elements were limited, if any.
pub(crate) fn warn_outside(outside: usize) {
    if outside > 0 {
        print(&format!(
            "warning: {outside} input elements were beyond the range that the plan has room for, and are limited to it"
        ));
    }
}

/// A text as a terminal may have it. Names come from files, and texts in errors from peers: characters that
/// steer a terminal, turn the direction of writing or end the line are written as escapes.
pub(crate) fn printable(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut printable, c| {
        if steers(c) {
            printable.extend(c.escape_unicode());
        } else {
            printable.push(c);
        }
        printable
    })
}

/// Whether a character steers a terminal, or turns the direction of writing.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::{json_line, printable};

    #[test]
    fn json_says_the_same_without_what_steers_a_terminal() {
        let name = "a\u{1b}[31m\u{9b}2J\u{202e}x";
        let line = json_line(&name).unwrap();
        assert_eq!(line, "\"a\\u001b[31m\\u009b2J\\u202ex\"\n");
        assert_eq!(serde_json::from_str::<String>(&line).unwrap(), name);
    }

    #[test]
    fn nothing_that_steers_a_terminal_is_printed() {
        assert_eq!(printable("a\u{1b}[31mred\u{7}\nb"), "a\\u{1b}[31mred\\u{7}\\u{a}b");
        assert_eq!(printable("\u{9b}2J\u{202e}x\u{2069}"), "\\u{9b}2J\\u{202e}x\\u{2069}");
        assert_eq!(printable("Größe ±1 │"), "Größe ±1 │");
    }
}
