//! Objects that are not what their text alone says: made while their database was another one, over what is not there, under
//! names that a server prints wrongly.

use super::*;
use offshoot_core::target::Target as _;

/// The objects of a database that are not as a snapshot has them.
fn differing(taken: &Taken, server: &Server, db: &str) -> Vec<String> {
    let target = target(server, db);
    let inspection = target.inspect(&taken.manifest).unwrap();
    let choices = options(1).choices;
    let adapted = target.adapt(&taken.manifest, &inspection, &choices);
    let found = target.session(&choices).unwrap().compare(&taken.manifest, &adapted).unwrap();
    found.into_iter().map(|difference| difference.object).collect()
}

/// Objects of the time when their database was one of latin1.
const OLDER: &str = "ALTER DATABASE CHARACTER SET latin1;
CREATE TABLE t (id INT PRIMARY KEY, a VARCHAR(20));
DELIMITER //
CREATE FUNCTION sort_of(a VARCHAR(10)) RETURNS VARCHAR(40) DETERMINISTIC RETURN COLLATION(a)//
CREATE TRIGGER kept BEFORE INSERT ON t FOR EACH ROW BEGIN DECLARE b VARCHAR(5); SET b = NEW.a; SET NEW.a = CHARSET(b); END//
CREATE EVENT early ON SCHEDULE EVERY 1 DAY STARTS '2035-01-01 00:00:00' DO DELETE FROM t//
DELIMITER ;
ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
CREATE FUNCTION newer(a VARCHAR(10)) RETURNS VARCHAR(40) DETERMINISTIC RETURN COLLATION(a);";

#[test]
fn objects_keep_the_collation_that_their_database_had() {
    round_trip("older", |_| OLDER.to_owned());
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("older_from"), server.fresh_db("older_to"));
        server.load_text(&from, OLDER);
        let taken = take(server, &from);
        try_restore(&taken, server, &to, options(2)).unwrap_or_else(|error| panic!("{error}"));
        server.sql(&to, "INSERT INTO t VALUES (1, 'x')");
        assert_eq!(
            server.sql(&to, "SELECT a, sort_of(''), newer('') FROM t"),
            "latin1\tlatin1_swedish_ci\tutf8mb4_bin"
        );

        // What was made anew under the database's own is not the same.
        assert_eq!(differing(&taken, server, &to), [] as [&str; 0]);
        server.sql(&to, "DROP FUNCTION sort_of; CREATE FUNCTION sort_of(a VARCHAR(10)) RETURNS VARCHAR(40) DETERMINISTIC RETURN COLLATION(a)");
        assert_eq!(differing(&taken, server, &to), ["ROUTINE sort_of"]);
        server.sql(&to, "ALTER DATABASE COLLATE utf8mb4_general_ci");
        assert_eq!(differing(&taken, server, &to).last().map(String::as_str), Some("DATABASE"));
    }
}

#[test]
fn a_failure_under_another_collation_leaves_the_databases_own() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("torn_from"), server.fresh_db("torn_to"));
        server.load_text(&from, OLDER);
        let mut taken = take(server, &from);
        for item in &mut taken.manifest.content.schema {
            item.sql = item.sql.replace("RETURN COLLATION(a)", "RETURN COLLATION(a");
        }
        let error = try_restore(&taken, server, &to, options(1)).unwrap_err();
        assert!(
            error.to_string().contains("ROUTINE newer") || error.to_string().contains("ROUTINE sort_of"),
            "{error}"
        );
        let collation = "SELECT default_collation_name FROM information_schema.schemata WHERE schema_name = DATABASE()";
        assert_eq!(server.sql(&to, collation), "utf8mb4_bin");
    }
}

/// What a restore left out, with the reasons.
fn left_out(report: &RestoreReport) -> Vec<(&str, &str)> {
    report.losses.iter().map(|loss| (loss.object.as_str(), loss.reason.as_str())).collect()
}

#[test]
fn views_over_what_is_not_there_are_left_out_and_named() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (other, from, to) = (server.fresh_db("far"), server.fresh_db("gone_from"), server.fresh_db("gone_to"));
        server.sql(&other, "CREATE TABLE o (id INT PRIMARY KEY)");
        server.sql(
            &from,
            &format!(
                "CREATE TABLE t (id INT PRIMARY KEY, a INT); CREATE TABLE gone (id INT PRIMARY KEY); INSERT INTO t VALUES (1, 2);
                 CREATE TABLE c (id INT PRIMARY KEY, a INT, CONSTRAINT far_key FOREIGN KEY (a) REFERENCES {other}.o (id));
                 CREATE VIEW a_over AS SELECT id FROM t; CREATE VIEW over_gone AS SELECT id FROM gone;
                 CREATE OR REPLACE VIEW a_over AS SELECT id FROM over_gone; CREATE VIEW far_view AS SELECT id FROM {other}.o;
                 CREATE VIEW short AS SELECT a FROM t; CREATE VIEW fine AS SELECT id FROM t; DROP TABLE gone; ALTER TABLE t RENAME COLUMN a TO b"
            ),
        );
        let taken = take(server, &from);
        server.sql("", &format!("SET foreign_key_checks = 0; DROP DATABASE {other}"));
        let report = try_restore(&taken, server, &to, options(2)).unwrap_or_else(|error| panic!("{error}"));
        let mut objects: Vec<&str> = left_out(&report).iter().map(|(object, _)| *object).collect();
        objects.sort_unstable();
        assert_eq!(
            objects,
            ["VIEW a_over", "VIEW far_view", "VIEW over_gone", "VIEW short", "check FOREIGN KEY c.far_key"]
        );
        let why = |object: &str| left_out(&report).iter().find(|(there, _)| *there == object).unwrap().1.to_owned();
        assert!(why("VIEW over_gone").contains("gone' doesn't exist"), "{}", why("VIEW over_gone"));
        assert!(why("check FOREIGN KEY c.far_key").contains("not proven"), "{}", why("check FOREIGN KEY c.far_key"));
        assert_eq!(server.sql(&to, "SELECT id FROM fine"), "1");
        assert_eq!(server.sql(&to, "SHOW FULL TABLES WHERE Table_type = 'VIEW'"), "fine\tVIEW");
        assert!(server.sql(&to, "SHOW CREATE TABLE c").contains("far_key"));
    }
}

#[test]
fn views_are_made_in_the_order_in_which_they_read_each_other() {
    round_trip("in_order", |_| {
        "CREATE TABLE t (id INT PRIMARY KEY, a INT); INSERT INTO t VALUES (1, 2);
         CREATE VIEW totals AS SELECT id, a AS summary FROM t; CREATE VIEW summary AS SELECT id, summary AS s FROM totals;
         CREATE VIEW `z AS y` AS SELECT id FROM t; CREATE VIEW `a AS b` AS SELECT id FROM `z AS y`"
            .to_owned()
    });
    // Whatever order the items have.
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("turned_from"), server.fresh_db("turned_to"));
        server.sql(
            &from,
            "CREATE TABLE t (id INT PRIMARY KEY); CREATE VIEW a AS SELECT id FROM t; CREATE VIEW b AS SELECT id FROM a; CREATE VIEW c AS SELECT id FROM b",
        );
        let mut taken = take(server, &from);
        taken.manifest.content.schema.reverse();
        taken.manifest.content.schema.sort_by_key(|item| item.phase);
        assert_eq!(taken.manifest.content.schema[1].label, "VIEW c");
        let target = target(server, &to);
        let plan =
            Plan::new(RawSnapshot::acknowledge(id(), &taken.manifest, &taken.rows), &target, options(2)).unwrap();
        // A plan that is applied again makes them again.
        for _ in 0..2 {
            let report = apply(&plan, &target, &Control::default()).unwrap_or_else(|error| panic!("{error}"));
            assert!(report.losses.is_empty(), "{:?}", report.losses);
            assert_same(&described(server, &from), &described(server, &to));
            server.sql(&to, "DROP VIEW a, b, c; DROP TABLE t");
        }
    }
}

#[test]
fn objects_that_are_called_alike_are_told_apart() {
    round_trip("alike", |_| {
        "CREATE TABLE `a.b` (id INT PRIMARY KEY, x INT, KEY `c` (x)); CREATE TABLE a (id INT PRIMARY KEY, y INT, KEY `b.c` (y));
         CREATE PROCEDURE r() SELECT 1; CREATE FUNCTION r() RETURNS INT DETERMINISTIC RETURN 2"
            .to_owned()
    });
}

#[test]
fn names_that_came_in_another_character_set_stay() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("latin_from"), server.fresh_db("latin_to"));
        // In latin1 these two bytes are two letters, which go through UTF-8 and back with the script's text.
        let script = "SET NAMES utf8mb4; CREATE TABLE `tÃ©` (id INT PRIMARY KEY); SET NAMES latin1;
             CREATE PROCEDURE `pé`() SELECT 'é'; CREATE FUNCTION `fé`() RETURNS VARCHAR(9) DETERMINISTIC RETURN 'é';
             CREATE TRIGGER `gé` BEFORE INSERT ON `té` FOR EACH ROW SET @a = 'é';
             CREATE EVENT `eé` ON SCHEDULE EVERY 1 DAY STARTS '2035-01-01 00:00:00' DO SELECT 'é';
             CREATE VIEW `vé` AS SELECT 'é' AS x";
        let loaded = server.load_text(&from, script);
        assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
        let report =
            try_restore(&take(server, &from), server, &to, options(1)).unwrap_or_else(|error| panic!("{error}"));
        assert!(report.losses.is_empty(), "{:?}", report.losses);
        assert_same(&described(server, &from), &described(server, &to));
        assert_eq!(server.sql(&to, "SELECT `fÃ©`()"), server.sql(&from, "SELECT `fÃ©`()"));
    }
}

#[test]
fn duality_views_of_mysql_come_back() {
    for binaries in Binaries::wanted().into_iter().filter(|binaries| !is_mariadb(binaries)) {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("dual_from"), server.fresh_db("dual_to"));
        let sql = "CREATE TABLE t (id INT PRIMARY KEY, n VARCHAR(10)); INSERT INTO t VALUES (1, 'x');
             CREATE JSON RELATIONAL DUALITY VIEW jd AS SELECT JSON_DUALITY_OBJECT('_id': id, 'n': n) FROM t";
        if server.try_sql(&from, sql).is_err() {
            eprintln!("SKIPPED duality views: {} has none", binaries.version());
            continue;
        }
        let taken = take(server, &from);
        let report = try_restore(&taken, server, &to, options(1)).unwrap_or_else(|error| panic!("{error}"));
        assert!(report.losses.is_empty(), "{:?}", report.losses);
        assert_same(&described(server, &from), &described(server, &to));
        if let Some(maria) = Binaries::wanted().iter().find(|binaries| is_mariadb(binaries)).map(shared_of) {
            let error = try_restore(&taken, maria, &maria.fresh_db("dual"), options(1)).unwrap_err().to_string();
            assert!(error.contains("VIEW jd uses a duality view"), "{error}");
        }
    }
}

#[test]
fn libraries_of_mysql_come_with_the_routines_that_use_them() {
    for binaries in Binaries::wanted().into_iter().filter(|binaries| !is_mariadb(binaries)) {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("libraries_from"), server.fresh_db("libraries_to"));
        let sql = "CREATE LIBRARY `lib é` COMMENT 'é' LANGUAGE JAVASCRIPT AS 'export function f(n) { return \"é\"; }';
             CREATE LIBRARY other LANGUAGE JAVASCRIPT AS 'export function f(n) { return n; }';
             CREATE FUNCTION jf(n INT) RETURNS INT DETERMINISTIC LANGUAGE JAVASCRIPT USING (`lib é`, other AS o) AS 'return o.f(n)'";
        if server.try_sql(&from, sql).is_err() {
            eprintln!("SKIPPED libraries: {} has none", binaries.version());
            continue;
        }
        let taken = take(server, &from);
        let report = try_restore(&taken, server, &to, options(1)).unwrap_or_else(|error| panic!("{error}"));
        assert!(report.losses.is_empty(), "{:?}", report.losses);
        assert_same(&described(server, &from), &described(server, &to));
        let names = "SELECT GROUP_CONCAT(library_name, library_comment, library_definition) FROM information_schema.libraries WHERE library_schema = DATABASE()";
        assert_eq!(server.sql(&from, names), server.sql(&to, names));
        let uses = "SELECT COUNT(*) FROM information_schema.routine_libraries WHERE library_schema = DATABASE() AND routine_schema = DATABASE()";
        assert_eq!(server.sql(&to, uses), "2");
        assert_eq!(differing(&taken, server, &to), [] as [&str; 0]);
        server.sql(&to, "DROP FUNCTION jf; DROP LIBRARY other; CREATE LIBRARY other LANGUAGE JAVASCRIPT AS 'other'; CREATE LIBRARY more LANGUAGE JAVASCRIPT AS 'x'");
        assert_eq!(differing(&taken, server, &to), ["LIBRARY other", "ROUTINE jf", "LIBRARY more"]);
        // They stand in the way of a restore, and are dropped by one that may.
        let error = try_restore(&taken, server, &to, options(1)).unwrap_err();
        assert!(error.to_string().contains("library more"), "{error}");
        let mut forced = options(1);
        forced.force = true;
        try_restore(&taken, server, &to, forced).unwrap_or_else(|error| panic!("{error}"));
        assert_same(&described(server, &from), &described(server, &to));
    }
}

#[test]
fn collations_that_mariadb_lists_without_their_character_set_are_there() {
    for binaries in Binaries::wanted().into_iter().filter(is_mariadb) {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("uca_from"), server.fresh_db("uca_to"));
        let sql =
            "ALTER DATABASE COLLATE utf8mb4_uca1400_as_ci; CREATE TABLE t (a VARCHAR(9) COLLATE utf8mb4_uca1400_ai_ci)";
        if server.try_sql(&from, sql).is_err() {
            eprintln!("SKIPPED collations of UCA 14: {} has none", binaries.version());
            continue;
        }
        let taken = take(server, &from);
        try_restore(&taken, server, &to, options(1)).unwrap_or_else(|error| panic!("{error}"));
        assert_same(&described(server, &from), &described(server, &to));
        assert_eq!(differing(&taken, server, &to), [] as [&str; 0]);
    }
}
