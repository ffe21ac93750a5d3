//! A source: one state of all tables, listed in full, whatever goes on meanwhile; and ends that are told by their kind.

use crate::kit::{Engine, How, engines};
use crate::memory::{Memory, Row};
use offshoot_core::source::{Captured, RangeSink, Sink, TableSink};
use offshoot_core::{Control, CoreError, Event, Result};
use offshoot_format::table::TableSpec;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Duration;

/// `n` from 0 to 999.
const THOUSAND: &str = "WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999)";

pub fn how(jobs: usize) -> How {
    How { jobs, max_block: Duration::from_secs(60) }
}

pub fn capture(engine: &Engine, db: &str, how: &How, control: &Control) -> Result<(Captured, Memory)> {
    let memory = Memory::new();
    let captured = engine.source(db, how).capture(&memory, control)?;
    Ok((captured, memory))
}

/// Columns and rows of each table.
pub type State = BTreeMap<String, (Vec<String>, Vec<Row>)>;

pub fn state(memory: Memory) -> State {
    let tables = memory.tables.into_inner().unwrap();
    let of = |((_, name), mut table): ((String, String), crate::memory::Table)| {
        assert!(table.is_finished, "{name} was begun and not finished");
        table.rows.sort();
        let columns = table.spec.unwrap().columns.into_iter().map(|column| column.name).collect();
        (name, (columns, table.rows))
    };
    tables.into_iter().map(of).collect()
}

pub fn ledger(engine: &Engine, name: &str) -> String {
    let db = engine.fresh_db(name);
    engine.sql(
        &db,
        &format!(
            "CREATE TABLE debit (id INT PRIMARY KEY, amount INT NOT NULL, filler VARCHAR(400));
             CREATE TABLE credit (id INT PRIMARY KEY, amount INT NOT NULL, filler VARCHAR(400));
             INSERT INTO debit {THOUSAND} SELECT i, 0, REPEAT('x', 400) FROM n; INSERT INTO credit SELECT * FROM debit;
             ANALYZE {}debit; ANALYZE {}credit",
            if engine.schema.is_empty() { "TABLE " } else { "" },
            if engine.schema.is_empty() { "TABLE " } else { "" }
        ),
    );
    db
}

#[test]
fn several_workers_see_one_state_beside_writers() {
    for engine in engines() {
        let db = ledger(&engine, "one_state");
        let (is_over, transfers) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for writer in 0..2_u64 {
                let (engine, db, is_over, transfers) = (&engine, &db, &is_over, &transfers);
                scope.spawn(move || {
                    while !is_over.load(Ordering::Relaxed) {
                        let at = transfers.fetch_add(50, Ordering::Relaxed) * 7 + writer;
                        let transfer = |number: u64| {
                            let (id, other) = ((at + number) % 1000, 999 - (at + number) % 1000);
                            format!(
                                "BEGIN; UPDATE debit SET amount = amount - 1 WHERE id = {id};
                                 UPDATE credit SET amount = amount + 1 WHERE id = {other}; COMMIT;\n"
                            )
                        };
                        // Two of them may meet in a deadlock, which ends one of them as a whole.
                        let _ = engine.try_sql(db, &(0..50).map(transfer).collect::<String>());
                    }
                });
            }
            let _over = SetOnDrop(&is_over);
            for _ in 0..5 {
                let (_, memory) = capture(&engine, &db, &how(3), &Control::default())
                    .unwrap_or_else(|error| panic!("{}: {error:?}", engine.name));
                let sum = |table: &str| -> i64 {
                    let rows = memory.table(engine.schema, table).rows;
                    assert_eq!(rows.len(), 1000, "{}", engine.name);
                    let amount = |row: &Row| i32::from_be_bytes(row[1].clone().unwrap().try_into().unwrap());
                    rows.iter().map(|row| i64::from(amount(row))).sum()
                };
                assert_eq!(sum("debit") + sum("credit"), 0, "{}", engine.name);
            }
        });
        println!("{}: {} transfers beside 5 captures", engine.name, transfers.into_inner());
    }
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn tables_rows_and_bytes_are_listed() {
    for engine in engines() {
        let db = ledger(&engine, "listed");
        engine.sql(
            &db,
            "CREATE TABLE vacant (a INT, b VARCHAR(9)); CREATE TABLE few (id INT PRIMARY KEY, c VARCHAR(30));
             INSERT INTO few VALUES (1, NULL), (2, ''), (3, 'it''s'); CREATE INDEX by_c ON few (c);
             CREATE VIEW v AS SELECT id FROM few",
        );
        let (totals, rows, bytes) =
            (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let seen = (Arc::clone(&totals), Arc::clone(&rows), Arc::clone(&bytes));
        let control = Control::new(move |event| match event {
            Event::Total { rows, bytes } => seen.0.lock().unwrap().push((*rows, *bytes)),
            Event::Rows { rows, bytes } => {
                seen.1.fetch_add(*rows, Ordering::Relaxed);
                seen.2.fetch_add(*bytes, Ordering::Relaxed);
            }
            _ => {}
        });
        let (captured, memory) = capture(&engine, &db, &how(2), &control).unwrap();
        assert_eq!((captured.origin.engine.as_str(), captured.origin.database.as_str()), (engine.name, db.as_str()));
        assert!(captured.environment.server_version_num > 50_000 && !captured.environment.settings.is_empty());
        for object in ["TABLE few", "TABLE vacant", "VIEW v", "INDEX"] {
            let parts: Vec<&str> = object.split(' ').collect();
            let is = |label: &str| label.starts_with(parts[0]) && parts.get(1).is_none_or(|name| label.ends_with(name));
            assert!(captured.schema.iter().any(|item| is(&item.label)), "{object} of {}", engine.name);
        }
        assert!(captured.not_carried.is_empty(), "{:?}", captured.not_carried);
        let few = memory.table(engine.schema, "few").rows;
        let text = |text: &str| Some(text.as_bytes().to_vec());
        let mut texts: Vec<_> = few.into_iter().map(|row| row[1].clone()).collect();
        texts.sort();
        assert_eq!(texts, [None, text(""), text("it's")], "{}", engine.name);
        let state = state(memory);
        let counts: BTreeMap<&str, usize> = state.iter().map(|(name, (_, rows))| (name.as_str(), rows.len())).collect();
        assert_eq!(counts, [("credit", 1000), ("debit", 1000), ("few", 3), ("vacant", 0)].into(), "{}", engine.name);
        assert_eq!(state["vacant"].0, ["a", "b"]);
        assert_eq!(rows.load(Ordering::Relaxed), 2003, "{}", engine.name);
        // What was sent is at least the long texts.
        assert!(bytes.load(Ordering::Relaxed) >= 800_000, "{}", engine.name);
        let totals = totals.lock().unwrap();
        assert!(totals.len() == 1 && totals[0].1 > 0, "{}: {totals:?}", engine.name);
    }
}

/// Steps of a capture, in the order in which they began.
pub fn steps(engine: &Engine, db: &str) -> Vec<String> {
    let steps = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&steps);
    let control = Control::new(move |event| {
        if let Event::Step { name } = event {
            seen.lock().unwrap().push(name.clone());
        }
    });
    capture(engine, db, &how(2), &control).unwrap_or_else(|error| panic!("{}: {error:?}", engine.name));
    let steps = steps.lock().unwrap().clone();
    assert!(steps.iter().any(|step| step == "data"), "{}: {steps:?}", engine.name);
    steps
}

const CHANGING: &str = "CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(20)); CREATE TABLE u (id INT PRIMARY KEY);
INSERT INTO t VALUES (1, 'a'), (2, 'b'); INSERT INTO u VALUES (7)";

#[test]
fn a_schema_that_changes_at_any_step_is_captured_as_it_was_or_is_or_not_at_all() {
    for engine in engines() {
        let whole = |db: &str| state(capture(&engine, db, &how(2), &Control::default()).unwrap().1);
        let fresh = || {
            let db = engine.fresh_db("changed");
            engine.sql(&db, CHANGING);
            db
        };
        let db = fresh();
        let (steps, before) = (steps(&engine, &db), whole(&db));
        let mut refused = 0;
        for ddl in [
            "ALTER TABLE t ADD COLUMN w INT DEFAULT 5",
            "DROP TABLE u",
            "TRUNCATE TABLE t",
            "ALTER TABLE t RENAME TO w",
        ] {
            let db = fresh();
            engine.sql(&db, ddl);
            let after = whole(&db);
            assert_ne!(before, after, "{}: {ddl} does nothing", engine.name);
            for step in &steps {
                match changed_at(&engine, &fresh(), step, ddl) {
                    Ok((_, memory)) => {
                        let found = state(memory);
                        assert!(found == before || found == after, "{} {step} {ddl}: {found:?}", engine.name);
                    }
                    Err(CoreError::Source { retryable: true, .. }) => refused += 1,
                    Err(error) => panic!("{} {step} {ddl}: {error:?}", engine.name),
                }
            }
        }
        println!("{}: {refused} captures beside schema changes gave up, none was wrong", engine.name);
    }
}

/// Captures, while the schema is changed as soon as a step begins. Whoever changes it may have to wait for the capture.
fn changed_at(engine: &Engine, db: &str, step: &str, ddl: &str) -> Result<(Captured, Memory)> {
    let (begin, begun) = mpsc::channel::<()>();
    let (end, ended) = mpsc::channel::<()>();
    let (begin, ended) = (Mutex::new(Some(begin)), Mutex::new(ended));
    let at = step.to_owned();
    let control = Control::new(move |event| {
        if matches!(event, Event::Step { name } if *name == at)
            && let Some(begin) = begin.lock().unwrap().take()
        {
            let _ = begin.send(());
            let _ = ended.lock().unwrap().recv_timeout(Duration::from_millis(400));
        }
    });
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if begun.recv().is_ok() {
                engine.sql(db, ddl);
                let _ = end.send(());
            }
        });
        let how = How { jobs: 2, max_block: Duration::from_millis(300) };
        let outcome = capture(engine, db, &how, &control);
        // Ends who still waits to begin.
        drop(control);
        outcome
    })
}

#[test]
fn a_capture_is_cancelled_at_any_step_and_leaves_nothing_locked() {
    for engine in engines() {
        let db = ledger(&engine, "cancelled");
        let moments = steps(&engine, &db).into_iter().map(Some).chain([None]);
        for moment in moments {
            let cell: Arc<OnceLock<Control>> = Arc::default();
            let (inner, at) = (Arc::clone(&cell), moment.clone());
            let control = Control::new(move |event| {
                let is_it = match (event, &at) {
                    (Event::Step { name }, Some(at)) => name == at,
                    (Event::Rows { .. }, None) => true,
                    _ => false,
                };
                if is_it {
                    inner.get().unwrap().cancel();
                }
            });
            cell.set(control.clone()).ok().unwrap();
            let error = capture(&engine, &db, &how(2), &control).err();
            assert!(matches!(error, Some(CoreError::Cancelled)), "{} {moment:?}: {error:?}", engine.name);
            let limit = if engine.schema.is_empty() {
                "SET SESSION lock_wait_timeout = 20"
            } else {
                "SET lock_timeout = '20s'"
            };
            engine.sql(&db, &format!("{limit}; ALTER TABLE debit ADD COLUMN w INT; ALTER TABLE debit DROP COLUMN w"));
        }
    }
}

/// A sink that refuses tables or rows.
struct Refusing {
    memory: Memory,
    refuses_tables: bool,
}

const REFUSED: &str = "the sink of a test refuses";

impl Sink for Refusing {
    fn table<'a>(&'a self, spec: &TableSpec) -> Result<Box<dyn TableSink + 'a>> {
        if self.refuses_tables {
            return Err(CoreError::Protocol(REFUSED));
        }
        Ok(Box::new(RefusingTable(Sink::table(&self.memory, spec)?)))
    }
}

struct RefusingTable<'a>(Box<dyn TableSink + 'a>);

impl TableSink for RefusingTable<'_> {
    fn range(&self, _scattered: bool) -> Result<Box<dyn RangeSink + '_>> {
        Err(CoreError::Protocol(REFUSED))
    }

    fn finish(self: Box<Self>) -> Result<()> {
        self.0.finish()
    }
}

#[test]
fn an_error_of_the_sink_comes_as_it_is() {
    for engine in engines() {
        let db = ledger(&engine, "refusing");
        for refuses_tables in [true, false] {
            let sink = Refusing { memory: Memory::new(), refuses_tables };
            let error = engine.source(&db, &how(2)).capture(&sink, &Control::default()).err();
            assert!(matches!(error, Some(CoreError::Protocol(REFUSED))), "{}: {error:?}", engine.name);
        }
    }
}
