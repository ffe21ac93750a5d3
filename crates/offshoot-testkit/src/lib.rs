//! Throwaway servers, data generators, faulty stores, conformance suites.
//!
//! Everything that a test, a bench or the demo needs around the code it looks at, and nothing that an
//! embedder of Offshoot would want: this crate is never a normal dependency of the others.
//!
//! Its calls come in pairs where a failure is likely: the plain name (`Server::start`, `psql`) panics with
//! the whole story, which is what a test wants; the `try_` name returns it, which is what the demo wants.

pub mod fingerprint;
pub mod loop_disk;
pub mod mysql;
pub mod phases;
pub mod place;
pub mod postgres;
mod program;
pub mod real_data;
mod reaper;
pub mod shop;
pub mod small_disk;
pub mod store;
pub mod types;

pub use real_data::real_data;
