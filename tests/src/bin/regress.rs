//! PostgreSQL's regression database through a store and back: how many of its tables come out exact.
//!
//! Called by `cargo xtask test --regress` with a folder that holds `regress` (the tests' own files) and `lib` (their
//! C functions), and with the path of pg_regress. The database that pg_regress leaves is kept in that folder, so that
//! a second run only compares. How many of the tests pass is not judged: what they leave is the yardstick.

use offshoot_testkit::place;
use offshoot_testkit::postgres::{Server, ServerOptions};
use offshoot_tests::exact;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The database that pg_regress makes.
const DB: &str = "regression";

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("the regression database was not compared: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all came out exact.
fn run() -> Result<bool, Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(folder), Some(pg_regress)) = (arguments.next(), arguments.next()) else {
        return Err("wants a folder and a pg_regress; run it by `cargo xtask test --regress`".into());
    };
    let loaded = folder.join("loaded");
    if !loaded.is_dir() {
        load(&folder, &pg_regress, &loaded)?;
    }
    let source = Server::try_start_on_copy(&loaded, ServerOptions::new())?;
    let target = Server::try_start(ServerOptions::new())?;
    let report = exact::compare(&source, DB, &target)?;
    println!("{report}");
    Ok(report.is_exact())
}

/// Runs the tests against a throwaway server, and keeps its data directory.
fn load(folder: &Path, pg_regress: &Path, loaded: &Path) -> Result<(), Box<dyn Error>> {
    println!("running PostgreSQL's regression tests, for the database that they leave");
    let server = Server::try_start(ServerOptions::new())?;
    let output = folder.join("output");
    if output.exists() {
        fs::remove_dir_all(&output)?;
    }
    place::make_private_dir(&output)?;
    let psql = server.binaries().psql();
    let mut command = place::unprivileged(pg_regress);
    command.arg(path_option("inputdir", &folder.join("regress")));
    command.arg(path_option("outputdir", &output));
    command.arg(path_option("dlpath", &folder.join("lib")));
    command.arg(path_option("schedule", &folder.join("regress/parallel_schedule")));
    command.arg(path_option("bindir", psql.parent().unwrap_or(Path::new(""))));
    command.arg(path_option("host", server.socket_dir()));
    command.args([&format!("--port={}", server.port()), "--user=postgres", "--max-concurrent-tests=20"]);
    let ended = command.current_dir(&output).output()?;
    let told = String::from_utf8_lossy(&ended.stdout);
    // Any other end means that the database is not whole.
    let verdict = told.lines().find(|line| line.contains("tests passed") || line.contains("tests failed"));
    let Some(verdict) = verdict else {
        return Err(
            format!("pg_regress ended with {}: {}", ended.status, String::from_utf8_lossy(&ended.stderr)).into()
        );
    };
    println!("pg_regress: {}", verdict.trim_matches([' ', '=', '#']));
    server.stop();
    fs::rename(server.data_dir(), loaded)?;
    Ok(())
}

fn path_option(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}
