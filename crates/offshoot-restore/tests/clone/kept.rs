//! What a clone has of its original, and that the two are independent.

use crate::place::{clone, contents, each, make, names};
use offshoot_restore::clone::{CloneOptions, Method, clone_tree};
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

#[test]
fn a_clone_has_everything_and_nothing_else_is_left() {
    each(|folder, method| {
        let tree = make(folder, method);
        let to = folder.join("clone");
        let cloned = clone(&tree, &to, method).unwrap();
        assert_eq!(contents(&to), contents(&tree), "{method}");
        let files: Vec<_> =
            contents(&tree).into_iter().filter(|(_, (mode, _))| mode & 0o170_000 == 0o100_000).collect();
        let bytes = files.iter().map(|(_, (_, bytes))| bytes.len() as u64).sum::<u64>();
        assert_eq!((cloned.files, cloned.bytes, cloned.method), (files.len() as u64, bytes, method));
        assert_eq!(names(folder), ["clone", "image"]);
        let occupied = |tree: &Path| tree.join("base/16384/holes").metadata().unwrap().blocks() * 512;
        assert!(occupied(&to) <= occupied(&tree) + (1 << 20), "{method}: holes were filled: {}", occupied(&to));
    });
}

#[test]
fn clones_and_original_do_not_see_each_other_s_writes() {
    each(|folder, method| {
        let tree = make(folder, method);
        let before = contents(&tree);
        let (first, second) = (folder.join("first"), folder.join("second"));
        clone(&tree, &first, method).unwrap();
        clone(&first, &second, method).unwrap();
        let write = |tree: &Path| {
            let file = File::options().write(true).open(tree.join("base/16384/99")).unwrap();
            file.write_all_at(b"written", 100).unwrap();
            fs::remove_file(tree.join("base/16384/1")).unwrap();
            fs::write(tree.join("new"), "new").unwrap();
        };
        write(&first);
        assert_eq!(contents(&tree), before, "{method}");
        assert_eq!(contents(&second), before, "{method}");
        write(&tree);
        assert_eq!(contents(&second), before, "{method}");
    });
}

#[test]
fn any_number_of_threads_makes_the_same_clone() {
    each(|folder, method| {
        let tree = make(folder, method);
        let expected = contents(&tree);
        for threads in [0, 1, 5] {
            let to = folder.join(threads.to_string());
            let options = CloneOptions { threads, ..CloneOptions::new(method) };
            clone_tree(&tree, &to, &options, &offshoot_core::Control::default()).unwrap();
            assert_eq!(contents(&to), expected, "{method}, {threads} threads");
        }
    });
}

#[test]
fn what_is_skipped_is_not_in_the_clone() {
    each(|folder, method| {
        let tree = make(folder, method);
        let to = folder.join("clone");
        let skip = |path: &Path| path.starts_with("pg_wal/archive_status") || path == Path::new("base/1/a b");
        let options = CloneOptions { skip: &skip, ..CloneOptions::new(method) };
        clone_tree(&tree, &to, &options, &offshoot_core::Control::default()).unwrap();
        let mut expected = contents(&tree);
        expected.retain(|path, _| !skip(path));
        assert_eq!(contents(&to), expected, "{method}");
    });
}

#[test]
fn everything_belongs_to_the_owner_that_was_named() {
    if !offshoot_testkit::place::is_root() {
        eprintln!("skipped: only root gives files to others");
        return;
    }
    each(|folder, method| {
        let tree = make(folder, method);
        let to = folder.join("clone");
        let options = CloneOptions { owner: Some((65534, 65533)), ..CloneOptions::new(method) };
        clone_tree(&tree, &to, &options, &offshoot_core::Control::default()).unwrap();
        assert_eq!(contents(&to), contents(&tree), "{method}");
        for path in contents(&to).into_keys() {
            let metadata = to.join(&path).symlink_metadata().unwrap();
            assert_eq!((metadata.uid(), metadata.gid()), (65534, 65533), "{method}: {}", path.display());
        }
    });
}

#[test]
fn a_tree_of_many_folders_needs_few_open_files() {
    let folder = tempfile::tempdir().unwrap();
    let tree = folder.path().join("tree");
    for number in 0..1500 {
        fs::create_dir_all(tree.join(number.to_string())).unwrap();
        fs::write(tree.join(number.to_string()).join("file"), "x").unwrap();
    }
    let deep = tree.join(vec!["d"; 200].join("/"));
    fs::create_dir_all(&deep).unwrap();
    fs::write(deep.join("file"), "x").unwrap();
    let to = folder.path().join("clone");
    assert_eq!(clone(&tree, &to, Method::Copy).unwrap().files, 1501);
    assert_eq!(contents(&to), contents(&tree));
    offshoot_restore::clone::remove_tree(&to).unwrap();
    assert_eq!(names(folder.path()), ["tree"]);
}
