//! `cargo xtask bench-branches`: how long a branch takes to come, beside the least that it could take.
//!
//! On a file system with reflinks, for databases of several sizes: the floor is `cp -a --reflink=always` of the image's data
//! directory and a server started on it, until it answers, which is polled at the socket. Beside that, `offshoot branch create`
//! without a spare and with one, and `reset`; the engine's own restore of the same database; the disk that ten branches take.
//! Where PostgreSQL 18 is here, branches as databases of one server, beside a bare CREATE DATABASE that clones.
//! Arguments: `--engine postgres|mariadb|mysql`, `--sizes 0.1,1,5` in GB, `--rounds N`. Medians; ratios are of medians of one run.

mod mysql;
mod postgres;

use offshoot_benches::harness::{Arguments, Result, check, median, program};
use offshoot_testkit::loop_disk::{Kind, LoopDisk};
use offshoot_testkit::place;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// Rows of about a kilobyte with their index in one GB.
const ROWS_PER_GB: f64 = 860_000.0;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-branches failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let arguments = Arguments::of(&["--engine", "--sizes", "--rounds"])?;
    let sizes = arguments.sizes()?;
    let rounds = arguments.get("--rounds", 9)?;
    let most = sizes.iter().copied().fold(0.0, f64::max);
    let disk = LoopDisk::mount(Kind::Xfs, (most * 3000.0) as u64 + 4000).ok_or("no XFS through a loop device")?;
    let engine: Box<dyn Engine> = match arguments.text("--engine") {
        None | Some("postgres") => Box::new(postgres::Postgres::start()?),
        Some("mariadb") => Box::new(mysql::Mysql::start(offshoot_testkit::mysql::Binaries::mariadb()?)?),
        Some("mysql") => Box::new(mysql::Mysql::start(offshoot_testkit::mysql::Binaries::mysql()?)?),
        Some(other) => return Err(format!("there is no engine {other} here").into()),
    };
    println!("server {}, {rounds} rounds", engine.version());
    println!(
        "| GB | files | floor ms | create ms | of the floor | started spare ms | reset ms | {} s | times faster | ten branches MB |",
        engine.restore_name()
    );
    println!("|---|---|---|---|---|---|---|---|---|---|");
    let mut creates = Vec::new();
    for &size in &sizes {
        let bench = Bench::new(&disk, &*engine, size)?;
        creates.push(bench.size(size, rounds)?);
    }
    let (least, most) = (creates.iter().copied().fold(f64::MAX, f64::min), creates.iter().copied().fold(0.0, f64::max));
    println!("largest over smallest: {:.2} (at most 1.5)", most / least);
    if engine.clones_databases() { databases(&disk, &sizes, rounds) } else { Ok(()) }
}

/// Branches as databases of one server.
fn databases(disk: &LoopDisk, sizes: &[f64], rounds: usize) -> Result<()> {
    let Some(source) = postgres::Postgres::start_18()? else { return Ok(()) };
    println!("server {}, {rounds} rounds", source.version());
    println!("| GB | bare CREATE DATABASE ms | branch create ms | of the bare one (at most 1.5) | branch reset ms |");
    println!("|---|---|---|---|---|");
    for &size in sizes {
        Bench::new(disk, &source, size)?.databases(&source, size, rounds)?;
    }
    Ok(())
}

/// Waits until what the last command left to the background is done: it begins within a second, and would be measured too.
fn settle() {
    std::thread::sleep(Duration::from_millis(1500));
}

/// The source of the rows, and what its engine's own programs take for the same.
trait Engine {
    fn version(&self) -> String;
    /// Makes the database `shop` anew: a third of the rows in each of three tables, so that there are files and indexes.
    fn fill(&self, rows: u64) -> Result<()>;
    /// Where it is.
    fn url(&self) -> String;
    /// The line of the configuration that names the server's programs.
    fn programs(&self) -> String;
    /// Variables that a capture needs.
    fn variables(&self) -> Result<Vec<(&'static str, PathBuf)>> {
        Ok(Vec::new())
    }
    /// Whether some version of it clones databases inside a server.
    fn clones_databases(&self) -> bool {
        false
    }
    /// Makes a clone of an image's data directory ready to be started, with its sockets in a folder: the command, and how to
    /// see at the socket that it answers.
    fn server(&self, clone: &Path, sockets: &Path) -> Result<(Command, Box<dyn Fn() -> bool>)>;
    /// What the engine's own restore is called.
    fn restore_name(&self) -> &'static str;
    /// How long that takes, without the dump; `folder` is for its files.
    fn restore(&self, folder: &Path) -> Result<Duration>;
}

struct Bench<'a> {
    disk: &'a LoopDisk,
    source: &'a dyn Engine,
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl<'a> Bench<'a> {
    fn new(disk: &'a LoopDisk, source: &'a dyn Engine, size: f64) -> Result<Self> {
        let bench = Self { disk, source, folder: tempfile::tempdir()?, program: program()? };
        source.fill((ROWS_PER_GB * size) as u64)?;
        bench.offshoot(&["init", "--raw"])?;
        bench.offshoot(&["capture", &source.url(), "--name", "prod"])?;
        Ok(bench)
    }

    fn size(&self, size: f64, rounds: usize) -> Result<f64> {
        self.configure(0)?;
        let built = self.offshoot(&["--json", "image", "build", "prod", "--raw"])?;
        let built: serde_json::Value = serde_json::from_str(&built)?;
        let data = self.image_data()?;
        let floor = median(&(0..rounds).map(|_| self.floor(&data)).collect::<Result<Vec<_>>>()?);
        self.offshoot(&["branch", "create", "again", "--raw"])?;
        let (mut creates, mut resets, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        for at in 0..rounds {
            settle();
            let create = self.create(&format!("c{at}"))?;
            settle();
            let reset = self.reset("again")?;
            ratios.push(reset.as_secs_f64() / create.as_secs_f64());
            creates.push(create);
            resets.push(reset);
        }
        self.offshoot(&["branch", "delete", "again"])?;
        let (create, reset) = (median(&creates), median(&resets));
        ratios.sort_by(f64::total_cmp);
        self.configure(2)?;
        let spare = median(&(0..rounds).map(|at| self.spare(&format!("s{at}"))).collect::<Result<Vec<_>>>()?);
        self.configure(0)?;
        self.offshoot(&["branch", "tend"])?;
        let ten = self.ten()?;
        let restore = self.source.restore(self.folder.path())?;
        println!(
            "| {size} | {} | {:.0} | {:.0} | {:.2} | {:.0} | {} | {:.1} | {:.0}, with a spare {:.0} | {:.0} |",
            built["files"],
            ms(floor),
            ms(create),
            ms(create) / ms(floor),
            ms(spare),
            format_args!("{:.0}, {:.2} of a create", ms(reset), ratios[ratios.len() / 2]),
            restore.as_secs_f64(),
            restore.as_secs_f64() / create.as_secs_f64(),
            restore.as_secs_f64() / spare.as_secs_f64(),
            ten as f64 / 1e6,
        );
        Ok(ms(create))
    }

    /// The least that a clone and a start take: cp, and the server until it answers.
    fn floor(&self, data: &Path) -> Result<Duration> {
        let clone = self.disk.path().join("floor");
        let began = Instant::now();
        check(Command::new("cp").args(["-a", "--reflink=always"]).arg(data).arg(&clone).status()?.success(), "cp")?;
        let sockets = tempfile::tempdir()?;
        give_to_owner(sockets.path(), data)?;
        let (mut server, answers) = self.source.server(&clone, sockets.path())?;
        server.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = server.spawn()?;
        while !answers() {
            if child.try_wait()?.is_some() {
                return Err("the floor's server ended".into());
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        let took = began.elapsed();
        Command::new("kill").args(["-KILL", &child.id().to_string()]).status()?;
        child.wait()?;
        std::fs::remove_dir_all(&clone)?;
        Ok(took)
    }

    /// Makes a branch, and deletes it. The time is the command's own whole time.
    fn create(&self, name: &str) -> Result<Duration> {
        let began = Instant::now();
        self.offshoot(&["branch", "create", name, "--raw"])?;
        let took = began.elapsed();
        self.offshoot(&["branch", "delete", name])?;
        Ok(took)
    }

    /// The bare statement and a branch in turn, in the same server.
    fn databases(&self, server: &postgres::Postgres, size: f64, rounds: usize) -> Result<()> {
        self.write_configuration("isolation = \"database\"\n")?;
        self.offshoot(&["branch", "create", "first", "--raw"])?;
        let url = self.offshoot(&["branch", "url", "first"])?;
        let (mut bare, mut create, mut reset) = (Vec::new(), Vec::new(), Vec::new());
        for at in 0..rounds {
            bare.push(server.clone_bare(url.trim())?);
            create.push(self.create(&format!("d{at}"))?);
            reset.push(self.reset("first")?);
        }
        let (bare, create, reset) = (median(&bare), median(&create), median(&reset));
        println!("| {size} | {:.0} | {:.0} | {:.2} | {:.0} |", ms(bare), ms(create), ms(create) / ms(bare), ms(reset));
        self.offshoot(&["branch", "delete", "first"])?;
        self.offshoot(&["forget", "prod"])?;
        self.offshoot(&["image", "gc"]).map(drop)
    }

    fn reset(&self, name: &str) -> Result<Duration> {
        let began = Instant::now();
        self.offshoot(&["branch", "reset", name, "--raw"])?;
        Ok(began.elapsed())
    }

    fn spare(&self, name: &str) -> Result<Duration> {
        self.offshoot(&["branch", "tend"])?;
        // Another command's process may be making them.
        while self.spares()? < 2 {
            std::thread::sleep(Duration::from_millis(20));
        }
        let began = Instant::now();
        let made = self.offshoot(&["--json", "branch", "create", name, "--raw"])?;
        let took = began.elapsed();
        check(made.contains("started spare"), "a branch from a spare")?;
        self.offshoot(&["branch", "delete", name])?;
        Ok(took)
    }

    fn spares(&self) -> Result<usize> {
        let stores = std::fs::read_dir(self.home())?.flatten().map(|entry| entry.path().join("branches"));
        let folders = stores.flat_map(|branches| std::fs::read_dir(branches).into_iter().flatten().flatten());
        let is_spare = |folder: &PathBuf| {
            let record = std::fs::read_to_string(folder.join("branch.json"));
            record.is_ok_and(|record| record.contains("\"spare\""))
        };
        Ok(folders.map(|entry| entry.path()).filter(is_spare).count())
    }

    /// Bytes that ten branches take before they are written to.
    fn ten(&self) -> Result<u64> {
        let before = self.used()?;
        for at in 0..10 {
            self.offshoot(&["branch", "create", &format!("t{at}"), "--raw"])?;
        }
        Command::new("sync").status()?;
        let after = self.used()?;
        for at in 0..10 {
            self.offshoot(&["branch", "delete", &format!("t{at}")])?;
        }
        Ok(after.saturating_sub(before))
    }

    fn used(&self) -> Result<u64> {
        let output = Command::new("df").args(["-B1", "--output=used"]).arg(self.disk.path()).output()?;
        let text = String::from_utf8(output.stdout)?;
        Ok(text.lines().nth(1).ok_or("df without a line")?.trim().parse()?)
    }

    fn image_data(&self) -> Result<PathBuf> {
        let stores = std::fs::read_dir(self.home())?.flatten().map(|entry| entry.path().join("images"));
        let mut images = stores.flat_map(|images| std::fs::read_dir(images).into_iter().flatten().flatten());
        Ok(images.next().ok_or("no image")?.path().join("data"))
    }

    fn home(&self) -> PathBuf {
        self.disk.path().join("home").join(self.folder.path().file_name().unwrap_or_default())
    }

    fn configure(&self, spares: usize) -> Result<()> {
        self.write_configuration(&format!("spares = {spares}\n"))
    }

    fn write_configuration(&self, lines: &str) -> Result<()> {
        let text = format!("[branch]\nfrom = \"prod\"\n{}\n{lines}", self.source.programs());
        Ok(std::fs::write(self.folder.path().join("offshoot.toml"), text)?)
    }

    fn offshoot(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.current_dir(self.folder.path()).env("OFFSHOOT_HOME", self.home()).arg("--quiet").args(arguments);
        command.envs(self.source.variables()?);
        let output = command.stdin(Stdio::null()).output()?;
        if output.status.success() || output.status.code() == Some(3) {
            return Ok(String::from_utf8(output.stdout)?);
        }
        Err(format!("offshoot {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)).into())
    }
}

fn as_owner(program: &Path, data: &Path) -> Result<Command> {
    use std::os::unix::fs::MetadataExt as _;
    use std::os::unix::process::CommandExt as _;
    let mut command = Command::new(program);
    if place::is_root() {
        let found = std::fs::metadata(data)?;
        command.uid(found.uid()).gid(found.gid());
    }
    Ok(command)
}

fn give_to_owner(path: &Path, data: &Path) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let found = std::fs::metadata(data)?;
    Ok(std::os::unix::fs::chown(path, Some(found.uid()), Some(found.gid()))?)
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
