//! What a team wants done in a branch is a part of making it: who is killed meanwhile leaves none that looks ready, and the journal
//! tells what became of each.

use crate::nest::{Nest, psql};
use offshoot_testkit::postgres::{Server, shared};
use std::fs;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::Duration;

fn nest(server: &Server, name: &str) -> Nest {
    let db = server.fresh_db(name);
    server.psql(&db, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)");
    Nest::of(server, &db)
}

/// Starts a command and waits until its hook runs, which goes on until it is ended.
fn hooked(nest: &Nest, args: &[&str]) -> (Child, String) {
    let pid = nest.session.dir().join("pid");
    let _ = fs::remove_file(&pid);
    let hook = "[[branch.after]]\ncommand = 'echo $$ > pid.new; mv pid.new pid; exec sleep 600'\n";
    fs::write(nest.session.dir().join("offshoot.toml"), hook).unwrap();
    let child = nest.session.command(args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !pid.exists() {
        sleep(Duration::from_millis(20));
    }
    (child, fs::read_to_string(pid).unwrap().trim().to_owned())
}

fn end(mut child: Child, hook: &str) {
    child.kill().unwrap();
    child.wait().unwrap();
    std::process::Command::new("kill").args(["-9", hook]).status().unwrap();
}

fn without_hooks(nest: &Nest) {
    fs::write(nest.session.dir().join("offshoot.toml"), "").unwrap();
}

/// Names of events in the journal, each with its branch.
fn journal(nest: &Nest) -> Vec<String> {
    let home = nest.session.variables().iter().find(|(name, _)| name == "OFFSHOOT_HOME").unwrap();
    let text = fs::read_to_string(std::path::Path::new(&home.1).join("journal.jsonl")).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    lines.map(|line| format!("{} {}", line["event"].as_str().unwrap(), line["branch"].as_str().unwrap())).collect()
}

#[test]
fn who_is_killed_in_a_hook_leaves_none_that_looks_ready() {
    let server = shared();
    let nest = nest(server, "unfinished");
    let (child, hook) = hooked(&nest, &["branch", "create", "a", "--raw"]);
    assert_eq!(nest.list()[0]["state"], "being made");
    end(child, &hook);
    assert!(nest.names().is_empty() && nest.folders().is_empty() && nest.servers().is_empty());

    without_hooks(&nest);
    let url = nest.create("a");
    psql(server, &url, "DELETE FROM t");
    let (child, hook) = hooked(&nest, &["branch", "reset", "a", "--raw"]);
    assert_eq!(nest.list()[0]["state"], "being made");
    end(child, &hook);
    assert_eq!(nest.list()[0]["state"], "half reset");
    let refused = nest.session.quietly(&["branch", "url", "a"]);
    assert!(refused.code == Some(1) && refused.stderr.contains("reset it"), "{}", refused.stderr);
    without_hooks(&nest);
    assert_eq!(nest.done(&["branch", "reset", "a", "--raw"]).stdout.trim(), url);
    assert_eq!(psql(server, &url, "SELECT count(*) FROM t"), "100");
}

#[test]
fn the_journal_tells_what_became_of_each() {
    let server = shared();
    let nest = nest(server, "journal");
    nest.done(&["branch", "create", "brief", "--raw", "--ttl", "1s"]);
    nest.create("a");
    nest.done(&["branch", "reset", "a", "--raw"]);
    fs::write(nest.session.dir().join("offshoot.toml"), "[[branch.after]]\ncommand = 'false'\n").unwrap();
    assert_eq!(nest.session.quietly(&["branch", "create", "b", "--raw"]).code, Some(1));
    without_hooks(&nest);
    while nest.names() != ["a"] {
        sleep(Duration::from_millis(50));
    }
    nest.done(&["branch", "delete", "a"]);
    let mut told = journal(&nest);
    // When the time of the brief one was over depends on the machine.
    let over = told.iter().position(|line| line == "deleted brief").map(|at| told.remove(at));
    assert!(over.is_some(), "{told:?}");
    let expected = ["asked brief", "ready brief", "asked a", "ready a", "reset a", "asked b", "failed b", "deleted a"];
    assert_eq!(told, expected);
    let stats = nest.done(&["stats"]).stdout;
    assert!(stats.contains("3 ") || stats.contains("2 "), "{stats}");
}
