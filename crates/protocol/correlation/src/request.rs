//! A correlation's widths as the numbers of a request, and what numbers may be wrong.

use thiserror::Error;
use veilflow_net::Role;

/// Why there is no correlation to a request's tag and numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// No kind has this tag.
    #[error("no kind of correlation has the tag {0}")]
    Tag(u8),
    /// The tag's kind has more or fewer numbers.
    #[error("a correlation of tag {tag} has {expected} numbers, not {got}")]
    Length {
        /// The tag.
        tag: u8,
        /// How many numbers its kind has.
        expected: usize,
        /// How many there were.
        got: usize,
    },
    /// A number in place of a party.
    #[error("the number {0} names no party: 0 is the server, 1 the client")]
    Party(u32),
    /// A number in place of yes or no.
    #[error("the number {0} is no answer: 0 is no, 1 is yes")]
    Answer(u32),
    /// Widths that do not go together, or make a correlation too large.
    #[error("a correlation must hold 1 to 2^20 bits, in widths that fit each other")]
    Widths,
}

/// The party that a number names.
pub(crate) fn party(number: u32) -> Result<Role, RequestError> {
    match number {
        0 => Ok(Role::P0),
        1 => Ok(Role::P1),
        other => Err(RequestError::Party(other)),
    }
}

/// The number that names a party.
pub(crate) fn party_number(role: Role) -> u32 {
    match role {
        Role::P0 => 0,
        Role::P1 => 1,
    }
}

/// Whether a number says yes.
pub(crate) fn answer(number: u32) -> Result<bool, RequestError> {
    match number {
        0 => Ok(false),
        1 => Ok(true),
        other => Err(RequestError::Answer(other)),
    }
}
