//! The benches of the whole.
