//! The float graph and the fixed-point plan: types, text form, verifier, files.
