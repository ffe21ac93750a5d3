//! Where trees are cloned, how, and a tree that has some of everything.

use offshoot_restore::clone::{CloneOptions, Cloned, Method, Result, clone_tree, create_tree, remove_tree};
use offshoot_testkit::loop_disk::{Kind, LoopDisk};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Megabytes of a file system for a test.
const MEGABYTES: u64 = 400;

/// Every file system and method that can be had here, with a folder.
pub fn each(test: impl Fn(&Path, Method)) {
    let dir = tempfile::tempdir().unwrap();
    test(dir.path(), Method::Copy);
    // Whoever is not root cannot remove what is in a read-only folder otherwise.
    names(dir.path()).iter().for_each(|name| remove_tree(&dir.path().join(name)).unwrap());
    if let Some(disk) = LoopDisk::mount(Kind::Xfs, MEGABYTES) {
        for method in [Method::Reflink, Method::Copy] {
            in_folder(&disk, method, &test);
        }
    }
    if let Some(disk) = LoopDisk::mount(Kind::Btrfs, MEGABYTES) {
        for method in [Method::Snapshot, Method::Reflink, Method::Copy] {
            in_folder(&disk, method, &test);
        }
    }
}

fn in_folder(disk: &LoopDisk, method: Method, test: &impl Fn(&Path, Method)) {
    let folder = disk.path().join(method.to_string());
    fs::create_dir(&folder).unwrap();
    test(&folder, method);
}

/// A file system with reflinks.
pub fn xfs() -> Option<LoopDisk> {
    LoopDisk::mount(Kind::Xfs, MEGABYTES)
}

/// A file system with snapshots.
pub fn btrfs() -> Option<LoopDisk> {
    LoopDisk::mount(Kind::Btrfs, MEGABYTES)
}

/// Clones all of a tree.
pub fn clone(from: &Path, to: &Path, method: Method) -> Result<Cloned> {
    clone_tree(from, to, &CloneOptions::new(method), &offshoot_core::Control::default())
}

/// Makes a tree with some of everything: names that want care, holes, modes, empty folders, links inside.
pub fn make(folder: &Path, method: Method) -> PathBuf {
    let tree = folder.join("image");
    create_tree(&tree, method).unwrap();
    for dir in ["base/1", "base/16384", "pg_wal/archive_status", "empty", "shut"] {
        fs::create_dir_all(tree.join(dir)).unwrap();
    }
    fs::write(tree.join("PG_VERSION"), "15\n").unwrap();
    fs::write(tree.join("nothing"), "").unwrap();
    let strange: [&[u8]; 6] =
        [b"a b", b"new\nline", b"-rf", b"\xff\xfe", "na\u{ef}ve \u{1f600}".as_bytes(), b"'\"$(x)`"];
    for name in strange {
        fs::write(tree.join("base/1").join(OsStr::from_bytes(name)), name).unwrap();
    }
    for number in 0..100 {
        fs::write(tree.join("base/16384").join(number.to_string()), vec![number as u8; 300 * number]).unwrap();
    }
    let holes = File::create(tree.join("base/16384/holes")).unwrap();
    holes.write_all_at(b"early", 4096).unwrap();
    holes.write_all_at(b"late", 2 << 20).unwrap();
    holes.set_len(4 << 20).unwrap();
    fs::write(tree.join("shut/read-only"), "r").unwrap();
    symlink("../PG_VERSION", tree.join("base/link")).unwrap();
    symlink("empty", tree.join("to-a-folder")).unwrap();
    symlink("gone", tree.join("to-nothing")).unwrap();
    let mode = |path: &str, mode| fs::set_permissions(tree.join(path), Permissions::from_mode(mode)).unwrap();
    mode("shut/read-only", 0o400);
    mode("PG_VERSION", 0o640);
    mode("base/1/a b", 0o755);
    mode("base/1", 0o750);
    mode("shut", 0o500);
    mode("", 0o700);
    // A file system that shares blocks does not share those that were not written yet.
    offshoot_restore::clone::sync_tree(&tree).unwrap();
    tree
}

/// Everything in a tree by its path: kind and mode, and bytes or the link's target.
pub fn contents(tree: &Path) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![tree.to_owned()];
    while let Some(folder) = folders.pop() {
        let mut look = |path: PathBuf| {
            let metadata = path.symlink_metadata().unwrap();
            let bytes = if metadata.is_symlink() {
                fs::read_link(&path).unwrap().as_os_str().as_bytes().to_vec()
            } else if metadata.is_file() {
                fs::read(&path).unwrap()
            } else {
                Vec::new()
            };
            found.insert(path.strip_prefix(tree).unwrap().to_owned(), (metadata.mode(), bytes));
            if metadata.is_dir() && path != folder {
                folders.push(path);
            }
        };
        look(folder.clone());
        fs::read_dir(&folder).unwrap().for_each(|entry| look(entry.unwrap().path()));
    }
    found
}

/// Names in a folder.
pub fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}
