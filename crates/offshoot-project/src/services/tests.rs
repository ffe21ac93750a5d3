//! What projects declare, read from files as they are written.

use super::*;
use crate::ProjectError;
use std::fs;

/// Reads these files of a project.
fn read(files: &[(&str, &str)], variables: &[(&str, &str)]) -> Result<Declared> {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let variable =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    declared(dir.path(), &variable)
}

/// Everything that is declared, a word for each.
fn shown(declared: &Declared) -> String {
    let service = |service: &Service| {
        let version = service.version.as_deref().unwrap_or("?");
        let optional = if service.is_optional { " optional" } else { "" };
        format!("{} {version} in {}{optional}", service.name, service.file.display())
    };
    let databases = declared.databases.iter().map(|database| {
        let Database { engine, extensions, .. } = database;
        format!("{engine} {} [{}]", service(&database.service), extensions.join(" "))
    });
    let others = declared.others.iter().map(|other| format!("{} {}", other.kind, service(other)));
    databases.chain(others).chain(declared.notes.iter().cloned()).collect::<Vec<_>>().join("\n")
}

#[test]
fn upsun_and_platform() {
    let upsun = "\
applications:
  app: {type: 'php:8.3', relationships: {database: 'db:postgresql'}}
services:
  db:
    type: postgresql:15
    configuration: &common
      extensions: [pg_trgm, 'postgis', uuid-ossp]
  second: {type: 'postgresql:16', configuration: {<<: *common}}
  cache: {type: 'redis:7.0'}
  legacy: {type: mysql:10.11}
  real: {type: oracle-mysql:8.0}
routes: {}
";
    let more = "services: {search: {type: 'elasticsearch:8.5', disk: 512}}\n";
    let platform = "db:\n    type: postgresql:12\n    disk: 1024\n";
    let files = [(".upsun/config.yaml", upsun), (".upsun/more.yml", more), (".platform/services.yaml", platform)];
    let expected = "\
PostgreSQL db 15 in .upsun/config.yaml [pg_trgm postgis uuid-ossp]
MariaDB legacy 10.11 in .upsun/config.yaml []
MySQL real 8.0 in .upsun/config.yaml []
PostgreSQL second 16 in .upsun/config.yaml [pg_trgm postgis uuid-ossp]
PostgreSQL db 12 in .platform/services.yaml []
redis cache 7.0 in .upsun/config.yaml
elasticsearch search 8.5 in .upsun/more.yml";
    assert_eq!(shown(&read(&files, &[]).unwrap()), expected);
}

#[test]
fn compose_with_an_override_variables_anchors_and_profiles() {
    let main = "\
x-db: &db
  image: postgres:${PG:-15}-alpine
  environment: {POSTGRES_PASSWORD: hunter2}
services:
  app: {build: ., image: 'shop:dev'}
  db:
    <<: *db
    ports: ['5432:5432']
  replica: {<<: *db, profiles: [replication]}
  geo: {image: 'postgis/postgis:15-3.3'}
  cache: {image: 'redis:7-alpine'}
  pinned: {image: 'postgres@sha256:0a1b'}
  unknown: {image: '${REGISTRY:?set it}/x'}
  other: {extends: {service: db}}
";
    let changed = "services:\n  db: {image: 'postgres:${TAG}'}\n  mail: {image: axllent/mailpit}\n";
    let files = [
        ("docker-compose.yml", main),
        ("docker-compose.override.yml", changed),
        (".env", "# comment\nexport TAG='16.2' \nPG=14 # old\n"),
    ];
    let expected = "\
PostgreSQL db 16.2 in docker-compose.override.yml []
PostgreSQL geo 15 in docker-compose.yml [postgis]
PostgreSQL pinned ? in docker-compose.yml []
PostgreSQL replica 13 in docker-compose.yml optional []
redis cache 7 in docker-compose.yml
mailpit mail ? in docker-compose.override.yml
service other of docker-compose.yml extends another one, which is not read
the image of service pinned in docker-compose.yml does not say its version
service unknown of docker-compose.yml is not known: its image depends on variables that are not set";
    assert_eq!(shown(&read(&files, &[("PG", "13")]).unwrap()), expected);
    // The newer name comes first, as docker compose has it.
    let files = [("compose.yaml", "services: {db: {image: 'postgres:17'}}"), ("docker-compose.yml", main)];
    assert_eq!(shown(&read(&files, &[]).unwrap()), "PostgreSQL db 17 in compose.yaml []");
}

#[test]
fn what_declares_nothing_and_what_cannot_be_read() {
    assert_eq!(read(&[], &[]).unwrap(), Declared::default());
    let nothing = [("compose.yaml", "# later\n"), (".upsun/config.yaml", ""), (".platform/services.yaml", "{}")];
    assert_eq!(read(&nothing, &[]).unwrap(), Declared::default());
    for text in ["services: 5", "services: {db: null}", "services: [a]", "just text", "services: {db: {image: [1]}}"] {
        assert_eq!(shown(&read(&[("compose.yaml", text)], &[]).unwrap()), "", "{text}");
    }
    let error = read(&[("compose.yaml", "services:\n  db: {password: 'hunter2\n")], &[]).unwrap_err();
    assert!(matches!(error, ProjectError::Yaml { line: 2.., .. }), "{error:?}");
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[test]
fn tags_of_their_own_are_no_obstacle() {
    let compose = "services: {db: {image: 'postgres:15', ports: !reset [], command: !override ['-c', 'x=y']}}";
    let platform = "db:\n  type: postgresql:14\n  configuration: !include {type: yaml, path: more.yaml}\n";
    let found = read(&[("compose.yaml", compose), (".platform/services.yaml", platform)], &[]).unwrap();
    let versions: Vec<_> = found.databases.iter().map(|database| database.service.version.as_deref()).collect();
    assert_eq!(versions, [Some("14"), Some("15")]);
}

#[test]
fn a_file_that_grows_without_bound_is_refused() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let alias = format!("*a{}", level - 1);
        text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![alias; 9].join(", ")));
    }
    assert!(matches!(read(&[("compose.yaml", &text)], &[]), Err(ProjectError::Yaml { .. })));
}
