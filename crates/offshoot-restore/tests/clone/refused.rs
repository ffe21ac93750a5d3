//! What is not cloned is an error that says why, and leaves nothing.

use crate::place::{btrfs, clone, each, make, names, xfs};
use offshoot_restore::clone::{CloneError, CloneOptions, Method, clone_tree, create_tree};
use offshoot_testkit::small_disk::SmallDisk;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

#[test]
fn links_that_lead_out_are_refused() {
    each(|folder, method| {
        for (at, (name, target)) in
            [("absolute", "/etc/hostname"), ("base/above", "../../other"), ("base/devious", "../to-a-folder/../../x")]
                .into_iter()
                .enumerate()
        {
            let folder = folder.join(at.to_string());
            fs::create_dir(&folder).unwrap();
            let tree = make(&folder, method);
            symlink(target, tree.join(name)).unwrap();
            let error = clone(&tree, &folder.join("clone"), method).unwrap_err();
            assert!(matches!(&error, CloneError::LeadsOut { path, .. } if *path == tree.join(name)), "{error}");
            assert!(error.to_string().contains("Tablespaces"), "{error}");
            assert_eq!(names(&folder), ["image"], "{method}");
        }
    });
}

#[test]
fn sockets_and_pipes_are_refused() {
    each(|folder, method| {
        let tree = make(folder, method);
        let socket = UnixListener::bind(tree.join("base/s")).unwrap();
        let error = clone(&tree, &folder.join("clone"), method).unwrap_err();
        assert!(error.to_string().contains("is a socket"), "{error}");
        drop(socket);
        // Unless they are left out.
        let options = CloneOptions { skip: &|path| path == Path::new("base/s"), ..CloneOptions::new(method) };
        clone_tree(&tree, &folder.join("clone"), &options, &offshoot_core::Control::default()).unwrap();
        assert_eq!(names(folder), ["clone", "image"], "{method}");
    });
}

#[test]
fn nothing_is_copied_where_it_was_to_be_shared() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount(folder.path(), 60) else {
        eprintln!("skipped: no right to mount");
        return;
    };
    let tree = make(folder.path(), Method::Copy);
    let used = disk.used();
    let error = clone(&tree, &folder.path().join("clone"), Method::Reflink).unwrap_err();
    assert!(matches!(error, CloneError::NotShared { .. }), "{error}");
    assert!(error.to_string().contains("or choose copying"), "{error}");
    let error = clone(&tree, &folder.path().join("clone"), Method::Snapshot).unwrap_err();
    assert!(matches!(error, CloneError::Subvolume { .. }), "{error}");
    assert_eq!((names(folder.path()), disk.used()), (vec!["image".to_owned()], used));
}

#[test]
fn a_clone_to_another_file_system_is_not_shared() {
    let Some(disk) = xfs() else { return };
    let other = tempfile::tempdir().unwrap();
    let tree = make(disk.path(), Method::Reflink);
    let error = clone(&tree, &other.path().join("clone"), Method::Reflink).unwrap_err();
    assert!(matches!(error, CloneError::NotShared { .. }), "{error}");
    clone(&tree, &other.path().join("clone"), Method::Copy).unwrap();
    assert_eq!(crate::place::contents(&other.path().join("clone")), crate::place::contents(&tree));
}

#[test]
fn a_snapshot_is_of_a_subvolume_without_others_in_it() {
    let Some(disk) = btrfs() else { return };
    let plain = disk.path().join("plain");
    fs::create_dir(&plain).unwrap();
    let error = clone(&plain, &disk.path().join("clone"), Method::Snapshot).unwrap_err();
    assert!(error.to_string().contains("is a plain folder, not a subvolume"), "{error}");
    let tree = make(disk.path(), Method::Snapshot);
    create_tree(&tree.join("base/nested"), Method::Snapshot).unwrap();
    let error = clone(&tree, &disk.path().join("clone"), Method::Snapshot).unwrap_err();
    assert!(error.to_string().contains("is a subvolume of its own"), "{error}");
    assert_eq!(names(disk.path()), ["image", "plain"]);
}

#[test]
fn what_is_there_is_not_replaced() {
    each(|folder, method| {
        let tree = make(folder, method);
        fs::write(folder.join("file"), "kept").unwrap();
        symlink("nowhere", folder.join("link")).unwrap();
        for name in ["file", "link", "image"] {
            let error = clone(&tree, &folder.join(name), method).unwrap_err();
            assert!(matches!(error, CloneError::Exists { .. }), "{error}");
            assert!(matches!(create_tree(&folder.join(name), method), Err(CloneError::Exists { .. })));
        }
        assert_eq!(fs::read(folder.join("file")).unwrap(), b"kept");
        assert_eq!(names(folder), ["file", "image", "link"]);
    });
}

#[test]
fn a_link_in_the_place_of_the_original_is_not_followed() {
    each(|folder, method| {
        make(folder, method);
        symlink("image", folder.join("link")).unwrap();
        assert!(clone(&folder.join("link"), &folder.join("clone"), method).is_err());
        assert_eq!(names(folder), ["image", "link"]);
    });
}
