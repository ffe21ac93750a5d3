//! `cargo xtask bench-peers`: the same database through offshoot and through its peers, in turn, on one machine.
//!
//! Prints a table of medians, and the ratios that are goals, for docs/benchmarks.md. Arguments: `--scale S` (1 is about
//! 3 GB), `--rounds N`. A peer that is not installed is left out and named. Times are wall-clock; client CPU is that of the
//! tool's own processes; memory is the highest anonymous resident set seen, of the tool's main process. A ratio is taken
//! within each round, and the median of the rounds printed: machines are shared, and what is slow in one round may be
//! slow for all steps of it.

use offshoot_testkit::postgres::{Server, ServerOptions};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-peers failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let (scale, rounds) = (argument("--scale")?.unwrap_or(1.0), argument("--rounds")?.unwrap_or(3.0) as usize);
    let folder = tempfile::tempdir()?;
    let server = start(ServerOptions::new().setting("max_wal_size", "8GB"))?;
    let minimal = start(ServerOptions::new().setting("max_wal_size", "8GB").wal_level("minimal"))?;
    eprintln!("loading the database at scale {scale} ...");
    server.createdb("bench", "");
    let sql = format!("\\set scale {scale}\n{}", include_str!("../database.sql"));
    server.try_psql("bench", &sql)?;
    let bytes = server.try_psql("bench", "SELECT pg_database_size('bench')")?;
    println!("server {}; database {} bytes; {rounds} rounds", server.binaries().version(), bytes.trim());
    let bench = Bench { server, minimal, folder: folder.path().to_owned(), offshoot: program()? };
    bench.prepare_rows()?;
    let mut results = Results::default();
    for round in 0..rounds.max(1) {
        eprintln!("round {}", round + 1);
        for (name, step) in STEPS {
            let Some(measure) = step(&bench)? else {
                eprintln!("  {name}: not installed");
                continue;
            };
            eprintln!("  {name}: {:.2} s", measure.wall.as_secs_f64());
            results.0.entry(name).or_default().push(measure);
        }
    }
    results.print();
    Ok(())
}

type Step = fn(&Bench) -> Result<Option<Measure>>;

const NOWHERE: &str = "COPY binary to nowhere";
const DUMP_PLAIN: &str = "pg_dump -Fd -j2 -Z0";
const DUMP: &str = "pg_dump -Fd -j2";
const CAPTURE: &str = "offshoot capture";
const RECAPTURE: &str = "offshoot capture, unchanged";
const LOAD: &str = "COPY binary FREEZE, rows only";
const LOAD_LZ4: &str = "COPY binary FREEZE, rows only, lz4";
const LOAD_OURS: &str = "offshoot restore, its rows only";
const RESTORE: &str = "pg_restore -j2";
const RESTORE_LZ4: &str = "pg_restore -j2, lz4";
const RESTORE_OURS: &str = "offshoot restore";
const MINIMAL: &str = "pg_restore -j2, wal_level=minimal";
const MINIMAL_LZ4: &str = "pg_restore -j2, lz4, wal_level=minimal";
const MINIMAL_OURS: &str = "offshoot restore, wal_level=minimal";
const CLONE: &str = "pgcopydb clone, 2 jobs";

/// The steps of a round; later ones use what earlier ones left.
const STEPS: [(&str, Step); 15] = [
    (NOWHERE, Bench::ceiling),
    (DUMP_PLAIN, |bench| bench.pg_dump("plain", &["-Z0"])),
    (DUMP, |bench| bench.pg_dump("default", &[])),
    (CAPTURE, Bench::capture),
    (RECAPTURE, Bench::recapture),
    (LOAD, |bench| bench.load_ceiling("")),
    (LOAD_LZ4, |bench| bench.load_ceiling(LZ4)),
    (LOAD_OURS, Bench::load),
    (RESTORE, |bench| bench.pg_restore(&bench.server, "")),
    (RESTORE_LZ4, |bench| bench.pg_restore(&bench.server, LZ4)),
    (RESTORE_OURS, |bench| bench.restore(&bench.server)),
    (MINIMAL, |bench| bench.pg_restore(&bench.minimal, "")),
    (MINIMAL_LZ4, |bench| bench.pg_restore(&bench.minimal, LZ4)),
    (MINIMAL_OURS, |bench| bench.restore(&bench.minimal)),
    (CLONE, Bench::pgcopydb),
];

/// A goal: what it says, of which step to which, of what of them, and whether the ratio is to be below or above.
type Goal = (&'static str, &'static str, &'static str, fn(&Measure) -> f64, Bound);

enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

const GOALS: [Goal; 7] = [
    ("capture, in the time of pg_dump without compression", CAPTURE, DUMP_PLAIN, Measure::seconds, Bound::AtMost(1.05)),
    ("pg_dump's default, in the time of a capture", DUMP, CAPTURE, Measure::seconds, Bound::AtLeast(4.0)),
    ("store, in the bytes of pg_dump's default", CAPTURE, DUMP, Measure::output, Bound::AtMost(0.75)),
    ("unchanged capture, in the client CPU of the first", RECAPTURE, CAPTURE, Measure::cpu, Bound::AtMost(0.5)),
    ("loading, in the time of raw COPY with lz4", LOAD_OURS, LOAD_LZ4, Measure::seconds, Bound::AtMost(1.15)),
    ("pg_restore, in the time of a restore", RESTORE, RESTORE_OURS, Measure::seconds, Bound::AtLeast(1.3)),
    ("the same, wal_level=minimal", MINIMAL, MINIMAL_OURS, Measure::seconds, Bound::AtLeast(1.5)),
];

/// Ratios that say more, and are no goals.
const OTHERS: [Goal; 4] = [
    ("pg_restore with lz4, in the time of a restore", RESTORE_LZ4, RESTORE_OURS, Measure::seconds, Bound::AtLeast(1.0)),
    ("the same, wal_level=minimal", MINIMAL_LZ4, MINIMAL_OURS, Measure::seconds, Bound::AtLeast(1.0)),
    ("capture, in the time of COPY to nowhere", CAPTURE, NOWHERE, Measure::seconds, Bound::AtLeast(1.0)),
    ("loading, in the time of raw COPY", LOAD_OURS, LOAD, Measure::seconds, Bound::AtMost(1.15)),
];

/// What makes a session compress long values as offshoot's restore does, which peers leave to the server's setting.
const LZ4: &str = "-c default_toast_compression=lz4";

struct Bench {
    server: Server,
    minimal: Server,
    folder: PathBuf,
    offshoot: PathBuf,
}

/// What one run took.
#[derive(Clone, Copy)]
struct Measure {
    wall: Duration,
    cpu: Duration,
    anonymous_bytes: u64,
    output_bytes: u64,
}

impl Measure {
    fn seconds(&self) -> f64 {
        self.wall.as_secs_f64()
    }

    fn cpu(&self) -> f64 {
        self.cpu.as_secs_f64()
    }

    fn memory(&self) -> f64 {
        self.anonymous_bytes as f64 / f64::from(1 << 20)
    }

    fn output(&self) -> f64 {
        self.output_bytes as f64 / 1e6
    }
}

impl Bench {
    /// The rows as files, for loading them raw, and a database that has nothing but them.
    fn prepare_rows(&self) -> Result<()> {
        let files = self.clear("binary")?;
        std::fs::create_dir(&files)?;
        self.server.createdb("bare", "");
        self.bare_tables("bare")?;
        for table in TABLES {
            let file = files.join(table);
            self.server.try_psql("bench", &format!("\\copy {table} to '{}' (format binary)", file.display()))?;
            self.server.try_psql("bare", &format!("\\copy {table} from '{}' (format binary)", file.display()))?;
        }
        self.server.try_psql("bare", "VACUUM ANALYZE")?;
        Ok(())
    }

    /// Makes the tables, without indexes and keys.
    fn bare_tables(&self, database: &str) -> Result<()> {
        let schema = Command::new(self.server.binaries().pg_dump()?)
            .args(["--section=pre-data", &self.server.socket_url("bench")])
            .output()?;
        let schema = String::from_utf8(schema.stdout)?;
        let sql: Vec<&str> = schema.lines().filter(|line| !line.starts_with('\\')).collect();
        self.server.try_psql(database, &sql.join("\n"))?;
        Ok(())
    }

    /// Every table in two halves, by two clients at once.
    fn ceiling(&self) -> Result<Option<Measure>> {
        let script = "set -e; half() { for t in users orders events documents; do \
                      pages=$(psql -XAtq \"$URL\" -c \"select relpages / 2 from pg_class where relname = '$t'\"); \
                      psql -Xq \"$URL\" -c \"copy (select * from $t where ctid $1 '($pages,0)') to stdout (format \
                      binary)\" >/dev/null; done; }; half '<' & a=$!; half '>=' & b=$!; wait $a && wait $b";
        self.measure(Command::new("bash").args(["-c", script]).env("URL", self.server.socket_url("bench")), &[])
    }

    fn pg_dump(&self, name: &str, options: &[&str]) -> Result<Option<Measure>> {
        let out = self.clear(name)?;
        let mut command = Command::new(self.server.binaries().pg_dump()?);
        command.args(["-Fd", "-j2", "-f"]).arg(&out).args(options).arg(self.server.socket_url("bench"));
        self.measure(&mut command, &[&out])
    }

    fn capture(&self) -> Result<Option<Measure>> {
        let store = self.clear("store")?;
        check(self.offshoot().args(["init", "--raw"]).stderr(Stdio::null()).status()?.success(), "offshoot init")?;
        self.measure(self.offshoot().args(["capture", &self.server.socket_url("bench")]), &[&store.join("packs")])
    }

    fn recapture(&self) -> Result<Option<Measure>> {
        self.measure(self.offshoot().args(["capture", &self.server.socket_url("bench")]), &[])
    }

    /// The rows alone, as the server takes them fastest: two tables at a time into bare tables.
    fn load_ceiling(&self, settings: &str) -> Result<Option<Measure>> {
        let target = fresh(&self.server)?;
        self.bare_tables(&target)?;
        // A freezing COPY wants the truncation in its own transaction: one session a table, two at a time.
        let load = |table: &&str| {
            let copy = format!("\\copy {table} from {}/binary/{table} (format binary, freeze)", self.folder.display());
            format!("psql -Xq --single-transaction \"$URL\" -c 'truncate {table}' -c '{copy}'")
        };
        let one = |tables: &[&str]| tables.iter().map(load).collect::<Vec<_>>().join(" && ");
        let (a, b) = (one(&["documents", "orders"]), one(&["users", "events"]));
        let script = format!("({a}) & a=$!; ({b}) & b=$!; wait $a && wait $b");
        let mut command = Command::new("bash");
        command.args(["-c", &script]).env("URL", self.server.socket_url(&target)).env("PGOPTIONS", settings);
        self.measure(&mut command, &[])
    }

    /// The same rows out of a snapshot of nothing but them. The time is that from the first row to the last, as the
    /// restore itself says it: without connecting, statistics and comparison.
    fn load(&self) -> Result<Option<Measure>> {
        let bare = self.server.socket_url("bare");
        let captured = self.offshoot().args(["capture", &bare]).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        check(captured.success(), "offshoot capture of the rows alone")?;
        let target = fresh(&self.server)?;
        let report = self.folder.join("report.json");
        let mut command = self.offshoot();
        command.args(["restore", "bare", "--json", "--to", &self.server.socket_url(&target)]);
        let measure = self.measure_to(&mut command, &[], std::fs::File::create(&report)?.into())?;
        let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&report)?)?;
        let mut steps = report["steps"].as_array().into_iter().flatten();
        let rows = steps.rfind(|step| step["step"] == "rows").ok_or("a report without rows")?;
        let at = |name: &str| rows[name].as_f64().ok_or("a step without times");
        Ok(Some(Measure { wall: Duration::from_secs_f64(at("ended_seconds")? - at("began_seconds")?), ..measure }))
    }

    fn pg_restore(&self, server: &Server, settings: &str) -> Result<Option<Measure>> {
        let target = fresh(server)?;
        let dump = self.folder.join("default");
        let mut command = Command::new(self.server.binaries().program("pg_restore"));
        command.args(["-j2", "-d", &server.socket_url(&target)]).arg(&dump).env("PGOPTIONS", settings);
        self.measure(&mut command, &[])
    }

    fn restore(&self, server: &Server) -> Result<Option<Measure>> {
        let target = fresh(server)?;
        self.measure(self.offshoot().args(["restore", "bench", "--to", &server.socket_url(&target)]), &[])
    }

    /// From database to database, where it is installed.
    fn pgcopydb(&self) -> Result<Option<Measure>> {
        if Command::new("pgcopydb").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
            return Ok(None);
        }
        let target = fresh(&self.server)?;
        let folder = self.clear("pgcopydb")?;
        let mut command = Command::new("pgcopydb");
        command.args(["clone", "--table-jobs", "2", "--index-jobs", "2", "--dir"]).arg(&folder);
        command.args(["--source", &self.server.socket_url("bench"), "--target", &self.server.socket_url(&target)]);
        self.measure(&mut command, &[])
    }

    fn offshoot(&self) -> Command {
        let mut command = Command::new(&self.offshoot);
        command.env("OFFSHOOT_STORE", self.folder.join("store"));
        command
    }

    /// A path in the folder with nothing at it.
    fn clear(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        if path.exists() {
            std::fs::remove_dir_all(&path)?;
        }
        Ok(path)
    }

    /// Runs a command to its end, watching it.
    fn measure(&self, command: &mut Command, outputs: &[&Path]) -> Result<Option<Measure>> {
        self.measure_to(command, outputs, Stdio::null()).map(Some)
    }

    fn measure_to(&self, command: &mut Command, outputs: &[&Path], stdout: Stdio) -> Result<Measure> {
        for server in [&self.server, &self.minimal] {
            server.try_psql("postgres", "CHECKPOINT")?;
        }
        let began = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::inherit()).spawn()?;
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
}

const TABLES: [&str; 4] = ["users", "orders", "events", "documents"];

fn start(options: ServerOptions) -> Result<Server> {
    let settings = [
        ("shared_buffers", "1GB"),
        ("maintenance_work_mem", "512MB"),
        ("checkpoint_timeout", "1h"),
        ("autovacuum", "off"),
    ];
    Ok(Server::try_start(settings.iter().fold(options, |options, (name, value)| options.setting(name, value)))?)
}

fn fresh(server: &Server) -> Result<String> {
    server.try_psql("postgres", "DROP DATABASE IF EXISTS target")?;
    server.try_psql("postgres", "CREATE DATABASE target")?;
    Ok("target".to_owned())
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

/// What every round took, by step.
#[derive(Default)]
struct Results(BTreeMap<&'static str, Vec<Measure>>);

impl Results {
    fn print(&self) {
        println!("| step | seconds (median) | client CPU s | memory MiB | output MB |\n|---|---|---|---|---|");
        for (name, _) in STEPS {
            let Some(measures) = self.0.get(name) else {
                println!("| {name} | not installed | | | |");
                continue;
            };
            let of = |pick: fn(&Measure) -> f64| median(measures.iter().map(pick).collect());
            let (seconds, cpu) = (of(Measure::seconds), of(Measure::cpu));
            println!("| {name} | {seconds:.2} | {cpu:.2} | {:.0} | {:.0} |", of(Measure::memory), of(Measure::output));
        }
        println!("\n| goal | ratio (median of rounds) | each round | reached |\n|---|---|---|---|");
        GOALS.iter().for_each(|goal| self.print_goal(goal, true));
        let most = self.0.iter().filter(|(name, _)| name.starts_with("offshoot"));
        let most = most.flat_map(|(_, measures)| measures).map(Measure::memory).fold(0.0, f64::max);
        println!("| memory of captures and restores, MiB: at most 512 | {most:.0} | | {} |", yes(most <= 512.0));
        OTHERS.iter().for_each(|goal| self.print_goal(goal, false));
    }

    fn print_goal(&self, (what, one, other, pick, bound): &Goal, is_goal: bool) {
        let (Some(ones), Some(others)) = (self.0.get(one), self.0.get(other)) else { return };
        let ratios: Vec<f64> = ones.iter().zip(others).map(|(one, other)| pick(one) / pick(other)).collect();
        let each: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
        let ratio = median(ratios);
        let (wanted, is_reached) = match bound {
            Bound::AtMost(most) => (format!("at most {most}"), ratio <= *most),
            Bound::AtLeast(least) => (format!("at least {least}"), ratio >= *least),
        };
        let (wanted, reached) = if is_goal { (format!(": {wanted}"), yes(is_reached)) } else { (String::new(), "") };
        println!("| {what}{wanted} | {ratio:.2} | {} | {reached} |", each.join(", "));
    }
}

fn yes(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn argument(name: &str) -> Result<Option<f64>> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    Ok(arguments.next().map(|value| value.parse()).transpose()?)
}

fn check(good: bool, what: &str) -> Result<()> {
    if good { Ok(()) } else { Err(format!("{what} failed").into()) }
}

/// The command beside this program.
fn program() -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("offshoot");
    if program.is_file() { Ok(program) } else { Err("the command is not built; use `cargo xtask bench-peers`".into()) }
}
