//! `cargo xtask bench-peers`: the same database through offshoot and through its peers, in turn, on one machine.
//!
//! Prints a table of medians, and the ratios that are goals, for docs/benchmarks.md. Arguments: `--engine
//! postgres|mariadb|mysql`, `--scale S` (1 is about 3 GB of PostgreSQL, 1 GB of the others), `--rounds N`. A peer that is not
//! installed is left out and named. Times are wall-clock; client CPU is that of the tool's own processes; memory is the highest
//! anonymous resident set seen, of the tool's main process. A ratio is taken within each round, and the median of the rounds
//! printed: machines are shared, and what is slow in one round may be slow for all steps of it.

mod measure;
mod mysql;
mod postgres;
mod results;

use measure::Measure;
use offshoot_benches::harness::{Arguments, Result, check, program};
use results::{Goal, Results};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-peers failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments = Arguments::of(&["--engine", "--scale", "--rounds"])?;
    let (scale, rounds) = (arguments.get("--scale", 1.0)?, arguments.get("--rounds", 3)?);
    let folder = tempfile::tempdir()?;
    let folder = Folder { path: folder.path().to_owned(), program: program()? };
    match arguments.text("--engine") {
        None | Some("postgres") => compete(&postgres::Bench::start(folder, scale)?, &postgres::CONTEST, rounds),
        Some("mariadb") => compete(&mysql::Bench::mariadb(folder, scale)?, &mysql::CONTEST, rounds),
        Some("mysql") => compete(&mysql::Bench::mysql(folder, scale)?, &mysql::CONTEST, rounds),
        Some(other) => Err(format!("there is no engine {other} here").into()),
    }
}

/// A step, which is none where a peer is not installed.
type Step<B> = fn(&B) -> Result<Option<Measure>>;

/// What is measured, in this order, later steps with what earlier ones left; and what is to come of it.
struct Contest<B: 'static> {
    steps: &'static [(&'static str, Step<B>)],
    goals: &'static [Goal],
    /// Ratios that say more, and are no goals.
    others: &'static [Goal],
}

fn compete<B>(bench: &B, contest: &Contest<B>, rounds: usize) -> Result<()> {
    println!("{rounds} rounds");
    let mut results = Results::default();
    for round in 0..rounds.max(1) {
        eprintln!("round {}", round + 1);
        for (name, step) in contest.steps {
            let Some(measure) = step(bench)? else {
                eprintln!("  {name}: not installed");
                continue;
            };
            eprintln!("  {name}: {:.2} s", measure.wall.as_secs_f64());
            results.add(name, measure);
        }
    }
    let names: Vec<&str> = contest.steps.iter().map(|(name, _)| *name).collect();
    results.print(&names, contest.goals, contest.others);
    Ok(())
}

/// Where everything is put, and the command that is measured.
struct Folder {
    path: PathBuf,
    program: PathBuf,
}

impl Folder {
    fn offshoot(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("OFFSHOOT_STORE", self.path.join("store"));
        command
    }

    /// A store with nothing in it.
    fn fresh_store(&self) -> Result<PathBuf> {
        let store = self.clear("store")?;
        check(self.offshoot().args(["init", "--raw"]).stderr(Stdio::null()).status()?.success(), "offshoot init")?;
        Ok(store)
    }

    /// A path in the folder with nothing at it.
    fn clear(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        if path.is_dir() {
            std::fs::remove_dir_all(&path)?;
        } else if path.exists() {
            std::fs::remove_file(&path)?;
        }
        Ok(path)
    }
}

/// Whether a program answers when it is asked for its version.
fn is_installed(program: &Path) -> bool {
    Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
}
