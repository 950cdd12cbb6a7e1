//! What the command says of a run in which a value left its range.

use std::fmt;

use anyhow::Result;

/// Runs that overflowed, of so many. They have been reported; the program's exit code says it too.
#[derive(Debug, Default)]
pub(crate) struct Overflowed {
    pub(crate) count: usize,
    pub(crate) runs: usize,
}

impl Overflowed {
    /// The exit code of a program whose runs all ended, and some overflowed.
    pub(crate) const EXIT_CODE: u8 = 4;

    /// An error if there were any.
    pub(crate) fn check(self) -> Result<()> {
        if self.count == 0 { Ok(()) } else { Err(self.into()) }
    }
}

impl fmt::Display for Overflowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { count, runs } = self;
        write!(
            f,
            "a value inside the network left its range in {count} of {runs} runs, so the outputs may mean nothing; \
             calibrate with inputs like these, or with a larger --margin"
        )
    }
}

impl std::error::Error for Overflowed {}
