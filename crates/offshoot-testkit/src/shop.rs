//! The demo shop (being written).
