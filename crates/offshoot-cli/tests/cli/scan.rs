//! `scan`: what it proposes for a small shop, that no value of it gets out, and what it does where it may not look.

use crate::session::Session;
use offshoot_testkit::postgres::{Server, shared};

/// Values that may be in no output.
const VALUES: [&str; 7] =
    ["clotilde", "Quibbleford", "example-mail.org", "4111111111111111", "Elm Street", "zanzibar-secret", "+1 415 555"];

fn shop(server: &Server) -> String {
    let db = server.fresh_db("scan");
    server.psql(
        &db,
        "CREATE TYPE mood AS ENUM ('ok', 'bad');
         CREATE TABLE customers (id serial PRIMARY KEY, email varchar(200) UNIQUE NOT NULL, full_name text, phone text, card text,
           mood mood DEFAULT 'ok', address text, code char(2) CHECK (code ~ '^[A-Z]+$'), profile jsonb, note text, search tsvector,
           created_at timestamptz DEFAULT now(), CONSTRAINT named CHECK (md5(full_name) <> 'x'));
         CREATE TABLE staff (id serial PRIMARY KEY, social_security_number char(11) NOT NULL CHECK (md5(social_security_number) IS NOT NULL));
         CREATE TABLE products (sku text PRIMARY KEY, name text NOT NULL, price numeric(8,2), status text);
         CREATE TABLE logins (mail varchar(200) REFERENCES customers (email), at timestamptz, ip inet) PARTITION BY RANGE (at);
         CREATE TABLE logins_old PARTITION OF logins FOR VALUES FROM ('2000-01-01') TO ('2020-01-01');
         INSERT INTO customers (email, full_name, phone, card, address, code, profile, note)
           SELECT 'clotilde' || i || '@example-mail.org', 'Clotilde Quibbleford' || chr(97 + i % 26), '+1 415 555 0' || (100 + i), '4111111111111111', i || ' Elm Street', 'AB',
             jsonb_build_object('theme', 'dark', 'contact', jsonb_build_object('email', 'clotilde' || i || '@example-mail.org')),
             'Please write to clotilde' || i || '@example-mail.org about the order' FROM generate_series(1, 40) i;
         INSERT INTO products SELECT 'SKU-' || i, 'Blue shirt number ' || i, i, 'new' FROM generate_series(1, 40) i;
         INSERT INTO logins SELECT email, '2010-01-01', '10.1.2.3' FROM customers;",
    );
    db
}

fn rule<'j>(json: &'j serde_json::Value, table: &str, column: &str) -> &'j str {
    let columns = json["columns"].as_array().unwrap();
    let found = columns.iter().find(|found| found["table"] == table && found["column"] == column);
    found.unwrap_or_else(|| panic!("no {table}.{column}"))["rule"].as_str().unwrap_or("?")
}

#[test]
fn a_policy_is_proposed_and_no_value_gets_out() {
    let (server, session) = (shared(), Session::new());
    let db = shop(server);
    let ran = session.quietly(&["scan", &server.url(&db), "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let json = ran.json();
    let wanted = [
        ("customers", "id", "keep"),
        ("customers", "email", "email"),
        ("customers", "phone", "phone"),
        ("customers", "card", "card"),
        ("customers", "mood", "keep"),
        ("customers", "address", "street"),
        ("customers", "code", "keep"),
        ("customers", "profile", "json"),
        ("customers", "note", "words"),
        ("customers", "search", "null"),
        ("customers", "created_at", "keep"),
        // What its CHECK says of other values is not known.
        ("customers", "full_name", "null"),
        // And here NULL is refused, too: somebody has to decide.
        ("staff", "social_security_number", "?"),
        ("products", "sku", "keep"),
        ("products", "name", "keep"),
        ("products", "price", "keep"),
        ("products", "status", "keep"),
        ("logins", "mail", "email"),
        ("logins", "ip", "ip"),
        ("logins_old", "ip", "ip"),
    ];
    for (table, column, wanted) in wanted {
        assert_eq!(rule(&json, table, column), wanted, "{table}.{column} in\n{}", json["policy"].as_str().unwrap());
    }
    let text = session.quietly(&["scan", &server.url(&db)]);
    assert_eq!(text.stdout, json["policy"].as_str().unwrap());
    assert!(text.stdout.contains("40 of 40 values are mail addresses"), "{}", text.stdout);
    assert!(text.stdout.contains("\"$.theme\" = \"keep\"") && !text.stdout.contains("\"$.contact.email\" = \"keep\""));
    assert!(text.stdout.contains("its constraints refuse `full-name`"), "{}", text.stdout);
    assert_eq!(json["undecided"], 1);
    assert!(text.stdout.contains("\n# social_security_number = ?  # "), "{}", text.stdout);
    assert!(text.stderr.contains("public.staff.social_security_number looks personal"), "{}", text.stderr);
    // What the parent says is not said again of its partitions.
    assert!(text.stdout.contains("[scrub.tables.\"public.logins\"]") && !text.stdout.contains("logins_old"));
    let loud = session.quietly(&["-vv", "scan", &server.url(&db)]);
    for value in VALUES {
        for out in [&ran.stdout, &ran.stderr, &text.stdout, &text.stderr, &loud.stdout, &loud.stderr] {
            assert!(!out.contains(value), "{value} got out");
        }
    }
    assert!(text.stderr.contains("columns hold personal data"), "{}", text.stderr);
}

#[test]
fn rules_whose_values_satisfy_the_constraints_are_proposed() {
    let (server, session) = (shared(), Session::new());
    let db = server.fresh_db("scan_demo");
    offshoot_testkit::shop::load(server, &db).unwrap();
    let ran = session.quietly(&["scan", &server.url(&db), "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let json = ran.json();
    assert_eq!(rule(&json, "customer", "email"), "email");
    assert_eq!(rule(&json, "customer", "born"), "date-truncate");
    // All addresses are of one domain here, which no reserved one is.
    assert_ne!(rule(&json, "employee", "email"), "email");
    assert!(json["policy"].as_str().unwrap().contains("its constraints refuse `date-shift`"));
}

#[test]
fn a_file_is_written_once() {
    let (server, session) = (shared(), Session::new());
    let db = shop(server);
    let ran = session.quietly(&["scan", &server.url(&db), "--out", "offshoot.toml"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stdout.starts_with("wrote offshoot.toml: "), "{}", ran.stdout);
    let path = session.dir().join("offshoot.toml");
    let written = std::fs::read_to_string(&path).unwrap();
    assert!(written.contains("[scrub.tables.\"public.customers\"]"));
    std::fs::write(&path, "mine").unwrap();
    let again = session.quietly(&["scan", &server.url(&db), "--out", "offshoot.toml"]);
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("exists already") && again.stderr.contains("hint: "), "{}", again.stderr);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    let nowhere = session.quietly(&["scan", &server.url(&db), "--out", "no/such/folder/x.toml"]);
    assert_eq!(nowhere.code, Some(1));
}

#[test]
fn what_nobody_has_decided_about_is_not_captured() {
    let (server, session) = (shared(), Session::new());
    let db = shop(server);
    for args in [&["init"][..], &["key", "new", "key"], &["scan", &server.url(&db), "--out", "policy.toml"]] {
        assert_eq!(session.quietly(args).code, Some(0));
    }
    let capture = |rule: &str| {
        let policy = std::fs::read_to_string(session.dir().join("policy.toml")).unwrap();
        let policy = policy.replace("# social_security_number = ?", rule);
        std::fs::write(session.dir().join("offshoot.toml"), format!("key = 'key'\n{policy}")).unwrap();
        session.quietly(&["capture", &server.url(&db), "--name", "shop"])
    };
    let ran = capture("# social_security_number = ?");
    assert_eq!(ran.code, Some(4), "{}", ran.stderr);
    assert!(ran.stderr.contains("public.staff.social_security_number"), "{}", ran.stderr);
    let ran = capture("social_security_number = 'keep'");
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

#[test]
fn what_cannot_be_read_is_named_and_judged_by_its_names() {
    let (server, session) = (shared(), Session::new());
    let db = shop(server);
    server.psql(
        &db,
        "DROP ROLE IF EXISTS scan_reader; CREATE ROLE scan_reader LOGIN; GRANT SELECT ON products, staff, logins_old TO scan_reader",
    );
    let url = server.url(&db).replacen("postgres@", "scan_reader@", 1);
    let ran = session.quietly(&["scan", &url, "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(ran.stderr.contains("public.customers was not looked into: the role may not read it"), "{}", ran.stderr);
    let json = ran.json();
    assert_eq!((rule(&json, "customers", "email"), rule(&json, "products", "name")), ("email", "keep"));
    assert_eq!(json["unread"].as_array().unwrap().len(), 1);
    server.psql(&db, "DROP OWNED BY scan_reader; DROP ROLE scan_reader");
}

#[test]
fn a_locked_table_is_not_waited_for() {
    let (server, session) = (shared(), Session::new());
    let db = shop(server);
    let _hold = server.hold_table(&db, "customers");
    let ran = session.quietly(&["scan", &server.url(&db), "--json"]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("public.customers was not looked into: it is locked by another session"),
        "{}",
        ran.stderr
    );
}
