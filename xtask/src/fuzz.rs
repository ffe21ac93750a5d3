//! `fuzz`: every decoder against input that nobody meant.
//!
//! The targets are libFuzzer's, and follow coverage. Built by plain cargo on a stable compiler: the coverage
//! pass is one of LLVM's and can be asked for by stable flags, libFuzzer itself comes as source with its crate.
//! So nothing needs to be installed. With `--sanitize` cargo-fuzz runs them instead, which adds the address
//! sanitizer and wants to be installed (`cargo install --locked cargo-fuzz`; RUSTC_BOOTSTRAP=1 lets it use its
//! unstable flags); our own code forbids unsafe blocks, so that finds bugs in C dependencies only.
//!
//! A run starts from `fuzz/seeds/<target>`, which is committed, and from what earlier runs found
//! (`fuzz/corpus/<target>`, which is not). An input that breaks a target is kept in `fuzz/artifacts/<target>`.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::place;
use crate::process::{Failure, cargo, program};

/// How long fuzzing takes when nobody says, over all targets.
const DEFAULT: Duration = Duration::from_secs(60);
/// What makes LLVM count the edges that an input takes, and tell libFuzzer what is compared with what.
const COVERAGE_FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";
/// A decoder that wants more memory than this for an input of a few KiB has no cap where it needs one.
const MEMORY_MIB_MAX: u32 = 1024;

/// The chore: `[--seconds N] [--sanitize] [TARGET...]`.
pub fn run(options: &[&str]) -> Result<(), Failure> {
    let mut wishes = Wishes { time: DEFAULT, sanitize: false, targets: Vec::new() };
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        match *option {
            "--sanitize" => wishes.sanitize = true,
            "--seconds" => {
                let seconds = rest.next().and_then(|text| text.parse().ok());
                wishes.time =
                    Duration::from_secs(seconds.ok_or_else(|| Failure::Usage("--seconds wants a number".to_owned()))?);
            }
            unknown if unknown.starts_with('-') => {
                return Err(Failure::Usage(format!("`fuzz` does not know {}", unknown.escape_default())));
            }
            target => wishes.targets.push(target.to_owned()),
        }
    }
    wishes.fulfil()
}

/// All targets within `time` in all.
pub fn all(time: Duration) -> Result<(), Failure> {
    Wishes { time, sanitize: false, targets: Vec::new() }.fulfil()
}

struct Wishes {
    time: Duration,
    sanitize: bool,
    targets: Vec<String>,
}

impl Wishes {
    fn fulfil(self) -> Result<(), Failure> {
        let targets = if self.targets.is_empty() { targets()? } else { self.targets };
        if !self.sanitize {
            build(&targets)?;
        }
        let seconds = share_seconds(self.time, targets.len());
        let mut broken = Vec::new();
        for target in &targets {
            // The others still run: one night should find all it can.
            if let Err(Failure::Failed(what) | Failure::Usage(what)) = fuzz_one(target, seconds, self.sanitize) {
                eprintln!("fuzz {target}: {what}");
                broken.push(target.as_str());
            }
        }
        if broken.is_empty() { Ok(()) } else { Err(Failure::Failed(format!("fuzzing broke {}", broken.join(", ")))) }
    }
}

fn fuzz_one(target: &str, seconds: u64, sanitize: bool) -> Result<(), Failure> {
    let folder = |kind: &str| -> Result<String, Failure> {
        let dir = fuzz_dir().join(kind).join(target);
        fs::create_dir_all(&dir).map_err(Failure::of_file("making", &dir))?;
        Ok(dir.to_string_lossy().into_owned())
    };
    let (corpus, seeds, artifacts) = (folder("corpus")?, fuzz_dir().join("seeds").join(target), folder("artifacts")?);
    let mut arguments = vec![corpus];
    if seeds.is_dir() {
        arguments.push(seeds.to_string_lossy().into_owned());
    }
    let options = [
        format!("-max_total_time={seconds}"),
        format!("-rss_limit_mb={MEMORY_MIB_MAX}"),
        format!("-artifact_prefix={artifacts}/"),
        "-timeout=20".to_owned(),
    ];
    let command = if sanitize {
        let fuzz_run = cargo(&["fuzz", "run", target]).variable("RUSTC_BOOTSTRAP", "1");
        fuzz_run.arguments(&words(&arguments)).arguments(&["--"]).arguments(&words(&options))
    } else {
        program(built(target)).arguments(&words(&arguments)).arguments(&words(&options))
    };
    println!("fuzz {target}: {}", told(&command.messages()?));
    Ok(())
}

/// What libFuzzer says that a reader wants: the seed to repeat it with, and how far it came.
fn told(messages: &str) -> String {
    let seed = messages.lines().find_map(|line| line.strip_prefix("INFO: Seed: ")).unwrap_or("unknown");
    let done = messages.lines().rfind(|line| line.starts_with("Done ")).unwrap_or("said nothing at its end");
    let coverage = messages.lines().rfind(|line| line.contains(" cov: ")).and_then(|line| line.split_once(" cov: "));
    let edges = coverage.and_then(|(_, rest)| rest.split_whitespace().next()).unwrap_or("unknown");
    format!("{done}, edges {edges}, seed {seed}")
}

/// Builds the targets with coverage. Naming a platform keeps the flags away from build scripts.
fn build(targets: &[String]) -> Result<(), Failure> {
    let (manifest, target_dir) = (fuzz_dir().join("Cargo.toml"), build_dir());
    let mut command = cargo(&["build", "--quiet", "--release", "--target", platform()?])
        .arguments(&["--manifest-path", &manifest.to_string_lossy(), "--target-dir", &target_dir.to_string_lossy()])
        .variable("RUSTFLAGS", COVERAGE_FLAGS);
    for target in targets {
        command = command.arguments(&["--bin", target]);
    }
    command.run()
}

fn built(target: &str) -> PathBuf {
    build_dir().join(platform().unwrap_or_default()).join("release").join(target)
}

fn build_dir() -> PathBuf {
    place::target_dir().join("fuzz")
}

fn platform() -> Result<&'static str, Failure> {
    match (std::env::consts::ARCH, std::env::consts::OS) {
        ("x86_64", "linux") => Ok("x86_64-unknown-linux-gnu"),
        ("aarch64", "linux") => Ok("aarch64-unknown-linux-gnu"),
        ("aarch64", "macos") => Ok("aarch64-apple-darwin"),
        (machine, system) => Err(Failure::Failed(format!("fuzzing on {machine} {system} is not set up"))),
    }
}

fn fuzz_dir() -> PathBuf {
    place::root().join("fuzz")
}

/// The targets: sources in `fuzz/targets` that use the macro; other programs may lie beside them.
fn targets() -> Result<Vec<String>, Failure> {
    let dir = fuzz_dir().join("targets");
    let entries = fs::read_dir(&dir).map_err(Failure::of_file("reading", &dir))?;
    let paths = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"));
    let uses_macro = |path: &PathBuf| fs::read_to_string(path).is_ok_and(|text| text.contains("fuzz_target!"));
    let mut names: Vec<String> =
        paths.filter(uses_macro).filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned())).collect();
    names.sort();
    if names.is_empty() { Err(Failure::Failed(format!("no fuzz target in {}", dir.display()))) } else { Ok(names) }
}

fn share_seconds(time: Duration, targets: usize) -> u64 {
    (time.as_secs() / targets.max(1) as u64).max(1)
}

fn words(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{run, share_seconds, targets, told};

    #[test]
    fn time_is_shared_and_options_are_checked() {
        assert_eq!(share_seconds(Duration::from_secs(60), 7), 8);
        assert_eq!(share_seconds(Duration::from_secs(3), 7), 1);
        assert!(run(&["--seconds"]).is_err());
        assert!(run(&["--second", "5"]).is_err());
    }

    #[test]
    fn the_end_of_a_run_is_told_with_its_seed() {
        let messages = "INFO: Seed: 42\n#2 INITED cov: 3 ft: 4\n#9 DONE   cov: 454 ft: 693 corp: 178/2642b\nDone 380020 runs in 6 second(s)\n";
        assert_eq!(told(messages), "Done 380020 runs in 6 second(s), edges 454, seed 42");
        assert!(told("").contains("said nothing"));
    }

    #[test]
    fn there_are_targets_and_they_are_sorted() {
        let names = targets().unwrap_or_default();
        assert!(!names.is_empty() && names.is_sorted(), "{names:?}");
    }
}
