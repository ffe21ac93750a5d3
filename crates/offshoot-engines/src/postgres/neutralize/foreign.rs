//! Foreign servers and tables: whoever reads one reaches another machine, runs a program, or reads a file.
//!
//! User mappings are dropped, options that say where something is point to nowhere, and those that hold keys go. The tables
//! stay, so that schema and code keep working until they are read. No wrapper's validator is called meanwhile: it is code
//! that may itself look for the other side.

use super::work::{Work, named};
use crate::error::Result;
use crate::neutralize::items::FDW;
use crate::neutralize::names::{fold, is_one_of, is_token, snake};
use crate::postgres::quote::{ident, literal, qualified, shown};
use tokio_postgres::Row;

/// A host that no name service knows, by the rules for the name `invalid`.
const NO_HOST: &str = "offshoot.invalid";
/// A folder of sockets that is not there: libpq does not even ask a name service.
const NO_SOCKET: &str = "/nonexistent/offshoot.invalid";
const NO_URL: &str = "https://offshoot.invalid/";
const NO_FILE: &str = "/dev/null";

/// Options that name a host, which have a default in some wrappers, and those wrappers.
const DEFAULT_HOSTS: &[(&str, &str)] = &[
    ("clickhouse_fdw", "host"),
    ("clickhousedb_fdw", "host"),
    ("dblink_fdw", "host"),
    ("mongo_fdw", "address"),
    ("mysql_fdw", "host"),
    ("postgres_fdw", "host"),
    ("redis_fdw", "address"),
    ("tds_fdw", "servername"),
];

const HOSTS: &str = "host hostname hosts address servername server broker brokers bootstrap_servers";
const URLS: &str = "url uri endpoint *_url *_uri *_endpoint";
const PLACES: &str = "dbserver dsn datasource connection connstr conn_str connection_string";
const FILES: &str = "filename file files path dirname dir directory filenames files_func";
/// Options that would win over a host that is nowhere, or that identify the user.
const DROPPED: &str = "\
    hostaddr service servicefile program password passwd passfile passcode sslkey sslcert sslpassword *_id_secret";

const WRAPPERS: &str = "
SELECT w.fdwname::pg_catalog.text, n.nspname::pg_catalog.text, p.proname::pg_catalog.text, w.fdwoptions
FROM pg_catalog.pg_foreign_data_wrapper w
LEFT JOIN pg_catalog.pg_proc p ON p.oid = w.fdwvalidator LEFT JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
ORDER BY w.fdwname COLLATE \"C\"";

const MAPPINGS: &str = "
SELECT m.srvname::pg_catalog.text, CASE WHEN m.umuser <> 0 THEN m.usename::pg_catalog.text END
FROM pg_catalog.pg_user_mappings m ORDER BY 1, 2";

const SERVERS: &str = "
SELECT s.srvname::pg_catalog.text, w.fdwname::pg_catalog.text, s.srvoptions
FROM pg_catalog.pg_foreign_server s JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw
ORDER BY s.srvname COLLATE \"C\"";

const TABLES: &str = "
SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text, t.ftoptions
FROM pg_catalog.pg_foreign_table t JOIN pg_catalog.pg_class c ON c.oid = t.ftrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";

/// Points everything foreign to nowhere.
pub async fn disconnect(work: &mut Work<'_>) -> Result<()> {
    if !work.choices.is_on(FDW) {
        return Ok(());
    }
    for row in work.query("list its user mappings", MAPPINGS, &[]).await? {
        let (server, user): (String, Option<String>) = (row.get(0), row.get(1));
        let whose = user.as_deref().map_or_else(|| "PUBLIC".to_owned(), ident);
        work.run("drop a user mapping", &format!("DROP USER MAPPING FOR {whose} SERVER {}", ident(&server))).await?;
        let user = user.map_or_else(|| "everybody".to_owned(), |user| shown("", &user));
        work.done(FDW, format!("user mapping of {user} for {}", shown("", &server)), "dropped", None);
    }
    let wrappers = work.query("list its foreign-data wrappers", WRAPPERS, &[]).await?;
    for row in &wrappers {
        set_validator(work, row, false).await?;
        let name: String = row.get(0);
        let object = named("foreign-data wrapper", &name);
        alter(work, object, &format!("FOREIGN DATA WRAPPER {}", ident(&name)), changes(None, &options(row, 3))).await?;
    }
    for row in work.query("list its foreign servers", SERVERS, &[]).await? {
        let (name, wrapper): (String, String) = (row.get(0), row.get(1));
        let changes = changes(Some(&wrapper), &options(&row, 2));
        alter(work, named("foreign server", &name), &format!("SERVER {}", ident(&name)), changes).await?;
    }
    for row in work.query("list its foreign tables", TABLES, &[]).await? {
        let (schema, name): (String, String) = (row.get(0), row.get(1));
        let object = format!("foreign table {}", shown(&schema, &name));
        if work.choices.is_kept(&schema, &name) {
            work.kept(FDW, object, "as you chose");
            continue;
        }
        let changes = changes(None, &options(&row, 2));
        alter(work, object, &format!("FOREIGN TABLE {}", qualified(&schema, &name)), changes).await?;
    }
    for row in &wrappers {
        set_validator(work, row, true).await?;
    }
    Ok(())
}

/// Takes a wrapper's validator away for a while, or gives it back.
async fn set_validator(work: &Work<'_>, row: &Row, is_back: bool) -> Result<()> {
    let (Some(schema), Some(function)) = (row.get::<_, Option<String>>(1), row.get::<_, Option<String>>(2)) else {
        return Ok(());
    };
    let validator =
        if is_back { format!("VALIDATOR {}", qualified(&schema, &function)) } else { "NO VALIDATOR".to_owned() };
    let sql = format!("ALTER FOREIGN DATA WRAPPER {} {validator}", ident(row.get(0)));
    work.run("alter a foreign-data wrapper", &sql).await.map(drop)
}

async fn alter(work: &mut Work<'_>, object: String, sql: &str, changes: Vec<String>) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    work.run("point a foreign server to nowhere", &format!("ALTER {sql} OPTIONS ({})", changes.join(", "))).await?;
    work.done(FDW, object, "points to nowhere", None);
    Ok(())
}

/// Options as catalogs have them: `name=value`.
fn options(row: &Row, at: usize) -> Vec<(String, String)> {
    let texts: Vec<String> = row.get::<_, Option<Vec<String>>>(at).unwrap_or_default();
    let split = |text: &String| text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    texts.iter().filter_map(split).collect()
}

/// What is to be changed of the options of a wrapper or table, or of a server whose wrapper is named.
fn changes(wrapper: Option<&str>, options: &[(String, String)]) -> Vec<String> {
    let mut changes: Vec<String> = Vec::new();
    let speaks_libpq = matches!(wrapper, Some("postgres_fdw" | "dblink_fdw"));
    let no_host = if speaks_libpq { NO_SOCKET } else { NO_HOST };
    for (name, value) in options {
        let word = snake(name);
        let nowhere = if is_one_of(&word, DROPPED) || is_token("", &word) || word == "token" || word == "secret" {
            changes.push(format!("DROP {}", ident(name)));
            continue;
        } else if is_one_of(&word, HOSTS) {
            no_host
        } else if is_one_of(&word, URLS) {
            NO_URL
        } else if is_one_of(&word, PLACES) {
            NO_HOST
        } else if is_one_of(&word, FILES) {
            NO_FILE
        } else {
            continue;
        };
        if value != nowhere {
            changes.push(format!("SET {} {}", ident(name), literal(nowhere)));
        }
    }
    let has = |wanted: &str| options.iter().any(|(name, _)| fold(name) == fold(wanted));
    let default_host = DEFAULT_HOSTS.iter().find(|(name, _)| Some(*name) == wrapper).map(|(_, option)| *option);
    if let Some(option) = default_host.filter(|option| !has(option)) {
        changes.push(format!("ADD {} {}", ident(option), literal(no_host)));
    }
    if has("program") && !has("filename") {
        changes.push(format!("ADD \"filename\" {}", literal(NO_FILE)));
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::changes;

    fn changed(wrapper: Option<&str>, options: &[(&str, &str)]) -> String {
        let options: Vec<_> = options.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        changes(wrapper, &options).join("; ")
    }

    #[test]
    fn a_server_is_nowhere_even_by_default() {
        assert_eq!(changed(Some("postgres_fdw"), &[]), "ADD \"host\" '/nonexistent/offshoot.invalid'");
        assert_eq!(
            changed(
                Some("postgres_fdw"),
                &[("host", "db.example"), ("hostaddr", "10.0.0.1"), ("dbname", "d"), ("port", "1")]
            ),
            "SET \"host\" '/nonexistent/offshoot.invalid'; DROP \"hostaddr\""
        );
        assert_eq!(changed(Some("mysql_fdw"), &[]), "ADD \"host\" 'offshoot.invalid'");
        assert_eq!(changed(Some("mine"), &[("use_remote_estimate", "on")]), "");
        assert_eq!(
            changed(Some("stripe_wrapper"), &[("api_url", "https://api.example"), ("api_key", "sk")]),
            "SET \"api_url\" 'https://offshoot.invalid/'; DROP \"api_key\""
        );
    }

    #[test]
    fn a_program_becomes_an_empty_file() {
        assert_eq!(
            changed(None, &[("program", "curl x"), ("format", "csv")]),
            "DROP \"program\"; ADD \"filename\" '/dev/null'"
        );
        assert_eq!(changed(None, &[("filename", "/var/log/x")]), "SET \"filename\" '/dev/null'");
        assert_eq!(changed(None, &[("filename", "/dev/null")]), "", "once is enough");
    }
}
