//! How many sessions a server takes, and what it tells of them.

use crate::{Error, Served};

/// How many sessions a server takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Serving {
    /// End after so many sessions; without a number, serve for ever.
    pub sessions: Option<usize>,
    /// Sessions at once; further clients wait. 4 by default.
    pub at_once: usize,
}

impl Default for Serving {
    fn default() -> Self {
        Self { sessions: None, at_once: 4 }
    }
}

/// What a server tells while it serves, from the thread of the session concerned.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerEvent<'a> {
    /// A run is over.
    Run {
        /// The session's number, from 1.
        session: usize,
        /// The run.
        run: &'a Served,
    },
    /// A session failed; others go on.
    Failed {
        /// The session's number, from 1.
        session: usize,
        /// Why.
        error: &'a Error,
    },
}
