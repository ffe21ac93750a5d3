//! Restoring into real servers.

#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that fails")]

mod appended;
mod faults;
mod frozen;
mod identity;
mod taken;
mod tampered;
mod watched;

use offshoot_core::Control;
use offshoot_core::target::Roles;
use offshoot_engines::conninfo::{ConnInfo, Environment};
use offshoot_engines::postgres::connect::ConnectOptions;
use offshoot_engines::postgres::restore::PostgresTarget;
use offshoot_format::ids::SnapshotId;
use offshoot_format::manifest::{Membership, Role};
use offshoot_restore::{Options, Plan, RawSnapshot, RestoreError, RestoreReport, apply};
use offshoot_testkit::fingerprint::fingerprint;
use offshoot_testkit::postgres::{Binaries, Server, shared, shared_of};
use taken::{Taken, take};

fn target(server: &Server, db: &str) -> PostgresTarget {
    target_of(&server.url(db))
}

fn target_of(url: &str) -> PostgresTarget {
    let environment = Environment::new([("PGSSLMODE", "disable")], None, Some("postgres".into()));
    PostgresTarget::new(ConnInfo::parse(url, &environment).unwrap(), ConnectOptions::default())
}

fn options(jobs: usize) -> Options {
    let mut options = Options::default();
    options.choices.jobs = jobs;
    options
}

fn id() -> SnapshotId {
    SnapshotId::from_bytes([0x11; 32])
}

fn try_restore(taken: &Taken, server: &Server, db: &str, options: Options) -> Result<RestoreReport, RestoreError> {
    let target = target(server, db);
    let snapshot = RawSnapshot::acknowledge(id(), &taken.manifest, &taken.rows);
    let plan = Plan::new(snapshot, &target, options)?;
    apply(&plan, &target, &Control::default())
}

/// Restores a database on every server that is wanted, and compares both sides by content and by pg_dump.
fn round_trip(name: &str, sql: &str) {
    for binaries in Binaries::wanted() {
        let server = shared_of(&binaries);
        let from = server.fresh_db(name);
        server.psql(&from, &for_major(sql, binaries.major_version()));
        let taken = take(server, &from);
        for jobs in [1, 3] {
            let to = server.fresh_db(name);
            let report = try_restore(&taken, server, &to, options(jobs)).unwrap_or_else(|error| panic!("{error}"));
            assert!(report.losses.is_empty(), "{:?}", report.losses);
            assert_same(server, &from, &to);
            server.dropdb(&to);
        }
        server.dropdb(&from);
        eprintln!("{name}: the same on {}", binaries.version());
    }
}

/// The script without what an older server does not know, and with what only a newer one does.
fn for_major(sql: &str, major: u32) -> String {
    let mut sql = sql.to_owned();
    if major < 15 {
        sql = sql.replace("NULLS NOT DISTINCT ", "");
    }
    if major < 14 {
        sql = sql.replace(
            "CREATE TYPE public.mood_range AS RANGE (subtype = public.mood);",
            "CREATE DOMAIN public.mood_range AS text;",
        );
    }
    if major >= 18 {
        sql.push_str(
            ";\nCREATE TABLE public.newer (id int, during daterange, v int GENERATED ALWAYS AS (id * 2) VIRTUAL, \
             CONSTRAINT named NOT NULL id, CONSTRAINT loose_not_null NOT NULL v NO INHERIT);
             INSERT INTO public.newer VALUES (1, '[2020-01-01,2021-01-01)');
             CREATE TABLE public.unproven (id int PRIMARY KEY, a int, b int, parent int, UNIQUE (b));
             INSERT INTO public.unproven VALUES (1, NULL, -1, 7), (2, 1, 1, 1);
             ALTER TABLE public.unproven ADD CONSTRAINT not_proven NOT NULL a NOT VALID;
             ALTER TABLE public.unproven ADD CONSTRAINT not_enforced CHECK (b > 0) NOT ENFORCED;
             ALTER TABLE public.unproven ADD CONSTRAINT not_followed FOREIGN KEY (parent) REFERENCES public.unproven NOT ENFORCED;
             COMMENT ON CONSTRAINT not_proven ON public.unproven IS 'later'",
        );
    }
    sql
}

fn assert_same(server: &Server, from: &str, to: &str) {
    assert_same_on([server; 2], [from, to]);
}

fn assert_same_on(servers: [&Server; 2], databases: [&str; 2]) {
    let [(old, from), (new, to)] = [(servers[0], databases[0]), (servers[1], databases[1])];
    assert_eq!(fingerprint(old, from), fingerprint(new, to));
    let [before, after] = [dump(old, from), dump(new, to)];
    if before != after {
        let differing = before.iter().zip(&after).find(|(before, after)| before != after);
        panic!("pg_dump differs: {differing:?}, {} and {} lines", before.len(), after.len());
    }
}

fn dump(server: &Server, db: &str) -> Vec<String> {
    let text = server.pg_dump(db, &["--schema-only"]);
    text.lines().filter(|line| !line.starts_with('\\')).map(str::to_owned).collect()
}

#[test]
fn a_plain_table() {
    round_trip(
        "plain",
        "CREATE TABLE public.t (id bigint PRIMARY KEY, name text, at timestamptz, large text);
         INSERT INTO t SELECT i, CASE WHEN i % 7 > 0 THEN 'name ' || i END, 'epoch'::timestamptz + i * interval '1 h',
           CASE WHEN i % 1000 = 0 THEN repeat('large' || i, 50000) END FROM generate_series(1, 5000) i",
    );
}

#[test]
fn every_kind_of_object() {
    round_trip("kinds", include_str!("kinds.sql"));
}

#[test]
fn an_unfinished_restore_is_marked_and_a_rerun_completes() {
    let server = shared();
    let (from, to) = (server.fresh_db("broken_from"), server.fresh_db("broken_to"));
    server.psql(&from, include_str!("kinds.sql"));
    let mut taken = take(server, &from);
    let whole = taken.manifest.content.schema.clone();
    let mut tried = 0;
    // One statement of each phase, and one in ten besides.
    for index in (0..whole.len()).step_by(10) {
        taken.manifest.content.schema.clone_from(&whole);
        taken.manifest.content.schema[index].sql = "SELECT 1/0".to_owned();
        let error = try_restore(&taken, server, &to, options(2)).unwrap_err();
        assert!(matches!(&error, RestoreError::Step { .. }), "{error}");
        let label = &whole[index].label;
        assert!(error.to_string().contains(label.as_str()), "{error} does not name {label}");
        let step = server.psql(&to, "SELECT step FROM offshoot_incomplete.restore");
        assert!(step.contains(label.as_str()), "{step}");
        let comment = server.psql(&to, "SELECT obj_description('offshoot_incomplete'::regnamespace)");
        assert!(comment.starts_with("This database is incomplete"));
        tried += 1;
    }
    assert!(tried > 5);
    taken.manifest.content.schema = whole;
    try_restore(&taken, server, &to, options(2)).unwrap_or_else(|error| panic!("{error}"));
    assert_same(server, &from, &to);
    assert_eq!(server.psql(&to, "SELECT count(*) FROM pg_namespace WHERE nspname = 'offshoot_incomplete'"), "0");
    eprintln!("steps failed: {tried}, reruns that completed: all");
}

#[test]
fn refusals_say_what_to_do_and_change_nothing() {
    let server = shared();
    let (from, to) = (server.fresh_db("refuse_from"), server.fresh_db("refuse_to"));
    server.psql(&from, "CREATE TABLE t (a int); INSERT INTO t VALUES (1)");
    let taken = take(server, &from);
    let error = try_restore(&taken, server, &from, options(1)).unwrap_err();
    assert!(matches!(&error, RestoreError::OwnSource { .. }) && error.is_refusal(), "{error}");
    let mut forced = options(1);
    forced.force = true;
    let error = try_restore(&taken, server, &from, forced.clone()).unwrap_err();
    assert!(matches!(&error, RestoreError::OwnSource { .. }), "{error}");
    server.psql(&to, "CREATE SCHEMA s; CREATE TABLE s.mine (a int); CREATE TYPE e AS ENUM ('x'); CREATE EXTENSION hstore SCHEMA s; SELECT lo_create(5)");
    let error = try_restore(&taken, server, &to, options(1)).unwrap_err();
    assert!(matches!(&error, RestoreError::NotEmpty { .. }) && error.is_refusal(), "{error}");
    for part in ["table s.mine", "type public.e", "schema s", "1 large objects", "--force"] {
        assert!(error.to_string().contains(part), "{error} lacks {part}");
    }
    assert!(!error.to_string().contains("hstore("), "{error}");
    try_restore(&taken, server, &to, forced).unwrap();
    assert_eq!(fingerprint(server, &from), fingerprint(server, &to));
    assert_eq!(server.psql(&to, "SELECT extname FROM pg_extension WHERE extname = 'hstore'"), "hstore");
}

#[test]
fn an_unfit_target_is_told_everything_at_once() {
    let server = shared();
    let (from, to) = (server.fresh_db("unfit_from"), "unfit_latin");
    server.psql(&from, "CREATE TABLE t (a int)");
    server.createdb(to, "TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'");
    let mut taken = take(server, &from);
    let environment = &mut taken.manifest.environment;
    environment.server_version_num = 990_000;
    environment.collations.insert("pg_catalog.xx_XX".into(), String::new());
    let extension = offshoot_format::manifest::Extension { version: "3".into(), schema: "public".into() };
    environment.extensions.insert("vector".into(), extension);
    let error = try_restore(&taken, server, to, options(1)).unwrap_err();
    assert!(matches!(&error, RestoreError::Unfit { problems } if problems.len() == 4), "{error}");
    for part in [
        "older than the snapshot's 99",
        "ENCODING 'UTF8'",
        "-pgvector",
        "--skip-extension vector",
        "collation xx_XX",
        "locales-all",
    ] {
        assert!(error.to_string().contains(part), "{error} lacks {part}");
    }
    server.dropdb(to);
}

#[test]
fn a_user_without_rights_is_told_the_grants() {
    let server = shared();
    let (from, to) = (server.fresh_db("rights_from"), server.fresh_db("rights_to"));
    server.psql(
        &from,
        "CREATE ROLE owner_role; CREATE TABLE t (a int); ALTER TABLE t OWNER TO owner_role; INSERT INTO t VALUES (1)",
    );
    server.psql(&from, "CREATE ROLE weak LOGIN");
    let taken = take(server, &from);
    let target = target_of(&server.url(&to).replace("postgres@", "weak@"));
    let plan = |options: Options| {
        let snapshot = RawSnapshot::acknowledge(id(), &taken.manifest, &taken.rows);
        let plan = Plan::new(snapshot, &target, options)?;
        apply(&plan, &target, &Control::default())
    };
    let error = plan(options(1)).unwrap_err().to_string();
    for part in [
        &format!("GRANT CREATE ON DATABASE \"{to}\" TO \"weak\""),
        "GRANT CREATE ON SCHEMA public TO \"weak\"",
        "GRANT \"owner_role\" TO \"weak\"",
    ] {
        assert!(error.contains(part), "{error} lacks {part}");
    }
    server.psql(&to, &format!("GRANT CREATE ON DATABASE \"{to}\" TO weak; GRANT CREATE ON SCHEMA public TO weak"));
    let mut skipping = options(1);
    skipping.choices.roles = Roles::Skip;
    plan(skipping).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(server.psql(&to, "SELECT tableowner FROM pg_tables WHERE tablename = 't'"), "weak");
    server.dropdb(&from);
    server.dropdb(&to);
    server.psql("postgres", "DROP ROLE owner_role; DROP ROLE weak");
}

#[test]
fn skipped_extensions_are_reported_with_what_is_made_of_them() {
    let server = shared();
    let (from, to) = (server.fresh_db("skip_from"), server.fresh_db("skip_to"));
    server.psql(
        &from,
        "CREATE EXTENSION hstore; CREATE TABLE kept (a int); CREATE TABLE lost (id serial PRIMARY KEY, h hstore);
         CREATE VIEW lost_view AS SELECT h -> 'a' AS a FROM lost; CREATE INDEX lost_index ON lost USING gist (h);
         INSERT INTO kept VALUES (1); INSERT INTO lost (h) VALUES ('a=>b')",
    );
    let taken = take(server, &from);
    let mut skipping = options(2);
    skipping.choices.skip_extensions = vec!["hstore".into()];
    let report = try_restore(&taken, server, &to, skipping).unwrap_or_else(|error| panic!("{error}"));
    let losses = format!("{:?}", report.losses);
    for part in ["extension hstore", "TABLE public.lost", "VIEW public.lost_view", "INDEX public.lost_index"] {
        assert!(losses.contains(part), "{losses} lacks {part}");
    }
    assert_eq!(server.psql(&to, "SELECT count(*) FROM kept"), "1");
    assert_eq!(server.psql(&to, "SELECT to_regclass('public.lost') IS NULL"), "t");
}

#[test]
fn an_unfit_value_is_no_lack_of_a_skipped_extension() {
    let server = shared();
    let (from, to) = (server.fresh_db("unfit_from"), server.fresh_db("unfit_to"));
    server.psql(&from, "CREATE EXTENSION hstore; CREATE TABLE kept (a int); CREATE SEQUENCE steps");
    let mut taken = take(server, &from);
    let mut skipping = options(1);
    skipping.choices.skip_extensions = vec!["hstore".into()];
    // An access method of the extension: tables have the usual one instead, and that is said.
    let of_tables = taken.manifest.content.schema.iter().position(|item| item.sql.contains("CREATE TABLE")).unwrap();
    let mut method = taken.manifest.content.schema[of_tables].clone();
    method.sql = "SET default_table_access_method = hstore_rows".into();
    taken.manifest.content.schema.insert(of_tables, method);
    let report = try_restore(&taken, server, &to, skipping.clone()).unwrap_or_else(|error| panic!("{error}"));
    assert!(format!("{:?}", report.losses).contains("ACCESS METHOD hstore_rows of tables"), "{:?}", report.losses);
    assert_eq!(server.psql(&to, "SELECT to_regclass('kept')"), "kept");
    // The same answer to another statement has nothing to do with the extension.
    let sequence =
        taken.manifest.content.schema.iter_mut().find(|item| item.sql.starts_with("CREATE SEQUENCE")).unwrap();
    sequence.sql = sequence.sql.replace("INCREMENT BY 1", "INCREMENT BY 0");
    let error = try_restore(&taken, server, &server.fresh_db("unfit_to"), skipping).unwrap_err();
    assert!(matches!(&error, RestoreError::Step { .. }) && error.to_string().contains("22023"), "{error}");
}

#[test]
fn rows_that_copy_does_not_take_are_put_together_on_the_server() {
    let server = shared();
    let (from, to) = (server.fresh_db("large_from"), server.fresh_db("large_to"));
    server.psql(
        &from,
        "CREATE TYPE m AS ENUM ('a', 'b');
         CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, a text NOT NULL, b bytea, ms m[], g int GENERATED ALWAYS AS (1) STORED);
         INSERT INTO t (a, b, ms) SELECT repeat('x' || i, 200000), CASE WHEN i % 2 = 0 THEN decode(repeat('ab', 400000), 'hex') END,
           array_fill('b'::m, ARRAY[30000]) FROM generate_series(1, 5) i;
         INSERT INTO t (a) VALUES ('small');
         CREATE TABLE as_text (a aclitem, t text); INSERT INTO as_text SELECT NULL, repeat(E'\\t' || i, 300000) FROM generate_series(1, 2) i",
    );
    let taken = take(server, &from);
    let target = target(server, &to).with_copy_row_bytes_max(500_000);
    let plan = Plan::new(RawSnapshot::acknowledge(id(), &taken.manifest, &taken.rows), &target, options(1)).unwrap();
    let report = apply(&plan, &target, &Control::default()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(report.rows, 8);
    assert_same(server, &from, &to);
}

#[test]
fn a_wish_to_stop_ends_it_soon_and_a_rerun_completes() {
    let server = shared();
    let (from, to) = (server.fresh_db("stop_from"), server.fresh_db("stop_to"));
    server.psql(
        &from,
        "CREATE FUNCTION slow(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM pg_sleep(0.2); RETURN i; END $$;
         CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 3000)",
    );
    let mut taken = take(server, &from);
    let sql = "CREATE INDEX slow_index ON public.t USING btree (public.slow(a))".to_owned();
    let index = offshoot_format::manifest::SchemaItem {
        phase: offshoot_format::manifest::Phase::Index,
        label: "INDEX public.slow_index".into(),
        table: Some(("public".into(), "t".into())),
        sql,
    };
    taken.manifest.content.schema.push(index);
    let target = target(server, &to);
    let plan = Plan::new(RawSnapshot::acknowledge(id(), &taken.manifest, &taken.rows), &target, options(2)).unwrap();
    let control = Control::new(|_| {});
    let stopper = control.clone();
    let error = std::thread::scope(|scope| {
        scope.spawn(move || {
            std::thread::sleep(std::time::Duration::from_millis(700));
            stopper.cancel();
        });
        apply(&plan, &target, &control).unwrap_err()
    });
    assert!(matches!(error, RestoreError::Cancelled { .. }), "{error}");
    assert_eq!(server.psql(&to, "SELECT count(*) FROM offshoot_incomplete.restore"), "1");
    taken.manifest.content.schema.pop();
    try_restore(&taken, server, &to, options(2)).unwrap_or_else(|error| panic!("{error}"));
    assert_same(server, &from, &to);
}

#[test]
fn roles_are_made_without_login_or_mapped() {
    let server = shared();
    let (from, made, mapped) =
        (server.fresh_db("roles_from"), server.fresh_db("roles_made"), server.fresh_db("roles_mapped"));
    server.psql(
        &from,
        "CREATE TABLE t (a int); INSERT INTO t VALUES (1); CREATE TABLE u (a int);
         CREATE ROLE first_role LOGIN PASSWORD 'secret' BYPASSRLS; CREATE ROLE second_role; GRANT second_role TO first_role;
         ALTER TABLE t OWNER TO first_role; GRANT SELECT ON u TO second_role;
         CREATE POLICY p ON u TO second_role USING (true); ALTER DEFAULT PRIVILEGES FOR ROLE first_role GRANT SELECT ON TABLES TO second_role",
    );
    let mut taken = take(server, &from);
    let role = |name: &str| Role { name: name.into(), attributes: vec![], member_of: vec![], settings: vec![] };
    let first = Role {
        attributes: vec!["LOGIN".into(), "BYPASSRLS".into(), "NOCREATEDB".into()],
        member_of: vec![Membership {
            role: "second_role".into(),
            grantor: None,
            admin: false,
            inherit: None,
            set: None,
        }],
        settings: vec![("search_path".into(), "\"$user\", public".into())],
        ..role("first_role")
    };
    taken.manifest.environment.roles = vec![first, role("second_role")];
    server.dropdb(&from);
    server.psql("postgres", "DROP ROLE first_role; DROP ROLE second_role");
    let mut mapping = options(1);
    mapping.choices.roles = Roles::Map;
    let report = try_restore(&taken, server, &mapped, mapping).unwrap_or_else(|error| panic!("{error}"));
    assert!(format!("{:?}", report.losses).contains("POLICY"), "{:?}", report.losses);
    assert_eq!(server.psql(&mapped, "SELECT tableowner FROM pg_tables WHERE tablename = 't'"), "postgres");
    try_restore(&taken, server, &made, options(1)).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(server.psql(&made, "SELECT tableowner FROM pg_tables WHERE tablename = 't'"), "first_role");
    let role = "SELECT rolcanlogin, rolbypassrls, rolpassword IS NULL, pg_has_role(oid, 'second_role', 'MEMBER') FROM pg_authid WHERE rolname = 'first_role'";
    assert_eq!(server.psql(&made, role), "f|t|t|t");
    let setting = "SELECT setconfig FROM pg_db_role_setting WHERE setrole = 'first_role'::regrole";
    assert_eq!(server.psql(&made, setting), r#"{"search_path=\"$user\", public"}"#);
    server.dropdb(&made);
    server.dropdb(&mapped);
    server.psql("postgres", "DROP ROLE first_role; DROP ROLE second_role");
}

#[test]
fn real_databases_come_back_the_same() {
    let Some(folder) = offshoot_testkit::real_data() else { return };
    let server = shared();
    for name in offshoot_testkit::real_data::POSTGRES_SETS {
        let (from, to) = (server.fresh_db(name), server.fresh_db(name));
        if !offshoot_testkit::real_data::load_postgres(&folder, server, &from, name) {
            continue;
        }
        let taken = take(server, &from);
        let report = try_restore(&taken, server, &to, options(2)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_same(server, &from, &to);
        eprintln!("{name}: {} rows, {:.2?}", report.rows, report.elapsed);
        server.dropdb(&from);
        server.dropdb(&to);
    }
}

#[test]
fn a_database_is_compared_with_a_snapshot() {
    use offshoot_core::look_ahead::LookAhead;
    use offshoot_engines::postgres::capture::PostgresSource;
    use offshoot_engines::postgres::capture::options::CaptureOptions;
    use offshoot_engines::postgres::compare::against;
    let server = shared();
    let (from, to) = (server.fresh_db("against_from"), server.fresh_db("against_to"));
    server.psql(&from, include_str!("kinds.sql"));
    server.psql(&from, "INSERT INTO as_text VALUES (NULL, NULL, 'the last row is a short one')");
    let taken = take(server, &from);
    try_restore(&taken, server, &to, options(2)).unwrap_or_else(|error| panic!("{error}"));
    let environment = Environment::new([("PGSSLMODE", "disable")], None, Some("postgres".into()));
    let mut reading = CaptureOptions::default();
    reading.pg_dump = vec![server.binaries().pg_dump().unwrap()];
    let mut source = PostgresSource::new(ConnInfo::parse(&server.url(&to), &environment).unwrap(), reading);
    let look_ahead = LookAhead::new(2, 32 << 20).unwrap();
    let mut compare = || {
        let compared = against(&taken.manifest, &taken.rows, &mut source, &look_ahead, &Control::default());
        compared.unwrap_or_else(|error| panic!("{error}"))
    };
    assert!(compare().is_empty(), "{:?}", compare());
    server.psql(&to, "VACUUM FULL; UPDATE types SET m = 'sad' WHERE id = 5; DROP TABLE unlogged; CREATE TABLE added (a int);
        DELETE FROM booked WHERE during @> '2020-01-01'::timestamp; SELECT nextval('counter'); SELECT lo_put(7001, 0, 'S')");
    let differences = compare();
    let tables: Vec<String> = differences.tables.iter().map(ToString::to_string).collect();
    assert_eq!(
        tables,
        [
            "large_objects: its rows are others",
            "public.booked: 2 rows in the snapshot, 1 in the database",
            "public.types: its rows are others",
            "public.unlogged: it is not in the database",
            "public.added: it is not in the snapshot",
        ]
    );
    assert_eq!(differences.sequences, [("public".to_owned(), "counter".to_owned())]);
}

#[test]
fn a_plan_says_what_it_will_do_and_does_nothing() {
    let server = shared();
    let (from, to) = (server.fresh_db("plan_from"), server.fresh_db("plan_to"));
    server.psql(
        &from,
        "CREATE TABLE big (id int PRIMARY KEY, t text); CREATE TABLE small (id int PRIMARY KEY REFERENCES big, u int UNIQUE, CHECK (u > 0));
         CREATE INDEX big_t ON big (t); CREATE SEQUENCE s; CREATE MATERIALIZED VIEW m AS SELECT 1 AS one;
         INSERT INTO big SELECT i, i::text FROM generate_series(1, 1000) i; INSERT INTO small VALUES (1, 1)",
    );
    server.psql(&to, "CREATE TABLE old (a int)");
    let taken = take(server, &from);
    let target = target(server, &to);
    let mut forced = options(2);
    forced.force = true;
    let snapshot = RawSnapshot::acknowledge(id(), &taken.manifest, &taken.rows);
    let plan = Plan::new(snapshot, &target, forced).unwrap().to_string();
    let plan = plan.replace(&to, "TARGET").replace(&server.psql(&to, "SHOW server_version"), "VERSION");
    let golden = include_str!("plan.txt");
    assert!(plan == golden, "the plan is not the golden one:\n{plan}");
    assert_eq!(server.psql(&to, "SELECT to_regclass('old')"), "old");
}

#[test]
fn an_older_major_goes_into_a_newer_one() {
    let versions = Binaries::wanted();
    let Some(newest) = versions.last() else { return };
    for older in versions.iter().filter(|older| older.major_version() < newest.major_version()) {
        let (old, new) = (shared_of(older), shared_of(newest));
        let (from, to) = (old.fresh_db("older"), new.fresh_db("newer"));
        old.psql(&from, &for_major(include_str!("kinds.sql"), older.major_version()));
        let taken = take(old, &from);
        try_restore(&taken, new, &to, options(2)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(fingerprint(old, &from), fingerprint(new, &to));
        let error = try_restore(&take(new, &to), old, &old.fresh_db("refused"), options(1)).unwrap_err();
        assert!(error.to_string().contains("Restore into PostgreSQL"), "{error}");
        let (from, to) = (old.fresh_db("older_printed"), new.fresh_db("newer_printed"));
        old.psql(&from, tampered::PRINTED_OTHERWISE);
        try_restore(&take(old, &from), new, &to, options(2)).unwrap_or_else(|error| panic!("{error}"));
        eprintln!("{} into {}: the same", older.version(), newest.version());
    }
}
