//! Suppliers of correlations for two parties by oblivious transfer.
