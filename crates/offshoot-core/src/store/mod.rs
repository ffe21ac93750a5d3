//! The store: the directory or bucket that holds chunks, manifests and names.
//!
//! Three layers. [`Store`] keeps objects and knows what kinds there are, not what they mean; it is what a backend
//! implements. [`OpenStore`] knows: it holds the key and the index, reads chunks and manifests, and resolves names.
//! [`WriteSession`] adds to an open store, and what it added is visible all at once or never.
//!
//! An object is named by its kind and a digest or a validated name. No path is ever stored or taken from stored bytes.

mod cache;
pub(crate) mod catalog;
mod dir;
mod holder;
pub(crate) mod lease;
mod objects;
mod open;
pub(crate) mod packs;
mod session;
mod vfs;

pub(crate) use catalog::frame_bytes;
pub use dir::DirStore;
pub use holder::{has_ended, this_process};
pub(crate) use objects::hex;
pub use objects::{Listed, ObjectKind, ObjectName, Store, Swap, Unfinished, Upload};
pub use open::{Clock, Entropy, OpenOptions, OpenStore, StoredChunk};
pub(crate) use session::write_segment;
pub use session::{Expected, Put, WriteSession};
pub use vfs::{Entry, OsVfs, ReadAt, Vfs, VfsFile};

#[cfg(test)]
mod tests;
