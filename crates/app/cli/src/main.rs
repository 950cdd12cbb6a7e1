//! The `veilflow` command.
fn main() {}
