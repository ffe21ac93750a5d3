//! Captures beside schema changes at random: each one that succeeds has exactly the tables, columns and rows of one moment.
//!
//! Strategy: another session makes, drops, empties, refills, renames and rewrites tables, lets two schemas change places and
//! renames the label of an enum, and writes in the same transaction into the table `truth` which tables there are, with how many
//! columns and rows, and what the label is. A capture has that table too, so that it
//! says itself what must be in it. OFFSHOOT_SEED repeats the changes, OFFSHOOT_LONG makes many captures.

use crate::memory::Memory;
use crate::{capture_as, options, story};
use offshoot_core::source::Captured;
use offshoot_core::{Control, CoreError};
use offshoot_engines::EngineError;
use offshoot_testkit::postgres::{Server, shared};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Columns and rows by the table's name.
type Truth = BTreeMap<String, (usize, usize)>;

struct Changer {
    random: u64,
    /// Names given to tables, columns and the label so far.
    names: u64,
    /// The label of the enum.
    label: String,
    tables: Vec<Changing>,
}

#[derive(Clone)]
struct Changing {
    name: String,
    columns: Vec<String>,
    rows: u64,
}

impl Changer {
    fn below(&mut self, end: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % end
    }

    fn name(&mut self, kind: &str) -> String {
        self.names += 1;
        format!("{kind}{}", self.names)
    }

    /// A change as SQL, and what there is after it.
    fn next(&mut self) -> (String, Vec<Changing>) {
        let (what, rows) = (self.below(12), 1 + self.below(500));
        let mut after = self.tables.clone();
        if what == 9 {
            return (SWAP.to_owned(), after);
        }
        if what == 10 {
            let old = std::mem::replace(&mut self.label, format!("l{}", self.names + 1));
            self.names += 1;
            let sql = format!(
                "ALTER TYPE mood RENAME VALUE '{old}' TO '{0}'; UPDATE truth SET name = 'label {0}' WHERE name LIKE 'label %'",
                self.label
            );
            return (sql, after);
        }
        if after.len() < 3 || what == 0 && after.len() < 8 {
            let new = Changing { name: self.name("t"), columns: Vec::new(), rows };
            let sql = made(&new);
            after.push(new);
            return (sql, after);
        }
        let at = self.below(after.len() as u64) as usize;
        let added = self.name("c");
        let table = &mut after[at];
        let old = table.name.clone();
        let sql = match what {
            1 => {
                after.remove(at);
                format!("DROP TABLE {old}; DELETE FROM truth WHERE name = '{old}'")
            }
            2 => {
                table.rows = 0;
                format!("TRUNCATE {old}")
            }
            3 => {
                table.rows = rows;
                format!("TRUNCATE {old}; INSERT INTO {old} (id) SELECT generate_series(1, {rows})")
            }
            4 => {
                table.columns.push(added.clone());
                format!("ALTER TABLE {old} ADD {added} int DEFAULT 1")
            }
            5 => match table.columns.pop() {
                Some(column) => format!("ALTER TABLE {old} DROP {column}"),
                None => format!("ALTER TABLE {old} ALTER id TYPE bigint, ALTER id SET NOT NULL"),
            },
            6 => {
                table.name = added.replace('c', "t");
                format!(
                    "ALTER TABLE {old} RENAME TO {0}; UPDATE truth SET name = '{0}' WHERE name = '{old}'",
                    table.name
                )
            }
            // The same name for another table.
            7 => {
                *table = Changing { name: old.clone(), columns: vec![added.clone()], rows };
                let made = made(table);
                format!(
                    "DROP TABLE {old}; DELETE FROM truth WHERE name = '{old}'; {made}; ALTER TABLE {old} ADD {added} text"
                )
            }
            _ => {
                table.rows += rows;
                format!("INSERT INTO {old} (id) SELECT generate_series(1, {rows}); CREATE INDEX ON {old} (id)")
            }
        };
        let noted = after.iter().map(|table| {
            let (name, columns, rows) = (&table.name, 2 + table.columns.len(), table.rows);
            format!("UPDATE truth SET columns = {columns}, rows = {rows} WHERE name = '{name}'")
        });
        (format!("{sql}; {}", noted.collect::<Vec<_>>().join("; ")), after)
    }
}

/// What there is from the beginning beside the tables that come and go.
const BEGIN: &str = "
CREATE TABLE truth (name text PRIMARY KEY, columns int NOT NULL, rows int NOT NULL);
CREATE SCHEMA a; CREATE TABLE a.swapped AS SELECT generate_series(1, 10) i;
CREATE SCHEMA b; CREATE TABLE b.swapped AS SELECT generate_series(1, 20) i;
CREATE TYPE mood AS ENUM ('l0'); CREATE TABLE moods AS SELECT 'l0'::mood AS m;
INSERT INTO truth VALUES ('a.swapped', 1, 10), ('b.swapped', 1, 20), ('moods', 1, 1), ('label l0', 0, 0)";

const SWAP: &str = "
ALTER SCHEMA a RENAME TO c; ALTER SCHEMA b RENAME TO a; ALTER SCHEMA c RENAME TO b;
UPDATE truth SET rows = 30 - rows WHERE name LIKE '%.swapped'";

fn made(table: &Changing) -> String {
    let (name, rows) = (&table.name, table.rows);
    format!(
        "CREATE TABLE {name} (id int, v text DEFAULT 'x'); INSERT INTO {name} SELECT generate_series(1, {rows}); \
         INSERT INTO truth VALUES ('{name}', 2, {rows})"
    )
}

/// Changes the schema until it shall stop; gives how often it did.
fn change(server: &Server, db: &str, seed: u64, stop: &AtomicBool) -> u64 {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&server.url(db), tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute("SET lock_timeout = '300ms'; SET client_min_messages = error").await.unwrap();
        let mut changer = Changer { random: seed, names: 0, label: "l0".to_owned(), tables: Vec::new() };
        let mut changes = 0;
        while !stop.load(Ordering::SeqCst) {
            // Without a pause hardly any capture finds the moment to lock what it has listed.
            tokio::time::sleep(Duration::from_millis(changer.below(40))).await;
            let (sql, after) = changer.next();
            match client.batch_execute(&format!("BEGIN; {sql}; COMMIT")).await {
                Ok(()) => {
                    changer.tables = after;
                    changes += 1;
                }
                Err(error) => {
                    // It waited for a capture's lock; what waits for none is never refused.
                    assert_eq!(error.code().map(|code| code.code()), Some("55P03"), "{error:?} in {sql}");
                    client.batch_execute("ROLLBACK").await.unwrap();
                }
            }
        }
        changes
    })
}

fn truth(memory: &Memory) -> Truth {
    let number = |cell: &Option<Vec<u8>>| u32::from_be_bytes(cell.clone().unwrap().try_into().unwrap()) as usize;
    let name = |cell: &Option<Vec<u8>>| String::from_utf8(cell.clone().unwrap()).unwrap();
    let rows = memory.table("public", "truth").rows;
    rows.iter().map(|row| (name(&row[0]), (number(&row[1]), number(&row[2])))).collect()
}

fn check(captured: &Captured, memory: &Memory, seed: u64) {
    let truth = truth(memory);
    let tables = memory.tables.lock().unwrap();
    let named =
        |schema: &str, name: &str| if schema == "public" { name.to_owned() } else { format!("{schema}.{name}") };
    let mut found: Truth = tables
        .iter()
        .filter(|((_, name), _)| name != "truth")
        .map(|((schema, name), table)| {
            (named(schema, name), (table.spec.as_ref().unwrap().columns.len(), table.rows.len()))
        })
        .collect();
    let label =
        String::from_utf8(tables[&("public".to_owned(), "moods".to_owned())].rows[0][0].clone().unwrap()).unwrap();
    found.insert(format!("label {label}"), (0, 0));
    assert_eq!(found, truth, "OFFSHOOT_SEED={seed}: a wrong capture");
    let labels = captured.schema.iter().filter_map(|item| item.label.strip_prefix("TABLE "));
    let labels = labels.map(|name| name.strip_prefix("public.").unwrap_or(name)).filter(|name| *name != "truth");
    let mut labels: Vec<String> = labels.map(str::to_owned).collect();
    let made = captured.schema.iter().find(|item| item.label == "TYPE public.mood").unwrap();
    assert!(made.sql.contains(&format!("'{label}'")), "OFFSHOOT_SEED={seed}: {label} in the rows, {}", made.sql);
    labels.push(format!("label {label}"));
    labels.sort_unstable();
    assert!(labels.iter().eq(truth.keys()), "OFFSHOOT_SEED={seed}: {labels:?} in the schema, {truth:?} in the rows");
}

#[test]
fn no_schema_change_makes_a_capture_wrong() {
    let given = std::env::var("OFFSHOOT_SEED").ok().and_then(|seed| seed.parse().ok());
    let clock = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let seed = given.unwrap_or_else(clock);
    println!("schema changes: OFFSHOOT_SEED={seed}");
    let captures = if std::env::var_os("OFFSHOOT_LONG").is_some() { 500 } else { 12 };
    let (server, db) = (shared(), shared().fresh_db("changes"));
    server.psql(&db, BEGIN);
    let (stop, changes) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut done = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| changes.store(change(server, &db, seed, &stop), Ordering::SeqCst));
        // Also when an assertion fails: the other thread is waited for.
        let _stop = StopOnDrop(&stop);
        for _ in 0..captures {
            let mut options = options(server);
            options.lock_wait = Duration::from_secs(20);
            match capture_as(&server.url(&db), options, &Control::default()) {
                Ok((captured, memory)) => {
                    check(&captured, &memory, seed);
                    done += 1;
                }
                Err(CoreError::Source { source, retryable }) => {
                    let error = source.downcast::<EngineError>().unwrap();
                    assert!(retryable, "OFFSHOOT_SEED={seed}: {}", story(&*error));
                    eprintln!("refused: {}", story(&*error));
                }
                Err(error) => panic!("OFFSHOOT_SEED={seed}: {}", story(&error)),
            }
        }
    });
    let (captured, memory) = capture_as(&server.url(&db), options(server), &Control::default()).unwrap();
    check(&captured, &memory, seed);
    println!(
        "schema changes: {} beside {captures} captures, {done} done, {} given up, wrong captures 0",
        changes.into_inner(),
        captures - done
    );
    assert!(done > 0, "none of them came through");
}

struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}
