//! Symmetric primitives: blocks, AES-based PRG, correlation-robust hash, bit-matrix transpose.
