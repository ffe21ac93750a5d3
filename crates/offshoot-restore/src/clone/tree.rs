//! Cloning a whole tree. The clone appears under its name only when it is complete.
//!
//! Kept: names, bytes, holes, permission bits, empty folders, and symbolic links that stay inside the tree. Not kept: times,
//! extended attributes (files that APFS clones have both), hard links (each name becomes a file of its own), and owners, which
//! the caller names.

use super::error::{CloneError, Result};
use super::partial::Partial;
use super::{Method, crew, file, folder, subvolume};
use offshoot_core::Control;
use rustix::fs::{AtFlags, FileType, Gid, Mode, OFlags, Uid};
use std::ffi::{CString, OsStr};
use std::fmt;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Files of one folder that a thread takes at once.
const BATCH_FILES: usize = 16;
/// Threads that were fastest where it was measured; more of them wait for each other in the file system.
const THREADS: usize = 2;
/// Permission bits; who clones gives nobody the right to run as somebody else.
const PERMISSIONS: Mode = Mode::RWXU.union(Mode::RWXG).union(Mode::RWXO);

/// How a tree is cloned.
pub struct CloneOptions<'a> {
    /// What [`probe`](super::probe) found, or copying.
    pub method: Method,
    /// Threads that work on files.
    pub threads: usize,
    /// User and group that are to own everything; else who clones. Only root may name others.
    pub owner: Option<(u32, u32)>,
    /// What is left out, by its path below the folder; a folder with all that is in it.
    pub skip: &'a (dyn Fn(&Path) -> bool + Sync),
}

impl CloneOptions<'_> {
    /// Everything, by this method, owned by who clones.
    #[must_use]
    pub fn new(method: Method) -> Self {
        Self { method, threads: THREADS, owner: None, skip: &|_| false }
    }
}

impl fmt::Debug for CloneOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut told = f.debug_struct("CloneOptions");
        told.field("method", &self.method).field("threads", &self.threads).field("owner", &self.owner);
        told.finish_non_exhaustive()
    }
}

/// What was cloned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cloned {
    /// Files, without folders and links.
    pub files: u64,
    /// Their sizes, holes included.
    pub bytes: u64,
    /// How.
    pub method: Method,
}

/// Clones the folder `from` to `to`, which may not be there; what is left after a failure, a cancel or a kill is never under
/// that name. Nothing is synced: [`sync_tree`](super::sync_tree) does.
///
/// # Errors
/// `Exists`; `Busy` while another process clones to the same place; `NotShared` for a file that cannot be reflinked, since
/// there is no silent change of the method; `LeadsOut` and `Special` for what is no plain file; `Full`, `Cancelled`.
pub fn clone_tree(from: &Path, to: &Path, options: &CloneOptions<'_>, control: &Control) -> Result<Cloned> {
    let source = folder::open(from)?;
    let partial = Partial::begin(to, options.threads)?;
    let work = Work { options, control, from, files: AtomicU64::new(0), bytes: AtomicU64::new(0) };
    let place = work.make_root(&partial)?;
    let root = work.pair(source, place, PathBuf::new(), None)?;
    crew::run(options.threads, |crew| work.descend(root, crew).map(|_| ()), &|batch| work.do_batch(batch))?;
    partial.publish()?;
    let (files, bytes) = (work.files.into_inner(), work.bytes.into_inner());
    Ok(Cloned { files, bytes, method: options.method })
}

/// Makes the empty folder `path`, of mode 0700, so that it can be cloned by `method` later: snapshots are of subvolumes.
///
/// # Errors
/// `Exists`, `Subvolume`.
pub fn create_tree(path: &Path, method: Method) -> Result<()> {
    if method == Method::Snapshot {
        return subvolume::create(path);
    }
    let (parent, name) = folder::open_parent(path)?;
    match rustix::fs::mkdirat(parent, name, Mode::RWXU) {
        Err(rustix::io::Errno::EXIST) => Err(CloneError::Exists { path: path.to_owned() }),
        made => made.map_err(CloneError::of("creating", path)),
    }
}

/// A folder and its clone, both open. What becomes of it at the end is in [`Work::finish`].
struct Pair {
    from: OwnedFd,
    to: OwnedFd,
    /// Below the tree.
    path: PathBuf,
    mode: Mode,
    parent: Option<Arc<Pair>>,
}

/// Files of one folder.
struct Batch {
    pair: Arc<Pair>,
    files: Vec<CString>,
}

/// What all threads of one clone share.
struct Work<'a> {
    options: &'a CloneOptions<'a>,
    control: &'a Control,
    from: &'a Path,
    files: AtomicU64,
    bytes: AtomicU64,
}

impl Work<'_> {
    fn check(&self) -> Result<()> {
        if self.control.is_cancelled() { Err(CloneError::Cancelled) } else { Ok(()) }
    }

    /// Makes the folder that becomes the clone; in a snapshot everything is in it already.
    fn make_root(&self, partial: &Partial) -> Result<OwnedFd> {
        let path = partial.tree_path();
        if self.options.method == Method::Snapshot {
            subvolume::snapshot(self.from, &path)?;
        } else {
            let made = rustix::fs::mkdirat(partial.holder(), partial.tree_name(), Mode::RWXU);
            made.map_err(CloneError::of("creating", &path))?;
        }
        folder::open_in(partial.holder(), partial.tree_name()).map_err(CloneError::of("opening folder", &path))
    }

    fn pair(&self, from: OwnedFd, to: OwnedFd, path: PathBuf, parent: Option<Arc<Pair>>) -> Result<Arc<Pair>> {
        let stat = rustix::fs::fstat(&from).map_err(CloneError::of("looking at", &self.from.join(&path)))?;
        let mode = Mode::from_raw_mode(stat.st_mode) & PERMISSIONS;
        Ok(Arc::new(Pair { from, to, path, mode, parent }))
    }

    /// Makes the folders below a folder, and hands out its files. False once a thread has failed.
    fn descend(&self, pair: Arc<Pair>, crew: &crew::Crew<'_, Batch>) -> Result<bool> {
        self.check()?;
        let (mut folders, mut files) = (Vec::new(), Vec::new());
        for (name, kind) in folder::entries(&pair.from, &self.from.join(&pair.path))? {
            if (self.options.skip)(&folder::joined(&pair.path, &name)) {
                self.leave_out(&pair, &name)?;
                continue;
            }
            match kind {
                FileType::RegularFile => files.push(name),
                FileType::Directory => folders.push(name),
                FileType::Symlink => self.link(&pair, &name)?,
                kind => {
                    let path = self.from.join(folder::joined(&pair.path, &name));
                    return Err(CloneError::Special { path, what: folder::kind_name(kind) });
                }
            }
        }
        while !files.is_empty() {
            let files = files.split_off(files.len().saturating_sub(BATCH_FILES));
            if !crew.give(Batch { pair: Arc::clone(&pair), files })? {
                return Ok(false);
            }
        }
        for name in folders {
            let path = folder::joined(&pair.path, &name);
            let shown = self.from.join(&path);
            let from = folder::open_in(&pair.from, &name).map_err(CloneError::of("opening folder", &shown))?;
            if self.options.method == Method::Snapshot {
                subvolume::refuse_nested(&from, &shown)?;
            } else {
                rustix::fs::mkdirat(&pair.to, &name, Mode::RWXU).map_err(CloneError::of("cloning folder", &shown))?;
            }
            let to = folder::open_in(&pair.to, &name).map_err(CloneError::of("cloning folder", &shown))?;
            if !self.descend(self.pair(from, to, path, Some(Arc::clone(&pair)))?, crew)? {
                return Ok(false);
            }
        }
        self.finish(pair).map(|()| true)
    }

    fn do_batch(&self, batch: Batch) -> Result<()> {
        for name in &batch.files {
            self.check()?;
            self.clone_file(&batch.pair, name)?;
        }
        self.finish(batch.pair)
    }

    fn clone_file(&self, pair: &Pair, name: &CString) -> Result<()> {
        let path = self.from.join(folder::joined(&pair.path, name));
        // Non-blocking: should a named pipe stand there by now, nobody waits for it.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let from = rustix::fs::openat(&pair.from, name, flags, Mode::empty());
        let from = from.map_err(CloneError::of("opening", &path))?;
        let stat = rustix::fs::fstat(&from).map_err(CloneError::of("looking at", &path))?;
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind != FileType::RegularFile {
            return Err(CloneError::Special { path, what: folder::kind_name(kind) });
        }
        let bytes = u64::try_from(stat.st_size).unwrap_or_default();
        let mode = Mode::from_raw_mode(stat.st_mode) & PERMISSIONS;
        if self.options.method == Method::Snapshot {
            self.own(&pair.to, name, (stat.st_uid, stat.st_gid), &path)?;
        } else {
            let folder = pair.to.as_fd();
            let to = match self.options.method {
                Method::Reflink => file::reflink(&from, bytes, folder, name, &path)?,
                _ => file::copy(&from, bytes, folder, name, &path, &|| self.check())?,
            };
            if let Some((user, group)) = self.owner() {
                rustix::fs::fchown(&to, user, group).map_err(CloneError::of("giving to its owner", &path))?;
            }
            if mode != Mode::RUSR | Mode::WUSR {
                rustix::fs::fchmod(&to, mode).map_err(CloneError::of("setting the mode of", &path))?;
            }
        }
        self.files.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Clones a symbolic link that stays inside the tree.
    fn link(&self, pair: &Pair, name: &CString) -> Result<()> {
        let below = folder::joined(&pair.path, name);
        let path = self.from.join(&below);
        let target = rustix::fs::readlinkat(&pair.from, name, Vec::new()).map_err(CloneError::of("reading", &path))?;
        let shown = Path::new(OsStr::from_bytes(target.as_bytes()));
        if !stays_inside(&below, shown) {
            return Err(CloneError::LeadsOut { path, target: shown.to_owned() });
        }
        if self.options.method != Method::Snapshot {
            rustix::fs::symlinkat(&target, &pair.to, name).map_err(CloneError::of("cloning link", &path))?;
        }
        match self.owner() {
            Some((user, group)) => rustix::fs::chownat(&pair.to, name, user, group, AtFlags::SYMLINK_NOFOLLOW)
                .map_err(CloneError::of("giving to its owner", &path)),
            None => Ok(()),
        }
    }

    /// A snapshot has what was to be left out, until it is removed from it.
    fn leave_out(&self, pair: &Pair, name: &CString) -> Result<()> {
        if self.options.method != Method::Snapshot {
            return Ok(());
        }
        let path = self.from.join(folder::joined(&pair.path, name));
        super::remove::remove_in(&pair.to, name, &path, 1)
    }

    /// Gives a file of a snapshot to its owner, where it is not already.
    fn own(&self, folder: &OwnedFd, name: &CString, has: (u32, u32), path: &Path) -> Result<()> {
        match (self.options.owner, self.owner()) {
            (Some(wanted), Some((user, group))) if wanted != has => {
                rustix::fs::chownat(folder, name, user, group, AtFlags::SYMLINK_NOFOLLOW)
                    .map_err(CloneError::of("giving to its owner", path))
            }
            _ => Ok(()),
        }
    }

    fn owner(&self) -> Option<(Option<Uid>, Option<Gid>)> {
        self.options.owner.map(|(user, group)| (Some(Uid::from_raw(user)), Some(Gid::from_raw(group))))
    }

    /// Whoever is the last to work in a folder gives it owner and mode: before, it might not be writable.
    fn finish(&self, pair: Arc<Pair>) -> Result<()> {
        let mut last = Arc::into_inner(pair);
        while let Some(pair) = last {
            let path = self.from.join(&pair.path);
            if let Some((user, group)) = self.owner() {
                rustix::fs::fchown(&pair.to, user, group).map_err(CloneError::of("giving to its owner", &path))?;
            }
            if pair.mode != Mode::RWXU {
                rustix::fs::fchmod(&pair.to, pair.mode).map_err(CloneError::of("setting the mode of", &path))?;
            }
            last = pair.parent.and_then(Arc::into_inner);
        }
        Ok(())
    }
}

/// Whether a link at `path` (below the tree) leads to a place below the tree. It may go up first and then down only: what is
/// above it are folders, while what it goes down through may be links, after which up is anywhere.
fn stays_inside(path: &Path, target: &Path) -> bool {
    let mut depth = path.components().count().saturating_sub(1);
    let mut goes_down = false;
    for component in target.components() {
        match component {
            Component::CurDir => {}
            Component::Normal(_) => goes_down = true,
            Component::ParentDir if depth > 0 && !goes_down => depth -= 1,
            _ => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_judged_by_their_text() {
        let inside = |path: &str, target: &str| stays_inside(Path::new(path), Path::new(target));
        assert!(inside("a", "b"));
        assert!(inside("a/b", "../c"));
        assert!(inside("a/b/c", "./../../d"));
        assert!(!inside("a", "../c"));
        assert!(!inside("a/b", "../../tree/c"));
        assert!(!inside("a", "/etc/passwd"));
        assert!(!inside("a/b/c", "d/../e"));
    }
}
