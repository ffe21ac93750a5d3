//! `test`: everything that must hold, in one go, with a summary.

use std::path::Path;
use std::time::Duration;

use serde_json::Value;

use crate::process::{Failure, Program, Steps, cargo, program};
use crate::{fuzz, majors, mysql, nightly, plugins, regress, setup};

/// How long the fuzzing of a test run takes, over all targets.
const FUZZ_SMOKE: Duration = Duration::from_secs(60);

/// Sets the machine up and runs all tests.
pub fn run(options: &[&str]) -> Result<(), Failure> {
    let all_majors = options.contains(&"--all-majors");
    if let Some(unknown) = options.iter().find(|option| !["--all-majors", "--regress"].contains(option)) {
        return Err(Failure::Usage(format!("`test` does not know {}", unknown.escape_default())));
    }
    setup::run()?;
    if options.contains(&"--regress") {
        return regress::run();
    }
    let mut steps = Steps::default();
    fetch_majors(&mut steps, all_majors);
    optional(&mut steps, "MySQL", mysql::fetch);
    optional(&mut steps, "MariaDB's plugins", plugins::fetch);
    tests(&mut steps, all_majors);
    steps.step("fuzz, a minute", || fuzz::all(FUZZ_SMOKE));
    steps.finish()
}

/// The newest major is welcome, not needed: a test that wants it and lacks it says so. Who asks for all wants them.
pub fn fetch_majors(steps: &mut Steps, all: bool) {
    let mut fetch = |name: String, fetch: &dyn Fn() -> Result<(), Failure>| {
        if all { steps.step(&name, fetch) } else { optional(steps, &name, fetch) }
    };
    let wanted: Vec<u32> = if all { majors::ALL.collect() } else { vec![majors::NEWEST] };
    for major in wanted {
        fetch(format!("PostgreSQL {major}"), &|| majors::fetch_server(major));
    }
    fetch(format!("pg_dump {}", majors::NEWEST), &majors::fetch_client);
}

/// What can be missing: the tests that want it say so.
fn optional(steps: &mut Steps, name: &str, fetch: impl FnOnce() -> Result<(), Failure>) {
    match fetch() {
        Ok(()) => steps.step(name, || Ok(())),
        Err(Failure::Failed(why) | Failure::Usage(why)) => steps.skip(name, &why),
    }
}

/// The tests, doc tests and examples. `OFFSHOOT_ALL_MAJORS` tells them how far to go.
pub fn tests(steps: &mut Steps, all_majors: bool) {
    let with_settings = |program: Program| {
        let program = program.variable("OFFSHOOT_PG_MAJORS", majors::dir());
        let program = program.variable("OFFSHOOT_TEST_MYSQL", mysql::dir());
        let program = program.variable("OFFSHOOT_TEST_MARIADB", plugins::dir());
        if all_majors { program.variable("OFFSHOOT_ALL_MAJORS", "1") } else { program }
    };
    let has_nextest = cargo(&["nextest", "--version"]).succeeds();
    // Tests with servers wait for these half of the time.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = (cores + cores.min(4)).to_string();
    let runner: &[&str] = if has_nextest {
        &["nextest", "run", "--workspace", "--no-fail-fast", "--test-threads", &threads]
    } else {
        &["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"]
    };
    if std::env::var_os("OFFSHOOT_REAL_DATA").is_none() {
        steps.skip("tests on real databases", "OFFSHOOT_REAL_DATA does not name the folder that has them");
    }
    steps.step("tests", || with_settings(cargo(runner)).run());
    steps.step("doc tests", || with_settings(cargo(&["test", "--workspace", "--doc"])).run());
    // Built for the whole workspace, as the tests were, so that nothing is built twice for other features.
    steps.step("examples", || cargo(&["build", "--workspace", "--examples"]).run());
    match metadata() {
        Ok(metadata) => {
            let built = Path::new(metadata["target_directory"].as_str().unwrap_or("target")).join("debug");
            for name in examples(&metadata) {
                let path = built.join("examples").join(name);
                steps.step(&format!("example {name}"), || with_settings(program(&path)).run());
            }
            // Built with the tests, beside the command.
            steps.step("demo", || nightly::watched_demo("postgres", with_settings(program(built.join("demo")))));
        }
        Err(failure) => steps.step("examples", || Err(failure)),
    }
}

fn metadata() -> Result<Value, Failure> {
    let text = cargo(&["metadata", "--format-version", "1", "--no-deps"]).output()?;
    serde_json::from_str(&text).map_err(|error| Failure::Failed(format!("cargo metadata: {error}")))
}

/// The examples in the workspace.
fn examples(metadata: &Value) -> impl Iterator<Item = &str> {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let targets = packages.flat_map(|package| package["targets"].as_array().into_iter().flatten());
    let is_example =
        |target: &&Value| target["kind"].as_array().is_some_and(|kinds| kinds.iter().any(|kind| kind == "example"));
    targets.filter(is_example).filter_map(|target| target["name"].as_str())
}
