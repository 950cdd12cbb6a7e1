//! All that is wrong with a model, told at once.

use crate::draft::Draft;
use crate::error::{ImportError, Result};
use crate::scope::Binding;
use crate::source;

/// How many refused nodes an error lists by name.
const LISTED: usize = 40;

/// The nodes that were refused so far. What depends on them isn't tried.
#[derive(Default)]
pub(crate) struct Refusals {
    errors: Vec<ImportError>,
    more: usize,
    blocked: usize,
}

impl Refusals {
    /// Takes note of a node that failed, and lets others see that its outputs are missing. An error that is
    /// about no node ends the import.
    pub(crate) fn note(&mut self, draft: &mut Draft, node: &source::Node, error: ImportError) -> Result<()> {
        match error {
            ImportError::Blocked => self.blocked += 1,
            error
            @ (ImportError::UnsupportedOp { .. } | ImportError::Node { .. } | ImportError::Graph(_)) => {
                if self.errors.len() < LISTED {
                    self.errors.push(error);
                } else {
                    self.more += 1;
                }
            }
            error => return Err(error),
        }
        for output in node.output.iter().filter(|name| !name.is_empty()) {
            draft.scopes.define(output, Binding::Blocked);
        }
        Ok(())
    }

    /// The error that tells of all, if there were any.
    pub(crate) fn finish(mut self) -> Result<()> {
        if self.errors.len() == 1 && self.more == 0 {
            return Err(self.errors.remove(0));
        }
        if self.errors.is_empty() {
            return Ok(());
        }
        let Self { errors, more, blocked } = self;
        Err(ImportError::Several { errors, more, blocked })
    }
}
