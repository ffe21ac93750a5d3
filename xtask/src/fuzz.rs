//! `fuzz`: every decoder against input that nobody meant.
//!
//! Two ways to the same targets. cargo-fuzz (libFuzzer) follows coverage, and wants to be installed
//! (`cargo install --locked cargo-fuzz`; it runs on a stable compiler with RUSTC_BOOTSTRAP=1). The plain harness
//! is the binary `smoke` of the fuzz workspace: the committed seeds and mutations of them, from a seed that it
//! prints. A test run uses the plain one, which builds quickly and needs nothing.

use std::time::Duration;
use std::{fs, path::PathBuf};

use crate::place;
use crate::process::{Failure, cargo};

/// How long fuzzing takes when nobody says.
const DEFAULT: Duration = Duration::from_secs(60);

/// The chore: `[--seconds N] [--plain]`.
pub fn run(options: &[&str]) -> Result<(), Failure> {
    let (time, is_plain) = parse(options)?;
    if is_plain { plain(time) } else { any(time) }
}

/// With cargo-fuzz where it is installed, else plain.
pub fn any(time: Duration) -> Result<(), Failure> {
    if !cargo(&["fuzz", "--version"]).succeeds() {
        println!("cargo-fuzz is not installed (cargo install --locked cargo-fuzz): seeds and mutations only");
        return plain(time);
    }
    let targets = targets(&manifest_text()?);
    let share = share_seconds(time, targets.len());
    for target in targets {
        println!("fuzzing {target} for {share} s");
        let limit = format!("-max_total_time={share}");
        // Found inputs go to corpus/, which is not committed; seeds/ is read only.
        let (corpus, seeds) = (format!("fuzz/corpus/{target}"), format!("fuzz/seeds/{target}"));
        for dir in [&corpus, &seeds] {
            let dir = place::root().join(dir);
            fs::create_dir_all(&dir).map_err(Failure::of_file("making", &dir))?;
        }
        let arguments = ["fuzz", "run", &target, &corpus, &seeds, "--", &limit];
        cargo(&arguments).variable("RUSTC_BOOTSTRAP", "1").run()?;
    }
    Ok(())
}

/// The committed seeds and mutations of them, in the plain harness.
pub fn plain(time: Duration) -> Result<(), Failure> {
    manifest_text()?;
    let manifest = manifest().to_string_lossy().into_owned();
    let target_dir = place::target_dir().join("fuzz").to_string_lossy().into_owned();
    let seconds = time.as_secs().to_string();
    cargo(&[
        "run",
        "--quiet",
        "--manifest-path",
        &manifest,
        "--target-dir",
        &target_dir,
        "--bin",
        "smoke",
        "--",
        &seconds,
    ])
    .run()
}

fn parse(options: &[&str]) -> Result<(Duration, bool), Failure> {
    let (mut time, mut is_plain) = (DEFAULT, false);
    let mut rest = options.iter();
    while let Some(option) = rest.next() {
        match *option {
            "--plain" => is_plain = true,
            "--seconds" => {
                let seconds = rest.next().and_then(|text| text.parse().ok());
                time =
                    Duration::from_secs(seconds.ok_or_else(|| Failure::Usage("--seconds wants a number".to_owned()))?);
            }
            unknown => return Err(Failure::Usage(format!("`fuzz` does not know {}", unknown.escape_default()))),
        }
    }
    Ok((time, is_plain))
}

fn share_seconds(time: Duration, targets: usize) -> u64 {
    (time.as_secs() / targets.max(1) as u64).max(1)
}

fn manifest() -> PathBuf {
    place::root().join("fuzz/Cargo.toml")
}

fn manifest_text() -> Result<String, Failure> {
    let path = manifest();
    fs::read_to_string(&path).map_err(Failure::of_file("reading", &path))
}

/// The names of the binaries in a manifest, but for the plain harness.
fn targets(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut in_binary = false;
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            in_binary = line == "[[bin]]";
        }
        let name = line.strip_prefix("name").map(|rest| rest.trim_start_matches([' ', '=', '"']).trim_end_matches('"'));
        names.extend(name.filter(|name| in_binary && *name != "smoke").map(str::to_owned));
    }
    names
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{parse, share_seconds, targets};

    #[test]
    fn targets_are_the_binaries_but_for_the_harness() {
        let manifest = "[package]\nname = \"fuzz\"\n[[bin]]\nname = \"pack\"\npath = \"x\"\n\n[[bin]]\nname = \"smoke\"\n[[bin]]\nname=\"leaf\"\n[dependencies]\nname = \"1\"\n";
        assert_eq!(targets(manifest), ["pack", "leaf"]);
    }

    #[test]
    fn time_is_shared_and_options_are_checked() {
        assert_eq!(share_seconds(Duration::from_secs(60), 7), 8);
        assert_eq!(share_seconds(Duration::from_secs(3), 7), 1);
        assert!(matches!(parse(&["--seconds", "5", "--plain"]), Ok((time, true)) if time.as_secs() == 5));
        assert!(parse(&["--seconds"]).is_err());
        assert!(parse(&["--second", "5"]).is_err());
    }
}
