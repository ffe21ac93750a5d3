//! From one of the two families into the other, where the schema permits.

use super::*;

/// A server of each family, if both are wanted.
fn both() -> Option<(&'static Server, &'static Server)> {
    let wanted = Binaries::wanted();
    let of = |mariadb: bool| wanted.iter().find(|binaries| is_mariadb(binaries) == mariadb).map(shared_of);
    let both = Option::zip(of(true), of(false));
    if both.is_none() {
        eprintln!("SKIPPED: this test wants MariaDB and MySQL");
    }
    both
}

#[test]
fn plain_databases_cross_over() {
    let Some((mariadb, mysql)) = both() else { return };
    let sql = "CREATE TABLE p (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(20) COLLATE utf8mb4_unicode_ci, at DATETIME(3), e ENUM('a','b'),
          KEY (name)) COLLATE utf8mb4_unicode_ci;
        INSERT INTO p (name, at, e) VALUES ('a', '2020-01-01', 'b'), ('b', NULL, NULL);
        CREATE TABLE c (id INT PRIMARY KEY, p INT, CONSTRAINT f FOREIGN KEY (p) REFERENCES p (id)) COLLATE utf8mb4_unicode_ci;
        INSERT INTO c VALUES (1, 1);
        SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci;
        CREATE VIEW v AS SELECT name FROM p;
        CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN 1";
    for (source, server) in [(mariadb, mysql), (mysql, mariadb)] {
        let from = source.fresh_db("crossing");
        source.sql("", &format!("ALTER DATABASE `{from}` COLLATE utf8mb4_unicode_ci"));
        let loaded = source.load_text(&from, sql);
        assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
        let to = server.fresh_db("crossed");
        let report =
            try_restore(&take(source, &from), server, &to, options(2)).unwrap_or_else(|error| panic!("{error}"));
        assert!(
            report.warnings.iter().any(|warning| warning.contains("compared by their names")),
            "{:?}",
            report.warnings
        );
        assert_same(&fingerprint(source, &from), &fingerprint(server, &to));
        assert_eq!(server.sql(&to, "SELECT f(), COUNT(*) FROM v"), "1\t2");
    }
}

#[test]
fn what_the_other_family_does_not_have_is_named() {
    let Some((mariadb, mysql)) = both() else { return };
    for (source, server) in [(mariadb, mysql), (mysql, mariadb)] {
        let (from, to) = (source.fresh_db("staying"), server.fresh_db("stayed"));
        source.load_text(&from, &kinds(source.binaries()));
        let error = try_restore(&take(source, &from), server, &to, options(1)).unwrap_err().to_string();
        let parts: &[&str] = if is_mariadb(source.binaries()) {
            &[
                "SEQUENCE counts uses a sequence",
                "TABLE versioned uses system versioning",
                "column with_sequence.u uses the type uuid",
                "engine aria",
                "ROUTINE box",
            ]
        } else {
            &[
                "TABLE modern uses INVISIBLE",
                "INDEX modern.by_expression uses an index over an expression",
                "utf8mb4_0900_as_cs, which",
            ]
        };
        for part in parts {
            assert!(error.contains(part), "{error} lacks {part}");
        }
        assert_eq!(server.sql(&to, "SHOW TABLES"), "");
    }
}

#[test]
fn what_would_fail_in_the_middle_is_refused_before() {
    let Some((mariadb, mysql)) = both() else { return };
    for (source, server) in [(mariadb, mysql), (mysql, mariadb)] {
        let (from, to) = (source.fresh_db("kept"), server.fresh_db("untouched"));
        let (sql, parts): (&str, &[&str]) = if is_mariadb(source.binaries()) {
            (
                "CREATE TABLE a (id INT PRIMARY KEY, u VARCHAR(36) DEFAULT UUID()) COLLATE utf8mb4_unicode_ci;
                 CREATE TABLE b (id INT PRIMARY KEY) PAGE_COMPRESSED=1 COLLATE utf8mb4_unicode_ci",
                &["TABLE a uses the default uuid() without brackets", "TABLE b uses the option PAGE_COMPRESSED"],
            )
        } else {
            (
                "CREATE TABLE a (id INT PRIMARY KEY, n INT NOT NULL AUTO_INCREMENT, UNIQUE KEY e ((id + 1)), KEY n (n)) COLLATE utf8mb4_unicode_ci",
                &["TABLE a uses an index over an expression"],
            )
        };
        source.sql(&from, sql);
        let error = try_restore(&take(source, &from), server, &to, options(1)).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{error} lacks {part}");
        }
        assert_eq!(server.sql(&to, "SHOW TABLES"), "");
    }
}
