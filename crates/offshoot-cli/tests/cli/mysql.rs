//! MySQL and MariaDB by the command: looked at, captured, compared, scanned; and mistakes that are said in one line.

use crate::session::Session;
use offshoot_testkit::mysql::{Binaries, shared_of};

const SCHEMA: &str = "
CREATE TABLE users (id INT AUTO_INCREMENT PRIMARY KEY, email VARCHAR(100) NOT NULL UNIQUE, born DATE);
INSERT INTO users (email, born) VALUES ('ada@mail.example.org', '1815-12-10'), ('zora@mail.example.org', '1971-02-03');
CREATE VIEW emails AS SELECT email FROM users;
";

#[test]
fn a_database_is_looked_at_captured_and_compared() {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let db = server.fresh_db("cli");
        server.sql(&db, SCHEMA);
        let url = server.url(&db);
        let session = Session::new();
        assert_eq!(session.quietly(&["init", "--raw"]).code, Some(0));
        let doctor = session.quietly(&["doctor", &url, "--strict"]);
        assert_eq!(doctor.code, Some(0), "{}", doctor.stderr);
        assert!(doctor.stdout.contains("can begin") && doctor.stdout.contains("one state"), "{}", doctor.stdout);
        let captured = session.quietly(&["--json", "capture", &url, "--name", "prod"]);
        assert_eq!(captured.code, Some(0), "{}", captured.stderr);
        assert!(captured.stdout.contains("\"rows\":2"), "{}", captured.stdout);
        let shown = session.quietly(&["show", "prod", "--tables", "--columns"]);
        assert_eq!(shown.code, Some(0), "{}", shown.stderr);
        assert!(shown.stdout.contains("users") && shown.stdout.contains("varchar(100)"), "{}", shown.stdout);
        assert_eq!(session.quietly(&["log"]).code, Some(0));
        assert_eq!(session.quietly(&["verify", "prod", "--against", &url]).code, Some(0));
        server.sql(&db, "UPDATE users SET born = '1971-02-04' WHERE id = 2");
        let differs = session.quietly(&["verify", "prod", "--against", &url]);
        assert_eq!(differs.code, Some(5), "{} {}", differs.stdout, differs.stderr);
        assert!(differs.stdout.contains("users") && !differs.stdout.contains("1971"), "{}", differs.stdout);
        let scanned = session.quietly(&["scan", &url]);
        assert_eq!(scanned.code, Some(0), "{}", scanned.stderr);
        assert!(scanned.stdout.contains("email = \"email\"") && !scanned.stdout.contains("zora"), "{}", scanned.stdout);
    }
}

#[test]
fn mistakes_are_said_in_one_line() {
    let session = Session::new();
    assert_eq!(session.quietly(&["init", "--raw"]).code, Some(0));
    for (url, code, word) in [
        ("mysql://u:canary@127.0.0.1:1/d", 1, "cannot be reached"),
        ("mysql://u:canary@127.0.0.1/d?sslmode=require", 2, "ssl-mode"),
        ("mysql://u:ca@nary@127.0.0.1/d", 2, "%40"),
        ("mysql://u:canary@127.0.0.1:1", 2, "DATABASE"),
    ] {
        let ran = session.quietly(&["capture", url, "--name", "prod"]);
        assert_eq!(ran.code, Some(code), "{url}: {}", ran.stderr);
        assert!(ran.stderr.contains(word) && !ran.stderr.contains("canary"), "{url}: {}", ran.stderr);
    }
}
