//! Former rows of MariaDB's system-versioned tables by the command: captured, restored, scrubbed, and asked for in a branch.

use crate::nest::Nest;
use crate::scrub::contains;
use crate::session::Session;
use offshoot_testkit::mysql::{Binaries, Family, Server, ServerOptions, fingerprint, shared_of};
use offshoot_testkit::store::plaintext;
use std::fs;

/// A person who once had another name, one who is gone, and a table whose rows refer to persons.
const SCHEMA: &str = "
SET time_zone = '+00:00', timestamp = 1600000000.25;
CREATE TABLE people (id INT PRIMARY KEY, email VARCHAR(90) UNIQUE, name VARCHAR(90)) WITH SYSTEM VERSIONING;
CREATE TABLE orders (id INT PRIMARY KEY, who INT, note VARCHAR(90), s TIMESTAMP(6) GENERATED ALWAYS AS ROW START, e TIMESTAMP(6) GENERATED ALWAYS AS ROW END,
  PERIOD FOR SYSTEM_TIME (s, e), CONSTRAINT buyer FOREIGN KEY (who) REFERENCES people (id)) WITH SYSTEM VERSIONING;
INSERT INTO people VALUES (1, 'zora@old-canary.example.org', 'Zora Quibbleton'), (2, 'gone@old-canary.example.org', 'Gone Canary'), (3, 'three@mail.example.org', 'Three');
INSERT INTO orders (id, who, note) VALUES (1, 1, 'first'), (2, 2, 'second');
SET timestamp = 1600000100.5;
UPDATE people SET email = 'new@mail.example.org', name = 'New Name' WHERE id = 1;
UPDATE orders SET who = 1, note = 'moved' WHERE id = 2;
SET timestamp = 1600000200;
DELETE FROM people WHERE id = 2;
INSERT INTO people VALUES (4, 'gone@old-canary.example.org', 'Heiress Canary');
SET timestamp = 1600000300;
UPDATE people SET email = 'four@mail.example.org' WHERE id = 4;
";

const POLICY: &str = "
key = 'key'
[scrub.tables.people]
id = 'keep'
email = 'email'
name = 'full-name'
[scrub.tables.orders]
id = 'keep'
who = 'keep'
note = 'keep'
";

fn mariadb() -> Option<Binaries> {
    Binaries::wanted().into_iter().find(|binaries| binaries.family() == Family::MariaDb)
}

fn filled(server: &Server, name: &str) -> String {
    let db = server.fresh_db(name);
    server.sql(&db, SCHEMA);
    db
}

/// What was so at some moments, between the changes too.
fn past(ask: impl Fn(&str) -> String) -> Vec<String> {
    let at = |moment: &str| {
        let moment = format!("FOR SYSTEM_TIME AS OF TIMESTAMP'{moment}'");
        ask(&format!(
            "SET time_zone = '+00:00'; SELECT p.id, name, email, note FROM people {moment} p LEFT JOIN orders {moment} o ON o.who = p.id ORDER BY p.id, o.id"
        ))
    };
    let moments = ["12:26:40.249", "12:26:40.25", "12:28:20.499999", "12:28:20.5", "12:30:00", "12:31:40", "12:40:00"];
    moments.map(|moment| at(&format!("2020-09-13 {moment}"))).to_vec()
}

/// Captures a database, and gives the root of its content.
fn content_root(session: &Session, url: &str, name: &str) -> String {
    let captured = session.quietly(&["--json", "capture", url, "--name", name]);
    assert_eq!(captured.code, Some(0), "{}{}", captured.stdout, captured.stderr);
    captured.json()["content_root"].as_str().unwrap().to_owned()
}

#[test]
fn a_copy_has_the_same_past() {
    let Some(binaries) = mariadb() else { return };
    let server = shared_of(&binaries);
    let (from, to) = (filled(server, "past_from"), server.fresh_db("past_to"));
    let session = Session::new();
    assert_eq!(session.quietly(&["init", "--raw"]).code, Some(0));
    let root = content_root(&session, &server.url(&from), "prod");
    let restored = session.quietly(&["restore", "prod", "--to", &server.url(&to)]);
    assert_eq!(restored.code, Some(0), "{}{}", restored.stdout, restored.stderr);
    assert_eq!(fingerprint(server, &from), fingerprint(server, &to));
    let there = past(|sql| server.sql(&from, sql));
    assert!(there[0].is_empty() && there[1].contains("Zora Quibbleton") && there[5].contains("Heiress"), "{there:?}");
    assert_eq!(there, past(|sql| server.sql(&to, sql)));
    for db in [&from, &to] {
        assert_eq!(session.quietly(&["verify", "prod", "--against", &server.url(db)]).code, Some(0), "{db}");
    }
    assert_eq!(content_root(&session, &server.url(&to), "copy"), root);

    server.sql(&to, "DELETE HISTORY FROM orders");
    let differs = session.quietly(&["verify", "prod", "--against", &server.url(&to)]);
    assert_eq!(differs.code, Some(5), "{}{}", differs.stdout, differs.stderr);
    assert!(differs.stdout.contains("orders") && !differs.stdout.contains("people"), "{}", differs.stdout);
}

#[test]
fn rows_of_no_moment_are_named() {
    let Some(binaries) = mariadb() else { return };
    let server = shared_of(&binaries);
    let (from, to) = (filled(server, "moment_from"), server.fresh_db("moment_to"));
    server.sql(
        &from,
        "SET timestamp = 1600000400; INSERT INTO people VALUES (9, NULL, NULL); DELETE FROM people WHERE id = 9",
    );
    let session = Session::new();
    assert_eq!(session.quietly(&["init", "--raw"]).code, Some(0));
    let captured = session.quietly(&["capture", &server.url(&from), "--name", "prod"]);
    assert_eq!(captured.code, Some(3), "{}{}", captured.stdout, captured.stderr);
    assert!(captured.stdout.contains("1 former rows of table people"), "{}", captured.stdout);
    assert_eq!(session.quietly(&["restore", "prod", "--to", &server.url(&to)]).code, Some(0));
    assert_eq!(past(|sql| server.sql(&from, sql)), past(|sql| server.sql(&to, sql)));
    assert_eq!(session.quietly(&["verify", "prod", "--against", &server.url(&to)]).code, Some(0));
}

#[test]
fn a_server_that_lets_nobody_say_when_is_refused_before_anything_is_made() {
    let Some(binaries) = mariadb() else { return };
    let from = filled(shared_of(&binaries), "secure_from");
    let session = Session::new();
    assert_eq!(session.quietly(&["init", "--raw"]).code, Some(0));
    let url = shared_of(&binaries).url(&from);
    assert_eq!(session.quietly(&["capture", &url, "--name", "prod"]).code, Some(0));
    let server = Server::start(ServerOptions::new().binaries(binaries).setting("secure_timestamp", "YES"));
    let to = server.fresh_db("secure_to");
    let refused = session.quietly(&["restore", "prod", "--to", &server.url(&to)]);
    assert_eq!(refused.code, Some(1), "{}{}", refused.stdout, refused.stderr);
    for word in ["former rows of orders, people", "secure_timestamp is YES", "secure_timestamp = NO"] {
        assert!(refused.stderr.contains(word), "{word}: {}", refused.stderr);
    }
    assert_eq!(server.sql(&to, "SHOW TABLES"), "");
}

#[test]
fn nothing_personal_survives_in_the_past() {
    let Some(binaries) = mariadb() else { return };
    let server = shared_of(&binaries);
    let (from, to) = (filled(server, "scrubbed_past"), server.fresh_db("scrubbed_copy"));
    let session = Session::new();
    fs::write(session.dir().join("offshoot.toml"), POLICY).unwrap();
    assert_eq!(session.quietly(&["key", "new", "key"]).code, Some(0));
    assert_eq!(session.quietly(&["init"]).code, Some(0));

    let scanned = session.quietly(&["scan", &server.url(&from)]);
    for line in ["email = \"email\"", "row_start = \"keep\"", "row_end = \"keep\"", "s = \"keep\""] {
        assert!(scanned.stdout.contains(line), "{line}: {}{}", scanned.stdout, scanned.stderr);
    }
    let captured = session.quietly(&["capture", &server.url(&from), "--name", "prod", "--policy", "offshoot.toml"]);
    assert_eq!(captured.code, Some(0), "{}{}", captured.stdout, captured.stderr);
    let stored = plaintext(&session.dir().join(".offshoot")).unwrap();
    for canary in ["old-canary", "Quibbleton", "Canary", "New Name", "three@mail"] {
        for (place, bytes) in &stored {
            assert!(!contains(bytes, canary), "{canary} in {place}");
        }
    }
    let restored = session.quietly(&["restore", "prod", "--to", &server.url(&to)]);
    assert_eq!(restored.code, Some(0), "{}{}", restored.stdout, restored.stderr);
    let compared = ["verify", "prod", "--against", &server.url(&from), "--policy", "offshoot.toml"];
    let compared = session.quietly(&compared);
    assert_eq!(compared.code, Some(0), "{}{}", compared.stdout, compared.stderr);

    // The past is as it was, with others in it.
    let shape =
        "SET time_zone = '+00:00'; SELECT id, row_start, row_end FROM people FOR SYSTEM_TIME ALL ORDER BY id, row_end";
    assert_eq!(server.sql(&from, shape), server.sql(&to, shape));
    // One address is one address, whoever had it and whenever.
    let shared = "SELECT COUNT(DISTINCT email), COUNT(*) FROM people FOR SYSTEM_TIME ALL WHERE email IN \
                  (SELECT email FROM people FOR SYSTEM_TIME ALL WHERE id = 2)";
    assert_eq!(server.sql(&to, shared), "1\t2");
    assert_eq!(server.sql(&to, "SELECT COUNT(*), COUNT(DISTINCT email) FROM people"), "3\t3");

    // Rules that would put the past out of order, or mix it with the present where that must be unique.
    for (rules, word) in
        [("email = 'email'\nrow_start = 'date-shift'", "when a row held"), ("email = 'shuffle'", "unique")]
    {
        let policy = POLICY.replace("email = 'email'", rules);
        fs::write(session.dir().join("offshoot.toml"), policy).unwrap();
        let refused = session.quietly(&["capture", &server.url(&from), "--policy", "offshoot.toml"]);
        assert!(refused.code != Some(0) && refused.stderr.contains(word), "{rules}: {}", refused.stderr);
    }
    let shuffled = POLICY.replace("name = 'full-name'", "name = 'shuffle'");
    fs::write(session.dir().join("offshoot.toml"), shuffled).unwrap();
    let moved = session.quietly(&["capture", &server.url(&from), "--name", "moved", "--policy", "offshoot.toml"]);
    assert_eq!(moved.code, Some(0), "{}{}", moved.stdout, moved.stderr);
    let emptied = format!("{POLICY}[scrub.rows]\npeople = 'none'\norders = 'none'\n");
    fs::write(session.dir().join("offshoot.toml"), emptied).unwrap();
    let emptied = session.quietly(&["--json", "capture", &server.url(&from), "--policy", "offshoot.toml"]);
    assert!(emptied.code == Some(0) && emptied.stdout.contains("\"rows\":0"), "{}{}", emptied.stdout, emptied.stderr);
    let present = format!("{POLICY}[scrub.rows]\norders = \"e > '2100-01-01'\"\n");
    fs::write(session.dir().join("offshoot.toml"), present).unwrap();
    let present = session.quietly(&["--json", "capture", &server.url(&from), "--policy", "offshoot.toml"]);
    assert!(present.code == Some(0) && present.stdout.contains("\"rows\":8"), "{}{}", present.stdout, present.stderr);
}

#[test]
fn a_branch_is_asked_what_was() {
    let Some(binaries) = mariadb() else { return };
    let server = shared_of(&binaries);
    let db = filled(server, "branch_past");
    server.sql(
        &db,
        "CREATE TABLE hooks (id INT PRIMARY KEY, webhook_url VARCHAR(99)) WITH SYSTEM VERSIONING;
         INSERT INTO hooks VALUES (1, 'https://real-canary.example/hook'); DELETE FROM hooks",
    );
    let nest = Nest::of_mysql(server, &db);
    let made = nest.session.quietly(&["branch", "create", "past", "--raw"]);
    assert_eq!(made.code, Some(0), "{}{}", made.stdout, made.stderr);
    assert!(made.stderr.contains("former rows of table hooks"), "{}", made.stderr);
    let ask = |sql: &str| nest.done(&["branch", "psql", "past", "-BNe", sql]).stdout.trim().to_owned();
    assert_eq!(past(|sql| server.sql(&db, sql)), past(ask));
    assert_eq!(ask("SELECT COUNT(*) FROM hooks FOR SYSTEM_TIME ALL"), "0");
    ask("UPDATE people SET name = 'other'");
    let before = "SELECT name FROM people FOR SYSTEM_TIME AS OF TIMESTAMP'2020-09-13 13:00:00' WHERE id = 1";
    assert_eq!(ask(before), "New Name");
    nest.delete_all();
}
