//! Commands with a branch of their own, and every way in which they and their owners end.

use crate::program::{self, Files};
use crate::repository::waits_for;
use offshoot_project::DatabaseBranches;
use std::fs;
use std::io::Write;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A folder with the program in it.
struct Place {
    dir: tempfile::TempDir,
    program: PathBuf,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let program = program::write(dir.path());
        Self { dir, program }
    }

    /// The program with a command of the shell, which runs in the place's folder.
    fn command(&self, script: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["run", "sh", "-c", script]).current_dir(self.dir.path());
        command
    }

    fn code(&self, script: &str) -> i32 {
        self.command(script).status().unwrap().code().unwrap()
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.dir.path().join(name)).unwrap_or_default()
    }

    /// Starts a command that writes its process number to `pid`, and waits until it has.
    fn start(&self, script: &str) -> (Child, String) {
        let child = self.command(&format!("echo $$ > pid.new; mv pid.new pid; {script}")).spawn().unwrap();
        waits_for("true", || self.dir.path().join("pid").exists().to_string());
        let pid = self.file("pid").trim().to_owned();
        (child, pid)
    }

    fn branches(&self) -> Vec<String> {
        Files(self.dir.path().to_owned()).list().unwrap()
    }

    fn is_clear(&self) {
        waits_for("[]", || format!("{:?}", self.branches()));
    }
}

fn signal(name: &str, pid: &str) {
    assert!(Command::new("kill").args([name, "--", pid]).status().unwrap().success());
}

#[test]
fn a_command_has_a_branch_and_only_that() {
    let place = Place::new();
    let script = "echo \"$DATABASE_URL|$PGPASSWORD|${PGHOSTADDR-}${PGSERVICE-}${PGSSLMODE-}|$OTHER\" > said; ls 'branch '* > seen";
    let mut command = place.command(script);
    command.envs([("PGHOSTADDR", "10.0.0.1"), ("PGSERVICE", "prod"), ("PGSSLMODE", "require"), ("OTHER", "kept")]);
    assert!(command.env("DATABASE_URL", "postgres://prod/").status().unwrap().success());
    assert_eq!(place.file("said"), "postgres://app:secret@127.0.0.1:40000/shop|secret||kept\n");
    assert!(place.file("seen").starts_with("branch run-"));
    place.is_clear();
}

#[test]
fn exit_codes_are_those_of_shells() {
    let place = Place::new();
    for code in [0, 1, 42, 255] {
        assert_eq!(place.code(&format!("exit {code}")), code);
    }
    assert_eq!(place.code("kill -TERM $$"), 128 + 15);
    assert_eq!(place.code("kill -KILL $$"), 128 + 9);
    let run = |word: &str| {
        Command::new(&place.program).args(["run", word]).current_dir(place.dir.path()).status().unwrap().code().unwrap()
    };
    assert_eq!(run("no-such-command"), 127);
    assert_eq!(run("./calls"), 126);
    place.is_clear();
    fs::write(place.dir.path().join("broken"), "").unwrap();
    assert_eq!(place.code("touch ran"), 125);
    assert!(!place.dir.path().join("ran").exists());
}

#[test]
fn signals_reach_the_command() {
    for (name, code) in [("TERM", 3), ("HUP", 4), ("INT", 5), ("USR1", 6)] {
        let place = Place::new();
        let traps = "trap 'exit 3' TERM; trap 'exit 4' HUP; trap 'exit 5' INT; trap 'exit 6' USR1;";
        let (mut child, _) = place.start(&format!("{traps} while :; do sleep 0.02; done"));
        signal(&format!("-{name}"), &child.id().to_string());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{name}");
        place.is_clear();
    }
}

#[test]
fn a_signal_before_the_command_keeps_it_from_being_started() {
    let place = Place::new();
    fs::write(place.dir.path().join("slow"), "").unwrap();
    let mut child = place.command("touch ran").spawn().unwrap();
    waits_for("true", || place.dir.path().join("creating").exists().to_string());
    signal("-INT", &child.id().to_string());
    std::thread::sleep(std::time::Duration::from_secs(2));
    fs::remove_file(place.dir.path().join("slow")).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(!place.dir.path().join("ran").exists());
    place.is_clear();
}

#[test]
fn an_owner_that_is_killed_leaves_no_branch() {
    let place = Place::new();
    let (mut child, pid) = place.start("sleep 60");
    assert_eq!(place.branches().len(), 1);
    signal("-KILL", &child.id().to_string());
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    place.is_clear();
    assert!(place.dir.path().join("watcher has deleted").exists());
    signal("-KILL", &pid);
}

#[test]
fn a_watcher_outlives_signals_and_has_nothing_to_do_when_all_is_well() {
    let place = Place::new();
    assert_eq!(place.code("sleep 0.2"), 0);
    std::thread::sleep(Duration::from_millis(300));
    assert!(!place.dir.path().join("watcher has deleted").exists());
    // The whole process group is killed at once.
    let script = "echo $$ > pid.new; mv pid.new pid; sleep 60";
    let mut child = place.command(script).process_group(0).spawn().unwrap();
    waits_for("true", || place.dir.path().join("pid").exists().to_string());
    signal("-KILL", &format!("-{}", child.id()));
    child.wait().unwrap();
    place.is_clear();
}

/// The program on a terminal of its own, with these keys typed when the command has started.
fn typed(place: &Place, script: &str, keys: &[u8]) -> Option<i32> {
    let line = format!("exec '{}' run sh -c '{script}'", place.program.display());
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).current_dir(place.dir.path()).env("SHELL", "/bin/sh").process_group(0);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().ok()?;
    waits_for("true", || place.dir.path().join("ready").exists().to_string());
    let mut input = child.stdin.take().unwrap();
    input.write_all(keys).unwrap();
    input.flush().unwrap();
    let code = child.wait().unwrap().code();
    drop(input);
    code
}

#[test]
fn on_a_terminal_the_command_reads_and_is_interrupted_once() {
    let place = Place::new();
    let Some(code) = typed(&place, "touch ready; read -r line; echo \"$line\" > read; exit 7", b"typed here\n") else {
        println!("SKIPPED on_a_terminal_the_command_reads_and_is_interrupted_once: there is no program `script`");
        return;
    };
    assert_eq!((code, place.file("read").as_str()), (7, "typed here\n"));
    let place = Place::new();
    let counts = "n=0; trap \"n=\\$((n + 1))\" INT; touch ready; while [ $n = 0 ]; do sleep 0.02; done; sleep 0.3; exit $((40 + n))";
    assert_eq!(typed(&place, counts, b"\x03"), Some(41), "the terminal's Ctrl-C is not sent a second time");
    place.is_clear();
}
