//! Branches on real servers, through the command.

use crate::nest::{Nest, psql};
use offshoot_testkit::postgres::{Binaries, Server, ServerOptions, shared, shared_of};
use offshoot_testkit::{fingerprint::fingerprint, shop};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::thread;

fn shop_of(server: &Server, name: &str) -> String {
    let db = server.fresh_db(name);
    shop::load(server, &db).unwrap();
    db
}

fn small(server: &Server, name: &str) -> String {
    let db = server.fresh_db(name);
    server.psql(
        &db,
        "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT n, 'v' || n FROM generate_series(1, 500) n",
    );
    db
}

#[test]
fn a_branch_is_equal_writable_resettable_and_leaves_nothing() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = shop_of(server, "branch_shop");
        let nest = Nest::of(server, &db);
        let url = nest.create("fix/4711 🐛");
        assert!(url.starts_with("postgres"), "{url}");
        nest.done(&["verify", "prod", "--against", &url]);
        psql(server, &url, "CREATE TABLE mine (x int); INSERT INTO mine VALUES (1)");
        let list = nest.list();
        assert_eq!((list.len(), list[0]["state"].as_str()), (1, Some("running")), "{list:?}");
        let again = nest.done(&["branch", "reset", "fix/4711 🐛", "--raw"]).stdout;
        assert_eq!(again.trim(), url, "the URL stays");
        assert_eq!(psql(server, &url, "SELECT count(*) FROM pg_class WHERE relname = 'mine'"), "0");
        nest.done(&["verify", "prod", "--against", &url]);
        nest.done(&["branch", "stop", "fix/4711 🐛"]);
        assert!(nest.servers().is_empty());
        let started = nest.done(&["branch", "start", "fix/4711 🐛"]).stdout;
        assert_eq!(started.trim(), url);
        assert_eq!(psql(server, &url, "SELECT 1"), "1");
        assert!(nest.done(&["branch", "logs", "fix/4711 🐛"]).stdout.contains("ready to accept connections"));
        nest.done(&["branch", "delete", "fix/4711 🐛"]);
        assert!(nest.names().is_empty() && nest.folders().is_empty() && nest.servers().is_empty());
    }
}

/// Tests that run in parallel make databases of their own in a branch's server.
#[test]
fn the_databases_that_every_server_has_are_whole_in_a_branch() {
    let server = shared();
    let nest = Nest::of(server, &small(server, "own_databases"));
    let look = |url: &str| {
        for (at, template) in ["template1", "template0", "postgres"].into_iter().enumerate() {
            psql(server, url, &format!("CREATE DATABASE d{at} TEMPLATE {template}"));
        }
        let others = url.rsplit_once('/').unwrap().0;
        let read = "SELECT count(pg_read_binary_file(pg_relation_filepath(oid))) > 200 FROM pg_class WHERE relkind IN ('r', 'i', 't')";
        for database in ["d0", "d1", "d2", "postgres", "template1"] {
            assert_eq!(psql(server, &format!("{others}/{database}"), read), "t", "{database}");
        }
    };
    look(&nest.create("a"));
    look(nest.done(&["branch", "reset", "a", "--raw"]).stdout.trim());
    nest.done(&["branch", "delete", "a"]);
}

#[test]
fn what_is_printed_is_for_shells_and_programs() {
    let server = shared();
    let nest = Nest::of(server, &small(server, "branch_env"));
    let made = nest.done(&["branch", "create", "a", "--raw", "--env"]);
    let script =
        format!("{}\npsql -XAtqc 'SELECT count(*) FROM t' && psql -XAtq \"$DATABASE_URL\" -c 'SELECT 1'", made.stdout);
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "500\n1\n", "{}", String::from_utf8_lossy(&output.stderr));
    let json = nest.done(&["--json", "branch", "create", "b", "--raw"]).json();
    for name in ["name", "url", "ready_ms", "method"] {
        assert!(!json[name].is_null(), "{name}");
    }
    assert_eq!(nest.done(&["branch", "url", "b"]).stdout.trim(), json["url"].as_str().unwrap());
    let psql = nest.done(&["branch", "psql", "b", "-XAtqc", "SELECT current_database()"]);
    assert!(psql.stdout.starts_with("branch_env"), "{}", psql.stdout);
}

#[test]
fn a_name_is_only_a_name() {
    let server = shared();
    let nest = Nest::of(server, &small(server, "branch_names"));
    let long = "名".repeat(85);
    let names = [
        ".",
        "..",
        "../../etc",
        "a b",
        "it's \"$(touch pwned)\" `touch pwned` \\",
        "x'; DROP TABLE t; --",
        "%s%n",
        "名前/🐛",
        "a\u{202e}b",
        &long,
    ];
    for name in names {
        let made = nest.done(&["branch", "create", name, "--raw", "--env"]);
        let script = format!("{}\nprintf '%s' \"$OFFSHOOT_BRANCH\"; psql -XAtqc 'SELECT count(*) FROM t'", made.stdout);
        let output = Command::new("sh").args(["-c", &script]).current_dir(nest.session.dir()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{name}500\n"), "{name}");
        assert_eq!(nest.names(), [name]);
        for command in [
            &["stop", name][..],
            &["start", name],
            &["reset", name, "--raw"],
            &["url", name],
            &["logs", name],
            &["delete", name],
        ] {
            nest.done(&[&["branch"], command].concat());
        }
    }
    assert!(!nest.session.dir().join("pwned").exists());
    assert!(nest.folders().is_empty());
}

#[test]
fn refusals_say_what_to_do() {
    let server = shared();
    let nest = Nest::of(server, &small(server, "branch_refused"));
    let raw = nest.session.quietly(&["branch", "create", "a"]);
    assert_eq!(raw.code, Some(4), "{}", raw.stderr);
    assert!(raw.stderr.contains("--raw"), "{}", raw.stderr);
    nest.create("fix-4711");
    let taken = nest.session.quietly(&["branch", "create", "fix-4711", "--raw"]);
    assert!(taken.code == Some(1) && taken.stderr.contains("branch reset"), "{}", taken.stderr);
    let missing = nest.session.quietly(&["branch", "url", "fix-471"]);
    assert!(missing.code == Some(1) && missing.stderr.contains("did you mean fix-4711?"), "{}", missing.stderr);
    let unnamed = nest.session.quietly(&["branch", "create", "a\nb", "--raw"]);
    assert_eq!(unnamed.code, Some(2), "{}", unnamed.stderr);
    let unknown = nest.session.quietly(&["branch", "create", "b", "--from", "prdo", "--raw"]);
    assert!(unknown.code == Some(1) && unknown.stderr.contains("did you mean prod?"), "{}", unknown.stderr);
    assert_eq!(nest.names(), ["fix-4711"]);

    // With several refs one must be named: by an option, the environment or the configuration, in this order.
    nest.done(&["capture", &server.url(&server.fresh_db("branch_refused_too")), "--name", "staging"]);
    let several = nest.session.quietly(&["branch", "create", "b", "--raw"]);
    assert!(several.code == Some(1) && several.stderr.contains("prod, staging"), "{}", several.stderr);
    assert!(several.stderr.contains("--from"), "{}", several.stderr);
    std::fs::write(nest.session.dir().join("offshoot.toml"), "[branch]\nfrom = 'nobody'\n").unwrap();
    let from = |args: &[&str]| {
        let mut command = nest.session.command(&[&["branch", "create", "b", "--raw"], args].concat());
        let output = command.env("OFFSHOOT_FROM", "staging").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let url = String::from_utf8(output.stdout).unwrap();
        let tables = psql(server, url.trim(), "SELECT count(*) FROM pg_class WHERE relname = 't'");
        nest.done(&["branch", "delete", "b"]);
        tables
    };
    assert_eq!((from(&[]).as_str(), from(&["--from", "prod"]).as_str()), ("0", "1"));
}

#[test]
fn the_configuration_says_where_servers_are() {
    let server = shared();
    let mut nest = Nest::of(server, &small(server, "branch_programs"));
    let programs = server.binaries().dir().display().to_string();
    let file = nest.session.dir().join("offshoot.toml");
    nest.session.set("OFFSHOOT_PG_BIN", "");
    std::fs::write(&file, format!("[branch]\npg_bin = '{programs}'\n")).unwrap();
    nest.create("a");
    let used = nest.done(&["--json", "doctor", "a"]).json().to_string();
    assert!(!used.is_empty());
    // The environment goes before it, and a folder without them is named.
    std::fs::write(&file, "[branch]\npg_bin = '/nonexistent/bin'\n").unwrap();
    nest.session.set("OFFSHOOT_PG_BIN", &programs);
    nest.create("b");
    nest.session.set("OFFSHOOT_PG_BIN", "");
    nest.done(&["capture", &server.url(&small(server, "branch_programs_too")), "--name", "other"]);
    let refused = nest.session.quietly(&["branch", "create", "c", "--from", "other", "--raw"]);
    assert!(refused.code != Some(0) && refused.stderr.contains("/nonexistent/bin"), "{}", refused.stderr);
}

#[test]
fn a_killed_server_is_seen_and_started_again() {
    let server = shared();
    let nest = Nest::of(server, &small(server, "branch_down"));
    let url = nest.create("a");
    psql(server, &url, "INSERT INTO t VALUES (501, 'mine')");
    psql(server, &url, "CHECKPOINT");
    for pid in nest.servers() {
        Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap();
    }
    while !nest.servers().is_empty() {
        thread::yield_now();
    }
    assert_eq!(nest.list()[0]["state"], "down");
    assert_eq!(nest.done(&["branch", "url", "a"]).stdout.trim(), url);
    assert_eq!(psql(server, &url, "SELECT count(*) FROM t"), "501");
}

#[test]
fn many_at_once_each_with_its_own() {
    let server = shared();
    let nest = Nest::of(server, &small(server, "branch_many"));
    let count = if std::env::var_os("OFFSHOOT_LONG").is_some() { 50 } else { 8 };
    let names: Vec<String> = (0..count).map(|at| format!("b{at:02}")).collect();
    thread::scope(|scope| {
        let (nest, server) = (&nest, server);
        let one = |name: &String| {
            let name = name.clone();
            scope.spawn(move || {
                let url = nest.create(&name);
                psql(server, &url, &format!("CREATE TABLE own (name text); INSERT INTO own VALUES ('{name}')"));
                (url, name)
            })
        };
        let threads: Vec<_> = names.iter().map(one).collect();
        for (url, name) in threads.into_iter().map(|thread| thread.join().unwrap()) {
            assert_eq!(psql(server, &url, "SELECT name FROM own"), name);
        }
    });
    assert_eq!(nest.names(), names);
    let images = nest.done(&["--json", "image", "list"]).json();
    assert_eq!(images["images"].as_array().unwrap().len(), 1, "made once for all");
    println!("branches at once: {count}, half ones: 0");
}

#[test]
fn spares_are_given_away() {
    let server = shared();
    let nest = Nest::of(server, &small(server, "branch_spares"));
    let text = "[branch]\nfrom = 'prod'\nspares = 2\n";
    std::fs::write(nest.session.dir().join("offshoot.toml"), text).unwrap();
    nest.done(&["image", "build", "--raw"]);
    nest.done(&["branch", "tend"]);
    assert_eq!(nest.names(), Vec::<String>::new());
    let made = nest.done(&["--json", "branch", "create", "a", "--raw"]).json();
    assert_eq!(made["method"], "started spare");
    let url = made["url"].as_str().unwrap();
    assert_eq!(psql(server, url, "SELECT count(*) FROM t"), "500");
    std::fs::write(nest.session.dir().join("offshoot.toml"), text.replace('2', "0")).unwrap();
    while nest.folders().len() > 1 {
        nest.done(&["branch", "tend"]);
    }
    assert_eq!(psql(server, url, "SELECT count(*) FROM t"), "500", "a branch that was a spare stays");

    // What is given away is made anew in the background, by nobody's order.
    std::fs::write(nest.session.dir().join("offshoot.toml"), text.replace('2', "1")).unwrap();
    nest.done(&["branch", "reset", "a", "--raw"]);
    let until = std::time::Instant::now() + std::time::Duration::from_secs(120);
    while nest.folders().len() < 2 {
        assert!(std::time::Instant::now() < until, "a spare comes by itself");
        thread::sleep(std::time::Duration::from_millis(50));
    }
    std::fs::write(nest.session.dir().join("offshoot.toml"), text.replace('2', "0")).unwrap();
    while nest.folders().len() > 1 {
        nest.done(&["branch", "tend"]);
    }
}

#[test]
fn hooks_run_in_the_branch_and_a_failing_one_leaves_none() {
    let server = shared();
    let nest = Nest::of(server, &small(server, "branch_hooks"));
    let dir = nest.session.dir();
    std::fs::write(dir.join("after.sql"), "INSERT INTO t VALUES (0, 'by a hook');\n").unwrap();
    let hooks = "[[branch.after]]\nsql = 'after.sql'\n[[branch.after]]\ncommand = 'psql -XAtqc \"SELECT v FROM t WHERE id = 0\" > seen'\n";
    std::fs::write(dir.join("offshoot.toml"), hooks).unwrap();
    let url = nest.create("a");
    assert_eq!(psql(server, &url, "SELECT v FROM t WHERE id = 0"), "by a hook");
    assert_eq!(std::fs::read_to_string(dir.join("seen")).unwrap(), "by a hook\n");
    std::fs::write(dir.join("offshoot.toml"), "[[branch.after]]\ncommand = 'false'\n").unwrap();
    let failed = nest.session.quietly(&["branch", "create", "b", "--raw"]);
    assert_eq!(failed.code, Some(1), "{}", failed.stderr);
    assert_eq!(nest.names(), ["a"]);
}

#[test]
fn what_leads_elsewhere_leads_neither_psql_nor_a_hook_there() {
    let server = shared();
    let db = small(server, "branch_decoy");
    let mut nest = Nest::of(server, &db);
    // Who comes to the source by mistake finds a row more.
    server.psql(&db, "INSERT INTO t VALUES (-1, 'of the source')");
    let dir = nest.session.dir().to_owned();
    let conninfo = server.psql(&db, "SELECT format(E'[elsewhere]\nport=%s\ndbname=%s\nuser=%s\nhost=%s\n', current_setting('port'), current_database(), current_user, split_part(current_setting('unix_socket_directories'), ',', 1))");
    std::fs::write(dir.join("services"), conninfo).unwrap();
    let variables = [
        ("PGSERVICEFILE", dir.join("services").to_str().unwrap().to_owned()),
        ("PGSERVICE", "elsewhere".to_owned()),
        ("PGHOSTADDR", "192.0.2.1".to_owned()),
    ];
    for (name, value) in &variables {
        nest.session.set(name, value);
    }
    let hook = "[[branch.after]]\ncommand = 'psql -XAtqc \"SELECT count(*) FROM t WHERE id = -1\" > seen'\n";
    std::fs::write(dir.join("offshoot.toml"), hook).unwrap();
    nest.create("a");
    assert_eq!(std::fs::read_to_string(dir.join("seen")).unwrap(), "0\n");
    let found = nest.done(&["branch", "psql", "a", "-XAtqc", "SELECT count(*) FROM t WHERE id = -1"]);
    assert_eq!(found.stdout, "0\n");
}

#[test]
fn an_interrupt_ends_what_is_done_after_making_and_leaves_none() {
    let server = shared();
    let nest = Nest::of(server, &small(server, "branch_stopped"));
    let dir = nest.session.dir();
    std::fs::write(dir.join("after.sql"), "SELECT 1; SELECT pg_sleep(600);").unwrap();
    let command = "command = 'trap \"exit 3\" INT; touch begun; while :; do sleep 0.02; done'";
    for (hook, is_to_all) in [("sql = 'after.sql'", true), (command, true), (command, false)] {
        let _absent = std::fs::remove_file(dir.join("begun"));
        std::fs::write(dir.join("offshoot.toml"), format!("[[branch.after]]\n{hook}\n")).unwrap();
        let mut command = nest.session.command(&["branch", "create", "a", "--raw"]);
        let mut making = command.process_group(0).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(making.stderr.take().unwrap()).lines().map(Result::unwrap);
        assert!(lines.any(|line| line.contains("run ")));
        while hook.starts_with("command") && !dir.join("begun").exists() {
            thread::yield_now();
        }
        // As a terminal does, to all of the group; or as a CI job does.
        match is_to_all {
            true => kill_process_group(Pid::from_child(&making), Signal::INT).unwrap(),
            false => kill_process(Pid::from_child(&making), Signal::TERM).unwrap(),
        }
        let said: Vec<String> = lines.collect();
        assert_eq!(making.wait().unwrap().code(), Some(130), "{said:?}");
        assert!(nest.names().is_empty() && nest.servers().is_empty(), "{said:?}");
    }
}

#[test]
fn what_a_shell_evaluates_of_a_failure_fails() {
    let server = shared();
    let nest = Nest::of(server, &small(server, "branch_eval"));
    // A snapshot that is not there, and an option that is none.
    for words in ["--from nothing", "--form nothing"] {
        let mut shell = Command::new("sh");
        let script =
            format!("eval \"$($0 branch create a --env --raw {words})\"; echo \"$?|${{DATABASE_URL-}}${{PGHOST-}}\"");
        shell.args(["-c", &script, env!("CARGO_BIN_EXE_offshoot")]).current_dir(nest.session.dir());
        shell.env("DATABASE_URL", "postgres://prod/").env("PGHOST", "prod");
        let said = shell.envs(nest.session.variables().iter().map(|(name, value)| (name, value))).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&said.stdout), "1|\n");
        let stderr = String::from_utf8_lossy(&said.stderr);
        assert!(stderr.contains("nothing") || stderr.contains("--form"), "{stderr}");
    }
}

#[test]
fn sockets_are_where_they_were_made_whatever_the_caller_has_set() {
    let server = shared();
    let mut nest = Nest::of(server, &small(server, "branch_sockets"));
    let runtime = tempfile::Builder::new().prefix("r-").tempdir_in("/tmp").unwrap();
    let made = nest.session.quietly(&["branch", "create", "a", "--raw", "--isolate-network"]);
    if made.code != Some(0) {
        println!("SKIPPED sockets_are_where_they_were_made: {}", made.stderr);
        return;
    }
    nest.session.set("OFFSHOOT_RUNTIME", runtime.path().to_str().unwrap());
    let url = nest.done(&["branch", "url", "a"]).stdout;
    assert_eq!(url, made.stdout);
    assert_eq!(psql(server, url.trim(), "SELECT count(*) FROM t"), "500");
    nest.done(&["doctor", "a"]);
    assert_eq!(nest.list()[0]["connections"], 0);
    let sockets =
        std::path::PathBuf::from(url.split("?host=").nth(1).unwrap().split('&').next().unwrap().replace("%2F", "/"));
    assert!(sockets.is_dir(), "{sockets:?}");
    // A server that is started anew has its socket where it is looked for now.
    nest.done(&["branch", "stop", "a"]);
    let url = nest.done(&["branch", "start", "a"]).stdout;
    assert!(url.contains("%2Ftmp%2Fr-") && !sockets.exists(), "{url}");
    assert_eq!(psql(server, url.trim(), "SELECT count(*) FROM t"), "500");
    nest.done(&["branch", "delete", "a"]);
    assert_eq!(
        std::fs::read_dir(runtime.path())
            .unwrap()
            .flatten()
            .filter(|entry| !entry.file_name().to_string_lossy().ends_with(".tending"))
            .count(),
        0
    );
}

#[test]
fn images_never_change_and_go_when_nobody_needs_them() {
    let server = shared();
    let db = small(server, "branch_images");
    let nest = Nest::of(server, &db);
    let url = nest.create("a");
    let digest = || {
        let script = "find \"$0\" -path '*/images/*' -type f -exec sha256sum {} + | sort | sha256sum";
        let output = Command::new("sh").args(["-c", script]).arg(nest.session.variables()[0].1.as_str()).output();
        output.unwrap().stdout
    };
    let before = digest();
    psql(
        server,
        &url,
        "UPDATE t SET v = v || 'x'; CREATE INDEX ON t (v); INSERT INTO t SELECT n, 'y' FROM generate_series(600, 20000) n",
    );
    psql(server, &url, "VACUUM FULL t");
    assert_eq!(digest(), before);
    server.psql(&db, "INSERT INTO t VALUES (1000, 'new')");
    nest.done(&["capture", &server.url(&db), "--name", "prod"]);
    nest.create("b");
    nest.done(&["branch", "delete", "a"]);
    let plan = nest.done(&["--json", "image", "gc", "--dry-run"]).json();
    assert_eq!(plan["removes"].as_array().unwrap().len(), 1);
    nest.done(&["image", "gc"]);
    assert_eq!(nest.done(&["--json", "image", "list"]).json()["images"].as_array().unwrap().len(), 1);
}

#[test]
fn a_source_is_untouched_by_its_branches() {
    let server = Server::start(ServerOptions::new().own_identity());
    let db = small(&server, "branch_source");
    let before = fingerprint(&server, &db);
    let nest = Nest::of(&server, &db);
    let url = nest.create("a");
    psql(&server, &url, "DELETE FROM t");
    assert_eq!(fingerprint(&server, &db), before);
}
