//! What a container image is, by its name: `postgis/postgis:15-3.3`, `registry:5000/library/postgres:15.4-alpine@sha256:...`.
//!
//! A name is a convention, not a promise: images that are not known by theirs are services of that name, and a tag that does
//! not say a version says none.

use super::Engine;

/// What an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Image {
    /// The engine, if it is a database's.
    pub engine: Option<Engine>,
    /// What it is otherwise: the last part of its name.
    pub kind: String,
    /// The version of the engine or service, as far as the tag says.
    pub version: Option<String>,
    /// The extension that the image is made for.
    pub extension: Option<&'static str>,
}

/// How the tag of an image says the engine's version.
#[derive(Clone, Copy)]
enum Tag {
    /// At its beginning: `15.4-alpine`.
    Leading,
    /// After `pg`: `2.11.1-pg15`, `pg16`.
    AfterPg,
}

/// Images of PostgreSQL with something added, by the end of their names.
const POSTGRES_IMAGES: [(&str, Option<&str>, Tag); 9] = [
    ("postgis/postgis", Some("postgis"), Tag::Leading),
    ("imresamu/postgis", Some("postgis"), Tag::Leading),
    ("kartoza/postgis", Some("postgis"), Tag::Leading),
    ("pgvector/pgvector", Some("vector"), Tag::AfterPg),
    ("ankane/pgvector", Some("vector"), Tag::AfterPg),
    ("timescale/timescaledb", Some("timescaledb"), Tag::AfterPg),
    ("timescale/timescaledb-ha", Some("timescaledb"), Tag::AfterPg),
    ("citusdata/citus", Some("citus"), Tag::AfterPg),
    ("supabase/postgres", None, Tag::Leading),
];

/// Reads the name of an image; none for an empty one.
pub(super) fn parse(reference: &str) -> Option<Image> {
    let named = reference.split('@').next().unwrap_or_default().trim();
    // A colon before the last slash is that of a registry's port.
    let last = named.rsplit('/').next().unwrap_or_default();
    let (path, tag) = match last.rsplit_once(':') {
        Some((_, tag)) => (&named[..named.len() - tag.len() - 1], tag),
        None => (named, ""),
    };
    let kind = path.rsplit('/').next().filter(|kind| !kind.is_empty())?.to_owned();
    let ends_in = |known: &str| path == known || path.strip_suffix(known).is_some_and(|before| before.ends_with('/'));
    if let Some((_, extension, form)) = POSTGRES_IMAGES.into_iter().find(|(known, ..)| ends_in(known)) {
        let version = match form {
            Tag::Leading => leading_version(tag),
            Tag::AfterPg => tag.split(['-', '_']).find_map(|part| leading_version(part.strip_prefix("pg")?)),
        };
        return Some(Image { engine: Some(Engine::Postgres), kind, version, extension });
    }
    let word = match kind.as_str() {
        "mysql-server" | "percona" | "percona-server" => "mysql",
        "postgresql-repmgr" => "postgresql",
        "mariadb-galera" => "mariadb",
        other => other,
    };
    Some(Image { engine: Engine::of_word(word), version: leading_version(tag), kind, extension: None })
}

/// The digits and dots at the beginning of a tag: `15.4` of `15.4-alpine`, `7` of `v7`; none of `latest`.
fn leading_version(tag: &str) -> Option<String> {
    let tag = tag.strip_prefix('v').unwrap_or(tag);
    let end = tag.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(tag.len());
    let version = tag[..end].trim_end_matches('.');
    version.starts_with(|c: char| c.is_ascii_digit()).then(|| version.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_by_their_names() {
        use Engine::{Mariadb, Mysql, Postgres};
        for (reference, engine, version, extension) in [
            ("postgres", Some(Postgres), None, None),
            ("postgres:15", Some(Postgres), Some("15"), None),
            ("postgres:15.4-alpine3.18", Some(Postgres), Some("15.4"), None),
            ("postgres:latest", Some(Postgres), None, None),
            ("postgres:17beta1", Some(Postgres), Some("17"), None),
            ("localhost:5000/library/postgres", Some(Postgres), None, None),
            ("docker.io/library/postgres:16.1@sha256:0a1b", Some(Postgres), Some("16.1"), None),
            ("postgres@sha256:0a1b", Some(Postgres), None, None),
            ("postgis/postgis:15-3.3-alpine", Some(Postgres), Some("15"), Some("postgis")),
            ("ghcr.io/postgis/postgis:16-master", Some(Postgres), Some("16"), Some("postgis")),
            ("pgvector/pgvector:0.7.0-pg16", Some(Postgres), Some("16"), Some("vector")),
            ("pgvector/pgvector:pg17", Some(Postgres), Some("17"), Some("vector")),
            ("timescale/timescaledb:latest-pg15", Some(Postgres), Some("15"), Some("timescaledb")),
            ("timescale/timescaledb-ha:pg14.6-ts2.9.0", Some(Postgres), Some("14.6"), Some("timescaledb")),
            ("citusdata/citus:12.1", Some(Postgres), None, Some("citus")),
            ("supabase/postgres:15.1.0.147", Some(Postgres), Some("15.1.0.147"), None),
            ("bitnami/postgresql:15.4.0-debian-11-r10", Some(Postgres), Some("15.4.0"), None),
            ("mariadb:10.11", Some(Mariadb), Some("10.11"), None),
            ("mysql/mysql-server:8.0", Some(Mysql), Some("8.0"), None),
            ("redis:7-alpine", None, Some("7"), None),
            ("me/mypostgres:3", None, Some("3"), None),
        ] {
            let image = parse(reference).unwrap();
            assert_eq!(
                (image.engine, image.version.as_deref(), image.extension),
                (engine, version, extension),
                "{reference}"
            );
        }
        assert_eq!(parse("docker.elastic.co/elasticsearch/elasticsearch:8.1.0").unwrap().kind, "elasticsearch");
        assert_eq!((parse(""), parse(":15")), (None, None));
    }
}
