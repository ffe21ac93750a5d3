//! Where a server's log stands: file and offset, and GTIDs; and whether it says so of a snapshot.

use crate::mysql::error::{MysqlError, Result, number};
use crate::mysql::quote::literal;
use crate::mysql::session::{Flavor, Row, Session};

/// Whether a snapshot of MariaDB says where it is in a log that has every change.
pub(crate) fn has_complete_binlog(session: &mut Session) -> Result<bool> {
    if !session.flavor().is_mariadb() {
        return Ok(false);
    }
    let log = session.query_one("say whether it has a log", "SELECT @@GLOBAL.log_bin, @@GLOBAL.log_slave_updates")?;
    if !log.is_yes(0)? {
        return Ok(false);
    }
    Ok((log.is_yes(1)? || !receives_changes(session)?) && is_unfiltered(session)?)
}

/// Whether the server may commit what comes from other servers, which its own log can lack. Who may not ask is not told.
fn receives_changes(session: &mut Session) -> Result<bool> {
    let cluster = "SHOW GLOBAL VARIABLES LIKE 'wsrep_on'";
    for row in session.query("say whether it is of a cluster", cluster)? {
        if row.is_yes(1)? {
            return Ok(true);
        }
    }
    match session.query("say whether it is a replica", "SHOW ALL SLAVES STATUS") {
        Ok(sources) => Ok(!sources.is_empty()),
        Err(error) if is_denied(&error) => Ok(true),
        Err(error) => Err(error),
    }
}

/// Whether no database is left out of the server's log: such a one moves without moving it. Who may not ask is not told.
pub(super) fn is_unfiltered(session: &mut Session) -> Result<bool> {
    match session.query("say what its log leaves out", log_status(session.flavor())) {
        Ok(rows) => {
            let is_filtered =
                |row: &Row| row.get(2).is_some_and(|f| !f.is_empty()) || row.get(3).is_some_and(|f| !f.is_empty());
            Ok(!rows.is_empty() && !rows.iter().any(is_filtered))
        }
        Err(error) if is_denied(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The statement that says where the log stands.
fn log_status(flavor: &Flavor) -> &'static str {
    let is_renamed = !flavor.is_mariadb() && flavor.number >= 80_200;
    if is_renamed { "SHOW BINARY LOG STATUS" } else { "SHOW MASTER STATUS" }
}

/// Where in the log the snapshot of a session of MariaDB is: `file:offset`; empty where there is no log.
pub(super) fn binlog_snapshot(session: &mut Session) -> Result<String> {
    let rows = session.query("say where its snapshot is", "SHOW SESSION STATUS LIKE 'binlog_snapshot_%'")?;
    let mut parts = [String::new(), String::new()];
    for row in &rows {
        match row.text(0)?.to_ascii_lowercase().as_str() {
            "binlog_snapshot_file" => parts[0] = row.text(1)?.to_owned(),
            "binlog_snapshot_position" => parts[1] = row.text(1)?.to_owned(),
            _ => {}
        }
    }
    Ok(if parts[0].is_empty() { String::new() } else { parts.join(":") })
}

/// As [`position`], of a snapshot of MariaDB at a place of its log.
pub(super) fn position_of(session: &mut Session, place: &str) -> Result<String> {
    // The server finds the GTIDs of a place by reading its log up to there, which can be a gigabyte: not while it still stands
    // there. The GTIDs are asked for first, so that they are no later than the place.
    let now = log_position(session)?;
    if now.rsplit_once("binlog=").is_some_and(|(_, at)| at == place) {
        return Ok(now);
    }
    Ok(position(&gtid_of(session, place)?, place))
}

/// The GTIDs at a place of MariaDB's log; empty where the user may not ask.
fn gtid_of(session: &mut Session, place: &str) -> Result<String> {
    let Some((file, offset)) = place.rsplit_once(':') else { return Ok(String::new()) };
    let offset: u64 = offset.parse().unwrap_or(0);
    let sql = format!("SELECT BINLOG_GTID_POS({}, {offset})", literal(file));
    match session.query_one("say where its log stands", &sql) {
        Ok(row) => Ok(row.text(0)?.to_owned()),
        Err(error) if is_denied(&error) => Ok(String::new()),
        Err(error) => Err(error),
    }
}

pub(super) fn executed_gtids(session: &mut Session) -> Result<String> {
    let row = session.query_one("say what is committed", "SELECT @@GLOBAL.gtid_executed")?;
    Ok(row.text(0)?.split_whitespace().collect())
}

/// Where the server's log stands now: GTIDs, and file and offset where the user may ask.
pub(super) fn log_position(session: &mut Session) -> Result<String> {
    let is_mariadb = session.flavor().is_mariadb();
    let status = log_status(session.flavor());
    let gtids = if is_mariadb { "SELECT @@GLOBAL.gtid_binlog_pos" } else { "SELECT @@GLOBAL.gtid_executed" };
    let gtids: String = session.query_one("say what is committed", gtids)?.text(0)?.split_whitespace().collect();
    let place = match session.query("say where its log stands", status) {
        Ok(rows) => match rows.first() {
            Some(row) => format!("{}:{}", row.text(0)?, row.text(1)?),
            None => String::new(),
        },
        Err(error) if is_denied(&error) => String::new(),
        Err(error) => return Err(error),
    };
    Ok(position(&gtids, &place))
}

/// As it stands in a manifest: `gtid=0-1-5 binlog=log.000001:1234`, without what is not known.
pub(super) fn position(gtids: &str, place: &str) -> String {
    let parts = [("gtid", gtids), ("binlog", place)];
    let known = parts.iter().filter(|(_, value)| !value.is_empty());
    known.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

pub(crate) fn is_denied(error: &MysqlError) -> bool {
    let denied = [
        number::NO_DATABASE_ACCESS,
        number::ACCESS_DENIED,
        number::TABLE_ACCESS_DENIED,
        number::PRIVILEGE_MISSING,
        // Of a column; and a statement that this version does not have.
        1143,
        1064,
    ];
    error.number().is_some_and(|number| denied.contains(&number))
}
