//! What the file system is found to do, and what a clone occupies.

use crate::place::{btrfs, clone, make, names, xfs};
use offshoot_restore::clone::{Method, method_for, own_bytes, probe, sync_tree};
use offshoot_testkit::loop_disk::{Kind, LoopDisk, MEGABYTES_MIN};
use offshoot_testkit::small_disk::SmallDisk;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;

#[test]
fn each_file_system_is_found_to_do_what_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let tmpfs = SmallDisk::mount(folder.path(), 8);
    let found = [
        tmpfs.map(|disk| (probe(folder.path()).unwrap(), names(folder.path()), Method::Copy, "tmpfs", drop(disk))),
        LoopDisk::mount(Kind::Ext4, MEGABYTES_MIN)
            .map(|disk| (probe(disk.path()).unwrap(), names(disk.path()), Method::Copy, "ext4", ())),
        xfs().map(|disk| (probe(disk.path()).unwrap(), names(disk.path()), Method::Reflink, "xfs", ())),
        btrfs().map(|disk| (probe(disk.path()).unwrap(), names(disk.path()), Method::Snapshot, "btrfs", ())),
    ];
    for (ladder, left, method, file_system, ()) in found.into_iter().flatten() {
        assert_eq!((ladder.method, ladder.file_system.as_str()), (method, file_system), "{}", ladder.why);
        assert!(left.is_empty() || left == ["lost+found"], "{file_system}: {left:?}");
        assert_eq!(ladder.why.contains("offshoot pool create"), method == Method::Copy, "{}", ladder.why);
    }
    assert!(probe(&folder.path().join("absent")).is_err());
}

#[test]
fn a_tree_is_cloned_as_it_was_made_to_be() {
    crate::place::each(|folder, method| {
        let tree = make(folder, method);
        // Whatever the tree is on could copy, too.
        let can_share = probe(folder).unwrap().method != Method::Copy;
        let expected = if method == Method::Copy && can_share { Method::Reflink } else { method };
        assert_eq!(method_for(&tree, folder).unwrap(), expected);
        clone(&tree, &folder.join("clone"), expected).unwrap();
        assert_eq!(names(folder), ["clone", "image"]);
    });
}

#[test]
fn a_fresh_clone_has_nothing_of_its_own_and_then_what_is_written() {
    for disk in [xfs(), btrfs()].into_iter().flatten() {
        let method = probe(disk.path()).unwrap().method;
        let tree = make(disk.path(), method);
        fs::write(tree.join("large"), vec![3; 8 << 20]).unwrap();
        sync_tree(&tree).unwrap();
        let (first, second) = (disk.path().join("first"), disk.path().join("second"));
        clone(&tree, &first, method).unwrap();
        clone(&tree, &second, method).unwrap();
        // btrfs keeps the smallest files beside their names, where nothing is shared.
        let small = 64 << 10;
        assert!(own_bytes(&first).unwrap() <= small, "{method}: {}", own_bytes(&first).unwrap());
        let file = File::options().write(true).open(first.join("large")).unwrap();
        (0..16).for_each(|at| file.write_all_at(&[9; 8192], at << 19).unwrap());
        file.sync_all().unwrap();
        let own = own_bytes(&first).unwrap();
        assert!((16 * 8192..16 * 8192 + (2 << 20)).contains(&own), "{method}: {own}");
        assert!(own_bytes(&second).unwrap() <= small, "{method}");
        assert!(own_bytes(&tree).unwrap() <= small + (1 << 20), "{method}");
    }
}

#[test]
fn a_copy_is_all_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let tree = make(folder.path(), Method::Copy);
    fs::write(tree.join("large"), vec![3; 1 << 20]).unwrap();
    let to = folder.path().join("clone");
    clone(&tree, &to, Method::Copy).unwrap();
    sync_tree(&to).unwrap();
    let own = own_bytes(&to).unwrap();
    assert!((2 << 20..8 << 20).contains(&own), "{own}");
    assert!(own_bytes(&folder.path().join("absent")).is_err());
}
