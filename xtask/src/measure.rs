//! The chores that only call cargo in a certain way: documentation and measurements.

use crate::process::{Failure, cargo};
use crate::{mysql, setup};

/// The API documentation of our crates; a warning is an error.
pub fn doc() -> Result<(), Failure> {
    cargo(&["doc", "--workspace", "--no-deps"]).variable("RUSTDOCFLAGS", "-D warnings").run()
}

/// The criterion benches; what follows goes to them.
pub fn bench(arguments: &[&str]) -> Result<(), Failure> {
    setup::run()?;
    cargo(&["bench", "--package", "offshoot-benches"]).arguments(arguments).run()
}

/// The comparison with other tools, in release mode: of captures and restores with these arguments, and without any also of
/// branches and of scrubbing.
pub fn bench_peers(arguments: &[&str]) -> Result<(), Failure> {
    beside_the_command("peers", arguments)?;
    if arguments.is_empty() {
        bench_branches(arguments)?;
        bench_scrub(arguments)?;
    }
    Ok(())
}

/// What scrubbing costs a capture, and the same rewriting by other scramblers, in release mode.
pub fn bench_scrub(arguments: &[&str]) -> Result<(), Failure> {
    beside_the_command("scrub_peers", arguments)
}

/// An application's transactions beside a capture and beside pg_dump, in release mode.
pub fn bench_load(arguments: &[&str]) -> Result<(), Failure> {
    beside_the_command("load", arguments)
}

/// How long branches take to come, beside the least that they could take, in release mode.
pub fn bench_branches(arguments: &[&str]) -> Result<(), Failure> {
    beside_the_command("branches", arguments)
}

/// Cloning a tree as large as a data folder beside cp, in release mode.
pub fn bench_clone(arguments: &[&str]) -> Result<(), Failure> {
    setup::run()?;
    cargo(&["run", "--quiet", "--release", "--package", "offshoot-benches", "--bin", "clone", "--"])
        .arguments(arguments)
        .run()
}

/// The figures of the detection, on samples without a server and on real databases.
pub fn detect(arguments: &[&str]) -> Result<(), Failure> {
    setup::run()?;
    let samples = ["--", "--nocapture", "--test-threads=1", "customer", "spans"];
    cargo(&["test", "--quiet", "--package", "offshoot-scrub", "--test", "detection"]).arguments(&samples).run()?;
    cargo(&["run", "--quiet", "--package", "offshoot-tests", "--bin", "detect", "--"]).arguments(arguments).run()
}

/// A program of the benches, with the command built beside it.
fn beside_the_command(name: &str, arguments: &[&str]) -> Result<(), Failure> {
    setup::run()?;
    cargo(&["build", "--quiet", "--release", "--package", "offshoot-cli"]).run()?;
    cargo(&["run", "--quiet", "--release", "--package", "offshoot-benches", "--bin", name, "--"])
        .arguments(arguments)
        .variable("OFFSHOOT_TEST_MYSQL", mysql::dir())
        .run()
}
