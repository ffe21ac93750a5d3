//! A word is planted in values of every type, and must be nowhere: not in the store, decoded, referred to or not, not in the files
//! that a capture spills to, not in a log, an output, a receipt, a restored copy, nor in what is left of a process that dies.
//!
//! Nor is the scrub key anywhere but in its file.
//!
//! Another word, in a column that is kept, must be found by the same search: it shows that the search sees something.

use crate::session::Session;
use offshoot_testkit::postgres;
use offshoot_testkit::store::{decompressed, plaintext};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::time::Duration;

/// Stands in what is rewritten, and in what is kept of rows that are left out.
pub const CANARY: &str = "quibblewort";
/// Stands in what is kept.
pub const KEPT: &str = "plumville";
pub const ROWS: u32 = 60_000;
/// Tries to see a file that is only there while rows wait in it.
const TRIES: u32 = 8;

const POLICY: &str = "
key = 'key'
[scrub.tables.planted]
id = 'keep'
t = 'shape'
v = 'email'
c = 'full-name'
n = 'shape'
ci = 'shape'
d = 'shape'
j = 'json'
jb = 'json'
x = 'xml'
h = 'hstore'
b = 'shape'
a = 'words'
p = 'composite'
s = 'shape'
big = 'words'
city = 'keep'
[scrub.tables.events]
'*' = 'keep'
[scrub.tables.large_objects]
oid = 'keep'
data = 'shape'
[scrub.rows]
events = \"kind <> 'debug'\"
";

/// A database with the canary in it, and an empty one for its copy.
pub struct Planted {
    pub source: String,
    pub copy: String,
    pub policy: &'static str,
    /// Dumps the copy.
    pub dump: Box<dyn Fn() -> String>,
}

fn planted(name: &str) -> Planted {
    let server = postgres::shared();
    let db = server.fresh_db(name);
    server.psql(
        &db,
        &format!(
            "CREATE EXTENSION citext; CREATE EXTENSION hstore;
             CREATE DOMAIN handle AS text CHECK (length(VALUE) < 200); CREATE TYPE pair AS (a text, b int);
             CREATE TABLE planted (id uuid PRIMARY KEY, t text, v varchar(90), c char(60), n name, ci citext, d handle, j json, jb jsonb,
               x xml, h hstore, b bytea, a text[], p pair, s tsvector, big text, city text);
             INSERT INTO planted SELECT md5(n::text)::uuid, w, w || '@mail.example.org', initcap(w), w, w, w, json_build_object('k', json_build_array(w)),
                 jsonb_build_object('a', jsonb_build_object('b', ARRAY[w])), xmlparse(content '<p>' || w || '</p>'), hstore('k', w), w::bytea,
                 ARRAY['tag', w], ROW(w, n)::pair, to_tsvector('simple', w), CASE WHEN n = 1 THEN repeat(w || ' ', 20000) END, '{KEPT}'
               FROM (SELECT n, CASE WHEN n % 100 = 1 THEN '{CANARY}' ELSE 'other' END || md5((n * 7)::text) AS w FROM generate_series(1, {ROWS}) n) x;
             CREATE TABLE events (id int PRIMARY KEY, body text, kind text);
             INSERT INTO events SELECT n, (SELECT string_agg('{CANARY}' || md5((n * m)::text), ' ') FROM generate_series(1, 20000) m), 'debug'
               FROM generate_series(1, 5) n;
             SELECT lo_from_bytea(0, '{CANARY} in a large object');"
        ),
    );
    let copy = server.fresh_db(&format!("{name}_restored"));
    let (source, to) = (server.url(&db), server.url(&copy));
    Planted { source, copy: to, policy: POLICY, dump: Box::new(move || server.pg_dump(&copy, &[])) }
}

fn session(policy: &str) -> Session {
    let session = Session::new();
    for args in [&["init"][..], &["key", "new", "key"]] {
        assert_eq!(session.quietly(args).code, Some(0));
    }
    fs::write(session.dir().join("offshoot.toml"), policy).unwrap();
    session
}

/// How often a word is there, in any case or as hexadecimal digits.
fn count(bytes: &[u8], word: &str) -> usize {
    let lower = bytes.to_ascii_lowercase();
    let hexadecimal: String = word.bytes().map(|byte| format!("{byte:02x}")).collect();
    let find = |text: &str| lower.windows(text.len()).filter(|window| *window == text.as_bytes()).count();
    find(word) + find(&hexadecimal)
}

/// All files below a folder, as they are.
fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    all
}

/// Fails if the canary is anywhere; says how much was searched.
fn search(what: &str, places: &[(String, Vec<u8>)]) {
    let found: Vec<&str> =
        places.iter().filter(|(_, bytes)| count(bytes, CANARY) > 0).map(|(name, _)| name.as_str()).collect();
    let bytes: usize = places.iter().map(|(_, bytes)| bytes.len()).sum();
    println!("canaries: {what}, {} places of {bytes} bytes searched, found {}", places.len(), found.len());
    assert!(found.is_empty(), "{what}: {found:?}");
}

/// The scrub key of a session: its digits as its file has them, and its bytes.
struct KeyTrace {
    digits: String,
    bytes: Vec<u8>,
}

impl KeyTrace {
    fn of(session: &Session) -> Self {
        let text = fs::read_to_string(session.dir().join("key")).unwrap();
        let digits = text.trim().strip_prefix("offshoot-key-1:").unwrap()[..64].to_owned();
        let byte = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
        let bytes = (0..64).step_by(2).map(byte).collect();
        Self { digits, bytes }
    }

    fn is_in(&self, bytes: &[u8]) -> bool {
        count(bytes, &self.digits) > 0 || bytes.windows(self.bytes.len()).any(|window| window == self.bytes)
    }

    /// Fails if the key, or the half of it, is in any place.
    fn search(&self, what: &str, places: &[(String, Vec<u8>)]) {
        let half = Self { digits: self.digits[..32].to_owned(), bytes: self.bytes[16..].to_vec() };
        let found: Vec<&str> = places
            .iter()
            .filter(|(_, bytes)| self.is_in(bytes) || half.is_in(bytes))
            .map(|(name, _)| name.as_str())
            .collect();
        assert!(found.is_empty(), "the key in {what}: {found:?}");
    }
}

/// Reads the files without a name of a process again and again until it ends; of each the longest content that was seen.
fn watch(child: &mut Child, until: impl Fn() -> bool) -> (Option<ExitStatus>, BTreeMap<PathBuf, Vec<u8>>) {
    let mut spilled: BTreeMap<PathBuf, Vec<u8>> = BTreeMap::new();
    loop {
        let links = fs::read_dir(format!("/proc/{}/fd", child.id())).into_iter().flatten().flatten();
        for path in links.map(|link| link.path()) {
            let is_nameless = fs::read_link(&path).is_ok_and(|to| to.to_string_lossy().ends_with(" (deleted)"));
            let Some(bytes) = is_nameless.then(|| fs::read(&path).ok()).flatten() else { continue };
            let seen = spilled.entry(path).or_default();
            if bytes.len() > seen.len() {
                *seen = bytes;
            }
        }
        if let Some(status) = child.try_wait().unwrap() {
            return (Some(status), spilled);
        }
        if until() {
            return (None, spilled);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn no_canary_is_stored_spilled_logged_or_restored() {
    is_nowhere(&planted("planted_everywhere"));
}

pub fn is_nowhere(planted: &Planted) {
    let session = session(planted.policy);
    let key = KeyTrace::of(&session);
    let key_file = fs::read(session.dir().join("key")).unwrap();
    assert!(key.is_in(&key_file) && key.is_in(&key.bytes), "the search for the key sees nothing");
    let url = &planted.source;
    let (mut seen, mut log) = (0, Vec::new());
    for _ in 0..TRIES {
        let stderr = session.dir().join("stderr");
        let args = ["-vvv", "capture", url, "--name", "prod", "--jobs", "1", "--memory", "220MiB"];
        let mut command = session.command(&args);
        command.env("RUST_LOG", "trace").stdout(Stdio::null()).stderr(fs::File::create(&stderr).unwrap());
        let mut child = command.spawn().unwrap();
        let line = fs::read(format!("/proc/{}/cmdline", child.id())).unwrap();
        key.search("the list of processes", &[("cmdline".to_owned(), line)]);
        let (status, spilled) = watch(&mut child, || false);
        log = fs::read(&stderr).unwrap();
        fs::remove_file(&stderr).unwrap();
        assert_eq!(
            status.unwrap().code(),
            Some(0),
            "{}",
            String::from_utf8_lossy(&log[log.len().saturating_sub(2000)..])
        );
        let spilled: Vec<(String, Vec<u8>)> = spilled
            .into_iter()
            .map(|(path, bytes)| (path.display().to_string(), [decompressed(&bytes), bytes].concat()))
            .collect();
        search("spill files", &spilled);
        key.search("spill files", &spilled);
        seen += spilled.iter().map(|(_, bytes)| count(bytes, KEPT)).sum::<usize>();
        if seen > 0 {
            break;
        }
        // Nothing is spilled of rows that are there already: the next attempt begins anew.
        fs::remove_dir_all(session.dir().join(".offshoot")).unwrap();
        assert_eq!(session.quietly(&["init"]).code, Some(0));
    }
    assert!(seen > 0, "no spilled row was seen in {TRIES} captures");
    assert!(String::from_utf8_lossy(&log).contains("pack published"), "the log has no steps");
    let log = [("stderr".to_owned(), log)];
    search("log", &log);
    key.search("log", &log);

    let store = session.dir().join(".offshoot");
    let chunks = plaintext(&store).unwrap();
    assert!(chunks.iter().any(|(_, plain)| count(plain, KEPT) > 0), "the search sees nothing");
    search("chunks and manifests", &chunks);
    key.search("chunks and manifests", &chunks);
    let mut files = files(session.dir());
    search("files", &files);
    files.retain(|(_, bytes)| *bytes != key_file);
    key.search("files", &files);
    let restored = session.quietly(&["restore", "prod", "--to", &planted.copy]);
    assert_eq!(restored.code, Some(0), "{}", restored.stderr);
    let dump = (planted.dump)();
    assert!(dump.contains(KEPT));
    let receipt = session.quietly(&["--json", "receipt", "prod"]);
    let outputs = [("dump", dump), ("receipt", receipt.stdout), ("said", restored.stderr)];
    let outputs = outputs.map(|(name, text)| (name.to_owned(), text.into_bytes()));
    search("outputs", &outputs);
    key.search("outputs", &outputs);
}

#[test]
fn a_canary_in_a_comment_or_a_default_is_refused_and_stays_nowhere() {
    let server = postgres::shared();
    let db = server.fresh_db("planted_in_the_schema");
    is_refused_in_the_schema(
        &server.url(&db),
        &|sql| server.psql(&db, sql),
        &format!("INSERT INTO planted SELECT n, '{CANARY}' || md5(n::text) FROM generate_series(1, 1000) n"),
        &[
            ("COMMENT ON TABLE city IS 'ask {}'", "COMMENT ON TABLE city IS NULL"),
            ("COMMENT ON COLUMN city.id IS '{}'", "COMMENT ON COLUMN city.id IS NULL"),
            ("ALTER TABLE city ALTER name SET DEFAULT '{}'", "ALTER TABLE city ALTER name DROP DEFAULT"),
        ],
    );
}

/// Fills a database by SQL of its own, and plants a word of its rows into the schema, each time by another statement.
pub fn is_refused_in_the_schema(url: &str, sql: &dyn Fn(&str) -> String, fill: &str, plants: &[(&str, &str)]) {
    sql("CREATE TABLE planted (id int PRIMARY KEY, t text); CREATE TABLE city (id int PRIMARY KEY, name varchar(99))");
    sql(fill);
    sql(&format!("INSERT INTO city VALUES (1, '{KEPT}')"));
    let word = sql("SELECT t FROM planted WHERE id = 7");
    let word = word.trim();
    let rules = "key = 'key'\n[scrub.tables.planted]\nid = 'keep'\nt = 'shape'\n[scrub.tables.city]\n'*' = 'keep'\n";
    let session = session(rules);
    let key = KeyTrace::of(&session);
    let capture = || {
        let args = ["-vvv", "capture", url, "--name", "prod", "--jobs", "1"];
        session.command(&args).env("RUST_LOG", "trace").output().unwrap()
    };
    for (plant, pull) in plants {
        sql(&plant.replace("{}", word));
        let ran = capture();
        assert_eq!(ran.status.code(), Some(4), "{}", String::from_utf8_lossy(&ran.stderr));
        let mut places = files(session.dir());
        places.retain(|(name, _)| !name.ends_with("/key"));
        let packs: Vec<(String, Vec<u8>)> =
            places.iter().map(|(name, bytes)| (name.clone(), decompressed(bytes))).collect();
        places.extend(packs);
        places.extend([("stdout".to_owned(), ran.stdout), ("stderr".to_owned(), ran.stderr)]);
        search("what a refused capture leaves", &places);
        key.search("what a refused capture leaves", &places);
        sql(pull);
    }
    assert_eq!(capture().status.code(), Some(0));
}

#[test]
fn a_capture_that_crashes_leaves_no_core_file_and_no_canary() {
    leaves_nothing_when_it_crashes(&planted("planted_and_crashed"));
}

pub fn leaves_nothing_when_it_crashes(planted: &Planted) {
    let session = session(planted.policy);
    // A shell that allows core files, as a service may.
    let program = env!("CARGO_BIN_EXE_offshoot");
    let mut command = std::process::Command::new("sh");
    command.args(["-c", "ulimit -c unlimited 2>/dev/null; exec \"$0\" \"$@\"", program]);
    command.args(["-v", "capture", &planted.source, "--name", "prod", "--jobs", "1"]);
    let log = session.dir().join("stderr");
    command.current_dir(session.dir()).env("HOME", session.dir()).stdin(Stdio::null()).stdout(Stdio::null());
    let mut child = command.stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
    let reads = || fs::read_to_string(&log).unwrap().contains("step=\"data\"");
    let (ended, _) = watch(&mut child, reads);
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap_or_default();
    if ended.is_none() {
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
        // As a failed assertion of the C library would.
        assert!(
            std::process::Command::new("kill").args(["-ABRT", &child.id().to_string()]).status().unwrap().success()
        );
    }
    let status = child.wait().unwrap();
    println!("it ended by signal {:?}", status.signal());
    assert!(!status.core_dumped(), "{status:?}");
    let left = files(session.dir());
    assert!(!left.iter().any(|(name, _)| Path::new(name).file_name().unwrap().to_string_lossy().starts_with("core")));
    search("files after a crash", &left);
    let packs: Vec<(String, Vec<u8>)> = left.into_iter().map(|(name, bytes)| (name, decompressed(&bytes))).collect();
    search("files after a crash, decompressed", &packs);
    // Nothing is visible, and the next capture is none the worse for it.
    assert!(ended.is_some() || session.quietly(&["log"]).stdout.starts_with("no snapshots"));
    assert_eq!(session.quietly(&["capture", &planted.source, "--name", "prod"]).code, Some(0));
}
