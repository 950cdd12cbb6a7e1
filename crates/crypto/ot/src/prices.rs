//! The prices by which an extension is chosen. `docs/prices.md` says what they mean and how to refit them;
//! `tests/choices.rs` pins what they choose.

/// Nanoseconds of one core that a party spends on a random OT by each of Ferret's sets, smallest first. They
/// were measured on an Intel Xeon with VAES and 2 MiB of second-level cache a core.
pub(crate) const FERRET_OT_NS: [u32; 5] = [10, 14, 18, 24, 44];
