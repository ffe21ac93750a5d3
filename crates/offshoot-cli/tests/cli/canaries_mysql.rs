//! The canary of `canaries`, planted on MariaDB and MySQL.

use crate::canaries::{
    CANARY, KEPT, Planted, ROWS, is_nowhere, is_refused_in_the_schema, leaves_nothing_when_it_crashes,
};
use offshoot_testkit::mysql::{Binaries, shared_of};

/// The key is rewritten, so that rows have to be put in order again.
const POLICY: &str = "
key = 'key'
[scrub.tables.planted]
id = 'uuid'
t = 'shape'
v = 'email'
c = 'full-name'
l = 'shape'
j = 'json'
b = 'shape'
big = 'words'
city = 'keep'
[scrub.tables.events]
'*' = 'keep'
[scrub.rows]
events = \"kind <> 'debug'\"
";

fn planted(binaries: &Binaries, name: &str) -> Planted {
    let server = shared_of(binaries);
    let db = server.fresh_db(name);
    server.sql(
        &db,
        &format!(
            "SET SESSION group_concat_max_len = 100000000;
             CREATE TABLE planted (id CHAR(36) PRIMARY KEY, t TEXT, v VARCHAR(90), c CHAR(60), l VARCHAR(60) CHARACTER SET latin1, j JSON, b BLOB,
               big LONGTEXT, city TEXT) CHARACTER SET utf8mb4;
             CREATE TABLE seq (seq INT PRIMARY KEY);
             INSERT INTO seq WITH RECURSIVE n AS (SELECT 0 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 299)
               SELECT a.i * 300 + b.i + 1 FROM n a, n b;
             INSERT INTO planted SELECT INSERT(INSERT(INSERT(INSERT(LEFT(SHA2(n, 256), 32), 21, 0, '-'), 17, 0, '-'), 13, 0, '-'), 9, 0, '-'), w,
                 CONCAT(w, '@mail.example.org'), w, w, JSON_OBJECT('a', JSON_ARRAY(w)), w, IF(n = 1, REPEAT(CONCAT(w, ' '), 20000), NULL), '{KEPT}'
               FROM (SELECT seq AS n, CONCAT(IF(seq % 100 = 1, '{CANARY}', 'other'), LEFT(SHA2(seq * 7, 256), 32)) AS w FROM seq WHERE seq <= {ROWS}) x;
             CREATE TABLE events (id INT PRIMARY KEY, body LONGTEXT, kind VARCHAR(9));
             INSERT INTO events SELECT n.seq,
                 (SELECT GROUP_CONCAT(CONCAT('{CANARY}', LEFT(SHA2(n.seq * m.seq, 256), 32)) SEPARATOR ' ') FROM seq m WHERE m.seq <= 20000), 'debug'
               FROM seq n WHERE n.seq <= 5;
             DROP TABLE seq"
        ),
    );
    let copy = server.fresh_db(&format!("{name}_restored"));
    let (source, to) = (server.url(&db), server.url(&copy));
    Planted { source, copy: to, policy: POLICY, dump: Box::new(move || server.dump(&copy, &[])) }
}

#[test]
fn no_canary_of_mysql_is_stored_spilled_logged_or_restored() {
    for binaries in Binaries::wanted() {
        is_nowhere(&planted(&binaries, "planted_everywhere"));
    }
}

#[test]
fn a_canary_in_a_comment_or_a_default_of_mysql_is_refused_and_stays_nowhere() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("planted_in_the_schema");
        let fill = format!(
            "INSERT INTO planted WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
               SELECT i, CONCAT('{CANARY}', LEFT(SHA2(i, 256), 32)) FROM n"
        );
        is_refused_in_the_schema(
            &server.url(&db),
            &|sql| server.sql(&db, sql),
            &fill,
            &[
                ("ALTER TABLE city COMMENT 'ask {}'", "ALTER TABLE city COMMENT ''"),
                ("ALTER TABLE city MODIFY id INT COMMENT '{}'", "ALTER TABLE city MODIFY id INT"),
                ("ALTER TABLE city ALTER name SET DEFAULT '{}'", "ALTER TABLE city ALTER name DROP DEFAULT"),
            ],
        );
    }
}

#[test]
fn a_capture_of_mysql_that_crashes_leaves_no_core_file_and_no_canary() {
    for binaries in Binaries::wanted() {
        leaves_nothing_when_it_crashes(&planted(&binaries, "planted_and_crashed"));
    }
}
