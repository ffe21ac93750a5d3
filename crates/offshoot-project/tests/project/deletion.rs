//! What deletes a database branch, and what only looks so to Git.

use crate::program::Files;
use crate::repository::{Case, waits_for};
use offshoot_project::git::{self, Repository, SyncOptions};
use std::fs;
use std::time::Duration;

/// A repository with databases for `main`, `a` and `b`; `main` is checked out.
fn three() -> Case {
    let case = Case::new();
    for name in ["a", "b"] {
        case.git(["checkout", "-q", "-b", name]);
    }
    case.git(["checkout", "-q", "main"]);
    assert_eq!(case.names(), "a b main");
    case
}

fn settled(case: &Case, syncs: usize) {
    waits_for(&syncs.to_string(), || case.calls("git sync --from-hook --deleted").to_string());
}

#[test]
fn deleting_a_branch_deletes_its_database() {
    let case = three();
    case.git(["branch", "-d", "a"]);
    case.has("b main");
    case.git(["branch", "no-database"]);
    case.git(["branch", "-D", "no-database"]);
    case.git(["update-ref", "-d", "refs/heads/b"]);
    case.has("main");
    assert_eq!(case.leads_to(&case.top), "main");
    waits_for("true", || {
        let log = fs::read_to_string(case.top.join(".git/offshoot/sync.log")).unwrap();
        log.contains("database branch b deleted: Git branch b is gone").to_string()
    });
}

#[test]
fn packed_branches_are_kept_until_they_are_deleted() {
    let case = three();
    case.git(["pack-refs", "--all", "--prune"]);
    case.git(["gc", "-q"]);
    case.git(["branch", "-d", "b"]);
    case.has("a main");
}

#[test]
fn a_renamed_branch_keeps_its_database() {
    let case = three();
    case.git(["branch", "-m", "a", "c"]);
    settled(&case, 1);
    case.git(["checkout", "-q", "c"]);
    assert_eq!((case.names().as_str(), case.leads_to(&case.top).as_str()), ("a b main", "a"));
    // The one that is checked out, packed; then a new one of the old name.
    case.git(["pack-refs", "--all"]);
    case.git(["branch", "-m", "d/e"]);
    case.git(["checkout", "-q", "-b", "a"]);
    assert_eq!(case.leads_to(&case.top), "a-2");
    case.git(["checkout", "-q", "d/e"]);
    assert_eq!(case.leads_to(&case.top), "a");
    case.git(["branch", "-D", "a"]);
    case.has("a b main");
}

#[test]
fn a_branch_renamed_over_another_takes_its_place() {
    let case = three();
    // Reflogs know seconds, and what is not certainly later than the database is not believed.
    std::thread::sleep(Duration::from_millis(1100));
    case.git(["branch", "-M", "a", "b"]);
    case.has("a main");
    case.git(["checkout", "-q", "b"]);
    assert_eq!(case.leads_to(&case.top), "a");
}

#[test]
fn what_is_no_branch_here_deletes_nothing() {
    let case = three();
    let far = case.top.parent().unwrap().join("far");
    case.git(["clone", "-q", ".", far.to_str().unwrap()]);
    case.git(["remote", "add", "far", far.to_str().unwrap()]);
    case.git_in(&far, ["branch", "a"]);
    case.git(["fetch", "-q", "far"]);
    case.git(["tag", "a"]);
    case.git_in(&far, ["branch", "-D", "a"]);
    let hooks = case.calls("git hook");
    case.git(["fetch", "-q", "--prune", "far"]);
    case.git(["tag", "-d", "a"]);
    case.git(["remote", "remove", "far"]);
    assert_eq!(case.calls("git hook"), hooks, "the script sees that there is nothing to do");
    // A transaction that is aborted, and one whose lock is taken.
    let refused = "start\ndelete refs/heads/a\nabort\n";
    let path = case.top.parent().unwrap().join("transaction");
    fs::write(&path, refused).unwrap();
    let quoted = path.display();
    let aborted = ["-c", &format!("alias.aborted=!git update-ref --stdin < '{quoted}'"), "aborted"];
    case.git(aborted);
    assert_eq!((case.calls("git hook"), case.names().as_str()), (hooks, "a b main"));
}

#[test]
fn what_a_hook_missed_is_listed_and_then_deleted() {
    let case = three();
    let hook = case.top.join(".git/hooks/reference-transaction");
    let aside = case.top.join(".git/aside");
    fs::rename(&hook, &aside).unwrap();
    case.git(["branch", "-D", "a"]);
    fs::rename(&aside, &hook).unwrap();
    fs::write(case.databases().join("branch by-hand"), "1").unwrap();
    let repository = Repository::around(&case.top).unwrap();
    let gone = git::gone(&repository).unwrap();
    assert_eq!((gone.len(), gone[0].git.as_str(), gone[0].database.as_str()), (1, "a", "a"));
    assert_eq!(case.names(), "a b by-hand main", "listing deletes nothing");
    let synced = git::sync(&repository, &Files(case.databases()), &SyncOptions::default()).unwrap();
    assert_eq!((synced.deleted, case.names().as_str()), (gone, "b by-hand main"));
    assert_eq!(git::gone(&repository).unwrap(), []);
}

#[test]
fn a_database_that_was_deleted_by_hand_is_made_again() {
    let case = three();
    fs::remove_file(case.databases().join("branch a")).unwrap();
    case.git(["checkout", "-q", "a"]);
    assert_eq!((case.names().as_str(), case.leads_to(&case.top).as_str()), ("a b main", "a"));
}

#[test]
fn many_syncs_at_once() {
    let case = three();
    let repository = Repository::around(&case.top).unwrap();
    case.git(["branch", "-D", "a"]);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            let sync = || git::sync(&repository, &Files(case.databases()), &SyncOptions::default()).unwrap();
            scope.spawn(move || assert_eq!(sync().failures, Vec::<String>::new()));
        }
    });
    case.has("b main");
    assert_eq!(case.leads_to(&case.top), "main");
}
