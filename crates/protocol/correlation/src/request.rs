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
    /// Requests of this tag have more or fewer numbers.
    #[error("a request of tag {tag} has {expected} numbers, not {got}")]
    Length {
        /// The tag.
        tag: u8,
        /// How many numbers there should be.
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

/// A width, a party or an answer as a number.
pub(crate) trait Number: Sized {
    fn number(self) -> u32;
    fn read(number: u32) -> Result<Self, RequestError>;
}

impl Number for u32 {
    fn number(self) -> u32 {
        self
    }
    fn read(number: u32) -> Result<Self, RequestError> {
        Ok(number)
    }
}

impl Number for Role {
    fn number(self) -> u32 {
        match self {
            Self::P0 => 0,
            Self::P1 => 1,
        }
    }
    fn read(number: u32) -> Result<Self, RequestError> {
        match number {
            0 => Ok(Self::P0),
            1 => Ok(Self::P1),
            other => Err(RequestError::Party(other)),
        }
    }
}

impl Number for bool {
    fn number(self) -> u32 {
        self.into()
    }
    fn read(number: u32) -> Result<Self, RequestError> {
        match number {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(RequestError::Answer(other)),
        }
    }
}

/// `request!(tag: field, field)`, within the implementation of a [`Correlation`](crate::Correlation): its
/// tag, and the fields whose numbers follow, in this order.
macro_rules! request {
    ($tag:literal: $($field:ident),*) => {
        const TAG: u8 = $tag;
        type Numbers = [u32; [$(stringify!($field)),*].len()];

        fn numbers(&self) -> Self::Numbers {
            [$($crate::request::Number::number(self.$field)),*]
        }

        fn read([$($field),*]: Self::Numbers) -> Result<Self, $crate::RequestError> {
            Ok(Self { $($field: $crate::request::Number::read($field)?),* })
        }
    };
}
pub(crate) use request;
