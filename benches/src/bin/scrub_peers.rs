//! `cargo xtask bench-scrub`: what scrubbing costs a capture, and the same rewriting of the same rows by other scramblers.
//!
//! Two tables for docs/benchmarks.md. First a raw capture and a scrubbed one, in turn, of the database of `bench-peers`; then
//! five columns of a table of people (address of mail, first and last name, phone, street), whose other columns stay: by a
//! capture of ours, by PostgreSQL Anonymizer, pganonymize and pynonymizer, which rewrite a database in place, and value by value without a
//! database by our library and by @snaplet/copycat. Peers are looked for in PATH, the last one by `node` in NODE_PATH; one
//! that is not there is left out and named. Arguments: `--scale S`, `--rounds N`, `--rows N`.

use offshoot_benches::harness::{Arguments, Result, check, median, program};
use offshoot_format::column::{Batch, Column};
use offshoot_format::facts::{ColumnFacts, TableFacts};
use offshoot_format::table::{Layout, RowForm};
use offshoot_scrub::shape::Work;
use offshoot_scrub::{ColumnCount, Key, Policy, Scrubber};
use offshoot_testkit::postgres::{Server, ServerOptions};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-scrub failed: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Six columns of 31.
const POLICY: &str = "
[scrub.tables.users]
email = 'email'
first_name = 'first-name'
last_name = 'last-name'
display_name = 'shape'
phone = 'phone'
street = 'street'
[scrub.columns]
'*' = 'keep'
";

/// Columns of people and how each program is told to rewrite them: ours, Faker's, pynonymizer's, copycat's, the extension's.
const COLUMNS: [(&str, &str, &str, &str, &str, &str); 5] = [
    ("email", "email", "email", "email", "email", "fake_email()"),
    ("first_name", "first-name", "first_name", "first_name", "firstName", "fake_first_name()"),
    ("last_name", "last-name", "last_name", "last_name", "lastName", "fake_last_name()"),
    ("phone", "phone", "phone_number", "phone_number", "phoneNumber", "random_phone(''+1'')"),
    ("street", "street", "street_address", "street_address", "streetAddress", "fake_address()"),
];

const PEOPLE: &str = "
CREATE TABLE people (id bigint PRIMARY KEY, email text, first_name text, last_name text, phone text, street text, city text, bought int);
INSERT INTO people SELECT n, 'anna.' || n || '@mail.example.org', (ARRAY['Anna','Ben','Olga','Mehmet','Fatima','Sven'])[1 + n % 6],
  (ARRAY['Miller','Smith','Garcia','Nguyen','Johansson'])[1 + n % 5], '+1 415 ' || 1000000 + n * 7 % 8999999,
  n % 200 || ' Main Street', 'Oslo', n % 31 FROM generate_series(1, :rows) n";

fn run() -> Result<()> {
    let arguments = Arguments::of(&["--scale", "--rounds", "--rows"])?;
    let (scale, rounds) = (arguments.get("--scale", 0.25)?, arguments.get("--rounds", 3)?);
    let rows = arguments.get("--rows", 100_000)?;
    let folder = tempfile::tempdir()?;
    let server = Server::try_start(ServerOptions::new().setting("max_wal_size", "8GB"))?;
    let bench = Bench { server, folder: folder.path().to_owned(), offshoot: program()? };
    if scale > 0.0 {
        bench.captures(scale, rounds)?;
    }
    bench.peers(rows, rounds)
}

struct Bench {
    server: Server,
    folder: PathBuf,
    offshoot: PathBuf,
}

impl Bench {
    fn captures(&self, scale: f64, rounds: usize) -> Result<()> {
        eprintln!("loading the database at scale {scale} ...");
        self.server.createdb("bench", "");
        self.server.try_psql("bench", &format!("\\set scale {scale}\n{}", include_str!("../database.sql")))?;
        let (mut raw, mut proved, mut proofs) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..rounds.max(1) {
            raw.push(self.capture("bench", None)?.seconds);
            let Capture { seconds, proof_seconds } = self.capture("bench", Some(POLICY))?;
            eprintln!("round {}: raw {:.2} s, scrubbed {seconds:.2} s", round + 1, raw[round]);
            proved.push(seconds);
            proofs.push(proof_seconds);
        }
        println!("scale {scale}, {rounds} rounds");
        println!("| what | seconds | of a raw capture | median | goal |\n|---|---|---|---|---|");
        println!("| raw capture | {} | 1 | | |", each(&raw));
        let scrubbed: Vec<f64> = proved.iter().zip(&proofs).map(|(all, proof)| all - proof).collect();
        for (what, seconds, goal) in [
            ("scrubbed, without the proof", &scrubbed, "1.25"),
            ("the survivor proof alone", &proofs, ""),
            ("scrubbed, with the survivor proof", &proved, "1.6"),
        ] {
            let ratios: Vec<f64> = seconds.iter().zip(&raw).map(|(one, raw)| one / raw).collect();
            println!("| {what} | {} | {} | {:.2} | {goal} |", each(seconds), each(&ratios), median(&ratios));
        }
        println!();
        Ok(())
    }

    fn peers(&self, rows: u64, rounds: usize) -> Result<()> {
        let names = COLUMNS.map(|(name, rule, ..)| format!("{name} = '{rule}'")).join("\n");
        let policy = format!("[scrub.tables.people]\n{names}\n'*' = 'keep'\n");
        self.people("people", rows)?;
        let mut ours = Vec::new();
        for _ in 0..rounds.max(1) {
            ours.push(self.capture("people", Some(&policy))?.seconds);
        }
        let ours = rows as f64 / median(&ours);
        println!("| {rows} rows, five columns rewritten | rows/s | ours, in theirs |\n|---|---|---|");
        println!("| offshoot capture, with the survivor proof | {ours:.0} | |");
        for (name, peer) in [
            ("PostgreSQL Anonymizer", Self::anonymizer as Peer),
            ("pganonymize", Self::pganonymize),
            ("pynonymizer", Self::pynonymizer),
        ] {
            match peer(self, rows)? {
                Some(seconds) => {
                    let rate = rows as f64 / seconds;
                    println!("| {name}, in place | {rate:.0} | {:.0} |", ours / rate);
                }
                None => println!("| {name} | not installed | |"),
            }
        }
        let library = library(&policy, rows)?;
        println!("| offshoot-scrub, no database, one core | {library:.0} | |");
        match self.copycat(rows)? {
            Some(rate) => println!("| @snaplet/copycat, no database, one core | {rate:.0} | {:.0} |", library / rate),
            None => println!("| @snaplet/copycat | not installed | |"),
        }
        Ok(())
    }

    /// A fresh database of people.
    fn people(&self, database: &str, rows: u64) -> Result<()> {
        self.server.try_psql("postgres", &format!("DROP DATABASE IF EXISTS {database}"))?;
        self.server.try_psql("postgres", &format!("CREATE DATABASE {database}"))?;
        self.server.try_psql(database, &format!("\\set rows {rows}\n{PEOPLE}"))?;
        self.server.try_psql(database, "VACUUM ANALYZE")?;
        Ok(())
    }

    /// A first capture into a store of its own.
    fn capture(&self, database: &str, policy: Option<&str>) -> Result<Capture> {
        let place = self.clear("capture")?;
        std::fs::create_dir(&place)?;
        let command = |args: &[&str]| {
            let mut command = Command::new(&self.offshoot);
            command.args(args).current_dir(&place).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        match policy {
            Some(policy) => {
                run_to_end(&mut command(&["init"]))?;
                run_to_end(&mut command(&["key", "new", "key"]))?;
                std::fs::write(place.join("offshoot.toml"), format!("key = 'key'\n{policy}"))?;
            }
            None => drop(run_to_end(&mut command(&["init", "--raw"]))?),
        }
        self.server.try_psql("postgres", "CHECKPOINT")?;
        let began = Instant::now();
        let output =
            command(&["--json", "capture", &self.server.socket_url(database)]).stdout(Stdio::piped()).output()?;
        let seconds = began.elapsed().as_secs_f64();
        check(output.status.success(), "a capture")?;
        let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        Ok(Capture { seconds, proof_seconds: report["proof_seconds"].as_f64().unwrap_or(0.0) })
    }

    /// Its static masking with made-up values, where the server has the extension.
    fn anonymizer(&self, rows: u64) -> Result<Option<f64>> {
        self.people("theirs", rows)?;
        if self.server.try_psql("theirs", "CREATE EXTENSION anon CASCADE").is_err() {
            return Ok(None);
        }
        // In one session each: the library is loaded by hand, so that no server need be told to.
        let session = |sql: &str| self.server.try_psql("theirs", &format!("LOAD 'anon';\n{sql}"));
        session("SELECT anon.init()")?;
        for (column, _, _, _, _, function) in COLUMNS {
            session(&format!(
                "SECURITY LABEL FOR anon ON COLUMN people.{column} IS 'MASKED WITH FUNCTION anon.{function}'"
            ))?;
        }
        let began = Instant::now();
        session("SELECT anon.anonymize_table('people')")?;
        Ok(Some(began.elapsed().as_secs_f64()))
    }

    fn pganonymize(&self, rows: u64) -> Result<Option<f64>> {
        if !is_there("pganonymize", &["--help"]) {
            return Ok(None);
        }
        self.people("theirs", rows)?;
        let mut schema = "tables:\n  - people:\n      primary_key: id\n      fields:\n".to_owned();
        for (name, _, faker, ..) in COLUMNS {
            writeln!(schema, "        - {name}:\n            provider:\n              name: fake.{faker}")?;
        }
        let file = self.folder.join("pganonymize.yml");
        std::fs::write(&file, schema)?;
        let port = self.server.port().to_string();
        let mut command = Command::new("pganonymize");
        command.args([
            "--dbname",
            "theirs",
            "--user",
            "postgres",
            "--host",
            "127.0.0.1",
            "--port",
            &port,
            "--parallel",
        ]);
        run_to_end(command.arg("--schema").arg(&file).stdout(Stdio::null())).map(Some)
    }

    fn pynonymizer(&self, rows: u64) -> Result<Option<f64>> {
        if !is_there("pynonymizer", &["--version"]) {
            return Ok(None);
        }
        self.people("theirs", rows)?;
        let mut strategy = "tables:\n  people:\n    columns:\n".to_owned();
        for (name, _, _, kind, ..) in COLUMNS {
            writeln!(strategy, "      {name}: {kind}")?;
        }
        let file = self.folder.join("pynonymizer.yml");
        std::fs::write(&file, strategy)?;
        let port = self.server.port().to_string();
        let mut command = Command::new("pynonymizer");
        command.args(["--db-type", "postgres", "--db-host", "127.0.0.1", "--db-port", &port, "--db-name", "theirs"]);
        command.args(["--db-user", "postgres", "--db-password", "none", "--only-step", "ANONYMIZE_DB"]);
        run_to_end(command.arg("--strategy").arg(&file).stdout(Stdio::null())).map(Some)
    }

    /// Rows a second of its functions alone, as it says itself.
    fn copycat(&self, rows: u64) -> Result<Option<f64>> {
        if !is_there("node", &["-e", "require('@snaplet/copycat')"]) {
            return Ok(None);
        }
        let calls = COLUMNS.map(|(name, _, _, _, copycat, _)| format!("copycat.{copycat}(row.{name});")).concat();
        let script = format!(
            "const {{ copycat }} = require('@snaplet/copycat'); let began;
             for (let n = 0; n < {rows}; n++) {{
               if (n === 1000) began = process.hrtime.bigint();
               const row = {{ email: `anna.${{n}}@mail.example.org`, first_name: 'Anna' + n % 6, last_name: 'Miller' + n % 5,
                 phone: '+1 415 ' + (1000000 + n * 7 % 8999999), street: n % 200 + ' Main Street' }};
               {calls}
             }}
             console.log(({rows} - 1000) / (Number(process.hrtime.bigint() - began) / 1e9));"
        );
        let output = Command::new("node").args(["-e", &script]).output()?;
        let rate = String::from_utf8(output.stdout)?;
        Ok(Some(rate.trim().parse().map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned())?))
    }

    /// A path in the folder with nothing at it.
    fn clear(&self, name: &str) -> Result<PathBuf> {
        let path = self.folder.join(name);
        if path.exists() {
            std::fs::remove_dir_all(&path)?;
        }
        Ok(path)
    }
}

/// How long a capture took, and its proof, which is part of that.
struct Capture {
    seconds: f64,
    proof_seconds: f64,
}

fn each(values: &[f64]) -> String {
    values.iter().map(|value| format!("{value:.2}")).collect::<Vec<_>>().join(", ")
}

type Peer = fn(&Bench, u64) -> Result<Option<f64>>;

/// Rows a second of the library, without a database, on one core.
fn library(policy: &str, rows: u64) -> Result<f64> {
    let names = ["id", "email", "first_name", "last_name", "phone", "street", "city"];
    let table = TableFacts {
        schema: "public".to_owned(),
        name: "people".to_owned(),
        columns: names.map(|name| ColumnFacts::new(name, "text")).to_vec(),
        form: RowForm::Text,
        key: Vec::new(),
        unique: Vec::new(),
        foreign_keys: Vec::new(),
        parent: None,
        period: None,
    };
    let key = Key::from_bytes(std::array::from_fn(|at| at as u8 * 7 + 1))?;
    let scrubber = Scrubber::new(&Policy::parse(policy)?, &[table], &key)?;
    let (mut work, mut counts) = (Work::default(), vec![ColumnCount::default(); names.len()]);
    let mut seconds = 0.0;
    for first in (0..rows).step_by(4096) {
        let mut columns: Vec<Column> = names.iter().map(|_| Column::new(Layout::Var)).collect();
        let last = (first + 4096).min(rows);
        for n in first..last {
            let row = [
                n.to_string(),
                format!("anna.{n}@mail.example.org"),
                format!("Anna{}", n % 6),
                format!("Miller{}", n % 5),
                format!("+1 415 {}", 1_000_000 + n * 7 % 8_999_999),
                format!("{} Main Street", n % 200),
                "Oslo".to_owned(),
            ];
            columns.iter_mut().zip(&row).try_for_each(|(column, value)| column.push(value.as_bytes()))?;
        }
        let mut batch = Batch { columns, rows: (last - first) as usize };
        let began = Instant::now();
        scrubber.apply("public", "people", &mut batch, &mut work, &mut counts)?;
        seconds += began.elapsed().as_secs_f64();
    }
    Ok(rows as f64 / seconds)
}

fn is_there(name: &str, arguments: &[&str]) -> bool {
    let status = Command::new(name).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

/// Seconds that a command took.
fn run_to_end(command: &mut Command) -> Result<f64> {
    let began = Instant::now();
    let status = command.stdin(Stdio::null()).status()?;
    if !status.success() {
        return Err(format!("{:?} failed: {status}", Path::new(command.get_program())).into());
    }
    Ok(began.elapsed().as_secs_f64())
}
