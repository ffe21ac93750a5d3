//! What a checkout has, through the command and on real servers: hooks, runs, the journal, parity.

use crate::nest::{Nest, psql};
use offshoot_testkit::postgres::{Server, shared};
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A nest whose snapshot has a table of 500 rows.
fn nest_of(server: &Server, name: &str) -> Nest {
    nest_with(server, name, "SELECT 1")
}

fn nest_with(server: &Server, name: &str, sql: &str) -> Nest {
    let db = server.fresh_db(name);
    server.psql(&db, sql);
    server.psql(&db, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 500)");
    Nest::of(server, &db)
}

/// Git in the nest's folder, apart from the user's configuration.
pub fn git(nest: &Nest, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(args).current_dir(nest.session.dir()).env_clear().stdin(Stdio::null());
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", nest.session.dir());
    for name in ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"] {
        command.env(name, "a@example.org");
    }
    let variables = nest.session.variables().iter();
    let output = command.envs(variables.map(|(name, value)| (name, value))).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{args:?}: {said}");
    said
}

/// Waits until something is so, for two minutes at most.
pub fn waits_until(what: &str, is_so: impl Fn() -> bool) {
    let until = Instant::now() + Duration::from_secs(120);
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The URL of the file with the variables, when it leads to this branch.
pub fn url_of(nest: &Nest, branch: &str) -> String {
    let path = nest.session.dir().join(".env.offshoot");
    let text = || fs::read_to_string(&path).unwrap_or_default();
    waits_until(branch, || text().contains(&format!("\n# Database branch: {branch}\n")));
    let line = text().lines().find_map(|line| Some(line.strip_prefix("DATABASE_URL=")?.to_owned()));
    line.unwrap().trim_matches('\'').to_owned()
}

#[test]
fn a_database_follows_git() {
    let server = shared();
    let nest = nest_with(server, "checkout_git", "CREATE EXTENSION dblink");
    git(&nest, &["init", "-q", "-b", "main"]);
    git(&nest, &["commit", "-q", "--allow-empty", "-m", "one"]);
    let installed = nest.done(&["git", "install", "--raw"]).stdout;
    assert!(installed.starts_with("installed: hooks in "), "{installed}");
    assert!(nest.done(&["git", "install", "--raw"]).stdout.starts_with("nothing to change"));
    git(&nest, &["checkout", "-q", "-b", "fix/4711"]);
    let url = url_of(&nest, "fix/4711");
    let log = || fs::read_to_string(nest.session.dir().join(".git/offshoot/sync.log")).unwrap_or_default();
    let warning = "warning: not switched off (network): extension dblink: ";
    waits_until("what is left on is said", || log().contains(warning) && log().contains("fix/4711 is ready in "));
    psql(server, &url, "INSERT INTO t VALUES (501)");
    git(&nest, &["checkout", "-q", "-b", "other"]);
    let other = url_of(&nest, "other");
    assert_eq!(psql(server, &other, "SELECT count(*) FROM t"), "500");
    nest.done(&["branch", "stop", "fix/4711"]);
    git(&nest, &["checkout", "-q", "fix/4711"]);
    assert_eq!(url_of(&nest, "fix/4711"), url);
    assert_eq!(psql(server, &url, "SELECT count(*) FROM t"), "501", "its server was started");
    git(&nest, &["branch", "-D", "other"]);
    waits_until("other is deleted", || nest.names() == ["fix/4711"]);
    let synced = nest.done(&["--json", "git", "sync"]).json();
    assert_eq!((synced["current"].as_str(), synced["created"].as_str()), (Some("fix/4711"), None));
    let undone = nest.done(&["git", "uninstall"]).stdout;
    assert!(undone.contains("removed 3 hooks") && undone.contains("  fix/4711\n"), "{undone}");
    assert!(!nest.session.dir().join(".env.offshoot").exists());
}

#[test]
fn hooks_find_again_what_was_named_when_they_were_installed() {
    let server = shared();
    let nest = nest_of(server, "checkout_named");
    let dir = nest.session.dir();
    fs::rename(dir.join(".offshoot"), dir.join("elsewhere")).unwrap();
    git(&nest, &["init", "-q", "-b", "main"]);
    git(&nest, &["commit", "-q", "--allow-empty", "-m", "one"]);
    nest.done(&["git", "install", "--raw", "--store", "elsewhere"]);
    // Git as another program calls it: without the variables that were set in the shell.
    let bare = |args: &[&str]| {
        let mut command = Command::new("git");
        command.args(args).current_dir(dir).env_clear().env("HOME", dir).stdin(Stdio::null());
        let output = command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    bare(&["checkout", "-q", "-b", "topic"]);
    let url = url_of(&nest, "topic");
    assert_eq!(psql(server, &url, "SELECT count(*) FROM t"), "500");
    let names = || {
        let list = nest.done(&["--store", "elsewhere", "--json", "branch", "list"]).json();
        list["branches"].as_array().unwrap().iter().map(|one| one["name"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(names(), ["\"topic\""], "in the home that was named");
    let synced = nest.done(&["--json", "git", "sync"]).json();
    assert_eq!(synced["current"], "topic", "by hand, too");
    bare(&["checkout", "-q", "--detach"]);
    bare(&["branch", "-q", "-D", "topic"]);
    waits_until("it is deleted", || names().is_empty());
}

#[test]
fn a_run_has_a_branch_and_leaves_none() {
    let server = shared();
    let nest = nest_of(server, "checkout_run");
    let query = "psql -XAtq \"$DATABASE_URL\" -c 'SELECT count(*) FROM t'; psql -XAtqc 'DELETE FROM t'; exit 7";
    let ran = nest.session.quietly(&["run", "--raw", "--", "sh", "-c", query]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(7), "500\n"), "{}", ran.stderr);
    for (words, code) in [(&["no-such-command"][..], 127), (&["sh", "-c", "kill -TERM $$"], 143)] {
        assert_eq!(nest.session.quietly(&[&["run", "--raw", "--"], words].concat()).code, Some(code));
    }
    let refused = nest.session.quietly(&["run", "--", "true"]);
    assert!(refused.code == Some(125) && refused.stderr.contains("--raw"), "{}", refused.stderr);
    assert!(nest.folders().is_empty() && nest.servers().is_empty());

    let mut child = nest.session.command(&["run", "--raw", "--", "sh", "-c", "touch ready; sleep 60"]).spawn().unwrap();
    waits_until("it runs", || nest.session.dir().join("ready").exists());
    assert!(!nest.servers().is_empty());
    child.kill().unwrap();
    child.wait().unwrap();
    waits_until("the watcher has deleted the branch", || nest.folders().is_empty() && nest.servers().is_empty());

    let stats = nest.done(&["--json", "stats"]).json();
    assert_eq!(stats["stats"]["all"]["count"], 4, "{stats}");
    assert_eq!(stats["stats"]["weeks"][0]["failures"], 1, "{stats}");
    let shown = nest.done(&["stats"]).stdout;
    assert!(shown.contains("image build") && shown.contains("time to branch"), "{shown}");
}

#[test]
fn drift_is_graded_and_refused() {
    let server = shared();
    let nest = nest_of(server, "checkout_parity");
    nest.create("a");
    let parity = nest.done(&["--json", "doctor", "a", "--strict"]).json();
    let rows = parity["parity"].as_array().unwrap();
    let server_row = rows.iter().find(|row| row["what"] == "server").unwrap();
    assert_eq!((server_row["grade"].as_str(), &server_row["declared"]), (Some("same"), &serde_json::Value::Null));
    let compose = "services: {db: {image: 'postgres:99'}, cache: {image: redis}}\n";
    fs::write(nest.session.dir().join("compose.yaml"), compose).unwrap();
    let shown = nest.done(&["doctor", "a"]).stdout;
    assert!(shown.contains("differs") && shown.contains("service cache (redis)"), "{shown}");
    assert_eq!(nest.session.quietly(&["doctor", "a", "--strict"]).code, Some(5));
    let refused = nest.session.quietly(&["branch", "create", "b", "--raw", "--strict"]);
    assert!(refused.code == Some(4) && refused.stderr.contains("server differs"), "{}", refused.stderr);
    assert_eq!(nest.session.quietly(&["run", "--raw", "--strict", "--", "true"]).code, Some(125));
    assert_eq!(nest.names(), ["a"]);
}
