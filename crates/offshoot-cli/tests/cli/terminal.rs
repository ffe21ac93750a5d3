//! On a terminal there is progress and colour, and only there; NO_COLOR and --quiet are heeded.

use crate::session::{RAW_WARNING, Session};
use offshoot_testkit::postgres::shared;
use std::process::{Command, Stdio};

/// Runs a command on a terminal of its own, and gives all that is written to that.
pub fn on_terminal(session: &Session, args: &[&str], variables: &[(&str, &str)]) -> Option<String> {
    let words = args.iter().map(|arg| format!("'{arg}'")).collect::<Vec<_>>().join(" ");
    let line = format!("'{}' {words}", env!("CARGO_BIN_EXE_offshoot"));
    let mut script = Command::new("script");
    script.args(["-qec", &line, "/dev/null"]).current_dir(session.dir()).env_clear().stdin(Stdio::null());
    script.env("HOME", session.dir()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
    script.env("TERM", "xterm").env("SHELL", "/bin/sh").envs(variables.iter().copied());
    let output = script.output().ok()?;
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn progress_and_colour_are_for_terminals() {
    let server = shared();
    let db = server.fresh_db("terminal");
    server.psql(
        &db,
        "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t SELECT n, md5(n::text) FROM generate_series(1, 50000) n; ANALYZE t",
    );
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    let url = server.url(&db);
    let capture = ["capture", &url, "--name", "t"];
    let Some(shown) = on_terminal(&session, &capture, &[]) else {
        println!("SKIPPED progress_and_colour_are_for_terminals: there is no program `script`");
        return;
    };
    assert!(shown.contains("\x1b["), "a line is drawn again and again: {shown:?}");
    assert!(shown.contains("50,000"), "{shown:?}");
    // Of rows there is a rate in bytes, and the time that is left, as the number of rows was known before.
    let lines: Vec<&str> = shown.split(['\r', '\n']).filter(|line| line.contains(" rows, ")).collect();
    let is_rate = |line: &&str| line.split_whitespace().any(|word| word.ends_with("B/s"));
    assert!(!lines.is_empty() && lines.iter().all(is_rate), "{shown:?}");
    assert!(lines.iter().any(|line| line.contains("s left  ")), "{shown:?}");
    let steps = ["lock", "data", "sequences", "rows"];
    assert!(steps.iter().any(|step| shown.contains(step)), "{shown:?}");

    let is_red = |shown: &str| shown.contains("\x1b[1;31m");
    let missing = ["show", "nothing"];
    assert!(is_red(&on_terminal(&session, &missing, &[]).unwrap()));
    for (name, value, is_wanted) in [("NO_COLOR", "1", false), ("NO_COLOR", "", true), ("TERM", "dumb", false)] {
        let shown = on_terminal(&session, &missing, &[(name, value)]).unwrap();
        assert_eq!(is_red(&shown), is_wanted, "{name}={value}: {shown:?}");
        assert!(shown.contains("error:"), "{shown:?}");
    }
    let quiet = on_terminal(&session, &[&["--quiet"], &capture[..]].concat(), &[("NO_COLOR", "1")]).unwrap();
    assert!(!quiet.contains('\x1b'), "{quiet:?}");
    let piped = session.quietly(&capture);
    assert!(!piped.stdout.contains('\x1b') && piped.stderr == RAW_WARNING, "{}{}", piped.stdout, piped.stderr);
}
