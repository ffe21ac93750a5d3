//! A target: it refuses what is not empty, is marked until everything is there, and says what is not as the snapshot has it.

use crate::kit::{Engine, Taken, engines};
use crate::watched::Watched;
use offshoot_core::target::{Choices, Counted, Difference, Mark, Target};
use offshoot_core::{Control, Event};
use offshoot_format::ids::SnapshotId;
use offshoot_restore::{Options, Plan, RawSnapshot, RestoreError, RestoreReport, apply};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SHOP: &str = "
CREATE TABLE users (id INT PRIMARY KEY, email VARCHAR(40) NOT NULL);
CREATE TABLE orders (id INT PRIMARY KEY, who INT, CONSTRAINT buyer FOREIGN KEY (who) REFERENCES users (id));
INSERT INTO users WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900) SELECT i, CONCAT('user', i) FROM n;
INSERT INTO orders VALUES (1, 900), (2, NULL);
CREATE INDEX by_email ON users (email);
CREATE VIEW emails AS SELECT email FROM users";

const ROWS: &str =
    "SELECT (SELECT COUNT(*) FROM users), (SELECT COUNT(*) FROM orders), (SELECT MAX(email) FROM emails)";

fn id() -> SnapshotId {
    SnapshotId::from_bytes([0x11; 32])
}

fn options(force: bool) -> Options {
    let mut options = Options::default();
    options.choices.jobs = 2;
    options.force = force;
    options
}

/// A snapshot of the shop.
fn shop(engine: &Engine) -> Taken {
    let from = engine.fresh_db("shop");
    engine.sql(&from, SHOP);
    engine.take(&from)
}

fn restore(taken: &Taken, target: &dyn Target, force: bool, control: &Control) -> Result<RestoreReport, RestoreError> {
    let snapshot = RawSnapshot::acknowledge(id(), &taken.manifest, taken.rows.as_ref());
    apply(&Plan::new(snapshot, target, options(force))?, target, control)
}

#[track_caller]
fn assert_whole(engine: &Engine, db: &str, taken: &Taken) {
    let target = engine.target(db);
    assert_eq!(target.inspect(&taken.manifest).unwrap().mark, None, "{}", engine.name);
    assert_eq!(differences(target.as_ref(), taken), [], "{}", engine.name);
    let rows = engine.sql(db, ROWS).replace('|', "\t");
    assert_eq!(rows, "900\t2\tuser99", "{}", engine.name);
}

fn differences(target: &dyn Target, taken: &Taken) -> Vec<Difference> {
    let choices = Choices::default();
    let inspection = target.inspect(&taken.manifest).unwrap();
    let adapted = target.adapt(&taken.manifest, &inspection, &choices);
    let mut session = target.session(&choices).unwrap();
    // As a restore does it: the target is marked until it is known to be whole.
    let mark = Mark { snapshot: "s".to_owned(), step: "compare".to_owned(), extensions: Vec::new(), roles: Vec::new() };
    session.mark(&mark).unwrap();
    let differences = session.compare(&taken.manifest, &adapted).unwrap();
    session.unmark().unwrap();
    differences
}

#[test]
fn what_is_not_empty_is_refused_and_named_and_can_be_dropped() {
    for engine in engines() {
        let (taken, to) = (shop(&engine), engine.fresh_db("occupied"));
        let target = engine.target(&to);
        let empty = target.inspect(&taken.manifest).unwrap();
        assert!(empty.objects.is_empty() && empty.mark.is_none(), "{}: {:?}", engine.name, empty.objects);
        assert_eq!(empty.database, to);
        let there =
            "CREATE TABLE mine (a INT); INSERT INTO mine VALUES (1); CREATE VIEW over_mine AS SELECT a FROM mine";
        engine.sql(&to, there);
        let error = restore(&taken, target.as_ref(), false, &Control::default()).unwrap_err();
        assert!(matches!(&error, RestoreError::NotEmpty { .. }) && error.is_refusal(), "{}: {error}", engine.name);
        assert!(error.to_string().contains("mine") && error.to_string().contains("over_mine"), "{error}");
        assert_eq!(engine.sql(&to, "SELECT a FROM over_mine"), "1");
        // The statements drop everything in the order in which they are listed.
        let objects = target.inspect(&taken.manifest).unwrap().objects;
        objects.iter().for_each(|object| drop(engine.sql(&to, &object.drop_sql)));
        assert!(target.inspect(&taken.manifest).unwrap().objects.is_empty(), "{}", engine.name);
        engine.sql(&to, there);
        restore(&taken, target.as_ref(), true, &Control::default()).unwrap_or_else(|error| panic!("{error}"));
        assert_whole(&engine, &to, &taken);
    }
}

#[test]
fn marks_are_set_changed_read_and_removed() {
    for engine in engines() {
        let (taken, to) = (shop(&engine), engine.fresh_db("marked"));
        let target = engine.target(&to);
        let mark = |step: &str| Mark {
            snapshot: "s\u{e9}'\\".to_owned(),
            step: step.to_owned(),
            extensions: vec!["an \"extension\"".to_owned()],
            roles: vec!["a, role".to_owned(), String::new()],
        };
        let there = || target.inspect(&taken.manifest).unwrap().mark;
        let mut session = target.session(&Choices::default()).unwrap();
        for step in ["begin", "load t'\u{1f41b}"] {
            session.mark(&mark(step)).unwrap();
            drop(session);
            assert_eq!(there(), Some(mark(step)), "{}", engine.name);
            session = target.session(&Choices::default()).unwrap();
        }
        session.unmark().unwrap();
        session.unmark().unwrap();
        drop(session);
        let inspection = target.inspect(&taken.manifest).unwrap();
        assert!(
            inspection.mark.is_none() && inspection.objects.is_empty(),
            "{}: {:?}",
            engine.name,
            inspection.objects
        );
    }
}

/// What a restore does, in order.
fn operations(engine: &Engine, taken: &Taken) -> Vec<String> {
    let (to, seen) = (engine.fresh_db("watched"), Mutex::new(Vec::new()));
    let target = engine.target(&to);
    let hook = |_: usize, what: &str| seen.lock().unwrap().push(what.to_owned());
    restore(taken, &Watched::new(target.as_ref(), &hook), false, &Control::default())
        .unwrap_or_else(|error| panic!("{}: {error}", engine.name));
    assert_whole(engine, &to, taken);
    seen.into_inner().unwrap()
}

#[test]
fn a_restore_that_is_stopped_anywhere_stays_marked_and_a_rerun_completes() {
    for engine in engines() {
        let (taken, to) = (shop(&engine), engine.fresh_db("stopped"));
        let target = engine.target(&to);
        let operations = operations(&engine, &taken);
        for what in ["load users", "load orders", "count", "compare", "unmark"] {
            assert!(operations.iter().any(|operation| operation == what), "{}: {what}: {operations:?}", engine.name);
        }
        for (point, operation) in operations.iter().enumerate() {
            let control = Control::default();
            let hook = |number: usize, _: &str| {
                if number == point {
                    control.cancel();
                }
            };
            // After the last look at it, a restore that is asked to stop is as good as done.
            match restore(&taken, &Watched::new(target.as_ref(), &hook), true, &control) {
                Ok(_) => assert_whole(&engine, &to, &taken),
                Err(RestoreError::Cancelled { .. }) => {
                    let inspection = target.inspect(&taken.manifest).unwrap();
                    let is_clean = inspection.objects.is_empty() && point == 0;
                    assert!(inspection.mark.is_some() || is_clean, "{} {operation}", engine.name);
                }
                Err(error) => panic!("{} {operation}: {error}", engine.name),
            }
        }
        let stops = AtomicBool::new(true);
        let control = Control::default();
        let hook = |_: usize, what: &str| {
            if what == "load users" && stops.swap(false, Ordering::SeqCst) {
                control.cancel();
            }
        };
        let error = restore(&taken, &Watched::new(target.as_ref(), &hook), true, &control).unwrap_err();
        assert!(matches!(error, RestoreError::Cancelled { .. }), "{error}");
        // What an unfinished restore has left needs no force.
        restore(&taken, target.as_ref(), false, &Control::default())
            .unwrap_or_else(|error| panic!("{}: {error}", engine.name));
        assert_whole(&engine, &to, &taken);
    }
}

#[test]
fn what_is_interrupted_while_rows_are_sent_fails_and_a_rerun_completes() {
    for engine in engines() {
        let (taken, to) = (shop(&engine), engine.fresh_db("interrupted"));
        let target = engine.target(&to);
        let (sends, is_over) = (Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
        let sending = Arc::clone(&sends);
        let control = Control::new(move |event| {
            sending.fetch_or(matches!(event, Event::Rows { .. }), Ordering::SeqCst);
        });
        // Over and over: a single time may come between two statements, when there is nothing to end.
        let error = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    if sends.load(Ordering::SeqCst) {
                        target.interrupt();
                    }
                    std::thread::sleep(Duration::from_millis(1));
                }
            });
            let outcome = restore(&taken, target.as_ref(), false, &control);
            is_over.store(true, Ordering::SeqCst);
            outcome.unwrap_err()
        });
        assert!(matches!(error, RestoreError::Step { .. }), "{}: {error}", engine.name);
        assert!(target.inspect(&taken.manifest).unwrap().mark.is_some(), "{}", engine.name);
        restore(&taken, target.as_ref(), false, &Control::default())
            .unwrap_or_else(|error| panic!("{}: {error}", engine.name));
        assert_whole(&engine, &to, &taken);
        // With nothing to end it does nothing.
        target.interrupt();
    }
}

#[test]
fn what_differs_is_found_and_named_without_values() {
    for engine in engines() {
        let (taken, to) = (shop(&engine), engine.fresh_db("compared"));
        let target = engine.target(&to);
        restore(&taken, target.as_ref(), false, &Control::default()).unwrap();
        assert_whole(&engine, &to, &taken);
        let count = |table: &str| {
            let counted = Counted::Table(engine.schema.to_owned(), table.to_owned());
            target.session(&Choices::default()).unwrap().count(&counted).unwrap()
        };
        assert_eq!((count("users"), count("orders")), (900, 2));
        engine.sql(&to, "DELETE FROM orders WHERE id = 2");
        assert_eq!((count("users"), count("orders")), (900, 1), "{}", engine.name);
        for (change, named) in [
            (engine.drop_index("by_email", "users"), "by_email"),
            ("DROP VIEW emails".to_owned(), "emails"),
            ("CREATE TABLE alone (a INT)".to_owned(), "alone"),
            ("ALTER TABLE orders ADD COLUMN note VARCHAR(9) DEFAULT 'canary'".to_owned(), "orders"),
        ] {
            let before = differences(target.as_ref(), &taken).len();
            engine.sql(&to, &change);
            let found = differences(target.as_ref(), &taken);
            assert!(found.len() > before, "{}: {change} is not seen: {found:?}", engine.name);
            assert!(found.iter().any(|difference| difference.object.contains(named)), "{}: {found:?}", engine.name);
            assert!(!found.iter().any(|difference| difference.to_string().contains("canary")), "{found:?}");
        }
    }
}

#[test]
fn the_same_snapshot_is_the_same_work() {
    for engine in engines() {
        let (taken, to) = (shop(&engine), engine.fresh_db("adapted"));
        let target = engine.target(&to);
        let inspection = target.inspect(&taken.manifest).unwrap();
        let adapt = || target.adapt(&taken.manifest, &inspection, &Choices::default());
        let (works, again) = (adapt().works, adapt().works);
        assert_eq!(works, again, "{}", engine.name);
        let tables = works.iter().filter(|work| work.makes_table).count();
        assert_eq!(tables, 2, "{}", engine.name);
        assert!(!format!("{works:?}").contains("user99"), "values in work");
        assert_eq!(target.inspect(&taken.manifest).unwrap().objects, [], "{}: looking changes nothing", engine.name);
    }
}
