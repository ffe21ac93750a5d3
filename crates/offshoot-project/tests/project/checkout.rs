//! Checkouts: which make a database branch, which only lead to one, which do neither.

use crate::repository::{Case, waits_for};
use std::fs;
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_branch_gets_its_database_and_switching_switches() {
    let case = Case::new();
    assert_eq!(case.names(), "", "installing makes none");
    let said = case.git(["checkout", "-b", "fix/4711"]);
    assert!(said.contains("offshoot: database branch fix/4711 made; .env.offshoot leads to it"), "{said}");
    assert_eq!((case.names().as_str(), case.leads_to(&case.top).as_str()), ("fix/4711", "fix/4711"));
    case.git(["switch", "-q", "main"]);
    assert_eq!((case.names().as_str(), case.leads_to(&case.top).as_str()), ("fix/4711 main", "main"));
    let said = case.git(["checkout", "-q", "-"]);
    assert_eq!((case.leads_to(&case.top).as_str(), said.as_str()), ("fix/4711", ""));
    let mode = fs::metadata(case.top.join(".env.offshoot")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(case.try_git_in(&case.top, ["status", "--porcelain"]).stdout, b"", "Git does not see the file");
    case.git(["checkout", "-q", "--", "one"]);
    assert_eq!(case.calls("git hook"), 3, "a file that is checked out is no branch");
}

#[test]
fn what_is_said_of_a_new_branch_is_logged_and_counted() {
    let case = Case::new();
    fs::write(case.databases().join("warned"), "").unwrap();
    let said = case.git(["checkout", "-q", "-b", "topic"]);
    let log = case.top.join(".git/offshoot/sync.log");
    let line = format!("made; .env.offshoot leads to it; 1 warning in {}\n", log.display());
    assert!(said.ends_with(&line), "{said}");
    assert!(fs::read_to_string(&log).unwrap().starts_with("warning: a job stays\ndatabase branch topic made"));
    case.git(["checkout", "-q", "-b", "other"]);
    assert_eq!(case.git(["checkout", "-q", "topic"]), "", "said once");
}

#[test]
fn what_a_killed_writer_left_is_not_seen_by_git() {
    let case = Case::new();
    fs::write(case.top.join(".offshoot-new-x1y2z3"), "PGPASSWORD=secret").unwrap();
    assert_eq!(case.try_git_in(&case.top, ["status", "--porcelain"]).stdout, b"");
}

#[test]
fn names_of_any_characters() {
    let case = Case::new();
    fs::write(case.databases().join("branch main"), "1").unwrap();
    for git in ["π/it's", "a$(id)`;b", "ä\"#%&"] {
        case.git(["checkout", "-q", "-b", git]);
        let file = fs::read_to_string(case.top.join(".env.offshoot")).unwrap();
        assert!(file.contains(&format!("\n# Database branch: {git}\n")), "{git}: {file}");
    }
    case.git(["checkout", "-q", "main"]);
    assert_eq!(case.leads_to(&case.top), "main-2", "a name that is taken is another branch's");
    case.git(["branch", "-D", "ä\"#%&", "π/it's"]);
    case.has("a$(id)`;b main main-2");
}

#[test]
fn a_detached_head_makes_none_and_changes_nothing() {
    let case = Case::new();
    case.git(["checkout", "-q", "-b", "topic"]);
    case.git(["checkout", "-q", "HEAD~1"]);
    case.git(["checkout", "-q", "--detach", "main"]);
    assert_eq!((case.names().as_str(), case.leads_to(&case.top).as_str()), ("topic", "topic"));
}

#[test]
fn rebasing_and_bisecting_make_none() {
    let case = Case::new();
    case.git(["checkout", "-q", "-b", "topic", "main~1"]);
    fs::write(case.top.join("one"), "conflict").unwrap();
    case.git(["commit", "-q", "-a", "-m", "one again"]);
    case.git(["branch", "other"]);
    case.git(["branch", "base", "main"]);
    case.git(["rebase", "-q", "base"]);
    case.git(["bisect", "start", "HEAD", "HEAD~2"]);
    case.git(["checkout", "-q", "other"]);
    assert_eq!(case.leads_to(&case.top), "topic", "a bisection passes through");
    case.git(["bisect", "reset"]);
    assert_eq!((case.names().as_str(), case.leads_to(&case.top).as_str()), ("topic", "topic"));
    case.git(["checkout", "-q", "other"]);
    assert_eq!(case.names(), "other topic");
}

#[test]
fn a_rebase_of_another_branch_ends_on_that() {
    let case = Case::new();
    case.git(["checkout", "-q", "-b", "topic", "main~1"]);
    fs::write(case.top.join("topic"), "").unwrap();
    case.git(["add", "topic"]);
    case.git(["commit", "-q", "-m", "topic"]);
    case.git(["checkout", "-q", "main"]);
    assert_eq!(case.leads_to(&case.top), "main");
    case.git(["rebase", "-q", "main", "topic"]);
    waits_for("topic", || case.leads_to(&case.top));
    let syncs = case.calls("git sync");
    case.git(["commit", "-q", "--amend", "-m", "other words"]);
    assert_eq!(case.calls("git sync"), syncs);
}

#[test]
fn branches_without_a_commit_and_from_the_stash() {
    let case = Case::new();
    case.git(["switch", "-q", "--orphan", "empty"]);
    assert_eq!(case.names(), "empty");
    case.git(["checkout", "-q", "-f", "main"]);
    case.has("main");
    fs::write(case.top.join("one"), "changed").unwrap();
    case.git(["stash", "-q"]);
    case.git(["stash", "branch", "from-stash"]);
    assert_eq!(case.leads_to(&case.top), "from-stash");
    case.git(["commit", "-q", "-a", "-m", "more"]);
    assert_eq!(case.names(), "from-stash main");
}

#[test]
fn every_checkout_of_a_repository_has_its_own_file() {
    let case = Case::new();
    let second = case.top.parent().unwrap().join("second");
    let said = case.git(["worktree", "add", "-b", "beside", second.to_str().unwrap()]);
    assert!(said.contains("database branch beside made"), "{said}");
    assert_eq!((case.leads_to(&second).as_str(), case.leads_to(&case.top).as_str()), ("beside", ""));
    case.git_in(&second, ["checkout", "-q", "-b", "further"]);
    assert_eq!(case.leads_to(&second), "further");
    case.git(["worktree", "add", "-q", "--detach", case.top.parent().unwrap().join("third").to_str().unwrap()]);
    assert_eq!(case.names(), "beside further");
    case.git(["worktree", "remove", second.to_str().unwrap()]);
    case.git(["branch", "-D", "further"]);
    // A sync also makes the database of the branch that is checked out where it was called.
    case.has("beside main");
    waits_for("main", || case.leads_to(&case.top));
}

#[test]
fn a_bare_repository_with_checkouts() {
    let case = Case::bare_of_hooks();
    let root = case.top.parent().unwrap();
    let bare = root.join("bare.git");
    case.git(["clone", "-q", "--bare", ".", bare.to_str().unwrap()]);
    let repository = offshoot_project::git::Repository::around(&bare).unwrap();
    assert_eq!(repository.top, None);
    offshoot_project::git::install(&repository, &case.options()).unwrap();
    let checkout = root.join("checkout");
    case.git_in(&bare, ["worktree", "add", "-q", "-b", "topic", checkout.to_str().unwrap()]);
    assert_eq!((case.names().as_str(), case.leads_to(&checkout).as_str()), ("topic", "topic"));
    // Bare repositories keep no reflogs: the renaming is concluded.
    case.git_in(&checkout, ["branch", "-m", "renamed"]);
    waits_for("1", || case.calls("git sync --from-hook --deleted").to_string());
    case.git_in(&checkout, ["checkout", "-q", "-b", "other"]);
    case.git_in(&checkout, ["checkout", "-q", "renamed"]);
    assert_eq!((case.names().as_str(), case.leads_to(&checkout).as_str()), ("other topic", "topic"));
    // Deleted by a push from elsewhere.
    case.git_in(&checkout, ["checkout", "-q", "--detach"]);
    case.git(["push", "-q", bare.to_str().unwrap(), "--delete", "other"]);
    case.has("topic");
}

#[test]
fn a_submodule_is_a_repository_of_its_own() {
    let case = Case::new();
    let inner = Case::bare_of_hooks();
    let allow = ["-c", "protocol.file.allow=always"];
    case.git(allow.into_iter().chain(["submodule", "add", inner.top.to_str().unwrap(), "inner"]));
    case.git(["commit", "-q", "-m", "inner"]);
    let folder = case.top.join("inner");
    case.git_in(&folder, ["checkout", "-q", "-b", "inside"]);
    assert_eq!(case.names(), "");
    let repository = offshoot_project::git::Repository::around(&folder).unwrap();
    offshoot_project::git::install(&repository, &case.options()).unwrap();
    case.git_in(&folder, ["checkout", "-q", "-b", "inside-2"]);
    case.git(["checkout", "-q", "-b", "outside"]);
    assert_eq!(case.names(), "inside-2 outside");
    assert_eq!((case.leads_to(&folder).as_str(), case.leads_to(&case.top).as_str()), ("inside-2", "outside"));
}

#[test]
fn a_clone_has_no_hooks() {
    let case = Case::new();
    let clone = case.top.parent().unwrap().join("clone");
    case.git(["clone", "-q", ".", clone.to_str().unwrap()]);
    case.git_in(&clone, ["checkout", "-q", "-b", "elsewhere"]);
    // Hooks that came by a template do nothing where they were not installed.
    fs::copy(case.top.join(".git/hooks/post-checkout"), clone.join(".git/hooks/post-checkout")).unwrap();
    assert_eq!(case.git_in(&clone, ["checkout", "-q", "-b", "elsewhere-2"]), "");
    assert_eq!(case.names(), "");
    assert!(!clone.join(".env.offshoot").exists());
}

#[test]
fn a_failure_never_stops_a_checkout_and_leads_nowhere() {
    let case = Case::new();
    case.git(["checkout", "-q", "-b", "good"]);
    fs::write(case.databases().join("broken"), "").unwrap();
    let said = case.git(["checkout", "-q", "-b", "bad"]);
    assert_eq!(said, "offshoot: no database branch for this checkout: the store does not answer\n");
    assert_eq!(case.leads_to(&case.top), "no-database-branch.invalid");
    let said = case.git(["checkout", "-q", "good"]);
    assert!(said.starts_with("offshoot: Git branch good has no database: the store does not"), "{said}");
    assert_eq!(case.leads_to(&case.top), "no-database-branch.invalid");
    fs::remove_file(case.databases().join("broken")).unwrap();
    case.git(["checkout", "-q", "bad"]);
    assert_eq!((case.names().as_str(), case.leads_to(&case.top).as_str()), ("bad good", "bad"));
    // Somebody's own file is not written over.
    fs::write(case.top.join(".env.offshoot"), "MINE=1\n").unwrap();
    let said = case.git(["checkout", "-q", "good"]);
    assert!(said.contains("is left alone"), "{said}");
    assert_eq!(fs::read_to_string(case.top.join(".env.offshoot")).unwrap(), "MINE=1\n");
    // Without the program there is nothing to do and nothing to say.
    fs::remove_file(&case.program).unwrap();
    assert_eq!(case.git(["checkout", "-q", "-b", "alone"]), "");
}

#[test]
fn what_takes_long_goes_on_behind_the_checkout() {
    let case = Case::new();
    case.git(["checkout", "-q", "-b", "quick"]);
    let slow = case.databases().join("slow");
    fs::write(&slow, "").unwrap();
    let said = case.git(["checkout", "-q", "-b", "slow-1"]);
    assert!(said.starts_with("offshoot: the database branch is still being made; "), "{said}");
    waits_for("database-branch-is-being-made.invalid", || case.leads_to(&case.top));
    fs::remove_file(&slow).unwrap();
    waits_for("slow-1", || case.leads_to(&case.top));
    // Who has moved on by then stays where they are.
    fs::write(&slow, "").unwrap();
    case.git(["checkout", "-q", "-b", "slow-2"]);
    waits_for("database-branch-is-being-made.invalid", || case.leads_to(&case.top));
    case.git(["checkout", "-q", "quick"]);
    waits_for("quick", || case.leads_to(&case.top));
    fs::remove_file(&slow).unwrap();
    case.has("quick slow-1 slow-2");
    assert_eq!(case.leads_to(&case.top), "quick");
}
