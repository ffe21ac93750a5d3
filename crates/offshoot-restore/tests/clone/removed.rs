//! Removing: everything, nothing else, and whatever state it is in.

use crate::place::{contents, each, make, names};
use offshoot_restore::clone::{CloneError, remove_tree};
use offshoot_testkit::small_disk::SmallDisk;
use std::fs;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

#[test]
fn a_tree_is_removed_and_what_links_lead_to_is_not() {
    each(|folder, method| {
        let outside = folder.join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("file"), "kept").unwrap();
        let tree = make(folder, method);
        symlink(&outside, tree.join("base/out")).unwrap();
        symlink(outside.join("file"), tree.join("file")).unwrap();
        fs::hard_link(outside.join("file"), tree.join("hard")).unwrap_or_default();
        remove_tree(&tree).unwrap();
        assert_eq!(names(folder), ["outside"], "{method}");
        assert_eq!(fs::read(outside.join("file")).unwrap(), b"kept");
        // Again, and of what never was.
        remove_tree(&tree).unwrap();
        remove_tree(&folder.join("no/such/folder")).unwrap();
    });
}

#[test]
fn a_link_is_removed_and_not_followed() {
    each(|folder, method| {
        let tree = make(folder, method);
        let before = contents(&tree);
        symlink(&tree, folder.join("link")).unwrap();
        remove_tree(&folder.join("link")).unwrap();
        fs::write(folder.join("file"), "x").unwrap();
        remove_tree(&folder.join("file")).unwrap();
        assert_eq!(names(folder), ["image"]);
        assert_eq!(contents(&tree), before);
    });
}

#[test]
fn a_mount_inside_is_refused_and_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    fs::create_dir_all(tree.join("a/mount")).unwrap();
    let Some(_disk) = SmallDisk::mount(&tree.join("a/mount"), 2) else {
        eprintln!("skipped: no right to mount");
        return;
    };
    fs::write(tree.join("a/mount/file"), "kept").unwrap();
    let error = remove_tree(&tree).unwrap_err();
    assert!(matches!(&error, CloneError::Mount { path } if path.ends_with("a/mount")), "{error}");
    assert_eq!(fs::read(tree.join("a/mount/file")).unwrap(), b"kept");
}

#[test]
fn a_tree_that_is_written_into_is_removed_once_that_ends() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    fs::create_dir_all(tree.join("base")).unwrap();
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                let _gone = fs::write(tree.join("base").join(number.to_string()), "x");
            }
        });
        for _ in 0..20 {
            match remove_tree(&tree) {
                Ok(()) | Err(CloneError::Busy { .. }) => {}
                Err(error) => panic!("{error}"),
            }
            let _there = fs::create_dir_all(tree.join("base"));
        }
        ended.store(true, Ordering::Relaxed);
    });
    remove_tree(&tree).unwrap();
    assert!(names(folder.path()).is_empty());
}
