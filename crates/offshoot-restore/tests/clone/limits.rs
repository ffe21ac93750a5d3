//! A disk that is full.

use crate::place::{clone, names};
use offshoot_restore::clone::{CloneError, Method, probe};
use offshoot_testkit::small_disk::SmallDisk;
use std::fs;

#[test]
fn a_full_disk_is_named_and_nothing_is_left_on_it() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path(), 16) else {
        eprintln!("skipped: no right to mount");
        return;
    };
    let tree = folder.path().join("image");
    fs::create_dir(&tree).unwrap();
    for number in 0..100 {
        fs::write(tree.join(number.to_string()), vec![7; 100 << 10]).unwrap();
    }
    let used = disk.used();
    let error = clone(&tree, &folder.path().join("clone"), Method::Copy).unwrap_err();
    assert!(matches!(error, CloneError::Full { .. }), "{error}");
    assert!(error.to_string().contains("Delete branches or images"), "{error}");
    assert_eq!((names(folder.path()), disk.used()), (vec!["image".to_owned()], used));
    // With room it works.
    disk.resize(40);
    clone(&tree, &folder.path().join("clone"), Method::Copy).unwrap();
}

#[test]
fn a_probe_on_a_full_disk_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let Some(_disk) = SmallDisk::mount(folder.path(), 2) else {
        eprintln!("skipped: no right to mount");
        return;
    };
    let _until_full = fs::write(folder.path().join("all"), vec![1; 4 << 20]);
    let error = probe(folder.path()).unwrap_err();
    assert!(matches!(error, CloneError::Full { .. }), "{error}");
}
