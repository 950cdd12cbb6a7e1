//! Correlated randomness: single-use batches, pools, demands, and the Supplier trait.
