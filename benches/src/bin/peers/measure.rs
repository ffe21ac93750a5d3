//! Running a command to its end, and what it took.

use super::{Result, check};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// What one run took.
#[derive(Clone, Copy)]
pub struct Measure {
    pub wall: Duration,
    pub cpu: Duration,
    pub anonymous_bytes: u64,
    pub output_bytes: u64,
}

impl Measure {
    pub fn seconds(&self) -> f64 {
        self.wall.as_secs_f64()
    }

    pub fn cpu(&self) -> f64 {
        self.cpu.as_secs_f64()
    }

    pub fn memory(&self) -> f64 {
        self.anonymous_bytes as f64 / f64::from(1 << 20)
    }

    pub fn output(&self) -> f64 {
        self.output_bytes as f64 / 1e6
    }
}

/// Runs a command to its end, watching it; `outputs` are files and folders that it makes.
pub fn run(command: &mut Command, outputs: &[&Path]) -> Result<Measure> {
    run_to(command, outputs, Stdio::null(), Stdio::null())
}

/// The same, with its input and output elsewhere.
pub fn run_to(command: &mut Command, outputs: &[&Path], stdin: Stdio, stdout: Stdio) -> Result<Measure> {
    let began = Instant::now();
    let mut child = command.stdin(stdin).stdout(stdout).stderr(Stdio::inherit()).spawn()?;
    let process = PathBuf::from(format!("/proc/{}", child.id()));
    let mut anonymous_bytes = 0;
    let stat = loop {
        anonymous_bytes = anonymous_bytes.max(anonymous(&process));
        let stat = std::fs::read_to_string(process.join("stat"))?;
        // A process that has ended keeps its counters until somebody waits for it.
        if fields(&stat).first() == Some(&"Z") {
            break stat;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let wall = began.elapsed();
    let status = child.wait()?;
    check(status.success() || status.code() == Some(3), "a measured command")?;
    // Fields after the name, from the third of stat(5): utime, stime, cutime, cstime, in ticks of 10 ms.
    let ticks: u64 = fields(&stat)[11..15].iter().filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    let output_bytes = outputs.iter().map(|path| size(path)).sum();
    Ok(Measure { wall, cpu: Duration::from_millis(10 * ticks), anonymous_bytes, output_bytes })
}

fn fields(stat: &str) -> Vec<&str> {
    stat.rsplit(") ").next().unwrap_or_default().split_whitespace().collect()
}

fn anonymous(process: &Path) -> u64 {
    let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok()).map_or(0, |kib| kib << 10)
}

fn size(path: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(path) else { return std::fs::metadata(path).map_or(0, |file| file.len()) };
    entries.flatten().map(|entry| size(&entry.path())).sum()
}
