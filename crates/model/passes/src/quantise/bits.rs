//! How many bits a form takes, for each that reads it.

use super::step::Form;

/// The widths of arguments of functions.
const MIN_ARGUMENT_WIDTH: u32 = 8;
pub(super) const MAX_ARGUMENT_WIDTH: u32 = 32;

/// The bits of a form, sign included.
pub(super) fn least(form: Form) -> u32 {
    form.magnitude + 1
}

/// The width of a factor. A bit more than a signed value needs: one that was extended, or made by an
/// operation that bounds it, is then known to keep away from the ends of the ring, and costs no comparison.
pub(super) fn factor_width(form: Form) -> u32 {
    least(form) + u32::from(!form.non_negative)
}

/// The width of a function's argument.
pub(super) fn argument_width(form: Form) -> u32 {
    least(form).max(MIN_ARGUMENT_WIDTH).max((form.scale + 1).max(0) as u32)
}
