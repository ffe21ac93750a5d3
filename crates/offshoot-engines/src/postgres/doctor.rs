//! What stands in the way of a capture, found before it is tried: rights, policies, pg_dump, locks, old transactions.
//!
//! It only reads, takes no lock that anybody could wait for, and never fails for what it finds: findings are values.

use super::capture::connection::Connection;
use super::catalog::relations;
use super::catalog::{names, privileges, tables};
use super::quote::shown;
use super::schema::pg_dump::PgDump;
use crate::bridge::on_own_thread;
use crate::conninfo::ConnInfo;
use crate::error::{EngineError, Result, refused};
use std::path::PathBuf;
use tokio_postgres::Client;

/// What was found. All names are shown as messages show them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The server's version, as it prints it.
    pub server_version: String,
    /// The database.
    pub database: String,
    /// The role of the session.
    pub role: String,
    /// Encoding of the database.
    pub encoding: String,
    /// Whether it is a standby.
    pub is_standby: bool,
    /// `wal_level`.
    pub wal_level: String,
    /// What the role may not read, and why.
    pub missing: Vec<String>,
    /// Statements that grant it.
    pub grants: Vec<String>,
    /// The pg_dump that would be used.
    pub pg_dump: Option<PathBuf>,
    /// Why there is none.
    pub no_pg_dump: Option<String>,
    /// Tables whose rows a standby does not have.
    pub unlogged: Vec<String>,
    /// Tables that are read as text, with the type that has no binary form.
    pub text_tables: Vec<(String, String)>,
    /// Tables without a key: their rows are ordered by all columns.
    pub keyless_tables: Vec<String>,
    /// Sessions that hold or want a lock that a capture would wait for: process id and table.
    pub locks: Vec<(i32, String)>,
    /// Transactions open for more than a minute: process id and seconds.
    pub old_transactions: Vec<(i32, u64)>,
}

impl Report {
    /// Whether a capture can succeed as things are.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.missing.is_empty() && self.pg_dump.is_some() && self.locks.is_empty()
    }
}

/// Looks at a database as a capture would. May be called inside a runtime.
///
/// # Errors
/// If there is no connection, or the server is not one that can be captured.
pub fn doctor(conninfo: &ConnInfo, pg_dump: &[PathBuf]) -> Result<Report> {
    on_own_thread("doctor", |bridge| bridge.block_on(examine(conninfo, pg_dump)))
        .map_err(|source| EngineError::Io { operation: "starting a thread", source })?
}

async fn examine(conninfo: &ConnInfo, candidates: &[PathBuf]) -> Result<Report> {
    let connection = Connection::open_async(conninfo).await?;
    let client = &connection.client;
    let mut report = server(client).await?;
    report.encoding = connection.encoding.clone();
    match PgDump::find(candidates, connection.version) {
        Ok(found) => report.pg_dump = Some(found.path().to_path_buf()),
        Err(error) => report.no_pg_dump = Some(error.to_string()),
    }
    names::check(client).await?;
    let relations = relations::list(client).await?;
    let missing = privileges::missing(client, &relations).await?;
    (report.missing, report.grants) = (missing.objects, missing.grants);
    let (tables, tree) = tables::describe(client, connection.version, &relations, tables::Sizes::Estimated).await?;
    for table in &tables {
        let name = shown(&table.spec.schema, &table.spec.name);
        let unlogged = table.heaps.iter().filter(|heap| heap.is_unlogged);
        report.unlogged.extend(unlogged.map(|heap| shown(&heap.schema, &heap.name)));
        if let Some(cause) = table.types.iter().find_map(|&oid| tree.lacks_binary(oid)) {
            report.text_tables.push((name.clone(), cause.name.clone()));
        }
        if table.spec.key == offshoot_format::table::Key::WholeRow {
            report.keyless_tables.push(name);
        }
    }
    (report.locks, report.old_transactions) = (locks(client).await?, old_transactions(client).await?);
    Ok(report)
}

async fn server(client: &Client) -> Result<Report> {
    let sql = "SELECT pg_catalog.current_setting('server_version'), pg_catalog.current_database()::pg_catalog.text,
                      current_user::pg_catalog.text, pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('wal_level')";
    let row = client.query_one(sql, &[]).await.map_err(refused("describe itself"))?;
    Ok(Report {
        server_version: row.get(0),
        database: row.get(1),
        role: row.get(2),
        is_standby: row.get(3),
        wal_level: row.get(4),
        ..Report::default()
    })
}

async fn locks(client: &Client) -> Result<Vec<(i32, String)>> {
    let sql = "SELECT DISTINCT l.pid, n.nspname, c.relname
               FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation
               JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
               WHERE l.mode = 'AccessExclusiveLock' AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'
                 AND n.nspname NOT LIKE 'pg\\_%' AND l.pid IS NOT NULL
                 AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
               ORDER BY 1, 2, 3";
    let rows = client.query(sql, &[]).await.map_err(refused("list its locks"))?;
    Ok(rows.iter().map(|row| (row.get(0), shown(row.get(1), row.get(2)))).collect())
}

async fn old_transactions(client: &Client) -> Result<Vec<(i32, u64)>> {
    let sql = "SELECT pid, EXTRACT(epoch FROM pg_catalog.now() - xact_start)::pg_catalog.int8 FROM pg_catalog.pg_stat_activity
               WHERE datname = pg_catalog.current_database() AND backend_type = 'client backend'
                 AND pg_catalog.now() - xact_start > '1 minute'::pg_catalog.interval ORDER BY 2 DESC";
    let rows = client.query(sql, &[]).await.map_err(refused("list its transactions"))?;
    Ok(rows.iter().map(|row| (row.get(0), u64::try_from(row.get::<_, i64>(1)).unwrap_or(0))).collect())
}
