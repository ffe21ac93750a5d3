//! `cargo xtask bench-peers`: the same database through offshoot and through its peers, in turn, on one machine.
//!
//! Prints a table of medians and ratios, for docs/benchmarks.md. Arguments: `--scale S` (1 is about 3 GB), `--rounds N`.
//! A peer that is not installed is left out and named. Times are wall-clock; client CPU is that of the tool's own
//! processes; memory is the highest anonymous resident set seen, of the tool's main process.

use offshoot_testkit::postgres::{Server, ServerOptions};
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
    let mut results: Vec<(&str, Vec<Measure>)> = Vec::new();
    for round in 0..rounds.max(1) {
        eprintln!("round {}", round + 1);
        for (name, step) in STEPS {
            let measure = step(&bench)?;
            eprintln!("  {name}: {:.2} s", measure.wall.as_secs_f64());
            match results.iter_mut().find(|(known, _)| *known == name) {
                Some((_, measures)) => measures.push(measure),
                None => results.push((name, vec![measure])),
            }
        }
    }
    report(&results);
    Ok(())
}

type Step = fn(&Bench) -> Result<Measure>;

/// The steps of a round; later ones use what earlier ones left.
const STEPS: [(&str, Step); 12] = [
    ("COPY binary to nowhere", Bench::ceiling),
    ("pg_dump -Fd -j2 -Z0", |bench| bench.pg_dump("plain", &["-Z0"])),
    ("pg_dump -Fd -j2", |bench| bench.pg_dump("default", &[])),
    ("offshoot capture", Bench::capture),
    ("offshoot capture, unchanged", Bench::recapture),
    ("COPY binary FREEZE, rows only", |bench| bench.load_ceiling("")),
    ("COPY binary FREEZE, rows only, lz4", |bench| bench.load_ceiling(LZ4)),
    ("pg_restore -j2", |bench| bench.pg_restore(&bench.server, "")),
    ("pg_restore -j2, lz4", |bench| bench.pg_restore(&bench.server, LZ4)),
    ("offshoot restore", |bench| bench.restore(&bench.server)),
    ("pg_restore -j2, wal_level=minimal", |bench| bench.pg_restore(&bench.minimal, "")),
    ("offshoot restore, wal_level=minimal", |bench| bench.restore(&bench.minimal)),
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

impl Bench {
    /// Every table in two halves, by two clients at once.
    fn ceiling(&self) -> Result<Measure> {
        let script = "set -e; half() { for t in users orders events documents; do \
                      pages=$(psql -XAtq \"$URL\" -c \"select relpages / 2 from pg_class where relname = '$t'\"); \
                      psql -Xq \"$URL\" -c \"copy (select * from $t where ctid $1 '($pages,0)') to stdout (format \
                      binary)\" >/dev/null; done; }; half '<' & a=$!; half '>=' & b=$!; wait $a && wait $b";
        self.measure(Command::new("bash").args(["-c", script]).env("URL", self.server.socket_url("bench")), &[])
    }

    fn pg_dump(&self, name: &str, options: &[&str]) -> Result<Measure> {
        let out = self.clear(name)?;
        let mut command = Command::new(self.server.binaries().pg_dump()?);
        command.args(["-Fd", "-j2", "-f"]).arg(&out).args(options).arg(self.server.socket_url("bench"));
        self.measure(&mut command, &[&out])
    }

    fn capture(&self) -> Result<Measure> {
        let store = self.clear("store")?;
        check(self.offshoot().args(["init", "--raw"]).stderr(Stdio::null()).status()?.success(), "offshoot init")?;
        self.measure(self.offshoot().args(["capture", &self.server.socket_url("bench")]), &[&store.join("packs")])
    }

    fn recapture(&self) -> Result<Measure> {
        self.measure(self.offshoot().args(["capture", &self.server.socket_url("bench")]), &[])
    }

    /// The rows alone, as the server takes them fastest: two tables at a time into bare tables.
    fn load_ceiling(&self, settings: &str) -> Result<Measure> {
        let target = fresh(&self.server)?;
        let files = self.clear("binary")?;
        std::fs::create_dir(&files)?;
        let schema = Command::new(self.server.binaries().pg_dump()?)
            .args(["--section=pre-data", &self.server.socket_url("bench")])
            .output()?;
        let schema = String::from_utf8(schema.stdout)?;
        let sql: Vec<&str> = schema.lines().filter(|line| !line.starts_with('\\')).collect();
        self.server.try_psql(&target, &sql.join("\n"))?;
        for table in TABLES {
            let sql = format!("\\copy {table} to '{}' (format binary)", files.join(table).display());
            self.server.try_psql("bench", &sql)?;
        }
        // A freezing COPY wants the truncation in its own transaction: one session a table, two at a time.
        let load = |table: &&str| {
            let file = files.join(table);
            let copy = format!("\\copy {table} from {} (format binary, freeze)", file.display());
            format!("psql -Xq --single-transaction \"$URL\" -c 'truncate {table}' -c '{copy}'")
        };
        let one = |tables: &[&str]| tables.iter().map(load).collect::<Vec<_>>().join(" && ");
        let (a, b) = (one(&["documents", "orders"]), one(&["users", "events"]));
        let script = format!("({a}) & a=$!; ({b}) & b=$!; wait $a && wait $b");
        let mut command = Command::new("bash");
        command.args(["-c", &script]).env("URL", self.server.socket_url(&target)).env("PGOPTIONS", settings);
        self.measure(&mut command, &[])
    }

    fn pg_restore(&self, server: &Server, settings: &str) -> Result<Measure> {
        let target = fresh(server)?;
        let dump = self.folder.join("default");
        let mut command = Command::new(self.server.binaries().program("pg_restore"));
        command.args(["-j2", "-d", &server.socket_url(&target)]).arg(&dump).env("PGOPTIONS", settings);
        self.measure(&mut command, &[])
    }

    fn restore(&self, server: &Server) -> Result<Measure> {
        let target = fresh(server)?;
        self.measure(self.offshoot().args(["restore", "bench", "--to", &server.socket_url(&target)]), &[])
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
    fn measure(&self, command: &mut Command, outputs: &[&Path]) -> Result<Measure> {
        for server in [&self.server, &self.minimal] {
            server.try_psql("postgres", "CHECKPOINT")?;
        }
        let began = Instant::now();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn()?;
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

fn report(results: &[(&str, Vec<Measure>)]) {
    println!("| step | seconds (median) | client CPU s | memory MiB | output MB |\n|---|---|---|---|---|");
    for (name, measures) in results {
        let median = |pick: fn(&Measure) -> f64| {
            let mut values: Vec<f64> = measures.iter().map(pick).collect();
            values.sort_by(f64::total_cmp);
            values[values.len() / 2]
        };
        println!(
            "| {name} | {:.2} | {:.2} | {:.0} | {:.0} |",
            median(|measure| measure.wall.as_secs_f64()),
            median(|measure| measure.cpu.as_secs_f64()),
            median(|measure| measure.anonymous_bytes as f64 / f64::from(1 << 20)),
            median(|measure| measure.output_bytes as f64 / 1e6),
        );
    }
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
