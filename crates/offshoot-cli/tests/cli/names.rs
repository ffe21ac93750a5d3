//! Names that want to be SQL stay names: objects called so are captured, restored and compared, and nothing they say is done.

use crate::kills::Random;
use crate::session::Session;
use offshoot_testkit::fingerprint::fingerprint;
use offshoot_testkit::postgres::shared;

const WICKED: [&str; 26] = [
    "a\"b",
    "a'b",
    "a''b\"\"c",
    "a\nb",
    "a\r\nb",
    "a\tb",
    "a\\b",
    "\\.",
    "\\N",
    "\\connect postgres",
    "$$",
    "$body$",
    "; DROP TABLE precious; --",
    "\"; DROP TABLE precious; --",
    "'; DROP TABLE precious; --",
    "x\n\\! touch /nonexistent\n",
    "x\n; DROP TABLE precious;",
    "/* x",
    "*/ x --",
    "-- x",
    "%s %n {} :x $1 ?",
    "E'\\'",
    "select",
    " ",
    "Größe 注文 👩‍👩‍👧 \u{202e}x",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"",
];
const LETTERS: [char; 24] = [
    '"', '\'', '\\', '$', ';', '-', '\n', '\r', '\t', '/', '*', '%', ':', '.', '(', ')', '{', '}', ' ', 'a', 'Z', 'é',
    '注', '👍',
];
/// PostgreSQL cuts longer names.
const NAME_BYTES_MAX: usize = 63;

fn random_name(random: &mut Random) -> String {
    let mut name = String::new();
    let length = 1 + random.below(NAME_BYTES_MAX as u64) as usize;
    while name.len() < length {
        name.push(LETTERS[random.below(LETTERS.len() as u64) as usize]);
    }
    while name.len() > NAME_BYTES_MAX {
        name.pop();
    }
    name
}

#[test]
fn wicked_names_come_back() {
    let mut random = Random::seeded("names");
    let mut names: Vec<String> = WICKED.iter().map(|name| (*name).to_owned()).collect();
    names.extend((0..25).map(|_| random_name(&mut random)));
    names.sort();
    names.dedup();
    let mut sql = "CREATE TABLE precious (id int PRIMARY KEY); INSERT INTO precious VALUES (1);\n".to_owned();
    for (at, name) in names.iter().enumerate() {
        let ident = format!("\"{}\"", name.replace('"', "\"\""));
        let text = format!("E'{}'", name.replace('\\', "\\\\").replace('\'', "''"));
        let other = format!("\"{}\"", names[(at + 1) % names.len()].replace('"', "\"\""));
        sql.push_str(&format!(
            "CREATE SCHEMA {ident}; SET search_path = {ident};
             CREATE TYPE {ident} AS ENUM ({text}, 'plain');
             CREATE SEQUENCE {other};
             CREATE TABLE t ({ident} int CONSTRAINT {ident} PRIMARY KEY, e {ident} DEFAULT {text}, w text DEFAULT {text});
             ALTER TABLE t RENAME TO \"t {at}\";
             CREATE INDEX \"i {at}\" ON \"t {at}\" (({ident} + 1)) WHERE w <> {text};
             INSERT INTO \"t {at}\" VALUES (1), (2);
             CREATE VIEW v AS SELECT {ident}, e FROM \"t {at}\";
             COMMENT ON TABLE \"t {at}\" IS {text}; COMMENT ON COLUMN \"t {at}\".{ident} IS {text};\n"
        ));
    }
    let server = shared();
    let db = server.fresh_db("wicked");
    server.psql(&db, &sql);
    let copy = server.fresh_db("wicked_copy");
    let session = Session::new();
    session.quietly(&["init", "--raw"]);
    let captured = session.quietly(&["capture", &server.url(&db), "--name", "wicked"]);
    assert_eq!(captured.code, Some(0), "{}{}", captured.stdout, captured.stderr);
    let restored = session.quietly(&["restore", "wicked", "--to", &server.url(&copy)]);
    assert_eq!(restored.code, Some(0), "{}{}", restored.stdout, restored.stderr);
    assert_eq!(fingerprint(server, &db), fingerprint(server, &copy));
    let compared = session.quietly(&["verify", "wicked", "--against", &server.url(&copy)]);
    assert_eq!(compared.code, Some(0), "{}{}", compared.stdout, compared.stderr);
    for place in [&db, &copy] {
        assert_eq!(server.psql(place, "SELECT count(*) FROM precious"), "1");
    }
    let shown = session.quietly(&["show", "wicked", "--tables", "--columns"]).stdout;
    assert!(!shown.contains('\u{202e}') && !shown.contains('\r'), "nothing steers the terminal");
    println!("names: {} went there and back", names.len());
}
