//! Runs a plan: a session between two parties, offline then online, with a report.
