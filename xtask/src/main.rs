//! The project's own chores: `cargo xtask` prints them.
//!
//! A plain program over std and serde_json, so that it builds in seconds on a machine that has Rust and
//! little else, before anything that the project itself needs is there. It depends on no crate of ours.

mod api;
mod fuzz;
mod majors;
mod measure;
mod mysql;
mod nightly;
mod place;
mod plugins;
mod process;
mod regress;
mod setup;
mod test;
mod tidy;

use std::process::ExitCode;

use process::Failure;

const HELP: &str = "\
Chores of the project. Usage: cargo xtask CHORE [OPTIONS]

  setup                  install what building and testing needs (apt, as root; otherwise says what to run)
    --all-majors           and fetch the servers of PostgreSQL 12 to 18 and the newest pg_dump, for tests
  demo                   capture, scrub and branch a small shop on throwaway servers; needs nothing, leaves nothing
                         (--engine postgres, mariadb or mysql)
  test                   set up, then all tests, doc tests, examples and a minute of fuzzing
    --all-majors           on PostgreSQL 12 to 18 too
    --regress              PostgreSQL's own regression database instead: how many of its tables come out exact
  tidy                   the project's rules: who depends on whom, file headers, names, sizes, links
  doc                    the API documentation, without a warning, and without types of dependencies in the library's API
  bench [ARGUMENTS]      the criterion benches
  bench-peers [ARGUMENTS]  the comparison with other tools (--engine postgres, mariadb or mysql); without any also bench-branches
                         and bench-scrub
  bench-branches [ARGUMENTS]   how long branches take to come, beside the least that they could take
                         (--engine postgres, mariadb or mysql)
  bench-clone [--sizes GB,..]  cloning a data folder, beside cp, on XFS and btrfs
  bench-scrub [ARGUMENTS]  what scrubbing costs a capture, and the same rewriting of the same rows by other scramblers
  bench-load [ARGUMENTS]   what a capture and pg_dump cost an application that works meanwhile
  detect [--columns]     how well personal data is found in real samples (OFFSHOOT_REAL_DATA); with every finding
  fuzz [--seconds N] [--sanitize] [TARGET...]
                         every decoder in turn, N seconds in all (default 60); --sanitize adds the address
                         sanitizer and wants cargo-fuzz installed
  nightly [--sample] [--rows N] [STEP...]
                         the long forms of everything, or of some steps; --sample does a little of each, --rows N
                         takes so many rows in place of a hundred million
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(what)) => {
            eprintln!("xtask: {what}\n\n{HELP}");
            ExitCode::from(2)
        }
        Err(Failure::Failed(what)) => {
            eprintln!("xtask: {what}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<(), Failure> {
    match words {
        [] | ["help" | "-h" | "--help"] => {
            print!("{HELP}");
            Ok(())
        }
        ["setup"] => setup::run(),
        ["setup", "--all-majors"] => {
            setup::run()?;
            majors::ALL.into_iter().try_for_each(majors::fetch_server)?;
            majors::fetch_client()
        }
        ["demo", options @ ..] => {
            let engine = options.iter().skip_while(|word| **word != "--engine").nth(1);
            setup::for_demo(engine.copied().unwrap_or("postgres"))?;
            process::cargo(&["build", "--quiet", "--package", "offshoot-cli"]).run()?;
            process::cargo(&["run", "--quiet", "--package", "offshoot-tests", "--bin", "demo", "--"])
                .arguments(options)
                .variable("OFFSHOOT_TEST_MYSQL", mysql::dir())
                .run()
        }
        ["test", options @ ..] => test::run(options),
        ["tidy"] => tidy::run(),
        ["doc"] => measure::doc().and_then(|()| api::check()),
        ["bench", arguments @ ..] => measure::bench(arguments),
        ["bench-peers", arguments @ ..] => measure::bench_peers(arguments),
        ["bench-branches", arguments @ ..] => measure::bench_branches(arguments),
        ["bench-clone", arguments @ ..] => measure::bench_clone(arguments),
        ["bench-scrub", arguments @ ..] => measure::bench_scrub(arguments),
        ["bench-load", arguments @ ..] => measure::bench_load(arguments),
        ["detect", arguments @ ..] => measure::detect(arguments),
        ["fuzz", options @ ..] => fuzz::run(options),
        ["nightly", options @ ..] => nightly::run(options),
        [unknown, ..] => Err(Failure::Usage(format!("there is no chore `{}`", unknown.escape_default()))),
    }
}
