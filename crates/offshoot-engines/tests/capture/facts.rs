//! What the catalog says of tables, for scrubbing: compared with what SQL was given.

use crate::{capture, conninfo};
use offshoot_engines::bridge::Bridge;
use offshoot_engines::postgres::capture::connection::Connection;
use offshoot_engines::postgres::catalog::{relations, tables};
use offshoot_engines::postgres::facts::table_facts;
use offshoot_format::facts::{Check, ColumnFacts, Equality, TableFacts};
use offshoot_testkit::postgres::{Server, shared};

fn facts(server: &Server, db: &str) -> Vec<TableFacts> {
    let bridge = Bridge::new().unwrap();
    bridge.block_on(async {
        let connection = Connection::open_async(&conninfo(&server.url(db))).await.unwrap();
        let (client, version) = (&connection.client, connection.version);
        let relations = relations::list(client).await.unwrap();
        let (tables, _) = tables::describe(client, version, &relations, tables::Sizes::Estimated).await.unwrap();
        let facts = table_facts(client, version, &relations, &tables).await.unwrap();
        // The captured ones come first, column by column as they are read.
        for (table, facts) in tables.iter().zip(&facts) {
            assert_eq!((&table.spec.schema, &table.spec.name), (&facts.schema, &facts.name));
            let names = |of: &ColumnFacts| of.name.clone();
            let read: Vec<String> = table.spec.columns.iter().map(|column| column.name.clone()).collect();
            assert_eq!(read, facts.columns.iter().map(names).collect::<Vec<_>>());
            assert_eq!(table.spec.form, facts.form);
        }
        facts
    })
}

#[track_caller]
fn table<'f>(facts: &'f [TableFacts], name: &str) -> &'f TableFacts {
    facts.iter().find(|table| table.name == name).unwrap_or_else(|| panic!("no {name}"))
}

#[track_caller]
fn column<'f>(table: &'f TableFacts, name: &str) -> &'f ColumnFacts {
    table.columns.iter().find(|column| column.name == name).unwrap_or_else(|| panic!("no {name}"))
}

/// Names of the columns of each unique constraint, with how they compare.
fn unique(table: &TableFacts) -> Vec<(Vec<&str>, Equality)> {
    let names = |of: &Vec<usize>| of.iter().map(|column| table.columns[*column].name.as_str()).collect();
    let mut unique: Vec<_> = table.unique.iter().map(|(columns, equality)| (names(columns), *equality)).collect();
    unique.sort();
    unique
}

fn other(name: &str) -> Check {
    Check::Other(name.to_owned())
}

/// Names of constraints, all of which must be understood.
#[track_caller]
fn understood(column: &ColumnFacts) -> Vec<&str> {
    fn name(check: &Check) -> &str {
        match check {
            Check::Holds { name, .. } => name,
            other => panic!("{other:?} is not understood"),
        }
    }
    column.checks.iter().map(name).collect()
}

#[test]
fn types_limits_labels_defaults_and_comments() {
    let (server, db) = (shared(), shared().fresh_db("facts_types"));
    server.psql(
        &db,
        "CREATE DOMAIN short AS varchar(20) NOT NULL CHECK (length(VALUE) > 2);
         CREATE DOMAIN shorter AS short CONSTRAINT ascii CHECK (VALUE ~ '^[ -~]*$');
         CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
         CREATE SCHEMA own; CREATE TYPE own.date AS (a int);
         CREATE TABLE t (d shorter, ds short[], v varchar(7) DEFAULT 'x''y', c char(3), n name, m mood DEFAULT 'ok', ms mood[],
           i int4 NOT NULL DEFAULT -5, s text DEFAULT now()::text, o own.date, a varchar(9)[], g text GENERATED ALWAYS AS (s || v) STORED);
         COMMENT ON COLUMN t.v IS 'where to. offshoot: email';",
    );
    let facts = facts(server, &db);
    let t = table(&facts, "t");
    let d = column(t, "d");
    assert_eq!((d.type_name.as_str(), d.max_chars, d.is_nullable), ("varchar", Some(20), false));
    assert_eq!(d.domain_type.as_deref(), Some("shorter"));
    assert_eq!(understood(d), ["ascii", "short_check"]);
    let ds = column(t, "ds");
    assert_eq!((ds.type_name.as_str(), ds.max_chars, ds.is_nullable), ("_varchar", Some(20), true));
    let v = column(t, "v");
    assert_eq!((v.max_chars, v.default.as_deref(), v.is_nullable), (Some(7), Some(&b"x'y"[..]), true));
    assert_eq!(v.comment.as_deref(), Some("where to. offshoot: email"));
    assert_eq!((column(t, "c").type_name.as_str(), column(t, "c").max_chars), ("bpchar", Some(3)));
    assert_eq!(column(t, "n").max_chars, Some(63));
    assert_eq!(column(t, "m").labels, ["sad", "ok", "happy"]);
    assert!(column(t, "ms").labels.is_empty());
    assert_eq!(column(t, "i").default.as_deref(), Some(&(-5_i32).to_be_bytes()[..]));
    assert_eq!(column(t, "s").default, None);
    // A type of a user that is named like one of the server's is not taken for it.
    assert_eq!(column(t, "o").type_name, "own.date");
    assert_eq!((column(t, "a").type_name.as_str(), column(t, "a").max_chars), ("_varchar", Some(9)));
    assert!(t.columns.iter().all(|column| column.name != "g"));
}

#[test]
fn constraints_of_the_shop_are_understood_as_far_as_they_are_plain() {
    let (server, db) = (shared(), shared().fresh_db("facts_shop"));
    offshoot_testkit::shop::load(server, &db).unwrap();
    let facts = facts(server, &db);
    let named = |table_name: &str, name: &str| understood(column(table(&facts, table_name), name)).join(", ");
    assert_eq!(named("customer", "email"), "email_check");
    assert_eq!(named("customer", "born"), "born before today, or never");
    assert!(column(table(&facts, "customer"), "born").is_nullable);
    assert_eq!(named("employee", "email"), "ours, email_check");
    assert_eq!(named("review", "stars"), "review_stars_check, review_stars_check");
    assert_eq!(named("order_line", "quantity"), "order_line_quantity_check");
    assert_eq!(column(table(&facts, "customer"), "tags").checks, [other("tags_check")]);
    assert_eq!(column(table(&facts, "order_2023"), "placed_on").checks, [other("partition key of shop.order")]);
}

#[test]
fn where_texts_are_equal_without_their_bytes_no_comparison_is_understood() {
    let (server, db) = (shared(), shared().fresh_db("facts_loose"));
    server.psql(
        &db,
        "CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE TABLE t (a text COLLATE folding CHECK (a <> 'x'), b text CHECK (b <> 'x'));
         CREATE DOMAIN folded AS text COLLATE folding CHECK (VALUE <> 'x'); CREATE TABLE u (a folded);",
    );
    let facts = facts(server, &db);
    assert_eq!(column(table(&facts, "t"), "a").checks, [other("t_a_check")]);
    assert_eq!(understood(column(table(&facts, "t"), "b")), ["t_b_check"]);
    assert_eq!(column(table(&facts, "u"), "a").checks, [other("folded_check")]);
}

#[test]
fn fields_have_the_constraints_of_their_domains() {
    let (server, db) = (shared(), shared().fresh_db("facts_fields"));
    server.psql(
        &db,
        "CREATE DOMAIN short AS varchar(20) NOT NULL CHECK (length(VALUE) > 2);
         CREATE DOMAIN tag AS text CONSTRAINT tagged CHECK (VALUE ~ '^#'); CREATE TYPE mood AS ENUM ('sad', 'ok');
         CREATE TYPE inner_pair AS (a tag, b int); CREATE TYPE pair AS (first short, second tag, third text, fourth inner_pair, fifth mood);
         CREATE TABLE t (p pair, ps pair[]);",
    );
    let facts = facts(server, &db);
    for name in ["p", "ps"] {
        let fields = &column(table(&facts, "t"), name).fields;
        assert_eq!(understood(&fields[0]), ["short_check"]);
        assert_eq!((fields[0].is_nullable, fields[0].max_chars), (false, Some(20)));
        assert_eq!((understood(&fields[1]), fields[1].is_nullable), (vec!["tagged"], true));
        assert!(fields[2].checks.is_empty() && fields[2].is_nullable);
        assert_eq!(understood(&fields[3].fields[0]), ["tagged"]);
        assert_eq!(fields[4].labels, ["sad", "ok"]);
    }
}

#[test]
fn defaults_are_in_the_form_of_the_rows() {
    let (server, db) = (shared(), shared().fresh_db("facts_defaults"));
    let columns = [
        ("numeric(8,2)", "-12.50"),
        ("numeric", "'NaN'"),
        ("float4", "'1.5'"),
        ("float8", "'-Infinity'"),
        ("date", "'1970-02-03'"),
        ("timestamp", "'1999-12-31 23:59:59.5'"),
        ("timestamptz(3)", "'2001-02-03 04:05:06.789+02'"),
        ("time", "'12:34:56'"),
        ("timetz", "'12:34:56+03'"),
        ("interval", "'1 mon 2 days'"),
        ("uuid", "'6ba7b810-9dad-41d1-80b4-00c04fd430c8'"),
        ("inet", "'10.1.2.3/8'"),
        ("cidr", "'10.0.0.0/8'"),
        ("macaddr", "'00:1b:44:11:3a:b7'"),
        ("point", "'(1,2)'"),
        ("char(5)", "'ab'"),
        ("timestamptz", "now()"),
        ("float4", "1e10::numeric"),
    ];
    let list: Vec<String> =
        columns.iter().enumerate().map(|(n, (kind, default))| format!("c{n} {kind} DEFAULT {default}")).collect();
    // A type without a binary form makes the rows of a table text.
    server.psql(
        &db,
        &format!(
            "CREATE TABLE t ({0}); CREATE TABLE w ({0}, a aclitem); INSERT INTO t DEFAULT VALUES",
            list.join(", ")
        ),
    );
    let facts = facts(server, &db);
    let (binary, text) = (table(&facts, "t"), table(&facts, "w"));
    for (n, (kind, default)) in columns.iter().enumerate() {
        let name = format!("c{n}");
        let given = [column(binary, &name), column(text, &name)].map(|column| column.default.clone());
        if n >= columns.len() - 2 {
            assert_eq!(given, [None, None], "{default} is no literal of {kind}");
            continue;
        }
        // What COPY writes of a row that took the defaults, whatever the modifier makes of them.
        let shown = server.psql(&db, &format!("SELECT c{n} FROM t"));
        let [Some(bytes), Some(shown_default)] = given else { panic!("{kind} {default} has no default") };
        let read = String::from_utf8(shown_default).unwrap();
        let same = format!("SELECT '{read}'::{kind} IS NOT DISTINCT FROM c{n} FROM t");
        let same = if *kind == "point" { format!("SELECT '{read}'::point ~= c{n} FROM t") } else { same };
        assert_eq!(server.psql(&db, &same).trim(), "t", "{kind}: {read} for {shown}");
        assert!(!bytes.is_empty());
        if *kind == "date" {
            assert_eq!(bytes, (-10_924_i32).to_be_bytes());
        }
    }
}

#[test]
fn what_is_unique_and_how_it_compares() {
    let (server, db) = (shared(), shared().fresh_db("facts_unique"));
    server.psql(
        &db,
        "CREATE EXTENSION citext; CREATE EXTENSION btree_gist;
         CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
         CREATE COLLATION turkish (provider = icu, locale = 'tr-TR');
         CREATE TABLE t (id int PRIMARY KEY, a text, b text, c citext UNIQUE, d text COLLATE folding UNIQUE, e text, f text, g text,
           h text, r int4range, i text, j text GENERATED ALWAYS AS (lower(i)) STORED UNIQUE, k text, l text GENERATED ALWAYS AS (k || '!') STORED UNIQUE,
           tr text COLLATE turkish, UNIQUE (a, b) INCLUDE (g), EXCLUDE USING gist (h WITH =, r WITH &&));
         CREATE UNIQUE INDEX ON t (lower(e)); CREATE UNIQUE INDEX ON t (md5(f)) WHERE f <> ''; CREATE UNIQUE INDEX ON t (g) WHERE a IS NULL;
         CREATE UNIQUE INDEX ON t ((true)); CREATE UNIQUE INDEX ON t (lower(tr)); CREATE INDEX ON t (b);
         CREATE TABLE w (x int, y text); CREATE FUNCTION whole(w) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT 1'; CREATE UNIQUE INDEX ON w (whole(w.*));",
    );
    let all = facts(server, &db);
    use Equality::{Bytes, LowerCase, Other};
    assert_eq!(
        unique(table(&all, "t")),
        [
            (vec!["a", "b"], Bytes),
            (vec!["c"], LowerCase),
            (vec!["d"], Other),
            (vec!["e"], LowerCase),
            (vec!["f"], Other),
            (vec!["g"], Bytes),
            (vec!["h", "r"], Other),
            (vec!["i"], LowerCase),
            (vec!["id"], Bytes),
            (vec!["k"], Other),
            (vec!["tr"], Other),
        ]
    );
    assert_eq!(unique(table(&all, "w")), [(vec!["x", "y"], Other)]);
    assert!(column(table(&all, "t"), "a").is_nullable);
    if server.binaries().major_version() >= 15 {
        server.psql(&db, "CREATE TABLE n (a text UNIQUE, b text, c text, UNIQUE NULLS NOT DISTINCT (a, b))");
        let facts = facts(server, &db);
        let of = |name: &str| column(table(&facts, "n"), name);
        let said = ["a", "b", "c"].map(|name| (of(name).is_nullable, of(name).nulls_are_equal));
        assert_eq!(said, [(true, true), (true, true), (true, false)]);
    }
}

#[test]
fn checks_keys_parents_and_partitions() {
    let (server, db) = (shared(), shared().fresh_db("facts_keys"));
    server.psql(
        &db,
        "CREATE TABLE people (id int PRIMARY KEY, code text UNIQUE, tag text CONSTRAINT tagged CHECK (tag ~ '^#'),
           nick text CHECK (char_length(nick) BETWEEN 1 AND 9 AND nick <> ''), phone text, mail text, CHECK (num_nonnulls(phone, mail) > 0));
         CREATE TABLE notes (id int, of text REFERENCES people (code), a int, b int, PRIMARY KEY (id));
         CREATE TABLE base (name text, late int); CREATE TABLE kid (own text) INHERITS (base);
         ALTER TABLE base ADD COLUMN later text;
         CREATE TABLE log (at date, who text, note text, PRIMARY KEY (at, who)) PARTITION BY RANGE (at);
         CREATE TABLE log_old PARTITION OF log FOR VALUES FROM ('2000-01-01') TO ('2020-01-01') PARTITION BY LIST (who);
         CREATE TABLE log_old_ann PARTITION OF log_old FOR VALUES IN ('ann');
         CREATE TABLE log_new PARTITION OF log DEFAULT;
         CREATE TABLE marks (at date, who text, FOREIGN KEY (at, who) REFERENCES log);",
    );
    let facts = facts(server, &db);
    let people = table(&facts, "people");
    assert_eq!(understood(column(people, "tag")), ["tagged"]);
    assert_eq!(
        (understood(column(people, "nick")), column(people, "nick").is_nullable),
        (vec!["people_nick_check"; 3], true)
    );
    assert_eq!(column(people, "phone").checks, [other("people_check")]);
    assert!(!column(people, "phone").is_nullable && !column(people, "mail").is_nullable);
    let notes = table(&facts, "notes");
    assert_eq!(notes.foreign_keys.len(), 1);
    let key = &notes.foreign_keys[0];
    assert_eq!(
        (&key.columns[..], key.table.1.as_str(), &key.refers_to[..]),
        (&[1][..], "people", &["code".to_owned()][..])
    );
    let parent = |name: &str| table(&facts, name).parent.as_ref().map(|(_, name)| name.clone());
    assert_eq!(parent("kid").as_deref(), Some("base"));
    assert_eq!((parent("log_old_ann").as_deref(), parent("log_new").as_deref()), (Some("log_old"), Some("log")));
    assert_eq!(parent("log_old").as_deref(), Some("log"));
    // Those above hold no rows and come last.
    let names: Vec<&str> = facts.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(names, ["base", "kid", "log_new", "log_old_ann", "marks", "notes", "people", "log", "log_old"]);
    assert_eq!(column(table(&facts, "log_old_ann"), "who").checks, [other("partition key of public.log_old")]);
    assert_eq!(column(table(&facts, "log_new"), "at").checks, [other("partition key of public.log")]);
    assert!(column(table(&facts, "log_new"), "note").checks.is_empty());
    // A key onto a partitioned table joins each of its parts.
    let marks = table(&facts, "marks");
    let mut onto: Vec<&str> = marks.foreign_keys.iter().map(|key| key.table.1.as_str()).collect();
    onto.sort_unstable();
    assert_eq!(onto, ["log", "log_new", "log_old", "log_old_ann"]);
    // Two parents' columns lie as a restore gives them.
    let (_, memory) = capture(server, &db);
    let spec = memory.table("public", "kid").spec.unwrap();
    let read: Vec<&str> = spec.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(read, table(&facts, "kid").columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>());
}
