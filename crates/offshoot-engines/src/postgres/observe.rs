//! The environment of a running database, read as a capture reads it, so that the two can be compared.
//!
//! It only reads. What a difference means is not decided here.

use super::capture::connection::Connection;
use super::catalog::environment;
use crate::bridge::on_own_thread;
use crate::conninfo::ConnInfo;
use crate::error::{EngineError, Result, refused};
use offshoot_format::manifest::Environment;
use std::collections::BTreeMap;

/// What a database runs in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Observed {
    /// What a manifest would hold of it.
    pub environment: Environment,
    /// Extensions that could be installed and are not, with the version that would be.
    pub available: BTreeMap<String, String>,
}

/// Reads it. May be called inside a runtime.
///
/// # Errors
/// If there is no connection, or the server refuses.
pub fn observe(conninfo: &ConnInfo) -> Result<Observed> {
    on_own_thread("observe", |bridge| bridge.block_on(read(conninfo)))
        .map_err(|source| EngineError::Io { operation: "starting a thread", source })?
}

async fn read(conninfo: &ConnInfo) -> Result<Observed> {
    let connection = Connection::open_async(conninfo).await?;
    let environment = environment::read(&connection.client, connection.version).await?;
    let sql = "SELECT name::pg_catalog.text, default_version FROM pg_catalog.pg_available_extensions \
               WHERE installed_version IS NULL AND default_version IS NOT NULL";
    let rows = connection.client.query(sql, &[]).await.map_err(refused("list the extensions that it has"))?;
    let available = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    Ok(Observed { environment, available })
}
