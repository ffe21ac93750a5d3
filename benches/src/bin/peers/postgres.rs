//! PostgreSQL: pg_dump and pg_restore, pgcopydb, and what the server itself can do.

use super::measure::{Measure, run, run_to};
use super::results::Bound;
use super::{Contest, Folder, Result, check, is_installed};
use offshoot_testkit::postgres::{Server, ServerOptions};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

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

pub const CONTEST: Contest<Bench> = Contest {
    steps: &[
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
    ],
    goals: &[
        (
            "capture, in the time of pg_dump without compression",
            CAPTURE,
            DUMP_PLAIN,
            Measure::seconds,
            Bound::AtMost(1.05),
        ),
        ("pg_dump's default, in the time of a capture", DUMP, CAPTURE, Measure::seconds, Bound::AtLeast(4.0)),
        ("store, in the bytes of pg_dump's default", CAPTURE, DUMP, Measure::output, Bound::AtMost(0.75)),
        ("unchanged capture, in the client CPU of the first", RECAPTURE, CAPTURE, Measure::cpu, Bound::AtMost(0.5)),
        ("loading, in the time of raw COPY with lz4", LOAD_OURS, LOAD_LZ4, Measure::seconds, Bound::AtMost(1.15)),
        ("pg_restore, in the time of a restore", RESTORE, RESTORE_OURS, Measure::seconds, Bound::AtLeast(1.3)),
        ("the same, wal_level=minimal", MINIMAL, MINIMAL_OURS, Measure::seconds, Bound::AtLeast(1.5)),
    ],
    others: &[
        (
            "pg_restore with lz4, in the time of a restore",
            RESTORE_LZ4,
            RESTORE_OURS,
            Measure::seconds,
            Bound::AtLeast(1.0),
        ),
        ("the same, wal_level=minimal", MINIMAL_LZ4, MINIMAL_OURS, Measure::seconds, Bound::AtLeast(1.0)),
        ("capture, in the time of COPY to nowhere", CAPTURE, NOWHERE, Measure::seconds, Bound::AtLeast(1.0)),
        ("loading, in the time of raw COPY", LOAD_OURS, LOAD, Measure::seconds, Bound::AtMost(1.15)),
    ],
};

/// What makes a session compress long values as offshoot's restore does, which peers leave to the server's setting.
const LZ4: &str = "-c default_toast_compression=lz4";

pub struct Bench {
    server: Server,
    minimal: Server,
    folder: Folder,
}

impl Bench {
    pub fn start(folder: Folder, scale: f64) -> Result<Self> {
        let server = start(ServerOptions::new().setting("max_wal_size", "8GB"))?;
        let minimal = start(ServerOptions::new().setting("max_wal_size", "8GB").wal_level("minimal"))?;
        eprintln!("loading the database at scale {scale} ...");
        server.createdb("bench", "");
        server.try_psql("bench", &format!("\\set scale {scale}\n{}", include_str!("../../database.sql")))?;
        let bytes = server.try_psql("bench", "SELECT pg_database_size('bench')")?;
        println!("server {}; database {} bytes", server.binaries().version(), bytes.trim());
        let bench = Self { server, minimal, folder };
        bench.prepare_rows()?;
        Ok(bench)
    }

    /// The rows as files, for loading them raw, and a database that has nothing but them.
    fn prepare_rows(&self) -> Result<()> {
        let files = self.folder.clear("binary")?;
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
        let out = self.folder.clear(name)?;
        let mut command = Command::new(self.server.binaries().pg_dump()?);
        command.args(["-Fd", "-j2", "-f"]).arg(&out).args(options).arg(self.server.socket_url("bench"));
        self.measure(&mut command, &[&out])
    }

    fn capture(&self) -> Result<Option<Measure>> {
        let store = self.folder.fresh_store()?;
        self.measure(
            self.folder.offshoot().args(["capture", &self.server.socket_url("bench")]),
            &[&store.join("packs")],
        )
    }

    fn recapture(&self) -> Result<Option<Measure>> {
        self.measure(self.folder.offshoot().args(["capture", &self.server.socket_url("bench")]), &[])
    }

    /// The rows alone, as the server takes them fastest: two tables at a time into bare tables.
    fn load_ceiling(&self, settings: &str) -> Result<Option<Measure>> {
        let target = fresh(&self.server)?;
        self.bare_tables(&target)?;
        // A freezing COPY wants the truncation in its own transaction: one session a table, two at a time.
        let load = |table: &&str| {
            let copy =
                format!("\\copy {table} from {}/binary/{table} (format binary, freeze)", self.folder.path.display());
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
        let captured =
            self.folder.offshoot().args(["capture", &bare]).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        check(captured.success(), "offshoot capture of the rows alone")?;
        let target = fresh(&self.server)?;
        let report = self.folder.path.join("report.json");
        let mut command = self.folder.offshoot();
        command.args(["restore", "bare", "--json", "--to", &self.server.socket_url(&target)]);
        self.checkpoint()?;
        let measure = run_to(&mut command, &[], Stdio::null(), std::fs::File::create(&report)?.into())?;
        let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&report)?)?;
        let mut steps = report["steps"].as_array().into_iter().flatten();
        let rows = steps.rfind(|step| step["step"] == "rows").ok_or("a report without rows")?;
        let at = |name: &str| rows[name].as_f64().ok_or("a step without times");
        Ok(Some(Measure { wall: Duration::from_secs_f64(at("ended_seconds")? - at("began_seconds")?), ..measure }))
    }

    fn pg_restore(&self, server: &Server, settings: &str) -> Result<Option<Measure>> {
        let target = fresh(server)?;
        let dump = self.folder.path.join("default");
        let mut command = Command::new(self.server.binaries().program("pg_restore"));
        command.args(["-j2", "-d", &server.socket_url(&target)]).arg(&dump).env("PGOPTIONS", settings);
        self.measure(&mut command, &[])
    }

    fn restore(&self, server: &Server) -> Result<Option<Measure>> {
        let target = fresh(server)?;
        self.measure(self.folder.offshoot().args(["restore", "bench", "--to", &server.socket_url(&target)]), &[])
    }

    /// From database to database, where it is installed.
    fn pgcopydb(&self) -> Result<Option<Measure>> {
        if !is_installed(Path::new("pgcopydb")) {
            return Ok(None);
        }
        let target = fresh(&self.server)?;
        let folder = self.folder.clear("pgcopydb")?;
        let mut command = Command::new("pgcopydb");
        command.args(["clone", "--table-jobs", "2", "--index-jobs", "2", "--dir"]).arg(&folder);
        command.args(["--source", &self.server.socket_url("bench"), "--target", &self.server.socket_url(&target)]);
        self.measure(&mut command, &[])
    }

    /// Runs a command to its end, with nothing left to be written of what was before it.
    fn measure(&self, command: &mut Command, outputs: &[&Path]) -> Result<Option<Measure>> {
        self.checkpoint()?;
        run(command, outputs).map(Some)
    }

    fn checkpoint(&self) -> Result<()> {
        for server in [&self.server, &self.minimal] {
            server.try_psql("postgres", "CHECKPOINT")?;
        }
        Ok(())
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
