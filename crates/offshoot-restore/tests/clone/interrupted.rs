//! Cancelled, killed, at once with another: a clone is complete under its name or not there.

use crate::place::{clone, contents, each, make, names, xfs};
use offshoot_core::Control;
use offshoot_restore::clone::{CloneError, CloneOptions, Method, clone_tree, remove_tree};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

/// Names the folder for the process that is killed.
const FOLDER_VARIABLE: &str = "OFFSHOOT_TEST_CLONE_IN";
/// How often a process is killed.
const KILLS: u64 = 12;

#[test]
fn a_cancelled_clone_leaves_nothing() {
    each(|folder, method| {
        let tree = make(folder, method);
        let control = Control::default();
        let seen = AtomicU32::new(0);
        let skip = |_: &Path| {
            if seen.fetch_add(1, Ordering::Relaxed) == 40 {
                control.cancel();
            }
            false
        };
        let options = CloneOptions { skip: &skip, ..CloneOptions::new(method) };
        let error = clone_tree(&tree, &folder.join("clone"), &options, &control).unwrap_err();
        assert!(matches!(error, CloneError::Cancelled), "{error}");
        assert_eq!(names(folder), ["image"], "{method}");
    });
}

#[test]
fn a_killed_clone_is_not_there_and_the_next_one_heals() {
    let disk = xfs();
    let dir = tempfile::tempdir().unwrap();
    let (folder, method) = match &disk {
        Some(disk) => (disk.path(), Method::Reflink),
        None => (dir.path(), Method::Copy),
    };
    let tree = make(folder, method);
    let expected = contents(&tree);
    let mut interrupted = 0;
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "interrupted::clones_until_it_is_killed", "--ignored"])
            .env(FOLDER_VARIABLE, folder)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        thread::sleep(Duration::from_millis(10 + 6 * kill));
        child.kill().unwrap();
        child.wait().unwrap();
        for name in names(folder) {
            let to = match name.strip_prefix('.').and_then(|name| name.strip_suffix(".partial")) {
                Some(name) => {
                    interrupted += 1;
                    match clone(&tree, &folder.join(name), method) {
                        // Killed after the clone had got its name.
                        Ok(_) | Err(CloneError::Exists { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                    folder.join(name)
                }
                None => folder.join(&name),
            };
            assert_eq!(contents(&to), expected, "{name} after kill {kill}");
        }
        for name in names(folder).iter().filter(|name| *name != "image") {
            assert!(!name.starts_with('.'), "{name} is left");
            remove_tree(&folder.join(name)).unwrap();
        }
    }
    assert!(interrupted > 0, "no kill came while cloning");
}

#[test]
#[ignore = "a part of the test above"]
fn clones_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER_VARIABLE) else { return };
    let folder = Path::new(&folder);
    let method = offshoot_restore::clone::probe(folder).unwrap().method;
    for number in 0.. {
        clone(&folder.join("image"), &folder.join(format!("clone-{number}")), method).unwrap();
    }
}

#[test]
fn of_many_clones_to_one_place_one_is_made() {
    each(|folder, method| {
        let tree = make(folder, method);
        let expected = contents(&tree);
        for round in 0..5 {
            let to = folder.join(round.to_string());
            let made = AtomicU32::new(0);
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| match clone(&tree, &to, method) {
                        Ok(_) => drop(made.fetch_add(1, Ordering::Relaxed)),
                        Err(CloneError::Exists { .. } | CloneError::Busy { .. }) => {}
                        Err(error) => panic!("{method}: {error}"),
                    });
                }
            });
            assert_eq!(made.into_inner(), 1, "{method}");
            assert_eq!(contents(&to), expected, "{method}");
        }
        assert_eq!(names(folder).len(), 6, "{:?}", names(folder));
    });
}

#[test]
fn clones_of_one_tree_are_made_at_once() {
    each(|folder, method| {
        let tree = make(folder, method);
        thread::scope(|scope| {
            for number in 0..8 {
                let (tree, to) = (&tree, folder.join(number.to_string()));
                scope.spawn(move || clone(tree, &to, method).unwrap());
            }
        });
        let expected = contents(&tree);
        (0..8).for_each(|number| assert_eq!(contents(&folder.join(number.to_string())), expected, "{method}"));
    });
}
