//! What a capture leaves out on purpose, named only where there is something of it.

use crate::error::{Result, refused};
use crate::postgres::session::Version;
use offshoot_format::manifest::Note;
use tokio_postgres::Client;

/// Queries of names, with what they are and why they stay behind. None reads what only a superuser may.
const OMITTED: &[(&str, &str, &str)] = &[
    (
        "publication",
        "a copy must not publish changes",
        "SELECT pubname::pg_catalog.text FROM pg_catalog.pg_publication ORDER BY 1",
    ),
    (
        "subscription",
        "a copy must not connect to other servers",
        "SELECT subname::pg_catalog.text FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid
         WHERE d.datname = pg_catalog.current_database() ORDER BY 1",
    ),
    (
        "user mapping",
        "it holds a password of another server",
        "SELECT pg_catalog.quote_ident(COALESCE(usename, 'public')) || ' on ' || pg_catalog.quote_ident(srvname)
         FROM pg_catalog.pg_user_mappings ORDER BY 1",
    ),
    (
        "rows of foreign table",
        "they are on another server; the table itself is carried",
        "SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname)
         FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'f' AND n.nspname NOT LIKE 'pg\\_%' ORDER BY 1",
    ),
    (
        "comment on database",
        "it belongs to the database's name, not to its content",
        "SELECT pg_catalog.quote_ident(d.datname) FROM pg_catalog.pg_database d
         JOIN pg_catalog.pg_shdescription s ON s.objoid = d.oid AND s.classoid = 'pg_catalog.pg_database'::pg_catalog.regclass
         WHERE d.datname = pg_catalog.current_database()",
    ),
    (
        "security label",
        "it belongs to a label provider of the source's server",
        "SELECT DISTINCT provider || ' on ' || objtype || ' ' || objname FROM pg_catalog.pg_seclabels ORDER BY 1",
    ),
    (
        "tablespace",
        "it is a place on the source's disks; objects go to the default one",
        "SELECT DISTINCT t.spcname::pg_catalog.text FROM pg_catalog.pg_class c
         JOIN pg_catalog.pg_tablespace t ON t.oid = c.reltablespace
         WHERE t.spcname NOT LIKE 'pg\\_%' ORDER BY 1",
    ),
    (
        "privileges on database",
        "they belong to the database's name, not to its content",
        "SELECT pg_catalog.quote_ident(datname) FROM pg_catalog.pg_database
         WHERE datname = pg_catalog.current_database() AND datacl IS NOT NULL",
    ),
    (
        "passwords of roles",
        "secrets are not captured",
        "SELECT pg_catalog.count(*) || ' roles' FROM pg_catalog.pg_roles WHERE rolcanlogin AND rolname NOT LIKE 'pg\\_%'
         HAVING pg_catalog.count(*) > 0",
    ),
    (
        "statistics",
        "most common values can be personal data; ANALYZE makes them anew",
        "SELECT 'of ' || pg_catalog.count(*) || ' tables' FROM pg_catalog.pg_stat_user_tables
         WHERE last_analyze IS NOT NULL OR last_autoanalyze IS NOT NULL HAVING pg_catalog.count(*) > 0",
    ),
];

/// Names everything that is left out.
///
/// # Errors
/// If the server refuses.
pub async fn omitted(client: &Client, _version: Version) -> Result<Vec<Note>> {
    let mut notes = Vec::new();
    for (what, reason, sql) in OMITTED {
        for row in client.query(*sql, &[]).await.map_err(refused(format!("list its {what}s")))? {
            let name: String = row.get(0);
            notes.push(Note { object: format!("{what} {}", name.escape_debug()), reason: (*reason).to_owned() });
        }
    }
    Ok(notes)
}
