//! Running other programs, with failures as sentences.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::place;

/// Why a chore ended without success.
#[derive(Debug)]
pub enum Failure {
    /// It was called in a way that it does not know.
    Usage(String),
    /// It ran, and failed; what and why.
    Failed(String),
}

impl Failure {
    /// A failure of an operation on a file or folder.
    pub fn of_file(action: &str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let action = format!("{action} {}", path.display());
        move |error| Self::Failed(format!("{action}: {error}"))
    }
}

/// A program about to run in the project's folder.
pub struct Program(Command);

/// The cargo that runs this chore.
pub fn cargo(arguments: &[&str]) -> Program {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    program(cargo).arguments(arguments)
}

/// Any program, by name or path.
pub fn program(name: impl AsRef<OsStr>) -> Program {
    let mut command = Command::new(name);
    command.current_dir(place::root());
    // Set for this program by the cargo that ran it; another package's build must not see them.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_")) {
            command.env_remove(name);
        }
    }
    Program(command)
}

impl Program {
    /// Adds arguments.
    pub fn arguments(mut self, arguments: &[&str]) -> Self {
        self.0.args(arguments);
        self
    }

    /// Sets a variable of its environment.
    pub fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs it somewhere else than in the project's folder.
    pub fn in_dir(mut self, dir: &Path) -> Self {
        self.0.current_dir(dir);
        self
    }

    /// Runs it, its output where ours goes.
    pub fn run(mut self) -> Result<(), Failure> {
        let status =
            self.0.status().map_err(|error| Failure::Failed(format!("cannot start {}: {error}", self.line())))?;
        if status.success() { Ok(()) } else { Err(Failure::Failed(format!("{} failed: {status}", self.line()))) }
    }

    /// Runs it and gives what it prints.
    pub fn output(mut self) -> Result<String, Failure> {
        let output = self.0.stdin(Stdio::null()).output();
        let output = output.map_err(|error| Failure::Failed(format!("cannot start {}: {error}", self.line())))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        Err(Failure::Failed(format!("{} failed: {}: {}", self.line(), output.status, stderr.trim())))
    }

    /// Runs it and gives what it writes to standard error; a failure holds the end of that.
    pub fn messages(mut self) -> Result<String, Failure> {
        let output = self.0.stdin(Stdio::null()).stdout(Stdio::null()).output();
        let output = output.map_err(|error| Failure::Failed(format!("cannot start {}: {error}", self.line())))?;
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() {
            return Ok(stderr);
        }
        let lines: Vec<&str> = stderr.lines().collect();
        let end = lines[lines.len().saturating_sub(40)..].join("\n");
        Err(Failure::Failed(format!("{} failed: {}:\n{end}", self.line(), output.status)))
    }

    /// True when it runs and succeeds; prints nothing.
    pub fn succeeds(mut self) -> bool {
        let silent = self.0.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        silent.status().is_ok_and(|status| status.success())
    }

    fn line(&self) -> String {
        let words = std::iter::once(self.0.get_program()).chain(self.0.get_args());
        format!("`{}`", words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" "))
    }
}

/// The steps of a longer chore: each is announced, timed, and told again at the end.
#[derive(Default)]
pub struct Steps {
    done: Vec<(String, Outcome, Duration)>,
}

enum Outcome {
    Passed,
    Skipped(String),
    Failed(String),
}

impl Steps {
    /// Runs one step. A failure is remembered, and the later steps still run.
    pub fn step(&mut self, name: &str, work: impl FnOnce() -> Result<(), Failure>) {
        println!("== {name}");
        let start = Instant::now();
        let outcome = match work() {
            Ok(()) => Outcome::Passed,
            Err(Failure::Failed(what) | Failure::Usage(what)) => {
                eprintln!("{what}");
                Outcome::Failed(what)
            }
        };
        self.done.push((name.to_owned(), outcome, start.elapsed()));
    }

    /// Remembers a step that is not done, and why.
    pub fn skip(&mut self, name: &str, why: &str) {
        println!("== {name}: skipped: {why}");
        self.done.push((name.to_owned(), Outcome::Skipped(why.to_owned()), Duration::ZERO));
    }

    /// Prints the summary; fails when a step did.
    pub fn finish(self) -> Result<(), Failure> {
        println!("\n{}", self.summary());
        let failed = self.done.iter().filter(|(_, outcome, _)| matches!(outcome, Outcome::Failed(_))).count();
        if failed == 0 { Ok(()) } else { Err(Failure::Failed(format!("{failed} of {} steps failed", self.done.len()))) }
    }

    fn summary(&self) -> String {
        let mut text = String::from("summary\n");
        for (name, outcome, time) in &self.done {
            let (word, note) = match outcome {
                Outcome::Passed => ("passed ", String::new()),
                Outcome::Skipped(why) => ("skipped", format!("  ({why})")),
                Outcome::Failed(why) => ("FAILED ", format!("  ({})", why.lines().next().unwrap_or_default())),
            };
            // Writing to a string cannot fail.
            let _written = writeln!(text, "  {word} {:>7.1} s  {name}{note}", time.as_secs_f64());
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Steps, program};

    #[test]
    fn a_failing_step_fails_the_chore_after_the_others_ran() {
        let mut steps = Steps::default();
        let mut ran = false;
        steps.step("first", || Err(Failure::Failed("broken".to_owned())));
        steps.step("second", || {
            ran = true;
            Ok(())
        });
        steps.skip("third", "no reason");
        let summary = steps.summary();
        assert!(ran);
        assert!(
            summary.contains("FAILED") && summary.contains("passed") && summary.contains("(no reason)"),
            "{summary}"
        );
        assert!(matches!(steps.finish(), Err(Failure::Failed(what)) if what == "1 of 3 steps failed"));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let Err(Failure::Failed(what)) = program("no-such-program").arguments(&["x"]).output() else { panic!() };
        assert!(what.starts_with("cannot start `no-such-program x`"), "{what}");
        assert!(!program("no-such-program").succeeds());
    }
}
