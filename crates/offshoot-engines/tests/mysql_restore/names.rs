//! Databases that views name, and servers that do not look at the case of names: what is restored under another name reads its
//! own tables, not those that it was captured from.

use super::*;
use offshoot_testkit::mysql::ServerOptions;

/// Views that the server prints with their own database: `OTHER` stands for another one's name, `OWN` for its own.
const VIEWS: &str = "
CREATE TABLE users (id INT PRIMARY KEY, at DATETIME);
CREATE TABLE orders (id INT PRIMARY KEY, who INT, CONSTRAINT buyer FOREIGN KEY (who) REFERENCES users (id));
INSERT INTO users VALUES (1, '2020-01-01'), (2, '2021-01-01'); INSERT INTO orders VALUES (1, 2);
CREATE FUNCTION twice(x INT) RETURNS INT DETERMINISTIC RETURN x * 2;
CREATE VIEW plain AS SELECT id FROM OWN.users;
CREATE VIEW calls AS SELECT OWN.twice(id) AS a, twice(id) AS b FROM users;
CREATE VIEW joined AS SELECT u.id, x.a, (SELECT MAX(id) FROM users) AS m FROM users u JOIN OTHER.far x JOIN (users b JOIN orders o ON b.id = o.who);
CREATE VIEW years AS SELECT EXTRACT(YEAR FROM at) AS y FROM users WHERE EXISTS (SELECT 1 FROM OTHER.far, orders)
  UNION SELECT STRAIGHT_JOIN orders.id FROM orders STRAIGHT_JOIN users;
CREATE VIEW outside AS SELECT a FROM OTHER.far;
CREATE VIEW z_over AS SELECT j.id FROM joined j JOIN OTHER.far";

const SEQUENCES: &str = ";
CREATE SEQUENCE numbers; CREATE VIEW `next` AS SELECT NEXTVAL(numbers) AS n; CREATE TABLE counted (id INT DEFAULT NEXTVAL(OWN.numbers))";

fn views(binaries: &Binaries, own: &str, other: &str) -> String {
    let sequences = if is_mariadb(binaries) { SEQUENCES } else { "" };
    format!("{VIEWS}{sequences}").replace("OWN", own).replace("OTHER", other)
}

/// A database as the server describes it, but for whether a view calls a function by its database's name: it need not.
fn plainly(server: &Server, db: &str) -> String {
    described(server, db).replace("`db`.`twice`(", "`twice`(")
}

/// A server to which names of tables are the same in any case.
fn ignoring_case(binaries: &Binaries) -> Server {
    Server::start(ServerOptions::new().binaries(binaries.clone()).setting("lower_case_table_names", "1"))
}

#[test]
fn views_read_the_tables_beside_them_wherever_they_are_restored() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (other, from, to) =
            (server.fresh_db("outside"), server.fresh_db("named_from"), server.fresh_db("named_to"));
        server.sql(&other, "CREATE TABLE far (a INT); INSERT INTO far VALUES (7)");
        server.sql(&from, &views(&binaries, &from, &other));
        let report =
            try_restore(&take(server, &from), server, &to, options(2)).unwrap_or_else(|error| panic!("{error}"));
        assert!(report.losses.is_empty(), "{:?}", report.losses);
        assert_same(&plainly(server, &from), &plainly(server, &to));
        assert!(!definitions(server, &to).contains(&from), "{}", definitions(server, &to));
        // What is named of another database stays there.
        assert!(definitions(server, &to).contains(&other));
        server.dropdb(&from);
        server.sql(&to, "INSERT INTO users VALUES (3, NULL)");
        assert_eq!(server.sql(&to, "SELECT DISTINCT m FROM joined"), "3");
        assert_eq!(server.sql(&to, "SELECT MAX(a), MAX(b) FROM calls"), "6\t6");
    }
}

#[test]
fn names_in_any_case_are_one_where_the_server_says_so() {
    for binaries in Binaries::wanted() {
        let lower = ignoring_case(&binaries);
        lower.createdb("Outside", "");
        lower.sql("outside", "CREATE TABLE Far (a INT); INSERT INTO FAR VALUES (7)");
        lower.createdb("ShopDb", "CHARACTER SET utf8mb4");
        let script = views(&binaries, "SHOPDB", "OUTSIDE").replace("CREATE TABLE users", "CREATE TABLE Users");
        lower.sql("shopdb", &script.replace("FROM users", "FROM Users"));
        lower.sql("shopdb", "CREATE VIEW Capitals AS SELECT Id FROM ShopDB.USERS");
        lower.sql(
            "shopdb",
            "CREATE TRIGGER late BEFORE INSERT ON Orders FOR EACH ROW SET NEW.who = (SELECT MAX(id) FROM USERS)",
        );
        let taken = take(&lower, "SHOPdb");
        lower.createdb("CopyDb", "CHARACTER SET utf8mb4");
        let report = try_restore(&taken, &lower, "COPYDB", options(2)).unwrap_or_else(|error| panic!("{error}"));
        assert!(report.losses.is_empty(), "{:?}", report.losses);
        assert_same(&plainly(&lower, "shopdb"), &plainly(&lower, "copydb"));
        let copy = definitions(&lower, "copydb");
        assert!(!copy.to_lowercase().contains("shopdb"), "{copy}");
        // The database of the snapshot is known in any case.
        let error = try_restore(&taken, &lower, "shopDB", options(1)).unwrap_err();
        assert!(matches!(error, RestoreError::OwnSource { .. }), "{error}");

        // A server that tells capitals apart is given what this one prints, and told of what users wrote.
        let exact = shared_of(&binaries);
        exact.sql("", "CREATE DATABASE IF NOT EXISTS outside; CREATE TABLE IF NOT EXISTS outside.far (a INT)");
        let mut taken = taken;
        let warned = |report: &RestoreReport| report.warnings.iter().any(|warning| warning.contains("TRIGGER late"));
        match try_restore(&taken, exact, &exact.fresh_db("exact"), options(1)) {
            Err(error) => assert!(error.to_string().contains("TRIGGER late"), "{error}"),
            // MySQL looks for the tables that a trigger names when it runs.
            Ok(report) => assert!(!is_mariadb(&binaries) && warned(&report), "{:?}", report.warnings),
        }
        let to = exact.fresh_db("exact");
        for item in &mut taken.manifest.content.schema {
            item.sql = item.sql.replace("USERS", "users").replace("ON Orders", "ON orders");
        }
        let report = try_restore(&taken, exact, &to, options(1)).unwrap_or_else(|error| panic!("{error}"));
        assert!(warned(&report), "{:?}", report.warnings);
        assert_eq!(exact.sql(&to, "SELECT COUNT(*) FROM capitals"), "2");
    }
}

#[test]
fn names_that_differ_in_case_alone_are_not_made_where_they_are_one() {
    for binaries in Binaries::wanted() {
        let (exact, lower) = (shared_of(&binaries), ignoring_case(&binaries));
        let (from, to) = (exact.fresh_db("capitals"), lower.fresh_db("capitals"));
        let sequence = if is_mariadb(&binaries) { "; CREATE SEQUENCE Sq" } else { "" };
        exact.sql(&from, &format!("CREATE TABLE t (a INT); CREATE VIEW Big AS SELECT a FROM t; CREATE VIEW T AS SELECT a FROM t; CREATE TABLE u (a INT); CREATE TABLE U (a INT){sequence}"));
        let error = try_restore(&take(exact, &from), &lower, &to, options(1)).unwrap_err().to_string();
        for part in ["the view Big would lose its capitals", "the tables t and T are one", "lower_case_table_names = 0"]
        {
            assert!(error.contains(part), "{part}: {error}");
        }
        assert!(
            error.contains("the tables u and U are one") || error.contains("the tables U and u are one"),
            "{error}"
        );
        assert!(sequence.is_empty() || error.contains("the sequence Sq would lose"), "{error}");
        assert_eq!(lower.sql(&to, "SHOW TABLES"), "");
        // What has no capitals is the same on both.
        let (from, to) = (exact.fresh_db("small"), lower.fresh_db("small"));
        exact.sql(
            &from,
            &views(&binaries, &from, &from)
                .replace("CREATE TABLE users", "CREATE TABLE far (a INT); CREATE TABLE users"),
        );
        let report =
            try_restore(&take(exact, &from), &lower, &to, options(2)).unwrap_or_else(|error| panic!("{error}"));
        assert!(report.losses.is_empty(), "{:?}", report.losses);
        assert_same(&plainly(exact, &from), &plainly(&lower, &to));
    }
}

#[test]
fn triggers_that_name_their_database_come_into_another() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("named"), server.fresh_db("renamed"));
        server.sql(
            &from,
            &format!(
                "CREATE TABLE t (id INT PRIMARY KEY, n INT); INSERT INTO t VALUES (1, 1);
                 create trigger {from}.first before insert on {from}.t for each row set new.n = 7;
                 CREATE TRIGGER `{from}`.`second` BEFORE UPDATE ON `t` FOR EACH ROW SET NEW.n = 8"
            ),
        );
        let report =
            try_restore(&take(server, &from), server, &to, options(1)).unwrap_or_else(|error| panic!("{error}"));
        assert!(!report.warnings.iter().any(|warning| warning.contains("seem to name")), "{:?}", report.warnings);
        server.sql(&to, "INSERT INTO t VALUES (2, 0); UPDATE t SET id = 3 WHERE id = 1");
        assert_eq!(server.sql(&to, "SELECT id, n FROM t ORDER BY id"), "2\t7\n3\t8");
        assert_eq!(server.sql(&from, "SELECT id, n FROM t ORDER BY id"), "1\t1");
    }
}

#[test]
fn texts_that_name_the_database_of_the_snapshot_are_warned_of() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("reaching"), server.fresh_db("reached"));
        server.sql(
            &from,
            &format!(
                "CREATE TABLE t (id INT PRIMARY KEY); CREATE TABLE audit (id INT);
                 CREATE TRIGGER g AFTER INSERT ON t FOR EACH ROW INSERT INTO {from}.audit VALUES (NEW.id);
                 CREATE PROCEDURE p() INSERT INTO audit VALUES (99)"
            ),
        );
        let report =
            try_restore(&take(server, &from), server, &to, options(1)).unwrap_or_else(|error| panic!("{error}"));
        let told = format!("TRIGGER g seem to name the database {from} in their text");
        assert!(report.warnings.iter().any(|warning| warning.starts_with(&told)), "{:?}", report.warnings);
    }
}
