//! Lattice-based homomorphic encryption.
