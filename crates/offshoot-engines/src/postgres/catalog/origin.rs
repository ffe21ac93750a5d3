//! Where a state was taken: what tells this server and database from all others, and its place in the log.

use crate::error::{Result, refused};
use offshoot_format::manifest::Origin;
use tokio_postgres::Client;

const DOING: &str = "say which server and database it is";

/// Where the server's log ends now; nothing where it has none.
///
/// # Errors
/// If the server refuses.
pub async fn position(client: &Client) -> Result<String> {
    let sql = "SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                    ELSE pg_catalog.pg_current_wal_lsn() END::pg_catalog.text";
    let row = client.query_one(sql, &[]).await.map_err(refused(DOING))?;
    Ok(row.get::<_, Option<String>>(0).unwrap_or_default())
}

/// Reads it, but for the position. What the role may not see is left empty.
///
/// # Errors
/// If the server refuses.
pub async fn read(client: &Client, position: String) -> Result<Origin> {
    let sql = "
        SELECT d.oid::pg_catalog.text, d.datname
        FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()";
    let row = client.query_one(sql, &[]).await.map_err(refused(DOING))?;
    Ok(Origin {
        engine: "postgres".to_owned(),
        system_id: system_id(client).await?,
        database_id: row.get(0),
        database: row.get(1),
        position,
    })
}

/// What tells the server from all others but its byte-wise copies; empty where the role may not see it.
///
/// # Errors
/// If the server refuses.
pub async fn system_id(client: &Client) -> Result<String> {
    // Asked first and not in the same query, which the server would refuse before it decides anything.
    let may = "SELECT pg_catalog.has_function_privilege(pg_catalog.to_regprocedure('pg_catalog.pg_control_system()'), 'EXECUTE')";
    // NULL where a server of another make has no such function.
    if client.query_one(may, &[]).await.map_err(refused(DOING))?.get::<_, Option<bool>>(0) != Some(true) {
        return Ok(String::new());
    }
    let sql = "SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()";
    Ok(client.query_one(sql, &[]).await.map_err(refused(DOING))?.get(0))
}
