//! Materialize: plan a restore, apply it.
