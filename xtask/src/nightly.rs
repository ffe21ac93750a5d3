//! `nightly`: the long forms of everything, each also by its name alone.
//!
//! What is sampled in every test run is done here to its end: all majors, kills at every system call, a hundred million
//! rows, thousands of schedules, a million cases of every property of the format, hours of fuzzing. Figures are printed as
//! they come; a step that needs something that is not here says so and is skipped.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::process::{Failure, Program, Steps, cargo};
use crate::{fuzz, majors, measure, mysql, place, regress, setup, test, tidy};

/// How long the fuzzing of a night takes, over all targets; and that of a sample.
const FUZZ: [Duration; 2] = [Duration::from_secs(2 * 60 * 60), Duration::from_secs(20)];
/// Schedules of captures, gc and readers against each other.
const SCHEDULES: [&str; 2] = ["20000", "200"];
/// Random cases of each property of the format.
const CASES: [&str; 2] = ["1000000", "1000"];
/// Random cases of each property of the crates above it, which take more time each. Those that sort tables or start programs
/// have a number of their own.
const CASES_ABOVE: [&str; 2] = ["100000", "1000"];
/// The crates above it that have properties; the rules of scrubbing have a step of their own.
const ABOVE: [&str; 3] = ["offshoot-core", "offshoot-engines", "offshoot-project"];
/// Rows of the table that is captured while its memory is watched.
const ROWS: [&str; 2] = ["100000000", "300000"];
/// Transactions of pgbench in branches, while their image must not change: a day of ten a second.
const TRANSACTIONS: [&str; 2] = ["864000", "2000"];
/// What the application beside a copy is given.
const LOAD: [&[&str]; 2] = [&[], &["--scale", "1", "--seconds", "2", "--rounds", "1"]];

/// How much of everything is done.
#[derive(Debug, Default, PartialEq, Eq)]
struct Extent {
    /// A sample instead of the whole: to see that the steps work.
    is_sample: bool,
    /// Rows instead of those of a night or a sample.
    rows: Option<String>,
}

impl Extent {
    fn of<T: Copy>(&self, [night, sample]: [T; 2]) -> T {
        if self.is_sample { sample } else { night }
    }
}

/// How often a thread is stopped in the middle in a schedule of a model; few are enough for nearly every fault.
const PREEMPTIONS: &str = "3";

/// A step by its name, what it is, and how it is done.
type Step = (&'static str, &'static str, fn(&mut Steps, &Extent));

const STEPS: [Step; 17] = [
    ("tidy", "the project's rules", |steps, _| steps.step("tidy", tidy::run)),
    ("tests", "all tests, on all majors", |steps, extent| {
        test::fetch_majors(steps, !extent.is_sample);
        test::tests(steps, !extent.is_sample);
    }),
    (
        "demo",
        "the demonstration on the engines that the tests do not show it on, which leaves no file and no process",
        |steps, _| {
            for engine in ["mariadb", "mysql"] {
                steps.step(&format!("demo on {engine}"), || demo(engine));
            }
        },
    ),
    ("regress", "PostgreSQL's own regression database", |steps, _| steps.step("regress", regress::run)),
    (
        "kills",
        "kills at every system call of capture, restore, gc and forget, and of what makes, resets and removes branches",
        |steps, extent| {
            steps.step("kills", || long(COMMAND, &["kills"], extent).run());
        },
    ),
    (
        "branches",
        "fifty branches at once, power cuts, full disks, and images under a day's worth of transactions",
        |steps, extent| {
            let tests = ["branches", "power::", "hosted", "full_disk", "image_load"];
            let transactions = extent.of(TRANSACTIONS);
            steps.step("branches", || {
                long(COMMAND, &tests, extent).variable("OFFSHOOT_PGBENCH_TRANSACTIONS", transactions).run()
            });
        },
    ),
    (
        "memory",
        "the most memory that captures and restores take, of large tables and a value near 1 GB",
        |steps, extent| {
            steps.step("memory", || long(COMMAND, &["memory::", "--test-threads=1"], extent).run());
        },
    ),
    ("changes", "captures beside schema changes at random", |steps, extent| {
        steps.step("changes", || long(CAPTURE, &["changes"], extent).run());
    }),
    ("cuts", "captures and restores whose connections are cut after any message", |steps, extent| {
        steps.step("cuts", || long(CUTS, &[], extent).run());
    }),
    ("rows", "a capture of a hundred million rows", |steps, extent| {
        let rows = extent.rows.as_deref().unwrap_or(extent.of(ROWS));
        steps.step("rows", || long(COMMAND, &["rows"], extent).variable("OFFSHOOT_ROWS", rows).run());
    }),
    ("loom", "every order of threads in models of the concurrent core", |steps, _| steps.step("loom", loom)),
    ("schedules", "schedules, crashes and flips of a store", |steps, extent| {
        steps.step("schedules", || schedules(extent));
    }),
    (
        "cases",
        "a million cases of every property of the format, and many of those of the crates above it",
        |steps, extent| {
            steps.step("cases", || {
                let properties = ["test", "--release", "--package", "offshoot-format", "--lib", "--tests"];
                cargo(&properties).variable("PROPTEST_CASES", extent.of(CASES)).run()?;
                ABOVE.iter().try_for_each(|package| {
                    let tests = cargo(&["test", "--release", "--package", package, "--lib"]);
                    let tests = tests.variable("PROPTEST_CASES", extent.of(CASES_ABOVE));
                    if extent.is_sample { tests.run() } else { tests.variable("OFFSHOOT_LONG", "1").run() }
                })
            });
        },
    ),
    (
        "scrub",
        "a million cases of every rule's properties, ten million distinct values of each injective rule",
        |steps, extent| {
            let tests = cargo(&["test", "--release", "--package", "offshoot-scrub", "--", "--nocapture"]);
            let tests = if extent.is_sample { tests } else { tests.variable("OFFSHOOT_LONG", "1") };
            steps.step("scrub", || tests.run());
        },
    ),
    ("load", "an application beside a capture and beside pg_dump", |steps, extent| {
        steps.step("load", || measure::bench_load(extent.of(LOAD)));
    }),
    ("fuzz", "two hours of fuzzing", |steps, extent| steps.step("fuzz", || fuzz::all(extent.of(FUZZ)))),
    ("deny", "licences, advisories, bans and sources of the dependencies", |steps, _| deny(steps)),
];

/// The chore: all steps, or those that are named; `--sample` does a little of each, `--rows N` says how many rows.
pub fn run(words: &[&str]) -> Result<(), Failure> {
    let (extent, names) = wishes(words)?;
    setup::run()?;
    let mut steps = Steps::default();
    let is_wanted = |name: &str| names.is_empty() || names.contains(&name);
    STEPS.iter().filter(|(name, ..)| is_wanted(name)).for_each(|(.., work)| work(&mut steps, &extent));
    steps.finish()
}

fn wishes<'w>(words: &[&'w str]) -> Result<(Extent, Vec<&'w str>), Failure> {
    let (mut extent, mut names) = (Extent::default(), Vec::new());
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        match *word {
            "--sample" => extent.is_sample = true,
            "--rows" => {
                let rows = rest.next().filter(|text| text.parse::<u32>().is_ok_and(|rows| rows > 0));
                let rows = rows.ok_or_else(|| Failure::Usage("--rows wants a number".to_owned()))?;
                extent.rows = Some((*rows).to_owned());
            }
            name if STEPS.iter().any(|(known, ..)| *known == name) => names.push(name),
            unknown => {
                let known: Vec<String> = STEPS.iter().map(|(name, what, _)| format!("  {name:<10} {what}")).collect();
                let (unknown, known) = (unknown.escape_default(), known.join("\n"));
                return Err(Failure::Usage(format!("a night has no step `{unknown}`; it has\n{known}")));
            }
        }
    }
    Ok((extent, names))
}

/// The demonstration, built first.
fn demo(engine: &str) -> Result<(), Failure> {
    if engine == "mysql" {
        mysql::fetch()?;
    }
    cargo(&["build", "--quiet", "--package", "offshoot-cli"]).run()?;
    watched_demo(engine, cargo(&["run", "--quiet", "--package", "offshoot-tests", "--bin", "demo", "--"]))
}

/// The demonstration, in a folder of its own that must be empty at the end, with nothing at work in it.
pub fn watched_demo(engine: &str, demo: Program) -> Result<(), Failure> {
    let folder = place::root().join("target").join(format!("demo-{engine}"));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(Failure::of_file("make", &folder))?;
    // Servers that run as another user pass through it.
    fs::set_permissions(&folder, Permissions::from_mode(0o711)).map_err(Failure::of_file("open", &folder))?;
    let demo = demo.arguments(&["--engine", engine]);
    // What others make meanwhile would be taken for its own.
    let is_alone = || {
        let mut running = fs::read_dir("/proc").into_iter().flatten().flatten();
        !running.any(|entry| fs::read_to_string(entry.path().join("comm")).is_ok_and(|name| name.trim() == "offshoot"))
    };
    let (was_alone, before) = (is_alone(), elsewhere());
    demo.variable("TMPDIR", &folder).variable("OFFSHOOT_TEST_MYSQL", mysql::dir()).run()?;
    if let Some(left) = elsewhere().difference(&before).next().filter(|_| was_alone && is_alone()) {
        return Err(Failure::Failed(format!("the demo on {engine} left {}", left.display())));
    }
    let files = fs::read_dir(&folder).map_err(Failure::of_file("read", &folder))?.count();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let at_work =
        processes.filter(|entry| fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(&folder)));
    match (files, at_work.count()) {
        (0, 0) => fs::remove_dir(&folder).map_err(Failure::of_file("remove", &folder)),
        (files, processes) => {
            Err(Failure::Failed(format!("the demo on {engine} left {files} files and {processes} processes")))
        }
    }
}

/// What is where a command could leave something outside the folder of a demonstration.
fn elsewhere() -> BTreeSet<PathBuf> {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let ours = [".", ".config", ".cache", ".local/share", ".local/state"].map(|below| home.join(below));
    let ours = ours.iter().map(PathBuf::as_path).chain(["/run", "/tmp", "/var/tmp", "/dev/shm"].map(Path::new));
    let has_name = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().contains("offshoot"));
    let ours: Vec<PathBuf> = ours.flat_map(entries).filter(has_name).collect();
    let below: Vec<PathBuf> = ours.iter().flat_map(|path| entries(path)).collect();
    ours.into_iter().chain(below).collect()
}

/// The models are the crate's own code with loom's locks, so that they are built apart. That takes longer than a test run
/// should; the models themselves do not.
fn loom() -> Result<(), Failure> {
    let models = ["test", "--package", "offshoot-core", "--lib", "--target-dir", "target/loom", "--", "models"];
    let models = cargo(&models).arguments(&["--nocapture", "--test-threads=1"]);
    models.variable("RUSTFLAGS", "--cfg loom").variable("LOOM_MAX_PREEMPTIONS", PREEMPTIONS).run()
}

/// Tests of the command, of capture, and of both ends, by package and name.
const COMMAND: [&str; 2] = ["offshoot-cli", "cli"];
const CAPTURE: [&str; 2] = ["offshoot-engines", "capture"];
const CUTS: [&str; 2] = ["offshoot-tests", "cuts"];

/// Tests in their long form, with what they print.
fn long([package, tests]: [&str; 2], names: &[&str], extent: &Extent) -> Program {
    let program = cargo(&["test", "--package", package, "--test", tests, "--", "--nocapture"]).arguments(names);
    let program = program.variable("OFFSHOOT_PG_MAJORS", majors::dir());
    if extent.is_sample { program } else { program.variable("OFFSHOOT_LONG", "1") }
}

fn schedules(extent: &Extent) -> Result<(), Failure> {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
    println!("OFFSHOOT_SEED={seed}");
    let tests = ["test", "--release", "--package", "offshoot-core", "--test", "store", "--", "--nocapture"];
    cargo(&tests).variable("OFFSHOOT_SCHEDULES", extent.of(SCHEDULES)).variable("OFFSHOOT_SEED", seed).run()
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
    use super::{Extent, Failure, ROWS, run, wishes};

    #[test]
    fn a_sample_can_be_had_of_one_step_alone() {
        let (extent, names) = wishes(&["--sample", "rows", "--rows", "5000", "fuzz"]).ok().unwrap();
        assert_eq!(
            (&extent, names.as_slice()),
            (&Extent { is_sample: true, rows: Some("5000".into()) }, &["rows", "fuzz"][..])
        );
        assert_eq!(extent.of(ROWS), "300000");
        assert!(wishes(&["--rows"]).is_err() && wishes(&["--rows", "many"]).is_err());
    }

    #[test]
    fn an_unknown_step_is_told_the_known_ones() {
        let Err(Failure::Usage(what)) = run(&["fuzzz"]) else { panic!() };
        assert!(what.contains("`fuzzz`") && what.contains("fuzz ") && what.contains("deny "), "{what}");
    }
}
