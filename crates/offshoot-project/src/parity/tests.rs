//! Tables of environments that differ in one thing, and the grade of that.

use crate::parity::{Grade, Here, Parity};
use crate::services::{Database, Declared, Engine, Service};
use offshoot::manifest::{Environment, Extension};
use std::path::PathBuf;

fn environment() -> Environment {
    let text = str::to_owned;
    let extension = |version: &str| Extension { version: text(version), schema: text("public") };
    Environment {
        server_version: text("15.18 (Debian 15.18-0+deb12u1)"),
        server_version_num: 150_018,
        encoding: text("UTF8"),
        collate: text("en_US.UTF-8"),
        ctype: text("en_US.UTF-8"),
        locale_provider: text("libc"),
        locale: None,
        collation_version: Some(text("2.36")),
        collations: [(text("pg_catalog.de-x-icu"), text("153.14")), (text("pg_catalog.C"), String::new())].into(),
        extensions: [(text("postgis"), extension("3.3.2")), (text("pg_trgm"), extension("1.6"))].into(),
        settings: [(text("TimeZone"), text("UTC")), (text("wal_level"), text("replica")), (text("lc_time"), text("C"))]
            .into(),
        database_settings: vec![(text("search_path"), text("app, public"))],
        roles: Vec::new(),
    }
}

fn service(name: &str, kind: &str, version: Option<&str>) -> Service {
    let file = PathBuf::from("compose.yaml");
    let text = str::to_owned;
    Service { name: text(name), kind: text(kind), version: version.map(text), file, is_optional: false }
}

fn database(engine: Engine, version: Option<&str>, extensions: &[&str]) -> Declared {
    let extensions = extensions.iter().map(|name| (*name).to_owned()).collect();
    let database = Database { engine, service: service("db", "x", version), extensions };
    Declared { databases: vec![database], ..Declared::default() }
}

/// The rows that are not the same, and whether there is drift.
fn compared(snapshot: &Environment, declared: &Declared, here: Here<'_>) -> (String, bool) {
    compared_of(Engine::Postgres, snapshot, declared, here)
}

fn compared_of(engine: Engine, snapshot: &Environment, declared: &Declared, here: Here<'_>) -> (String, bool) {
    let parity = Parity::of(engine, snapshot, declared, here);
    let differing = parity.rows.iter().filter(|row| row.grade != Grade::Same);
    let none = |value: &Option<String>| value.clone().unwrap_or_else(|| "-".to_owned());
    let shown = differing.map(|row| {
        format!("{}: {}, {}, {}: {}", row.what, none(&row.snapshot), none(&row.declared), none(&row.here), row.grade)
    });
    (shown.collect::<Vec<_>>().join("; "), parity.drift().next().is_some())
}

/// A change of one environment.
type Change = fn(&mut Environment);

#[test]
fn one_difference_at_a_time() {
    let table: [(Change, &str, bool); 22] = [
        (|_| (), "", false),
        (
            |e| (e.server_version, e.server_version_num) = ("15.4 (Debian 15.4-1)".into(), 150_004),
            "server: 15.18, -, 15.4: minor",
            false,
        ),
        (
            |e| (e.server_version, e.server_version_num) = ("16.1 (Debian 16.1-1)".into(), 160_001),
            "server: 15.18, -, 16.1: differs",
            true,
        ),
        (|e| e.server_version = "15.18 (Homebrew)".into(), "packager: Debian, -, Homebrew: minor", false),
        (|e| e.server_version = "15.18".into(), "packager: Debian, -, none named: minor", false),
        (|e| e.encoding = "SQL_ASCII".into(), "encoding: UTF8, -, SQL_ASCII: differs", true),
        (|e| e.collate = "en_US.utf8".into(), "", false),
        (|e| e.collate = "C".into(), "collation: en_US.UTF-8, -, C: differs", true),
        (|e| e.ctype = "C".into(), "character type: en_US.UTF-8, -, C: differs", true),
        (|e| e.locale_provider = "icu".into(), "locale provider: libc, -, icu: differs", true),
        (|e| e.locale = Some("en".into()), "locale: -, -, en: differs", true),
        (|e| e.collation_version = Some("2.31".into()), "collation version: 2.36, -, 2.31: differs", true),
        (|e| e.collation_version = None, "collation version: 2.36, -, -: minor", false),
        (
            |e| drop(e.collations.remove("pg_catalog.de-x-icu")),
            "collation pg_catalog.de-x-icu: 153.14, -, -: missing",
            true,
        ),
        (
            |e| drop(e.collations.insert("pg_catalog.de-x-icu".into(), "153.80".into())),
            "collation pg_catalog.de-x-icu: 153.14, -, 153.80: differs",
            true,
        ),
        (|e| drop(e.extensions.remove("postgis")), "extension postgis: 3.3.2, -, -: missing", true),
        (
            |e| e.extensions.get_mut("postgis").unwrap().version = "3.3.4".into(),
            "extension postgis: 3.3.2, -, 3.3.4: minor",
            false,
        ),
        (
            |e| e.extensions.get_mut("pg_trgm").unwrap().version = "1.5".into(),
            "extension pg_trgm: 1.6, -, 1.5: differs",
            true,
        ),
        (
            |e| e.extensions.get_mut("pg_trgm").unwrap().schema = "ext".into(),
            "extension pg_trgm: 1.6 in public, -, 1.6 in ext: differs",
            true,
        ),
        (
            |e| drop(e.settings.insert("TimeZone".into(), "Europe/Paris".into())),
            "setting TimeZone: UTC, -, Europe/Paris: differs",
            true,
        ),
        (
            |e| drop(e.settings.insert("wal_level".into(), "minimal".into())),
            "setting wal_level: replica, -, minimal: minor",
            false,
        ),
        (|e| e.database_settings.clear(), "setting of the database search_path: app, public, -, -: missing", true),
    ];
    for (change, expected, is_drift) in table {
        let mut here = environment();
        change(&mut here);
        assert_eq!(
            compared(&environment(), &Declared::default(), Here::Server(&here)),
            (expected.to_owned(), is_drift)
        );
    }
}

#[test]
fn what_is_declared() {
    use Engine::{Mariadb, Postgres};
    let here = environment();
    for (declared, expected, is_drift) in [
        (database(Postgres, Some("15"), &["postgis", "pg_trgm"]), "", false),
        (database(Postgres, None, &[]), "", false),
        (database(Postgres, Some("15.4"), &[]), "server: 15.18, 15.4, 15.18: minor", false),
        (database(Postgres, Some("16"), &[]), "server: 15.18, 16, 15.18: differs", true),
        (database(Postgres, Some("15"), &["vector"]), "extension vector: -, declared, -: minor", false),
        (database(Mariadb, Some("10.11"), &[]), "engine: PostgreSQL, MariaDB 10.11, PostgreSQL: differs", true),
    ] {
        assert_eq!(compared(&environment(), &declared, Here::Server(&here)), (expected.to_owned(), is_drift));
    }
}

#[test]
fn other_services_are_listed_and_no_drift() {
    let mut declared = database(Engine::Postgres, Some("15"), &[]);
    let second = Database { engine: Engine::Mysql, service: service("old", "x", Some("8.0")), extensions: Vec::new() };
    declared.databases.push(second);
    declared.others.push(service("cache", "redis", None));
    let expected = "service old (MySQL): -, 8.0, -: missing; service cache (redis): -, any version, -: missing";
    assert_eq!(compared(&environment(), &declared, Here::Server(&environment())), (expected.to_owned(), false));
}

#[test]
fn of_several_databases_the_likely_one_is_meant() {
    let mut declared = database(Engine::Postgres, Some("16"), &[]);
    declared.databases.extend(database(Engine::Postgres, Some("15"), &["pg_trgm"]).databases);
    declared.databases[1].service.name = "main".to_owned();
    let expected = "service db (PostgreSQL): -, 16, -: missing";
    assert_eq!(compared(&environment(), &declared, Here::Server(&environment())), (expected.to_owned(), false));
    // One that is started by a profile only comes last, whatever its version.
    declared.databases[1].service.is_optional = true;
    assert!(compared(&environment(), &declared, Here::Server(&environment())).1);
}

#[test]
fn before_there_is_a_server_only_its_build_counts() {
    let shown = |text, number| compared(&environment(), &Declared::default(), Here::Build(text, number));
    assert_eq!(shown("15.18 (Debian 15.18-0+deb12u1)", 150_018), (String::new(), false));
    assert_eq!(
        shown("15.2", 150_002),
        ("server: 15.18, -, 15.2: minor; packager: Debian, -, none named: minor".to_owned(), false)
    );
    assert!(shown("17.0", 170_000).1);
}

#[test]
fn servers_of_mysql_are_counted_in_their_way() {
    use Engine::{Mariadb, Mysql};
    let environment = |text: &str, number| Environment {
        server_version: text.to_owned(),
        server_version_num: number,
        encoding: "utf8mb4".to_owned(),
        collate: "utf8mb4_bin".to_owned(),
        settings: [("log_bin".to_owned(), "ON".to_owned())].into(),
        ..Environment::default()
    };
    let snapshot = environment("10.11.19-MariaDB", 101_119);
    let of = |declared: &Declared, here: &Environment| compared_of(Mariadb, &snapshot, declared, Here::Server(here));
    assert_eq!(of(&Declared::default(), &snapshot), (String::new(), false));
    let newer = environment("10.11.21-MariaDB", 101_121);
    assert_eq!(
        of(&database(Mariadb, Some("10.11"), &[]), &newer),
        ("server: 10.11.19-MariaDB, 10.11, 10.11.21-MariaDB: minor".to_owned(), false)
    );
    let other = environment("11.4.2-MariaDB", 110_402);
    assert!(of(&Declared::default(), &other).1);
    assert!(of(&database(Mariadb, Some("10.6"), &[]), &snapshot).1);
    assert!(of(&database(Mysql, Some("9"), &[]), &snapshot).1);
    let mut quiet = snapshot.clone();
    quiet.settings.insert("log_bin".to_owned(), "OFF".to_owned());
    assert_eq!(of(&Declared::default(), &quiet), ("setting log_bin: ON, -, OFF: minor".to_owned(), false));
}
