//! `cargo xtask bench-load`: what copying a database costs an application that works in it meanwhile.
//!
//! pgbench runs alone, beside pg_dump and beside captures, in turn, for as long each time; a copy that is through is begun
//! again. Prints the transactions a second of each, as medians, how long a copy took beside it, and the product of the loss
//! and that time: a quick copy may weigh more while it lasts. Arguments:
//! `--scale S` (pgbench's; 20 is about 300 MB), `--seconds N` of each run, `--rounds N`.

use offshoot_benches::harness::{Arguments, Result, check, median, program};
use offshoot_testkit::postgres::{Server, ServerOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-load failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What works beside the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Beside {
    Nothing,
    PgDump,
    Capture(&'static [&'static str]),
}

const ALL: [(Beside, &str); 5] = [
    (Beside::Nothing, "nothing"),
    (Beside::PgDump, "pg_dump -Fd -j2"),
    (Beside::Capture(&["--jobs", "2"]), "offshoot capture --jobs 2"),
    (Beside::Capture(&["--jobs", "1"]), "offshoot capture --jobs 1"),
    (Beside::Capture(&["--jobs", "1", "--max-rate", "20MB"]), "offshoot capture --jobs 1 --max-rate 20MB"),
];

fn run() -> Result<()> {
    let arguments = Arguments::of(&["--scale", "--seconds", "--rounds"])?;
    let scale: u64 = arguments.get("--scale", 20)?;
    let (seconds, rounds) = (arguments.get("--seconds", 30)?, arguments.get("--rounds", 3)?);
    let settings = [("shared_buffers", "1GB"), ("max_wal_size", "8GB"), ("checkpoint_timeout", "1h"), ("fsync", "on")];
    let options = settings.iter().fold(ServerOptions::new(), |options, (name, value)| options.setting(name, value));
    let server = Server::try_start(options.setting("synchronous_commit", "off"))?;
    server.createdb("load", "");
    let folder = tempfile::tempdir()?;
    let bench = Bench { server, folder: folder.path().to_owned(), offshoot: program()? };
    eprintln!("loading pgbench's tables at scale {scale} ...");
    finished(bench.pgbench(&["-i", "-q", "-s", &scale.to_string()]).stderr(Stdio::null()).spawn()?)?;
    let mut results: Vec<(Vec<f64>, Vec<f64>)> = vec![Default::default(); ALL.len()];
    for round in 0..rounds {
        for ((beside, name), (rates, copies)) in ALL.iter().zip(&mut results) {
            let (rate, took) = bench.measure(*beside, seconds)?;
            eprintln!("round {}: beside {name}: {rate:.0} transactions/s, {} copies", round + 1, took.len());
            rates.push(rate);
            copies.extend(took);
        }
    }
    println!("{}; pgbench -c 4, scale {scale}, {seconds} s, {rounds} rounds", bench.server.binaries().version());
    println!(
        "| beside | transactions/s | of those alone | seconds a copy | transactions lost a copy |\n|---|---|---|---|---|"
    );
    let alone = median(&results[0].0);
    for ((_, name), (rates, copies)) in ALL.iter().zip(&results) {
        let (rate, seconds) = (median(rates), median(copies));
        let (copy, lost) = match copies.is_empty() {
            true => Default::default(),
            false => (format!("{seconds:.1}"), format!("{:.0}", (alone - rate) * seconds)),
        };
        println!("| {name} | {rate:.0} | {:.0} % | {copy} | {lost} |", 100.0 * rate / alone);
    }
    Ok(())
}

struct Bench {
    server: Server,
    folder: PathBuf,
    offshoot: PathBuf,
}

impl Bench {
    /// Transactions a second beside something, and the seconds of each copy that was through meanwhile.
    fn measure(&self, beside: Beside, seconds: u64) -> Result<(f64, Vec<f64>)> {
        self.server.try_psql("load", "VACUUM; CHECKPOINT")?;
        let mut application =
            self.pgbench(&["-n", "-c", "4", "-T", &seconds.to_string()]).stdout(Stdio::piped()).spawn()?;
        let mut copies = Vec::new();
        let mut copy: Option<(Child, Instant)> = None;
        while application.try_wait()?.is_none() {
            if let Some((child, began)) = &mut copy {
                if let Some(status) = child.try_wait()? {
                    // 3 is that of a capture that could not carry everything.
                    check(status.success() || status.code() == Some(3), "a copy")?;
                    copies.push(began.elapsed().as_secs_f64());
                    copy = None;
                }
            } else if let Some(mut command) = self.copy(beside)? {
                copy = Some((command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?, Instant::now()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        if let Some((mut child, _)) = copy {
            child.kill()?;
            child.wait()?;
        }
        let output = application.wait_with_output()?;
        check(output.status.success(), "pgbench")?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split_whitespace().next()?.parse().ok());
        Ok((rate.ok_or("pgbench gave no rate")?, copies))
    }

    /// A copy from the beginning: neither tool finds anything of the one before.
    fn copy(&self, beside: Beside) -> Result<Option<Command>> {
        let url = self.server.socket_url("load");
        Ok(match beside {
            Beside::Nothing => None,
            Beside::PgDump => {
                let out = self.folder.join("dump");
                clear(&out)?;
                let mut command = Command::new(self.server.binaries().pg_dump()?);
                command.args(["-Fd", "-j2", "-f"]).arg(out).arg(url);
                Some(command)
            }
            Beside::Capture(options) => {
                clear(&self.folder.join("store"))?;
                finished(self.offshoot(&["init", "--raw"]).spawn()?)?;
                Some(self.offshoot(&[&["capture", &url], options].concat()))
            }
        })
    }

    fn pgbench(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.server.binaries().program("pgbench"));
        command.args(arguments).arg("-h").arg(self.server.socket_dir()).arg("-p").arg(self.server.port().to_string());
        command.args(["-U", "postgres", "load"]).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    fn offshoot(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.offshoot);
        command.args(arguments).env("OFFSHOOT_STORE", self.folder.join("store"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }
}

fn clear(path: &Path) -> Result<()> {
    if path.exists() {
        std::fs::remove_dir_all(path)?;
    }
    Ok(())
}

fn finished(mut child: Child) -> Result<()> {
    check(child.wait()?.success(), "a preparation")
}
