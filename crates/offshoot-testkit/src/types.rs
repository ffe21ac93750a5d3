//! All built-in types (being written).
