//! The rows of a comparison, in the order in which they are shown.

use super::locale::{encoding, locale};
use super::{Grade, Here, Kind, Row};
use crate::services::{Database, Declared, Engine, Service};
use offshoot::manifest::Environment;
use std::collections::{BTreeMap, BTreeSet};

/// Settings in which a difference changes no result: how values are stored, what a server logs in which language, what it
/// loads beside the data, and what protects a production server.
const MINOR_SETTINGS: [&str; 17] = [
    "binlog_format",
    "binlog_row_image",
    "block_size",
    "default_authentication_plugin",
    "default_toast_compression",
    "event_scheduler",
    "event_triggers",
    "gtid_mode",
    "gtid_strict_mode",
    "icu_validation_level",
    "lc_messages",
    "log_bin",
    "password_encryption",
    "session_preload_libraries",
    "shared_preload_libraries",
    "synchronize_seqscans",
    "wal_level",
];

/// All rows.
pub(super) fn rows(engine: Engine, snapshot: &Environment, declared: &Declared, here: Here<'_>) -> Vec<Row> {
    let database = declared_database(engine, declared, snapshot);
    let mut rows = server(engine, snapshot, database, here);
    if let Here::Server(here) = here {
        rows.extend(locales(snapshot, here));
        rows.extend(extensions(snapshot, database, here));
        rows.extend(settings(snapshot, here));
    }
    rows.extend(services(engine, declared, database));
    rows
}

fn row(what: impl Into<String>, snapshot: Option<String>, here: Option<String>, grade: Grade) -> Row {
    Row { what: what.into(), kind: Kind::Database, snapshot, declared: None, here, grade }
}

/// The declared database that is most likely the snapshot's: of its engine, started without being asked for, of its version.
fn declared_database<'a>(engine: Engine, declared: &'a Declared, snapshot: &Environment) -> Option<&'a Database> {
    let series = series(engine, snapshot.server_version_num);
    let candidates = declared.databases.iter().filter(|database| database.engine == engine);
    candidates.min_by_key(|database| {
        let is_other = version(&database.service).is_none_or(|version| differs(&version, &series));
        (database.service.is_optional, is_other)
    })
}

/// The numbers of a declared version.
fn version(service: &Service) -> Option<Vec<u32>> {
    let text = service.version.as_deref()?;
    text.split('.').map(|part| part.parse().ok()).collect()
}

/// The numbers within which a server stays the same but for corrections: 15 of 15.18, 10 and 11 of 10.11.19.
fn series(engine: Engine, number: u32) -> Vec<u32> {
    match engine {
        Engine::Postgres => vec![number / 10_000],
        Engine::Mysql | Engine::Mariadb => vec![number / 10_000, number / 100 % 100],
    }
}

/// The number of the correction behind them.
fn correction(engine: Engine, number: u32) -> u32 {
    if engine == Engine::Postgres { number % 10_000 } else { number % 100 }
}

/// Whether one of two versions says something else than the other as far as both go.
fn differs(one: &[u32], other: &[u32]) -> bool {
    one.iter().zip(other).any(|(one, other)| one != other)
}

fn server(engine: Engine, snapshot: &Environment, database: Option<&Database>, here: Here<'_>) -> Vec<Row> {
    let (text, number) = match here {
        Here::Server(here) => (here.server_version.as_str(), here.server_version_num),
        Here::Build(text, number) => (text, number),
    };
    let plain = |text: &str| text.split_whitespace().next().unwrap_or_default().to_owned();
    let series = |number: u32| series(engine, number);
    let mut grade = match snapshot.server_version_num {
        same if same == number => Grade::Same,
        other if series(other) == series(number) => Grade::Minor,
        _ => Grade::Differs,
    };
    // A declaration that is coarser than a version includes it; one that names another minor version is no promise broken.
    if let Some(declared) = database.and_then(|database| version(&database.service)) {
        let known = [snapshot.server_version_num, number];
        let own = declared.get(series(number).len());
        if known.iter().any(|number| differs(&declared, &series(*number))) {
            grade = Grade::Differs;
        } else if own.is_some_and(|own| known.iter().any(|number| correction(engine, *number) != *own)) {
            grade = grade.max(Grade::Minor);
        }
    }
    let mut server = row("server", Some(plain(&snapshot.server_version)), Some(plain(text)), grade);
    server.declared = database.and_then(|database| database.service.version.clone());
    let (packager, packager_here) = (packager(&snapshot.server_version), packager(text));
    let grade = if packager == packager_here { Grade::Same } else { Grade::Minor };
    vec![server, row("packager", Some(packager), Some(packager_here), grade)]
}

/// Who packed a server: the first word in the parentheses behind its version. Vendors patch, and choose libraries.
fn packager(version: &str) -> String {
    let inside = version.split_once('(').and_then(|(_, rest)| rest.split_whitespace().next());
    inside.map_or("none named".to_owned(), |word| word.trim_end_matches(')').to_owned())
}

fn locales(snapshot: &Environment, here: &Environment) -> Vec<Row> {
    let compare = |what: &str, a: &str, b: &str, spell: &dyn Fn(&str) -> String| {
        let grade = if spell(a) == spell(b) { Grade::Same } else { Grade::Differs };
        row(what, Some(a.to_owned()), Some(b.to_owned()), grade)
    };
    let mut rows = vec![
        compare("encoding", &snapshot.encoding, &here.encoding, &encoding),
        compare("locale provider", &snapshot.locale_provider, &here.locale_provider, &str::to_owned),
        compare("collation", &snapshot.collate, &here.collate, &locale),
        compare("character type", &snapshot.ctype, &here.ctype, &locale),
    ];
    // What an engine does not have.
    rows.retain(|row| [&row.snapshot, &row.here].iter().any(|text| text.as_ref().is_some_and(|text| !text.is_empty())));
    if snapshot.locale.is_some() || here.locale.is_some() {
        let grade = if snapshot.locale == here.locale { Grade::Same } else { Grade::Differs };
        rows.push(row("locale", snapshot.locale.clone(), here.locale.clone(), grade));
    }
    if snapshot.collation_version.is_some() || here.collation_version.is_some() {
        let versions = (snapshot.collation_version.clone(), here.collation_version.clone());
        let grade = collation_grade(versions.0.as_deref(), versions.1.as_deref());
        rows.push(row("collation version", versions.0, versions.1, grade));
    }
    for (name, version) in &snapshot.collations {
        let here = here.collations.get(name);
        let grade = here.map_or(Grade::Missing, |here| collation_grade(known(version), known(here)));
        let shown = |version: &String| known(version).unwrap_or("without a version").to_owned();
        rows.push(row(format!("collation {name}"), Some(shown(version)), here.map(shown), grade));
    }
    rows
}

fn known(version: &str) -> Option<&str> {
    Some(version).filter(|version| !version.is_empty())
}

/// Two versions of a collation sort differently, as far as anyone knows; a version that is not known may be the same.
fn collation_grade(snapshot: Option<&str>, here: Option<&str>) -> Grade {
    match (snapshot, here) {
        (Some(a), Some(b)) if a != b => Grade::Differs,
        (Some(_), None) | (None, Some(_)) => Grade::Minor,
        _ => Grade::Same,
    }
}

fn extensions(snapshot: &Environment, database: Option<&Database>, here: &Environment) -> Vec<Row> {
    let declared: BTreeSet<&str> =
        database.into_iter().flat_map(|database| &database.extensions).map(String::as_str).collect();
    let names: BTreeSet<&str> =
        snapshot.extensions.keys().map(String::as_str).chain(declared.iter().copied()).collect();
    let compare = |name: &str| {
        let (there, here) = (snapshot.extensions.get(name), here.extensions.get(name));
        let grade = match (there, here) {
            (Some(there), Some(here)) if there.schema != here.schema => Grade::Differs,
            (Some(there), Some(here)) => extension_grade(&there.version, &here.version),
            (Some(_), None) => Grade::Missing,
            // Declared, and the snapshot does without.
            (None, _) => Grade::Minor,
        };
        let is_moved = matches!((there, here), (Some(there), Some(here)) if there.schema != here.schema);
        let shown = |extension: &offshoot::manifest::Extension| match is_moved {
            true => format!("{} in {}", extension.version, extension.schema),
            false => extension.version.clone(),
        };
        let mut row = row(format!("extension {name}"), there.map(shown), here.map(shown), grade);
        row.declared = declared.contains(name).then(|| "declared".to_owned());
        row
    };
    names.into_iter().map(compare).collect()
}

/// Extensions count as servers do: what differs behind the second number (`3.3.2`, `3.3.4`) is a correction.
fn extension_grade(snapshot: &str, here: &str) -> Grade {
    let series = |version: &str| version.splitn(3, '.').take(2).map(str::to_owned).collect::<Vec<_>>();
    let has_third = |version: &str| version.split('.').count() > 2;
    match snapshot == here {
        true => Grade::Same,
        false if series(snapshot) == series(here) && has_third(snapshot) && has_third(here) => Grade::Minor,
        false => Grade::Differs,
    }
}

/// Only the settings that are not the same: most are, and there are dozens.
fn settings(snapshot: &Environment, here: &Environment) -> Vec<Row> {
    let of = |name: &str, a: Option<&String>, b: Option<&String>| {
        let is_minor = MINOR_SETTINGS.contains(&name);
        let is_locale = name.starts_with("lc_");
        let grade = match (a, b) {
            (Some(a), Some(b)) if a == b || is_locale && locale(a) == locale(b) => return None,
            (Some(_), Some(_)) if is_minor => Grade::Minor,
            (Some(_), Some(_)) => Grade::Differs,
            // A setting of another major version: its row says what to think of it.
            _ => Grade::Minor,
        };
        Some(row(format!("setting {name}"), a.cloned(), b.cloned(), grade))
    };
    let mut rows = Vec::new();
    for (name, value) in &snapshot.settings {
        rows.extend(of(name, Some(value), here.settings.get(name)));
    }
    let map = |environment: &Environment| environment.database_settings.iter().cloned().collect::<BTreeMap<_, _>>();
    let (there, here) = (map(snapshot), map(here));
    for (name, value) in &there {
        let (grade, here) = match here.get(name) {
            Some(here) if here == value => continue,
            Some(here) => (Grade::Differs, Some(here.clone())),
            None => (Grade::Missing, None),
        };
        rows.push(row(format!("setting of the database {name}"), Some(value.clone()), here, grade));
    }
    rows
}

/// The project's other services and databases, and the engine where it declares another one.
fn services(engine: Engine, declared: &Declared, database: Option<&Database>) -> Vec<Row> {
    let mut rows = Vec::new();
    let shown = |service: &Service| service.version.clone().unwrap_or_else(|| "any version".to_owned());
    if database.is_none()
        && let Some(other) = declared.databases.first()
    {
        let text = format!("{} {}", other.engine, shown(&other.service));
        let engine = Some(engine.to_string());
        let engine_row = row("engine", engine.clone(), engine, Grade::Differs);
        rows.push(Row { declared: Some(text), ..engine_row });
    }
    let others = declared.databases.iter().filter(|other| database != Some(*other) && database.is_some());
    let others = others.map(|other| (other.engine.to_string(), &other.service));
    for (kind, service) in others.chain(declared.others.iter().map(|service| (service.kind.clone(), service))) {
        rows.push(Row {
            what: format!("service {} ({kind})", service.name),
            kind: Kind::Service,
            snapshot: None,
            declared: Some(shown(service)),
            here: None,
            grade: Grade::Missing,
        });
    }
    rows
}
