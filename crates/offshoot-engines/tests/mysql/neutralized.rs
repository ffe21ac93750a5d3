//! What is switched off in a copy, where the server keeps more of a value than its column shows.

use crate::support::{Database, servers};
use offshoot_engines::mysql::neutralize::neutralize;
use offshoot_restore::NeutralizeChoices;

#[track_caller]
fn ask(database: &Database, sql: &str) -> String {
    let row = database.session().query_one("ask", sql).unwrap();
    (0..row.len()).map(|column| row.text(column).unwrap()).collect::<Vec<_>>().join(" ")
}

#[test]
fn a_key_whose_default_is_an_expression_is_blanked() {
    for (name, url) in servers() {
        let database = Database::new(&url);
        database.run(
            "CREATE TABLE shops (id INT PRIMARY KEY, api_key VARCHAR(64) DEFAULT (UUID()), v INT AS (id + 1) STORED);
             INSERT INTO shops (id, api_key) VALUES (1, 'k-123')",
        );
        neutralize(&mut database.session(), &NeutralizeChoices::default()).unwrap();
        assert_eq!(ask(&database, "SELECT COUNT(*), COUNT(api_key) FROM shops"), "1 0", "{name}");
    }
}

#[test]
fn former_rows_go_with_what_was_in_them() {
    for (_, url) in servers().into_iter().filter(|(name, _)| *name == "mariadb") {
        let database = Database::new(&url);
        database.run(
            "CREATE TABLE shops (id INT PRIMARY KEY, webhook_url VARCHAR(99) NOT NULL) WITH SYSTEM VERSIONING;
             INSERT INTO shops VALUES (1, 'https://real.example/hook');
             CREATE TABLE jobs (id BIGINT PRIMARY KEY, queue VARCHAR(20), payload LONGTEXT, attempts INT, reserved_at INT, available_at INT)
               WITH SYSTEM VERSIONING;
             INSERT INTO jobs VALUES (1, 'mail', '{}', 0, NULL, 1)",
        );
        neutralize(&mut database.session(), &NeutralizeChoices::default()).unwrap();
        assert_eq!(
            ask(&database, "SELECT MIN(webhook_url), COUNT(*) FROM shops FOR SYSTEM_TIME ALL"),
            "https://webhook.invalid/ 1"
        );
        assert_eq!(ask(&database, "SELECT COUNT(*) FROM jobs FOR SYSTEM_TIME ALL"), "0");
    }
}

#[test]
fn triggers_come_back_under_the_collation_that_their_database_had() {
    for (name, url) in servers() {
        let database = Database::new(&url);
        database.run(
            "ALTER DATABASE CHARACTER SET latin1;
             CREATE TABLE shops (id INT PRIMARY KEY, a VARCHAR(20));
             CREATE TRIGGER older BEFORE INSERT ON shops FOR EACH ROW SET NEW.a = 'x';
             ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
             CREATE TRIGGER newer BEFORE UPDATE ON shops FOR EACH ROW SET NEW.a = 'y'",
        );
        neutralize(&mut database.session(), &NeutralizeChoices::default()).unwrap();
        let sql = "SELECT GROUP_CONCAT(database_collation ORDER BY trigger_name DESC) FROM information_schema.triggers WHERE trigger_schema = DATABASE()";
        assert_eq!(ask(&database, sql), "latin1_swedish_ci,utf8mb4_bin", "{name}");
    }
}
