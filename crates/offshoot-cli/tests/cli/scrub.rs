//! Scrubbing end to end on a real server: what is refused before a row is read, what is stored, what survives nowhere, and
//! what the holder of the key can still find.

use crate::bad_source::locker_of;
use crate::session::{Ran, Session};
use offshoot_testkit::postgres::{Server, shared};
use offshoot_testkit::store::plaintext;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

/// Values that a holder of the key looks for.
const SOUGHT: [&str; 2] = ["zora.quibbleton@mail.canary-one.example.org", "Quibbleton-Fährnisse"];

const SCHEMA: &str = "
CREATE TABLE users (id bigint PRIMARY KEY, email text UNIQUE NOT NULL, name varchar(40), phone text, note text, tags text[],
    extra jsonb, card bpchar(24), born date, city text);
CREATE TABLE orders (id int PRIMARY KEY, user_email text REFERENCES users (email), total numeric(10,2));
CREATE TABLE audit (id int PRIMARY KEY, change jsonb);
INSERT INTO users SELECT n, 'person' || n || '@mail.example.org', 'Name ' || chr(65 + n % 26) || md5(n::text),
    '+49 170 ' || (1000000 + n * 7), 'called about a parcel, number ' || n * 7919, ARRAY['vip', 'tag' || n],
    jsonb_build_object('n', n, 'deep', jsonb_build_object('who', 'person' || n)), NULL, date '1950-01-01' + n, 'Oslo'
  FROM generate_series(1, 3000) n;
INSERT INTO users VALUES (9001, 'zora.quibbleton@mail.canary-one.example.org', 'Quibbleton-Fährnisse', '+49 171 8675309',
    'she keeps a xylotomous-7741-notebook at home', ARRAY['canary-array-90210-element'],
    '{\"a\": {\"b\": [\"canary-json-deep-55121\"]}}', '4111 1111 1111 1111', '1971-02-03', 'Bergen');
INSERT INTO orders SELECT n, CASE WHEN n = 1 THEN 'zora.quibbleton@mail.canary-one.example.org' ELSE 'person' || n || '@mail.example.org' END, n
  FROM generate_series(1, 2000) n;
INSERT INTO audit VALUES (1, '{\"table\": \"orders\", \"was\": 12}');
";

pub const POLICY: &str = "
[scrub.tables.users]
id = 'keep'
email = 'email'
name = 'shape'
phone = 'phone'
note = 'words'
tags = 'shape'
extra = { rule = 'json', paths = { '$.n' = 'keep' } }
card = 'card'
born = { rule = 'date-shift', by = 'id', days = 30 }
city = 'keep'
[scrub.tables.orders]
'*' = 'keep'
user_email = 'email'
[scrub.tables.audit]
'*' = 'keep'
";

/// A small shop whose rows are scrubbed.
pub struct Shop {
    pub server: &'static Server,
    pub db: String,
    pub session: Session,
}

impl Shop {
    pub fn new(name: &str) -> Self {
        let server = shared();
        let db = server.fresh_db(name);
        server.psql(&db, SCHEMA);
        let session = Session::new();
        for args in [&["init"][..], &["key", "new", "key"]] {
            assert_eq!(session.quietly(args).code, Some(0));
        }
        let shop = Self { server, db, session };
        shop.policy(POLICY);
        shop
    }

    pub fn policy(&self, text: &str) {
        fs::write(self.session.dir().join("offshoot.toml"), format!("key = 'key'\n{text}")).unwrap();
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        self.session.quietly(args)
    }

    pub fn capture(&self) -> Ran {
        self.run(&["--json", "capture", &self.server.url(&self.db), "--name", "prod"])
    }

    /// All that the store holds, decoded.
    pub fn plaintext(&self) -> Vec<(String, Vec<u8>)> {
        plaintext(&self.session.dir().join(".offshoot")).unwrap()
    }

    /// A restored copy of the newest snapshot.
    pub fn restored(&self) -> String {
        let copy = self.server.fresh_db("scrubbed_copy");
        let ran = self.run(&["restore", "prod", "--to", &self.server.url(&copy)]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        copy
    }
}

fn files(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        all.extend(if path.is_dir() { files(&path) } else { fs::read(&path).unwrap() });
    }
    all
}

pub fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn a_column_without_a_rule_stops_the_capture_before_a_row_is_read() {
    let shop = Shop::new("unclassified");
    shop.server.psql(&shop.db, "ALTER TABLE users ADD COLUMN nickname text");
    let ran = shop.capture();
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(ran.stderr.contains("public.users.nickname: shape") && ran.stderr.contains("hint: "), "{}", ran.stderr);
    assert_eq!(fs::read_dir(shop.session.dir().join(".offshoot/packs")).unwrap().count(), 0);
    let url = shop.server.url(&shop.db);
    assert_eq!(shop.run(&["capture", &url, "--name", "prod", "--unclassified", "scrub"]).code, Some(0));
    shop.policy(&POLICY.replace("city = 'keep'", "town = 'keep'"));
    let ran = shop.capture();
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("table `users` has no column `town`"), "{}", ran.stderr);
}

#[test]
fn what_survives_is_not_published() {
    let shop = Shop::new("survivors");
    let leaks = [
        ("audit.change", "UPDATE audit SET change = '{\"old\": {\"email\": \"Person77@MAIL.example.org\"}}'"),
        ("COMMENT", "UPDATE audit SET change = '{}'; COMMENT ON TABLE users IS 'ask person12@mail.example.org'"),
        (
            "TABLE public.audit",
            "COMMENT ON TABLE users IS NULL; ALTER TABLE audit ADD by text; ALTER TABLE audit ALTER by SET DEFAULT 'person13@mail.example.org'",
        ),
        ("audit", "ALTER TABLE audit DROP by, ADD CHECK (change->>'who' <> 'person14@mail.example.org')"),
        (
            "TYPE",
            "ALTER TABLE audit DROP CONSTRAINT audit_change_check;
             CREATE TYPE who AS ENUM ('person14@mail.example.org', 'nobody')",
        ),
        ("VIEW", "DROP TYPE who; CREATE VIEW v AS SELECT 1 AS x WHERE 'person15@mail.example.org' <> ''"),
        (
            "FUNCTION",
            "DROP VIEW v; CREATE FUNCTION who() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'person16@mail.example.org'; END $$",
        ),
        ("INDEX", "DROP FUNCTION who(); CREATE INDEX v ON audit (id) WHERE change->>'by' = 'person17@mail.example.org'"),
        (
            "TRIGGER",
            "DROP INDEX v; CREATE TRIGGER v BEFORE UPDATE ON audit FOR EACH ROW
             WHEN (new.change->>'by' = 'person18@mail.example.org') EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        ),
        (
            "POLICY",
            "DROP TRIGGER v ON audit; CREATE POLICY v ON audit USING (change->>'by' = 'person19@mail.example.org')",
        ),
    ];
    for (place, leak) in leaks {
        shop.server.psql(&shop.db, leak);
        let ran = shop.capture();
        assert_eq!(ran.code, Some(4), "{place}: {}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains("nothing was published") && ran.stderr.contains(place), "{place}: {}", ran.stderr);
        assert!(!ran.stderr.contains("mail.example.org") && !ran.stderr.contains("MAIL"), "{}", ran.stderr);
        let packs = fs::read_dir(shop.session.dir().join(".offshoot/packs")).unwrap().count();
        assert_eq!(packs, 0, "{place}: what must not be published must not stay");
    }
    shop.server.psql(&shop.db, "DROP POLICY v ON audit");
    assert_eq!(shop.capture().code, Some(0));
}

#[test]
fn unchanged_rows_add_nothing_and_a_raw_snapshot_scrubs_alike() {
    let shop = Shop::new("stable");
    let first = shop.capture().json();
    shop.server.psql(&shop.db, "VACUUM FULL users");
    let second = shop.capture().json();
    assert_eq!((&second["added_bytes"], &second["content_root"]), (&0.into(), &first["content_root"]));

    let url = shop.server.url(&shop.db);
    assert_eq!(shop.run(&["--store", "raw", "init", "--raw"]).code, Some(0));
    let raw = shop.run(&["--store", "raw", "capture", &url, "--name", "prod"]);
    assert!(raw.stderr.contains("is a raw store: rows enter it as they are"), "{}", raw.stderr);
    let into = shop.run(&["--json", "--store", "raw", "scrub", "prod", "--into", ".offshoot", "--name", "again"]);
    assert_eq!(into.code, Some(0), "{}", into.stderr);
    assert_eq!(into.json()["content_root"], first["content_root"]);
    assert_eq!(into.json()["added_bytes"], 0);
    let beside = shop.run(&["--json", "--store", "raw", "scrub", "prod", "--into", "raw"]).json();
    assert!(beside["reused_share"].as_f64().unwrap() > 0.0, "{beside}");
    let twice = shop.run(&["--store", "raw", "scrub", &format!("{}-scrubbed", shop.db), "--into", "raw"]);
    assert_eq!(twice.code, Some(4), "{}", twice.stderr);
}

#[test]
fn the_holder_of_the_key_finds_a_reporter_and_nobody_else_does() {
    let shop = Shop::new("pseudonym");
    assert_eq!(shop.capture().code, Some(0));
    let copy = shop.restored();
    for (column, id, value) in [("users.email", "email", SOUGHT[0]), ("public.users.name", "name", SOUGHT[1])] {
        let ran = shop.run(&["pseudonym", column, value]);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let found = shop.server.psql(&copy, &format!("SELECT id FROM users WHERE {id} = '{}'", ran.stdout.trim()));
        assert_eq!(found.trim(), "9001");
    }
    assert_eq!(shop.run(&["pseudonym", "users.emial", "x"]).code, Some(1));

    let url = shop.server.url(&shop.db);
    let verified = shop.run(&["verify", "prod", "--against", &url]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.stdout, verified.stderr);
    shop.server.psql(&shop.db, "UPDATE users SET name = 'other' WHERE id = 7");
    let differs = shop.run(&["verify", "prod", "--against", &url]);
    assert_eq!(differs.code, Some(5), "{}{}", differs.stdout, differs.stderr);

    let checked = shop.run(&["receipt", "prod", "--check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.stderr);
    assert!(checked.stdout.contains("survivors 0"), "{}", checked.stdout);
    // Unique and foreign keys over rewritten columns are counted.
    for counted in [
        "unique users (email): 3\u{202f}001 rows counted",
        "(user_email) -> public.users (email): 2\u{202f}000 rows counted",
    ] {
        assert!(checked.stdout.contains(counted), "{counted}: {}", checked.stdout);
    }
    let page = shop.run(&["receipt", "prod", "--html", "receipt.html"]);
    assert_eq!(page.code, Some(0), "{}", page.stderr);
    let page = fs::read_to_string(shop.session.dir().join("receipt.html")).unwrap();
    let fetches = ["src=", "href=", "url(", "@import", "<script"];
    assert!(page.contains("<svg") && !fetches.iter().any(|way| page.contains(way)));

    // Another key, no key.
    let first = shop.run(&["key", "fingerprint"]).stdout.trim().to_owned();
    shop.run(&["key", "new", "other"]);
    let other = |args: &[&str]| {
        let output = shop.session.command(args).env("OFFSHOOT_KEY_FILE", "other").output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for args in [
        &["verify", "prod", "--against", &url][..],
        &["pseudonym", "users.email", "x"],
        &["receipt", "prod", "--check"],
    ] {
        let (code, stderr) = other(args);
        assert_eq!(code, Some(2), "{args:?}: {stderr}");
        assert!(stderr.contains(&first), "{args:?}: {stderr}");
    }
    let (code, stderr) = other(&["capture", &url, "--name", "prod"]);
    assert_eq!(code, Some(4), "{stderr}");
    assert!(stderr.contains(&format!("--replaces {first}")), "{stderr}");
    fs::remove_file(shop.session.dir().join("other")).unwrap();
    shop.run(&["key", "new", "other", "--replaces", &first]);
    let (code, stderr) = other(&["capture", &url, "--name", "prod"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("begins a new epoch"), "{stderr}");
    shop.policy(&POLICY.replace("'words'", "'null'"));
    let ran = shop.run(&["verify", "prod~1", "--against", &url]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    fs::write(shop.session.dir().join("offshoot.toml"), POLICY).unwrap();
    assert_eq!(shop.run(&["verify", "prod~1", "--against", &url]).code, Some(2));
}

#[test]
fn another_key_is_refused_under_any_name_and_while_a_capture_runs() {
    let shop = Shop::new("epochs");
    let url = shop.server.url(&shop.db);
    shop.run(&["key", "new", "other"]);
    shop.run(&["--store", "raw", "init", "--raw"]);
    assert_eq!(shop.run(&["--store", "raw", "capture", &url, "--name", "prod"]).code, Some(0));
    let under = |key: &str, args: &[&str]| {
        let mut command = shop.session.command(args);
        command.env("OFFSHOOT_KEY_FILE", key).stdout(Stdio::null()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let ended = |child: Child| {
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    // One capture has looked at the empty store and waits for a lock while another one publishes under another key.
    let busy = shop.server.fresh_db("epochs_busy");
    shop.server.psql(&busy, "CREATE TABLE busy (id int PRIMARY KEY)");
    std::fs::write(shop.session.dir().join("busy.toml"), "[scrub.columns]\n'*' = 'keep'\n").unwrap();
    std::fs::write(shop.session.dir().join("shop.toml"), POLICY).unwrap();
    let mut locker = locker_of(shop.server, &busy);
    let busy_url = shop.server.url(&busy);
    let mut waiting =
        under("key", &["-v", "capture", &busy_url, "--name", "busy", "--policy", "busy.toml", "--lock-wait", "5m"]);
    let mut lines = BufReader::new(waiting.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("step=\"lock\"")));
    let (code, stderr) = ended(under("other", &["capture", &url, "--name", "prod", "--policy", "shop.toml"]));
    assert_eq!(code, Some(0), "{stderr}");
    locker.kill().unwrap();
    locker.wait().unwrap();
    let stderr: Vec<String> = lines.collect();
    assert_eq!(waiting.wait().unwrap().code(), Some(4), "{stderr:#?}");
    assert!(stderr.iter().any(|line| line.contains("prod was scrubbed with the key")), "{stderr:#?}");
    // Under a name that is new as well.
    let (code, stderr) = ended(under("key", &["capture", &url, "--name", "dev", "--policy", "shop.toml"]));
    assert_eq!(code, Some(4), "{stderr}");
    assert!(stderr.contains("prod was scrubbed with the key") && stderr.contains("--replaces"), "{stderr}");
    assert!(!shop.run(&["log"]).stdout.contains("busy"));
    let (code, stderr) = ended(under("other", &["capture", &url, "--name", "dev", "--policy", "shop.toml"]));
    assert_eq!(code, Some(0), "{stderr}");
    // A copy of an older snapshot has that one's time, and is newer all the same.
    let store = shop.session.dir().join(".offshoot").display().to_string();
    let fingerprint = shop.session.command(&["key", "fingerprint"]).env("OFFSHOOT_KEY_FILE", "other").output().unwrap();
    let fingerprint = String::from_utf8(fingerprint.stdout).unwrap().trim().to_owned();
    shop.run(&["key", "new", "next", "--replaces", &fingerprint]);
    let copy = ["--store", "raw", "scrub", "prod", "--into", &store, "--name", "old", "--policy", "shop.toml"];
    let (code, stderr) = ended(under("next", &copy));
    assert_eq!(code, Some(0), "{stderr}");
    let (code, stderr) = ended(under("other", &["capture", &url, "--name", "dev", "--policy", "shop.toml"]));
    assert_eq!(code, Some(4), "{stderr}");
    assert!(stderr.contains("old was scrubbed with the key"), "{stderr}");
}

#[test]
fn a_preview_is_for_the_screen() {
    let shop = Shop::new("preview");
    let url = shop.server.url(&shop.db);
    let args = ["preview", &url, "--table", "users", "--rows", "3"];
    let piped = shop.run(&args);
    assert_eq!((piped.code, piped.stdout.as_str()), (Some(4), ""));
    let Some(shown) = crate::terminal::on_terminal(&shop.session, &args, &[("NO_COLOR", "1")]) else {
        println!("SKIPPED a_preview_is_for_the_screen: there is no program `script`");
        return;
    };
    assert!(
        shown.contains("row 3") && shown.contains("person1@mail.example.org") && shown.contains(".test"),
        "{shown}"
    );
    assert!(!shop.session.dir().join(".offshoot/packs").read_dir().unwrap().any(|_| true));
}

#[test]
fn nothing_of_rows_that_are_left_out_is_stored() {
    let shop = Shop::new("left_out");
    // Two megabytes that no codec makes shorter.
    let noise = "SELECT string_agg(sha256(n::text::bytea), '') FROM generate_series(1, 65536) n";
    shop.server.psql(
        &shop.db,
        &format!("CREATE TABLE secret (id int PRIMARY KEY, scan bytea); INSERT INTO secret VALUES (1, ({noise}))"),
    );
    shop.policy(&format!("{POLICY}\n[scrub.rows]\nsecret = 'none'\n"));
    let ran = shop.capture();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let bytes = files(&shop.session.dir().join(".offshoot")).len();
    println!("the store has {bytes} bytes, the table that was left out has 2097152");
    assert!(bytes < 1 << 20, "{bytes}");
    let copy = shop.restored();
    assert_eq!(shop.server.psql(&copy, "SELECT count(*) FROM secret").trim(), "0");
}

#[test]
fn large_values_that_are_kept_are_not_written_for_rows_that_are_not() {
    let shop = Shop::new("left_out_by_condition");
    let body =
        |word: &str| format!("(SELECT string_agg('{word}' || md5(n::text), ' ') FROM generate_series(1, 20000) n)");
    shop.server.psql(
        &shop.db,
        &format!(
            "CREATE TABLE events (id int PRIMARY KEY, body text, kind text);
             INSERT INTO events VALUES (1, {}, 'sale'), (2, {}, 'debug'), (3, 'short', 'debug')",
            body("plum"),
            body("canary"),
        ),
    );
    shop.policy(&format!(
        "{POLICY}\n[scrub.tables.events]\n'*' = 'keep'\n[scrub.rows]\nevents = \"kind <> 'debug'\"\n"
    ));
    let ran = shop.capture();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let chunks = shop.plaintext();
    let with = |word: &str| chunks.iter().filter(|(_, plain)| contains(plain, word)).count();
    assert!(with("plum") > 0, "the row that stays has its value");
    assert_eq!(with("canary"), 0, "chunks of the row that was left out");
    let copy = shop.restored();
    let lengths = "SELECT id, length(body) FROM events WHERE kind <> 'debug'";
    assert_eq!(shop.server.psql(&copy, lengths), shop.server.psql(&shop.db, lengths));
}

#[test]
fn paths_that_are_kept_may_be_elsewhere_and_paths_that_are_not_may_not() {
    let shop = Shop::new("paths");
    shop.server.psql(
        &shop.db,
        "UPDATE users SET extra = jsonb_build_object('n', 770000000 + id, 'who', email);
         ALTER TABLE audit ADD number int; UPDATE audit SET number = 770000007, change = '{}'",
    );
    let ran = shop.capture();
    assert_eq!(ran.code, Some(0), "a number that is kept on both sides: {}", ran.stderr);
    shop.server.psql(&shop.db, "UPDATE users SET extra = extra || jsonb_build_object('n', email) WHERE id = 9");
    let ran = shop.capture();
    assert_eq!(ran.code, Some(4), "an address at a path that is kept: {}", ran.stderr);
    assert!(ran.stderr.contains("public.users.extra"), "{}", ran.stderr);
}

#[test]
fn a_person_with_many_orders_is_a_person() {
    let shop = Shop::new("regular");
    shop.server.psql(
        &shop.db,
        "INSERT INTO orders SELECT 100000 + n, 'person7@mail.example.org', 1 FROM generate_series(1, 500) n;
         UPDATE audit SET change = '{\"by\": \"person7@mail.example.org\"}'",
    );
    let ran = shop.capture();
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(ran.stderr.contains("public.audit.change"), "{}", ran.stderr);
}

#[test]
fn an_edit_elsewhere_in_the_configuration_is_no_other_policy() {
    let shop = Shop::new("edited");
    assert_eq!(shop.capture().code, Some(0));
    shop.policy(&format!("\n# a remark\n{}\n[other]\nx = 1\n", POLICY.replace("id = 'keep'", "id   =   \"keep\"")));
    let url = shop.server.url(&shop.db);
    let ran = shop.run(&["verify", "prod", "--against", &url]);
    assert_eq!(ran.code, Some(0), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn large_values_and_large_objects_are_scrubbed_too() {
    let shop = Shop::new("large");
    shop.server.psql(
        &shop.db,
        "UPDATE users SET note = repeat('call +49 171 8675309 about the xylotomous-7741-notebook ', 20000) WHERE id = 9001;
         SELECT lo_from_bytea(4711, convert_to(repeat('canary-array-90210-element ', 30000), 'UTF8'))",
    );
    let ran = shop.capture();
    assert_eq!(ran.code, Some(4), "large objects have no rule: {}", ran.stderr);
    assert!(ran.stderr.contains("large_objects.data"), "{}", ran.stderr);
    shop.policy(&format!("{POLICY}\n[scrub.tables.large_objects]\noid = 'keep'\ndata = 'shape'\n"));
    let ran = shop.capture();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let copy = shop.restored();
    let length = "SELECT length(note), (SELECT sum(length(data)) FROM pg_largeobject) FROM users WHERE id = 9001";
    assert_eq!(shop.server.psql(&copy, length), shop.server.psql(&shop.db, length));
    let left = "SELECT note LIKE '%8675309%' OR note LIKE '%xylotomous%',
        encode(lo_get(4711), 'escape') LIKE '%90210%' FROM users WHERE id = 9001";
    assert_eq!(shop.server.psql(&copy, left).trim(), "f|f");
    assert_eq!(shop.run(&["verify", "prod", "--against", &shop.server.url(&shop.db)]).code, Some(0));
}
