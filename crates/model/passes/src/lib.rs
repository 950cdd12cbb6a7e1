//! From float graph to fixed-point plan: simplification, calibration, scales and widths.
