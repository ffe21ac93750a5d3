//! Restoring into MySQL and MariaDB by the command.

use crate::session::Session;
use offshoot_testkit::mysql::{Binaries, Server, ServerOptions, shared_of};

const SCHEMA: &str = "
CREATE TABLE users (id INT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(100) NOT NULL UNIQUE);
INSERT INTO users (email) VALUES ('ada@mail.example.org'), ('zora@mail.example.org');
CREATE TABLE orders (id INT PRIMARY KEY, who INT, CONSTRAINT buyer FOREIGN KEY (who) REFERENCES users (id));
INSERT INTO orders VALUES (1, 2);
CREATE VIEW emails AS SELECT email FROM users;
";

#[test]
fn a_snapshot_is_planned_restored_refused_and_forced() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let (from, to) = (server.fresh_db("cli_from"), server.fresh_db("cli_to"));
        server.sql(&from, SCHEMA);
        let url = server.url(&to);
        let session = Session::new();
        assert_eq!(session.quietly(&["init", "--raw"]).code, Some(0));
        let captured = session.quietly(&["capture", &server.url(&from), "--name", "prod"]);
        assert_eq!(captured.code, Some(0), "{}", captured.stderr);

        let planned = session.quietly(&["restore", "prod", "--to", &url, "--dry-run"]);
        assert_eq!(planned.code, Some(0), "{}", planned.stderr);
        for line in [
            "TABLE users",
            "load orders (1 rows",
            "INDEX users.email",
            "FOREIGN KEY orders.buyer",
            "check FOREIGN KEY orders.buyer",
            "VIEW emails",
        ] {
            assert!(planned.stdout.contains(line), "{line} is not in {}", planned.stdout);
        }
        assert_eq!(server.sql(&to, "SHOW TABLES"), "");

        let restored = session.quietly(&["restore", "prod", "--to", &url, "--jobs", "2", "--roles", "skip"]);
        assert_eq!(restored.code, Some(0), "{}", restored.stderr);
        assert_eq!(server.sql(&to, "SELECT COUNT(*) FROM emails"), "2");
        assert_eq!(session.quietly(&["verify", "prod", "--against", &url]).code, Some(0));

        let refused = session.quietly(&["restore", "prod", "--to", &url]);
        assert_eq!(refused.code, Some(4), "{}", refused.stderr);
        assert!(refused.stderr.contains("table users") && refused.stderr.contains("--force"), "{}", refused.stderr);
        assert_eq!(session.quietly(&["restore", "prod", "--to", &url, "--force"]).code, Some(0));
        assert_eq!(session.quietly(&["restore", "prod", "--to", &server.url(&from)]).code, Some(4));

        let other = session.quietly(&["restore", "prod", "--to", "postgresql://me:canary@127.0.0.1:1/x"]);
        assert_eq!(other.code, Some(2), "{}", other.stderr);
        assert!(other.stderr.contains("is PostgreSQL") && !other.stderr.contains("canary"), "{}", other.stderr);
    }
}

#[test]
fn a_database_is_named_in_any_case_where_the_server_takes_it() {
    for binaries in Binaries::wanted() {
        let options = ServerOptions::new().binaries(binaries).setting("lower_case_table_names", "1");
        let server = Server::start(options);
        server.createdb("ShopDb", "");
        server.createdb("CopyDb", "");
        server.createdb("Outside", "");
        server.sql("", "CREATE TABLE Outside.Far (a INT)");
        let script =
            format!("{SCHEMA} CREATE VIEW Near AS SELECT u.email FROM SHOPDB.Users u LEFT JOIN OUTSIDE.far ON TRUE;");
        server.sql("shopdb", &script);
        let session = Session::new();
        assert_eq!(session.quietly(&["init", "--raw"]).code, Some(0));
        let captured = session.quietly(&["capture", &server.url("SHOPdb"), "--name", "prod"]);
        assert_eq!(captured.code, Some(0), "{}", captured.stderr);
        assert_eq!(session.quietly(&["verify", "prod", "--against", &server.url("shopDB")]).code, Some(0));
        assert_eq!(session.quietly(&["restore", "prod", "--to", &server.url("SHOPDB"), "--force"]).code, Some(4));
        let url = server.url("COPYdb");
        let restored = session.quietly(&["restore", "prod", "--to", &url]);
        assert_eq!(restored.code, Some(0), "{}", restored.stderr);
        assert_eq!(session.quietly(&["verify", "prod", "--against", &url]).code, Some(0));
        server.sql("copydb", "INSERT INTO users (email) VALUES ('new@mail.example.org')");
        assert_eq!(server.sql("copydb", "SELECT COUNT(*) FROM near"), "3", "it reads the table beside it");
    }
}
