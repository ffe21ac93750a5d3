//! Cloning a tree of files, which is how a branch comes out of an image.
//!
//! What a file system can do is [probed](probe), never assumed, and never silently replaced by something dearer: a file that
//! cannot be shared in a clone that was to share everything is an error. Everything works on open folders, not on paths, so
//! that whoever may write into a tree cannot lead the one who clones or removes it elsewhere by a symbolic link.
//!
//! Nothing here knows what the files are: which to leave out, who is to own them and when a tree is worth to be kept are the
//! caller's. So are locks: two calls for the same clone at once are noticed, other work on the trees is not.

mod crew;
mod error;
mod file;
mod file_system;
mod folder;
mod graft;
mod method;
mod own;
mod partial;
mod remove;
mod subvolume;
mod sync;
mod tree;
mod walk;

pub use error::{CloneError, Result};
pub use graft::graft;
pub use method::{Ladder, Method, method_for, probe};
pub use own::own_bytes;
pub use remove::remove_tree;
pub use sync::sync_tree;
pub use tree::{CloneOptions, Cloned, clone_tree, create_tree};
