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

#[test]
fn what_has_the_name_of_a_database_that_is_gone_is_another_ones() {
    let case = Case::new();
    let clone = cloned(&case);
    case.git(["checkout", "-q", "fix"]);
    case.git(["checkout", "-q", "main"]);
    fs::remove_file(case.databases().join("branch fix")).unwrap();
    case.git_in(&clone, ["checkout", "-q", "fix"]);
    assert_eq!((case.leads_to(&clone).as_str(), case.names().as_str()), ("fix", "fix main"));
    case.git(["checkout", "-q", "fix"]);
    assert_eq!((case.leads_to(&case.top).as_str(), case.names().as_str()), ("fix-2", "fix fix-2 main"));
    case.git(["checkout", "-q", "main"]);
    case.git(["branch", "-D", "fix"]);
    case.has("fix main");
}

#[test]
fn what_has_the_name_of_a_database_that_is_gone_is_not_deleted() {
    let case = Case::new();
    let clone = cloned(&case);
    case.git(["checkout", "-q", "fix"]);
    case.git(["checkout", "-q", "main"]);
    fs::remove_file(case.databases().join("branch fix")).unwrap();
    case.git_in(&clone, ["checkout", "-q", "fix"]);
    case.git(["branch", "-D", "fix"]);
    waits_for("true", || {
        let registry = fs::read_to_string(case.top.join(".git/offshoot/git.json")).unwrap();
        (!registry.contains("fix")).to_string()
    });
    assert_eq!(case.names(), "fix main");
}
