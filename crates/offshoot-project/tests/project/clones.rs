//! Repositories that share a store: none uses or deletes the database of another.

use crate::program::Files;
use crate::repository::{Case, waits_for};
use offshoot_project::git::{self, Repository, SyncOptions, Synced};
use std::fs;
use std::path::{Path, PathBuf};

/// A clone of a case's repository with hooks of its own; `fix` is checked out in neither.
fn cloned(case: &Case) -> PathBuf {
    let clone = case.top.parent().unwrap().join("clone");
    case.git(["branch", "fix"]);
    case.git(["clone", "-q", ".", clone.to_str().unwrap()]);
    git::install(&Repository::around(&clone).unwrap(), &case.options()).unwrap();
    clone
}

fn sync(case: &Case, top: &Path) -> Synced {
    git::sync(&Repository::around(top).unwrap(), &Files(case.databases()), &SyncOptions::default()).unwrap()
}

#[test]
fn two_that_make_the_same_branch_at_once_have_one_each() {
    let case = Case::new();
    let clone = cloned(&case);
    let slow = case.databases().join("slow");
    fs::write(&slow, "").unwrap();
    std::thread::scope(|scope| {
        for top in [&case.top, &clone] {
            let case = &case;
            scope.spawn(move || assert_eq!(sync(case, top).failures, Vec::<String>::new()));
        }
        for top in [&case.top, &clone] {
            let registry = || fs::read_to_string(top.join(".git/offshoot/git.json")).unwrap_or_default();
            waits_for("true", || registry().contains("making").to_string());
        }
        fs::remove_file(&slow).unwrap();
    });
    assert_eq!(case.names(), "main main-2");
    let (one, other) = (case.leads_to(&case.top), case.leads_to(&clone));
    assert!(one != other, "{one} {other}");
    assert_eq!((sync(&case, &case.top).created, sync(&case, &clone).created), (None, None));
    case.git_in(&clone, ["checkout", "-q", "--detach"]);
    case.git_in(&clone, ["branch", "-D", "main"]);
    case.has(&one);
}

/// A repository whose database `fix` is gone, and a clone that has one of that name by now.
fn taken_over() -> (Case, PathBuf) {
    let case = Case::new();
    let clone = cloned(&case);
    case.git(["checkout", "-q", "fix"]);
    case.git(["checkout", "-q", "main"]);
    fs::remove_file(case.databases().join("branch fix")).unwrap();
    case.git_in(&clone, ["checkout", "-q", "fix"]);
    (case, clone)
}

#[test]
fn what_has_the_name_of_a_database_that_is_gone_is_another_ones() {
    let (case, clone) = taken_over();
    assert_eq!((case.leads_to(&clone).as_str(), case.names().as_str()), ("fix", "fix main"));
    case.git(["checkout", "-q", "fix"]);
    assert_eq!((case.leads_to(&case.top).as_str(), case.names().as_str()), ("fix-2", "fix fix-2 main"));
    case.git(["checkout", "-q", "main"]);
    case.git(["branch", "-D", "fix"]);
    case.has("fix main");
}

#[test]
fn what_has_the_name_of_a_database_that_is_gone_is_not_deleted() {
    let (case, _clone) = taken_over();
    case.git(["branch", "-D", "fix"]);
    waits_for("true", || {
        let registry = fs::read_to_string(case.top.join(".git/offshoot/git.json")).unwrap();
        (!registry.contains("fix")).to_string()
    });
    assert_eq!(case.names(), "fix main");
}

/// `cp -a`.
fn copied(case: &Case) -> PathBuf {
    let copy = case.top.parent().unwrap().join("copy");
    let done = std::process::Command::new("cp").arg("-a").args([&case.top, &copy]).status().unwrap();
    assert!(done.success());
    copy
}

fn hooks(top: &Path) -> Vec<String> {
    let names = fs::read_dir(top.join(".git/hooks")).unwrap().flatten();
    let mut names: Vec<String> = names.map(|entry| entry.file_name().into_string().unwrap()).collect();
    names.retain(|name| !name.ends_with(".sample"));
    names.sort();
    names
}

#[test]
fn a_copy_of_a_checkout_owns_no_database() {
    let case = Case::bare_of_hooks();
    fs::write(case.top.join(".git/hooks/post-checkout"), "#!/bin/sh\n").unwrap();
    case.install().unwrap();
    case.git(["checkout", "-q", "-b", "topic"]);
    case.git(["checkout", "-q", "main"]);
    let copy = copied(&case);
    case.git_in(&copy, ["branch", "-D", "topic"]);
    waits_for("main-2", || case.leads_to(&copy));
    assert_eq!((case.names().as_str(), case.leads_to(&case.top).as_str()), ("main main-2 topic", "main"));
    let undone = git::uninstall(&Repository::around(&copy).unwrap()).unwrap();
    assert_eq!((undone.removed.len(), undone.databases), (3, vec!["main-2".to_owned()]));
    assert_eq!(hooks(&copy), ["post-checkout"]);
    assert_eq!(hooks(&case.top).len(), 4, "those of the original are there");
    case.git(["branch", "-D", "topic"]);
    case.has("main main-2");
}

#[test]
fn a_copy_is_uninstalled_without_the_original() {
    let case = Case::new();
    case.git(["checkout", "-q", "-b", "topic"]);
    let copy = copied(&case);
    assert_eq!(git::uninstall(&Repository::around(&copy).unwrap()).unwrap().removed.len(), 3);
    assert_eq!((hooks(&copy).len(), hooks(&case.top).len()), (0, 3));
}

#[test]
fn a_checkout_that_was_moved_keeps_its_databases_and_hooks() {
    let case = Case::bare_of_hooks();
    let before = "#!/bin/sh\n# before\n";
    fs::write(case.top.join(".git/hooks/post-checkout"), before).unwrap();
    case.install().unwrap();
    case.git(["checkout", "-q", "-b", "topic"]);
    case.git(["checkout", "-q", "main"]);
    let moved = case.top.with_file_name("moved");
    fs::rename(&case.top, &moved).unwrap();
    case.git_in(&moved, ["checkout", "-q", "topic"]);
    assert_eq!((case.names().as_str(), case.leads_to(&moved).as_str()), ("main topic", "topic"));
    case.git_in(&moved, ["checkout", "-q", "main"]);
    case.git_in(&moved, ["branch", "-D", "topic"]);
    case.has("main");
    let again = moved.with_file_name("again");
    fs::rename(&moved, &again).unwrap();
    assert_eq!(git::uninstall(&Repository::around(&again).unwrap()).unwrap().removed.len(), 3);
    assert_eq!(hooks(&again), ["post-checkout"]);
    assert_eq!(fs::read_to_string(again.join(".git/hooks/post-checkout")).unwrap(), before);
}
