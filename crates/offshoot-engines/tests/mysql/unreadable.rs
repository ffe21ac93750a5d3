//! What a server prints so that nobody can read it: told with the table that it is of.

use crate::support::{Database, servers};
use offshoot_engines::mysql::catalog::tables;
use offshoot_engines::mysql::{capture, schema};

#[test]
fn a_table_that_mariadb_prints_wrongly_is_named() {
    for (_, url) in servers().into_iter().filter(|(name, _)| *name == "mariadb") {
        for (table, why) in [
            ("CREATE TABLE of_bytes (id INT PRIMARY KEY, b BINARY(2) DEFAULT x'ff41')", "no UTF-8"),
            (
                "CREATE TABLE of_bytes (id INT PRIMARY KEY, b INT, CONSTRAINT `fk``1` FOREIGN KEY (b) REFERENCES of_bytes (id))",
                "brackets or quotes",
            ),
        ] {
            let database = Database::new(&url);
            database.run(&format!("CREATE TABLE other (a INT);\n{table}"));
            let mut session = capture::open(&database.conninfo).unwrap();
            let error = tables::list(&mut session)
                .and_then(|tables| schema::read(&mut session, &tables, u64::MAX))
                .unwrap_err()
                .to_string();
            assert!(error.contains("table of_bytes") && error.contains(why), "{error}");
        }
        // What the message says helps.
        let database = Database::new(&url);
        database.run("CREATE TABLE of_bytes (id INT PRIMARY KEY, b BINARY(2) DEFAULT (unhex('ff41')))");
        let mut session = capture::open(&database.conninfo).unwrap();
        let tables = tables::list(&mut session).unwrap();
        schema::read(&mut session, &tables, u64::MAX).unwrap();
    }
}
