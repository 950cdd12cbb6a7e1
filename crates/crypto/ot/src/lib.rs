//! Oblivious transfer: base OT on Ristretto and the SoftSpoken extension.
