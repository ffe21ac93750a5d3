//! MySQL and MariaDB through the library: raw captures and comparison, a proposed policy, rows scrubbed under every collation
//! and character set that unique keys and texts come in, and one server's data equal to itself.

#![allow(clippy::unwrap_used)]

use offshoot::scrub::{Key, Policy, Scrub};
use offshoot::{
    CaptureOptions, Connection, Control, Environment, ErrorKind, InitOptions, RestoreOptions, ScanOptions, Store,
    preview, scan,
};
use offshoot_testkit::mysql::{Binaries, Server, shared_of};
use offshoot_testkit::store::plaintext;

const SHOP: &str = "
CREATE TABLE users (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, email VARCHAR(120) NOT NULL, name VARCHAR(60) CHARACTER SET utf8mb3,
  city VARCHAR(60) CHARACTER SET latin1, mood ENUM('glad','sad') NOT NULL, born DATE, seen DATETIME(3), extra JSON, age TINYINT UNSIGNED,
  balance DECIMAL(10,2), picture BLOB, UNIQUE KEY email (email)) CHARACTER SET utf8mb4;
CREATE TABLE orders (id INT PRIMARY KEY, user_email VARCHAR(120) NOT NULL, total FLOAT,
  FOREIGN KEY (user_email) REFERENCES users (email)) CHARACTER SET utf8mb4;
INSERT INTO users (email, name, city, mood, born, seen, extra, age, balance, picture) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
  SELECT CONCAT('Person', i, '@Mail.example.org'), CONCAT('Ren\u{e9} Quibbleton', i), CONCAT('M\u{fc}nchen', i), 1 + i % 2,
    DATE_ADD('1950-01-01', INTERVAL i DAY), '2020-02-03 04:05:06.700', CONCAT('{\"who\": \"Person', i, '\"}'), i % 90, i / 4, REPEAT('p', 30) FROM n;
INSERT INTO users (email, name, city, mood, born, extra) VALUES ('zora.quibbleton@canary-one.example.org', 'Zora Xylotomous', 'Bergen', 'sad', '1971-02-03', '{\"a\": [\"canary-json-55121\"]}');
SET SESSION sql_mode = '';
INSERT INTO users (email, mood, born) VALUES ('zero@mail.example.org', 'glad', '0000-00-00');
INSERT INTO orders SELECT id, email, id / 3 FROM users";

const POLICY: &str = "
[scrub.tables.users]
id = 'keep'
email = 'email'
name = 'full-name'
city = 'shape'
mood = 'one-of'
born = { rule = 'date-shift', by = 'id', days = 30 }
seen = { rule = 'date-shift', by = 'id', days = 30 }
extra = 'json'
age = 'keep'
balance = 'keep'
picture = 'null'
[scrub.tables.orders]
'*' = 'keep'
user_email = 'email'
";

struct Shop {
    server: &'static Server,
    db: String,
    connection: Connection,
}

fn shops(prefix: &str) -> Vec<Shop> {
    let shop = |binaries: Binaries| {
        let server = shared_of(&binaries);
        let db = server.fresh_db(prefix);
        server.sql(&db, SHOP);
        let connection = Connection::parse(&server.url(&db), &Environment::empty()).unwrap();
        Shop { server, db, connection }
    };
    Binaries::wanted().into_iter().map(shop).collect()
}

fn store(raw: bool) -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::init(folder.path().join("store"), InitOptions { raw }).unwrap();
    (folder, store)
}

fn scrubbed(policy: &str) -> CaptureOptions {
    let scrub = Scrub::new(
        Policy::parse(policy).unwrap(),
        Key::from_bytes([7; 32]).unwrap_or_else(|_| offshoot::scrub::new_key().unwrap()),
    );
    CaptureOptions { name: Some("prod".to_owned()), scrub: Some(scrub), ..CaptureOptions::default() }
}

#[test]
fn captured_compared_and_captured_again() {
    for Shop { server, db, connection } in shops("raw") {
        let (_folder, store) = store(true);
        let control = Control::default();
        assert!(connection.doctor(&[]).unwrap().is_ready());
        let options = CaptureOptions { name: Some("prod".to_owned()), ..CaptureOptions::default() };
        let first = store.capture(&connection, &options, &control).unwrap();
        assert_eq!(first.manifest.stats.rows, 1804);
        assert!(store.verify_against("prod", &connection, &options, &control).unwrap().is_equal());
        let again = store.capture(&connection, &options, &control).unwrap();
        assert_eq!(again.manifest.content_root, first.manifest.content_root, "equal data, equal hash");
        server.sql(&db, "UPDATE orders SET total = 7 WHERE id = 3");
        let compared = store.verify_against("prod", &connection, &options, &control).unwrap();
        assert_eq!(compared.tables_differing.len(), 1);
        assert_eq!(store.snapshot("prod").unwrap().manifest.origin.engine, server.binaries().family().name());
    }
}

#[test]
fn a_policy_is_proposed_and_holds() {
    for Shop { connection, server, .. } in shops("scan") {
        let name = server.binaries().family().name();
        let report = scan(&connection, &ScanOptions::default(), &Control::default()).unwrap();
        assert_eq!(report.tables, 2, "{name}: {:?}", report.unread);
        let rule = |column: &str| {
            let found = report.columns.iter().find(|found| found.table == "users" && found.column == column);
            found.unwrap().rule.clone().unwrap_or_default()
        };
        assert!(rule("email").contains("email"), "{name}: {}", report.policy);
        assert!(rule("name").contains("name"), "{name}: {}", report.policy);
        assert_eq!(rule("mood"), "keep", "{name}: {}", report.policy);
        assert!(!report.policy.contains("canary"));
        let (_folder, store) = store(false);
        store
            .capture(&connection, &scrubbed(&report.policy), &Control::default())
            .unwrap_or_else(|error| panic!("{name}: {error:?}\n{}", report.policy));
    }
}

#[test]
fn rows_are_scrubbed_and_nothing_survives() {
    for Shop { server, db, connection } in shops("scrubbed") {
        let name = server.binaries().family().name();
        let (folder, store) = store(false);
        let options = scrubbed(POLICY);
        let control = Control::default();
        let report = store.capture(&connection, &options, &control).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert_eq!(report.manifest.stats.rows, 1804);
        for (file, bytes) in plaintext(&folder.path().join("store")).unwrap() {
            for canary in ["canary-one", "canary-json-55121", "Xylotomous", "Quibbleton", "0000-00-01"] {
                assert!(
                    !bytes.windows(canary.len()).any(|window| window == canary.as_bytes()),
                    "{name}: {canary} in {file}"
                );
            }
        }
        // The same live rows under the same key are the same snapshot.
        assert!(store.verify_against("prod", &connection, &options, &control).unwrap().is_equal(), "{name}");
        let shown = preview(&connection, options.scrub.as_ref().unwrap(), "users", 900, &control).unwrap();
        let column = |wanted: &str| shown.columns.iter().position(|(column, _)| column == wanted).unwrap();
        let mut emails = std::collections::BTreeSet::new();
        for row in &shown.rows {
            let pair = |wanted: &str| row.0[column(wanted)].clone();
            let (before, after) = pair("email");
            assert_ne!(before, after, "{name}");
            emails.insert(after.unwrap().to_lowercase());
            let (before, after) = pair("city");
            if let (Some(before), Some(after)) = (before, after) {
                assert_eq!(before.chars().count(), after.chars().count(), "{name}: {before} {after}");
            }
            let (before, after) = pair("born");
            assert_eq!(before.map(|born| born == "0000-00-00"), after.map(|born| born == "0000-00-00"), "{name}");
        }
        assert_eq!(emails.len(), shown.rows.len(), "{name}: unique under a collation that folds case");
        server.sql(&db, "SELECT 1");
    }
}

#[test]
fn values_that_move_between_rows_are_all_there() {
    for Shop { server, db, connection } in shops("moved") {
        let name = server.binaries().family().name();
        // One table is read under the snapshot, one under a lock.
        server.sql(
            &db,
            "CREATE TABLE staff (id INT PRIMARY KEY, salary INT, mood ENUM('low', 'high')); \
             INSERT INTO staff SELECT id, 1000000 + id * 37, 1 + id % 2 FROM orders; \
             CREATE TABLE old_staff (id INT PRIMARY KEY, salary INT) ENGINE = MyISAM; INSERT INTO old_staff SELECT id, salary * 2 FROM staff",
        );
        let (_folder, store) = store(false);
        let policy = format!("{POLICY}\n[scrub.columns]\nsalary = 'shuffle'\nmood = 'shuffle'\n'*staff.id' = 'keep'\n");
        let (options, control) = (scrubbed(&policy), Control::default());
        let report = store.capture(&connection, &options, &control).unwrap_or_else(|error| panic!("{name}: {error:?}"));
        assert!(store.verify_against("prod", &connection, &options, &control).unwrap().is_equal(), "{name}");
        let again = store.capture(&connection, &options, &control).unwrap();
        assert_eq!(again.manifest.content_root, report.manifest.content_root, "{name}");
        let copy = server.fresh_db("moved_copy");
        let target = Connection::parse(&server.url(&copy), &Environment::empty()).unwrap();
        store.restore("prod", &target, &offshoot::RestoreOptions::default(), &control).unwrap();
        for table in ["staff", "old_staff"] {
            let all = format!("SELECT COUNT(*), SUM(salary), SUM(salary * salary) FROM {table}");
            assert_eq!(server.sql(&db, &all), server.sql(&copy, &all), "{name} {table}");
            let same = format!(
                "SELECT COUNT(*) FROM {db}.{table} a JOIN {copy}.{table} b USING (id) WHERE a.salary = b.salary"
            );
            assert_eq!(server.sql(&db, &same).trim(), "0", "{name} {table}");
        }
        assert_eq!(
            server.sql(&db, "SELECT SUM(mood + 0) FROM staff"),
            server.sql(&copy, "SELECT SUM(mood + 0) FROM staff")
        );
    }
}

#[test]
fn unique_texts_of_foreign_collations_are_not_rewritten() {
    for Shop { server, db, connection } in shops("collations") {
        server.sql(&db, "CREATE TABLE odd (id INT PRIMARY KEY, w VARCHAR(20) CHARACTER SET sjis UNIQUE, p TEXT, UNIQUE KEY p (p(10)))");
        let (_folder, store) = store(false);
        for column in ["w", "p"] {
            let other = if column == "w" { "p" } else { "w" };
            let policy = format!("{POLICY}\n[scrub.tables.odd]\nid = 'keep'\n{column} = 'shape'\n{other} = 'keep'\n");
            let error = store.capture(&connection, &scrubbed(&policy), &Control::default()).unwrap_err();
            assert!(error.to_string().contains(&format!("odd.{column}")), "{error}");
        }
    }
}

#[test]
fn mistakes_have_their_kinds() {
    let parse = |text: &str| Connection::parse(text, &Environment::empty());
    assert_eq!(parse("mysql://u@h/d?sslmode=x").unwrap_err().kind(), ErrorKind::Usage);
    let (_folder, store) = store(true);
    let nowhere = parse("mysql://u@127.0.0.1:1/d").unwrap();
    let error = store.capture(&nowhere, &CaptureOptions::default(), &Control::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    let unnamed = parse("mysql://root@127.0.0.1:1").unwrap_err();
    assert_eq!(unnamed.kind(), ErrorKind::Usage);
    assert!(unnamed.to_string().contains("no database is named"), "{unnamed}");
}

/// Keys of a server that tell neither case nor blanks at the end apart, and texts that hold no sign beyond three bytes.
#[test]
fn scrubbed_rows_are_taken_by_keys_that_tell_less_apart() {
    const TABLES: &str = "
CREATE TABLE p (id INT PRIMARY KEY, a VARCHAR(12) COLLATE utf8mb4_general_ci NOT NULL UNIQUE, b CHAR(12) CHARACTER SET latin1 NOT NULL UNIQUE,
  c VARCHAR(12) CHARACTER SET utf8mb3 NOT NULL UNIQUE, d VARCHAR(6) COLLATE utf8mb4_unicode_ci, e VARCHAR(6) COLLATE utf8mb4_unicode_ci,
  UNIQUE KEY (d, e)) CHARACTER SET utf8mb4;
CREATE TABLE q (id INT PRIMARY KEY, a VARCHAR(12) COLLATE utf8mb4_general_ci NOT NULL, FOREIGN KEY (a) REFERENCES p (a)) CHARACTER SET utf8mb4;
INSERT INTO p WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)
  SELECT i, IF(i % 2, UPPER(w), w), IF(i % 3, w, UPPER(w)), IF(i % 5, w, CONCAT(UPPER(w), '\u{44f}\u{20ac}')), w, IF(i % 7, UPPER(w), w)
  FROM (SELECT i, CONCAT(CHAR(97 + i % 26 USING utf8mb4), CHAR(97 + i DIV 26 % 26 USING utf8mb4), CHAR(97 + i DIV 676 USING utf8mb4)) w FROM n) words;
INSERT INTO q SELECT id, a FROM p";
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("keys_from"), server.fresh_db("keys_to"));
        server.sql(&from, TABLES);
        let connection = |db: &str| Connection::parse(&server.url(db), &Environment::empty()).unwrap();
        let (_folder, store) = store(false);
        let policy = "[scrub.tables.p]\nid = 'keep'\n'*' = 'shape'\n[scrub.tables.q]\nid = 'keep'\na = 'shape'\n";
        let control = Control::default();
        store.capture(&connection(&from), &scrubbed(policy), &control).unwrap_or_else(|error| panic!("{error:?}"));
        let report = store.restore("prod", &connection(&to), &RestoreOptions::default(), &control);
        let report = report.unwrap_or_else(|error| panic!("{error:?}"));
        assert!(report.losses.is_empty(), "{:?}", report.losses);
        // As many rows as the keys tell apart, all others than they were, and the foreign key holds.
        let asked =
            "SELECT COUNT(*), COUNT(DISTINCT a), COUNT(DISTINCT b), COUNT(DISTINCT c) FROM p JOIN q USING (id, a)";
        assert_eq!(server.sql(&to, asked), "900\t900\t900\t900");
        let kept = format!("SELECT COUNT(*) < 9 FROM p JOIN `{from}`.p old USING (id, a)");
        assert_eq!(server.sql(&to, &kept), "1");
    }
}
