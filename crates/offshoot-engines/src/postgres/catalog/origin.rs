//! Where a state was taken: what tells this server and database from all others, and its place in the log.

use crate::error::{Result, refused};
use crate::postgres::session::Version;
use offshoot_format::manifest::Origin;
use tokio_postgres::Client;

/// Reads it. What the role may not see is left empty.
///
/// # Errors
/// If the server refuses.
pub async fn read(client: &Client, _version: Version) -> Result<Origin> {
    let doing = "say which server and database it is";
    let sql = "
        SELECT d.oid::pg_catalog.text, d.datname,
               CASE WHEN pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'EXECUTE')
                    THEN (SELECT system_identifier::pg_catalog.text FROM pg_catalog.pg_control_system()) END,
               CASE WHEN pg_catalog.pg_is_in_recovery() THEN pg_catalog.pg_last_wal_replay_lsn()
                    ELSE pg_catalog.pg_current_wal_lsn() END::pg_catalog.text
        FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()";
    let row = client.query_one(sql, &[]).await.map_err(refused(doing))?;
    Ok(Origin {
        engine: "postgres".to_owned(),
        system_id: row.get::<_, Option<String>>(2).unwrap_or_default(),
        database_id: row.get(0),
        database: row.get(1),
        position: row.get::<_, Option<String>>(3).unwrap_or_default(),
    })
}
