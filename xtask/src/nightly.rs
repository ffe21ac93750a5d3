//! `nightly`: the long forms of everything, each also by its name alone.
//!
//! What is sampled in every test run is done here to its end: all majors, kills at every system call, a hundred million
//! rows, thousands of schedules, a million cases of every property of the format, hours of fuzzing. Figures are printed as
//! they come; a step that needs something that is not here says so and is skipped.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::process::{Failure, Program, Steps, cargo};
use crate::{fuzz, majors, measure, regress, setup, test, tidy};

/// How long the fuzzing of a night takes, over all targets.
const FUZZ: Duration = Duration::from_secs(2 * 60 * 60);
/// Schedules of captures, gc and readers against each other.
const SCHEDULES: &str = "20000";
/// Random cases of each property of the format.
const CASES: &str = "1000000";

/// A step by its name, what it is, and how it is done.
type Step = (&'static str, &'static str, fn(&mut Steps));

const STEPS: [Step; 11] = [
    ("tidy", "the project's rules", |steps| steps.step("tidy", tidy::run)),
    ("tests", "all tests, on all majors", |steps| {
        test::fetch_majors(steps, true);
        test::tests(steps, true);
    }),
    ("regress", "PostgreSQL's own regression database", |steps| steps.step("regress", regress::run)),
    ("kills", "kills at every system call of capture, restore, gc and forget", |steps| {
        steps.step("kills", || long(&["kills"]).run());
    }),
    ("rows", "a capture of a hundred million rows", |steps| steps.step("rows", || long(&["rows"]).run())),
    ("loom", "every order of threads in models of the concurrent core", |steps| steps.step("loom", loom)),
    ("schedules", "schedules, crashes and flips of a store", |steps| {
        steps.step("schedules", schedules);
    }),
    ("cases", "a million cases of every property of the format", |steps| {
        let properties = ["test", "--release", "--package", "offshoot-format", "--lib", "--tests"];
        steps.step("cases", || cargo(&properties).variable("PROPTEST_CASES", CASES).run());
    }),
    (
        "scrub",
        "a million cases of every rule's properties, ten million distinct values of each injective rule",
        |steps| {
            let tests = ["test", "--release", "--package", "offshoot-scrub", "--", "--nocapture"];
            steps.step("scrub", || cargo(&tests).variable("OFFSHOOT_LONG", "1").run());
        },
    ),
    ("load", "an application beside a capture and beside pg_dump", |steps| {
        steps.step("load", || measure::bench_load(&[]));
    }),
    ("fuzz", "two hours of fuzzing", |steps| steps.step("fuzz", || fuzz::all(FUZZ))),
    ("deny", "licences, advisories, bans and sources of the dependencies", deny),
];

/// The chore: all steps, or those that are named.
pub fn run(names: &[&str]) -> Result<(), Failure> {
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|(known, ..)| known != *name)) {
        let known: Vec<String> = STEPS.iter().map(|(name, what, _)| format!("  {name:<10} {what}")).collect();
        let unknown = unknown.escape_default();
        return Err(Failure::Usage(format!("a night has no step `{unknown}`; it has\n{}", known.join("\n"))));
    }
    setup::run()?;
    let mut steps = Steps::default();
    STEPS.iter().filter(|(name, ..)| names.is_empty() || names.contains(name)).for_each(|(.., work)| work(&mut steps));
    steps.finish()
}

/// Tests of the command in their long form, with what they print.
fn long(names: &[&str]) -> Program {
    let program = cargo(&["test", "--package", "offshoot-cli", "--test", "cli", "--", "--nocapture"]).arguments(names);
    program.variable("OFFSHOOT_LONG", "1").variable("OFFSHOOT_PG_MAJORS", majors::dir())
}

/// The models are the crate's own code with loom's locks, so that they are built apart.
fn loom() -> Result<(), Failure> {
    let models =
        ["test", "--package", "offshoot-core", "--lib", "--target-dir", "target/loom", "--", "models", "--nocapture"];
    cargo(&models).variable("RUSTFLAGS", "--cfg loom").run()
}

fn schedules() -> Result<(), Failure> {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
    println!("OFFSHOOT_SEED={seed}");
    let tests = ["test", "--release", "--package", "offshoot-core", "--test", "store", "--", "--nocapture"];
    cargo(&tests).variable("OFFSHOOT_SCHEDULES", SCHEDULES).variable("OFFSHOOT_SEED", seed).run()
}

fn deny(steps: &mut Steps) {
    if !cargo(&["deny", "--version"]).succeeds() {
        return steps.skip("deny", "not installed: cargo install --locked cargo-deny");
    }
    steps.step("deny: licences, bans, sources", || cargo(&["deny", "check", "licenses", "bans", "sources"]).run());
    // Without a network the database of advisories may be there from an earlier time.
    if cargo(&["deny", "fetch", "db"]).succeeds() {
        steps.step("deny: advisories", || cargo(&["deny", "check", "advisories"]).run());
    } else if cargo(&["deny", "--offline", "check", "advisories"]).succeeds() {
        steps.skip("deny: advisories", "the database cannot be fetched; nothing is in the one that is here");
    } else {
        steps.skip(
            "deny: advisories",
            "the database cannot be fetched; look with: cargo deny --offline check advisories",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, run};

    #[test]
    fn an_unknown_step_is_told_the_known_ones() {
        let Err(Failure::Usage(what)) = run(&["fuzzz"]) else { panic!() };
        assert!(what.contains("`fuzzz`") && what.contains("fuzz ") && what.contains("deny "), "{what}");
    }
}
