//! Test harness: two parties in a thread each, printed seeds, tampering.
