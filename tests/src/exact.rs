//! How many tables of a database come out exact: rows by SQL of its own, content by a second capture, definitions and rows
//! once more by pg_dump, of each table and of all else that is in the database.
//!
//! What differs is looked at in a third database too, made by pg_dump and psql. What pg_dump says of an object, or the
//! rows of a materialized view, that these change to the very same is told apart and is not counted as a miss: the order
//! of columns that a table and its parent both declare, a view that was not fresh at the source, and how a newer server
//! prints it.

use crate::{Scratch, capture, restore};
use offshoot::Store;
use offshoot::manifest::{Manifest, TableEntry};
use offshoot_testkit::fingerprint::try_fingerprint;
use offshoot_testkit::postgres::{Binaries, PostgresError, Server};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a comparison found.
#[derive(Debug, Default)]
pub struct Report {
    /// Tables of the database that hold rows.
    tables: BTreeSet<String>,
    /// Tables and other objects that are not exact, and what differs.
    misses: BTreeMap<String, BTreeSet<&'static str>>,
    /// Objects that pg_dump and psql change in the same way.
    shared: BTreeSet<String>,
    /// What the capture said that it does not carry.
    not_carried: Vec<String>,
    /// Objects that differ after pg_dump and psql.
    of_pg_dump: BTreeSet<String>,
}

impl Report {
    /// Whether nothing is missing and nothing differs.
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.misses.is_empty() && self.not_carried.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (object, what) in &self.misses {
            writeln!(f, "miss: {object}: {}", what.iter().copied().collect::<Vec<_>>().join(", "))?;
        }
        for what in &self.not_carried {
            writeln!(f, "miss: not carried: {what}")?;
        }
        for object in &self.shared {
            writeln!(f, "as by pg_dump and psql: {object}")?;
        }
        let exact = self.tables.iter().filter(|table| !self.misses.contains_key(*table)).count();
        writeln!(f, "a copy by pg_dump and psql differs in {} objects", self.of_pg_dump.len())?;
        write!(f, "{exact}/{} tables exact", self.tables.len())
    }
}

/// Carries `db` to a new database of `target` and compares both.
///
/// # Errors
/// If a database cannot be read by SQL.
pub fn compare(source: &Server, db: &str, target: &Server) -> Result<Report, PostgresError> {
    let scratch = Scratch::default();
    let first = capture(&scratch.store, source, db).manifest;
    // First, so that the copy has another oid than the source: servers made of one template take each other's for the same.
    let peer = target.fresh_db("peer");
    let _errors = target.load_text(&peer, &source.pg_dump_by(target.binaries(), db, &[]));
    let copy = target.fresh_db("copy");
    restore(&scratch.store, target, &copy);
    let report = judge(&scratch.store, &first, [source, target], [db, &copy, &peer])?;
    target.dropdb(&peer);
    target.dropdb(&copy);
    Ok(report)
}

/// Compares a database of the first server, of which the store has a snapshot, with two of the second: a copy, and one by
/// pg_dump and psql.
///
/// # Errors
/// If a database cannot be read by SQL.
pub fn judge(
    store: &Store,
    first: &Manifest,
    [source, target]: [&Server; 2],
    [db, copy, peer]: [&str; 3],
) -> Result<Report, PostgresError> {
    let again = capture(store, target, copy).manifest;
    let mut report = Report { tables: tables(source, db)?, ..Report::default() };
    report.not_carried.extend(first.not_carried.iter().map(|note| format!("{}: {}", note.object, note.reason)));
    let rows = |server, db| Ok::<_, PostgresError>(Objects::of_fingerprint(&try_fingerprint(server, db)?));
    let was = [rows(source, db)?, dump(source, db)];
    let is = [rows(target, copy)?, dump(target, copy)];
    let peers = [rows(target, peer)?, dump(target, peer)];
    for (what, ((was, is), peers)) in ["rows", "pg_dump"].into_iter().zip(was.iter().zip(&is).zip(&peers)) {
        report.of_pg_dump.extend(was.differing(peers));
        for object in was.differing(is) {
            let is_shared = is.0.get(&object) == peers.0.get(&object);
            if is_shared && (what == "pg_dump" || object.starts_with("matview ")) {
                report.shared.insert(object);
            } else {
                report.misses.entry(object).or_default().insert(what);
            }
        }
    }
    for object in contents(first).differing(&contents(&again)) {
        report.misses.entry(object).or_default().insert("content");
    }
    // Beside rows and where sequences stand, a content root depends on the statements of the schema alone, which another
    // major may print otherwise.
    if report.is_exact()
        && source.binaries().major_version() == target.binaries().major_version()
        && report.shared.iter().all(|object| object.starts_with("matview "))
        && first.content_root != again.content_root
    {
        report.misses.entry("the database".to_owned()).or_default().insert("content root");
    }
    Ok(report)
}

/// The tables that users made, by name.
fn tables(server: &Server, db: &str) -> Result<BTreeSet<String>, PostgresError> {
    let names = server.try_psql(
        db,
        "SELECT format('table %I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'",
    )?;
    Ok(names.lines().map(str::to_owned).collect())
}

/// Named things and what is to be equal about them.
#[derive(Debug, Default)]
struct Objects(BTreeMap<String, String>);

impl Objects {
    /// Each line is `kind name what`, and a name may hold blanks.
    fn of_fingerprint(text: &str) -> Self {
        let split = |line: &str| {
            let words = if line.starts_with("table ") || line.starts_with("matview ") { 2 } else { 1 };
            let at = line.rmatch_indices(' ').nth(words - 1).map_or(line.len(), |(at, _)| at);
            (line[..at].to_owned(), line[at..].to_owned())
        };
        Self(text.lines().map(split).collect())
    }

    fn differing(&self, other: &Self) -> BTreeSet<String> {
        let names = self.0.keys().chain(other.0.keys());
        names.filter(|name| self.0.get(*name) != other.0.get(*name)).cloned().collect()
    }

    fn add(&mut self, name: String, what: &str) {
        let text = self.0.entry(name).or_default();
        text.push_str(what);
        text.push('\n');
    }
}

/// What a manifest says of the rows of each table, of the large objects, and where sequences stand.
fn contents(manifest: &Manifest) -> Objects {
    let mut objects = Objects::default();
    let table = |entry: &TableEntry| format!("{:?} {:?} {:?}", entry.spec, entry.root, entry.load);
    for entry in &manifest.content.tables {
        objects.add(format!("table {}", shown(&entry.spec.schema, &entry.spec.name)), &table(entry));
    }
    if let Some(entry) = &manifest.content.large_objects {
        objects.add("large objects".to_owned(), &table(entry));
    }
    for sequence in &manifest.content.sequences {
        let what = format!("{} {}", sequence.last_value, sequence.is_called);
        objects.add(format!("sequence {}", shown(&sequence.schema, &sequence.name)), &what);
    }
    objects
}

/// What the newest pg_dump writes, by the object that it says it is of, without what is left out on purpose. Rows have no
/// order, and where they lie in partitions may depend on the numbers of types.
fn dump(server: &Server, db: &str) -> Objects {
    let newest = Binaries::wanted().pop().unwrap_or_else(|| server.binaries().clone());
    let options = ["--load-via-partition-root", "--no-publications", "--no-subscriptions"];
    let text = server.pg_dump_by(&newest, db, &options);
    let mut objects = Objects::default();
    let mut rows: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut name = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(header) = line.strip_prefix("-- Name: ") {
            name = of_header(header).unwrap_or_default();
        } else if line.starts_with("COPY ") && line.ends_with(" FROM stdin;") {
            rows.entry(line).or_default().extend(lines.by_ref().take_while(|line| *line != "\\."));
        } else if !line.is_empty()
            && !line.starts_with("--")
            && !line.starts_with('\\')
            && !line.starts_with("SET default_")
        {
            objects.add(name.clone(), line);
        }
    }
    objects.0.retain(|name, _| !name.starts_with("user mapping "));
    for (copy, mut rows) in rows {
        rows.sort_unstable();
        objects.add(copy.to_owned(), &rows.join("\n"));
    }
    objects
}

/// `users; Type: TABLE; Schema: public; Owner: x` is `table public.users`.
fn of_header(header: &str) -> Option<String> {
    let (name, rest) = header.split_once("; Type: ")?;
    let (kind, rest) = rest.split_once("; Schema: ")?;
    let (schema, _) = rest.split_once("; ")?;
    Some(format!("{} {}", kind.to_lowercase(), shown(schema, name)))
}

/// A name as SQL's `%I.%I` writes it.
fn shown(schema: &str, name: &str) -> String {
    let quoted = |name: &str| {
        let is_plain = name.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit())
            && !name.starts_with(|c: char| c.is_ascii_digit());
        if is_plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
    };
    format!("{}.{}", quoted(schema), quoted(name))
}
