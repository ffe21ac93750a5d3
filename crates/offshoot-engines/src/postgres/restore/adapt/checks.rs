//! What keeps a snapshot from being restored into this target, each with what mends it; and what is only worth knowing.

use crate::postgres::quote::{ident, ident_list};
use crate::postgres::roles::{NamedRoles, named_roles};
use offshoot_core::target::{Choices, Inspection, Problem, Roles};
use offshoot_format::manifest::Manifest;
use std::collections::BTreeSet;

/// Problems, all of them at once.
pub(super) fn problems(manifest: &Manifest, inspection: &Inspection, choices: &Choices) -> Vec<Problem> {
    let mut problems = Vec::new();
    server(manifest, inspection, &mut problems);
    extensions(manifest, inspection, choices, &mut problems);
    collations(manifest, inspection, &mut problems);
    problems.extend(inspection.missing_rights.iter().cloned());
    roles(manifest, inspection, choices, &mut problems);
    superuser_only(manifest, inspection, &mut problems);
    problems
}

fn problem(what: String, mend: String) -> Problem {
    Problem { what, mend }
}

fn server(manifest: &Manifest, inspection: &Inspection, problems: &mut Vec<Problem>) {
    let environment = &manifest.environment;
    if manifest.origin.engine != "postgres" {
        let what = format!("the snapshot is of {}, the target is PostgreSQL", manifest.origin.engine);
        problems.push(problem(what, "Restore it into a server of its own kind".to_owned()));
        return;
    }
    let (from, to) = (environment.server_version_num / 10_000, inspection.version_num / 10_000);
    if to < from {
        let what = format!("the target is PostgreSQL {to}, older than the snapshot's {from}");
        problems.push(problem(what, format!("Restore into PostgreSQL {from} or newer")));
    }
    if inspection.encoding != environment.encoding {
        let what = format!("the target's encoding is {}, the snapshot's {}", inspection.encoding, environment.encoding);
        let locale = if environment.encoding == "UTF8" { "" } else { " LC_COLLATE 'C' LC_CTYPE 'C'" };
        let mend = format!(
            "Make the database with: CREATE DATABASE ... TEMPLATE template0 ENCODING '{}'{locale}",
            environment.encoding
        );
        problems.push(problem(what, mend));
    }
}

fn extensions(manifest: &Manifest, inspection: &Inspection, choices: &Choices, problems: &mut Vec<Problem>) {
    let major = inspection.version_num / 10_000;
    for (name, wanted) in &manifest.environment.extensions {
        if choices.skip_extensions.contains(name) {
            continue;
        }
        let Some(there) = inspection.extensions.iter().find(|there| there.name == *name) else {
            let how = match package(name, major) {
                Some(package) => format!("on Debian: apt install {package}"),
                None => "with the package that your system has it in".to_owned(),
            };
            let what = format!("the extension {name} is not available on the target's server");
            problems
                .push(problem(what, format!("Install it there ({how}), or do without it: --skip-extension {name}")));
            continue;
        };
        match &there.installed_in {
            Some(schema) if *schema != wanted.schema && name != "plpgsql" => {
                let what = format!(
                    "the extension {name} is in schema {schema} on the target, in {} in the snapshot",
                    wanted.schema
                );
                let (name, schema) = (ident(name), ident(&wanted.schema));
                let mend = format!("Run there: ALTER EXTENSION {name} SET SCHEMA {schema}, or DROP EXTENSION {name}");
                problems.push(problem(what, mend));
            }
            None if !there.may_install => {
                let what = format!("the role {} may not install the extension {name}", inspection.user);
                let mend = format!(
                    "Let a superuser run in the target: CREATE EXTENSION {} SCHEMA {}; or do without it: --skip-extension {name}",
                    ident(name),
                    ident(&wanted.schema)
                );
                problems.push(problem(what, mend));
            }
            _ => {}
        }
    }
}

fn collations(manifest: &Manifest, inspection: &Inspection, problems: &mut Vec<Problem>) {
    let own = |name: &&String| name.starts_with("pg_catalog.");
    for name in manifest.environment.collations.keys().filter(own) {
        if !inspection.collations.contains(name) {
            let what = format!("the collation {} is not on the target", name.trim_start_matches("pg_catalog."));
            let mend = "Add its locale to the target's system (on Debian: apt install locales-all), restart the server, then run in the \
                        target: SELECT pg_import_system_collations('pg_catalog')";
            problems.push(problem(what, mend.to_owned()));
        }
    }
}

/// Roles that must be made or acted as.
fn roles(manifest: &Manifest, inspection: &Inspection, choices: &Choices, problems: &mut Vec<Problem>) {
    if choices.roles != Roles::Create || inspection.superuser {
        return;
    }
    let there = |name: &str| inspection.roles.iter().find(|(role, _)| role == name);
    let missing = manifest.environment.roles.iter().filter(|role| there(&role.name).is_none()).count();
    if missing > 0 && !inspection.may_create_roles {
        let what = format!("the role {} may not make the {missing} roles that the target lacks", inspection.user);
        let mend = format!("Run: ALTER ROLE {} CREATEROLE; or leave roles out: --roles skip", ident(&inspection.user));
        problems.push(problem(what, mend));
    }
    let owners: BTreeSet<String> = manifest
        .content
        .schema
        .iter()
        .filter_map(|item| match named_roles(&item.sql) {
            NamedRoles::Owner(name) => Some(name),
            _ => None,
        })
        .collect();
    let foreign: Vec<&String> = owners.iter().filter(|name| there(name).is_some_and(|(_, may_act)| !may_act)).collect();
    if !foreign.is_empty() {
        let names = ident_list(foreign.into_iter().map(String::as_str));
        let what = format!("the role {} may not give objects to {names}", inspection.user);
        let mend = format!("Run: GRANT {names} TO {}; or leave roles out: --roles skip", ident(&inspection.user));
        problems.push(problem(what, mend));
    }
}

fn superuser_only(manifest: &Manifest, inspection: &Inspection, problems: &mut Vec<Problem>) {
    let mut starts = manifest.content.schema.iter().filter(|item| item.sql.starts_with("CREATE EVENT TRIGGER"));
    if !inspection.superuser
        && let Some(item) = starts.next()
    {
        let what = format!("only a superuser may make {}, and the role {} is none", item.label, inspection.user);
        problems.push(problem(what, "Restore as a superuser".to_owned()));
    }
}

/// What the user should know.
pub(super) fn warnings(manifest: &Manifest, inspection: &Inspection) -> Vec<String> {
    let environment = &manifest.environment;
    let mut warnings = Vec::new();
    if !environment.collate.is_empty() && environment.collate != inspection.collate {
        warnings.push(format!(
            "texts sort by {} in the snapshot and by {} in the target",
            environment.collate, inspection.collate
        ));
    }
    warnings
}

/// The Debian package of an extension, where it is known. Those that come with PostgreSQL are in the server's own.
fn package(extension: &str, major: u32) -> Option<String> {
    let own = match extension {
        "postgis"
        | "postgis_raster"
        | "postgis_sfcgal"
        | "postgis_topology"
        | "postgis_tiger_geocoder"
        | "address_standardizer" => "postgis-3",
        "vector" => "pgvector",
        "pg_cron" => "cron",
        "pg_partman" => "partman",
        "pg_repack" => "repack",
        "pgaudit" => "pgaudit",
        "pgrouting" => "pgrouting",
        "pgtap" => "pgtap",
        "hll" => "hll",
        "hypopg" => "hypopg",
        "ip4r" => "ip4r",
        "orafce" => "orafce",
        "periods" => "periods",
        "pldebugger" | "pldbgapi" => "pldebugger",
        "prefix" => "prefix",
        "q3c" => "q3c",
        "rum" => "rum",
        "semver" => "semver",
        "timescaledb" => "timescaledb",
        "unit" => "unit",
        "wal2json" => "wal2json",
        "plpython3u" | "hstore_plpython3u" | "jsonb_plpython3u" | "ltree_plpython3u" => {
            return Some(format!("postgresql-plpython3-{major}"));
        }
        "plperl" | "plperlu" | "bool_plperl" | "hstore_plperl" | "jsonb_plperl" => {
            return Some(format!("postgresql-plperl-{major}"));
        }
        "pltcl" | "pltclu" => return Some(format!("postgresql-pltcl-{major}")),
        "adminpack" | "amcheck" | "autoinc" | "bloom" | "btree_gin" | "btree_gist" | "citext" | "cube" | "dblink"
        | "dict_int" | "dict_xsyn" | "earthdistance" | "file_fdw" | "fuzzystrmatch" | "hstore" | "intarray" | "isn"
        | "lo" | "ltree" | "pageinspect" | "pg_buffercache" | "pg_prewarm" | "pg_stat_statements" | "pg_trgm"
        | "pgcrypto" | "pgrowlocks" | "pgstattuple" | "postgres_fdw" | "seg" | "sslinfo" | "tablefunc" | "tcn"
        | "tsm_system_rows" | "tsm_system_time" | "unaccent" | "uuid-ossp" | "xml2" => {
            return Some(format!("postgresql-{major}"));
        }
        _ => return None,
    };
    Some(format!("postgresql-{major}-{own}"))
}
