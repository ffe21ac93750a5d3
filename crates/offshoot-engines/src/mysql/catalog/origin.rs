//! Where a state was taken: what tells this server and database from all others, and its place in the log.
//!
//! MySQL gives each server a UUID of its own. MariaDB has `@@server_uid` since 10.9 (of its host, port and socket); older ones
//! are told by host, port, data directory and server id. A copy of a data directory that runs elsewhere is another server.

use crate::mysql::error::Result;
use crate::mysql::session::Session;
use offshoot_format::manifest::Origin;

/// Reads it. `position` is where the log stood when the snapshot was taken.
///
/// # Errors
/// If the server refuses.
pub fn read(session: &mut Session, position: String) -> Result<Origin> {
    let engine = session.flavor().family.word().to_owned();
    let system_id = if session.flavor().is_mariadb() {
        let row = session.query_one("say which server it is", "SELECT @@hostname, @@port, @@datadir, @@server_id")?;
        let parts = [row.text(0)?, row.text(1)?, row.text(2)?, row.text(3)?];
        match session.query_one("say which server it is", "SELECT @@server_uid") {
            Ok(uid) => format!("{} {}", uid.text(0)?, parts[2]),
            Err(error) if error.number() == Some(1193) => parts.join(" "),
            Err(error) => return Err(error),
        }
    } else {
        session.query_one("say which server it is", "SELECT @@server_uuid")?.text(0)?.to_owned()
    };
    let database = session.query_one("say which database it is", "SELECT DATABASE()")?.text(0)?.to_owned();
    Ok(Origin { engine, system_id, database_id: database.clone(), database, position })
}
