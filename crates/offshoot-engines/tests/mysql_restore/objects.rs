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
