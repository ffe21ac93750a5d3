//! Whether a server is the kind that `target_session_attrs` wants.

use tokio_postgres::SimpleQueryMessage;

use super::attempt::Opened;
use super::error::ConnectError;
use crate::conninfo::TargetSessionAttrs;

/// Nothing of a search path is believed.
const QUESTION: &str = "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only')";

/// Asks the server what it is, if that matters.
pub(super) async fn check(opened: &mut Opened, wanted: TargetSessionAttrs) -> Result<(), ConnectError> {
    if matches!(wanted, TargetSessionAttrs::Any | TargetSessionAttrs::PreferStandby) {
        return Ok(());
    }
    let host = opened.place.host.to_string();
    let closed = |error: Option<&tokio_postgres::Error>| ConnectError::Closed {
        host: host.clone(),
        reason: error.map_or_else(|| "it ended the session".to_owned(), super::classify::innermost),
    };
    let answer = opened.driver.beside(opened.client.simple_query(QUESTION)).await;
    let answer = answer.map_err(|error| closed(error.as_ref()))?.map_err(|error| closed(Some(&error)))?;
    let row = answer.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let row = row.ok_or_else(|| closed(None))?;
    let is_standby = row.try_get(0).ok().flatten() == Some("t");
    let is_read_only = is_standby || row.try_get(1).ok().flatten() == Some("on");
    let (wanted, met, found) = match wanted {
        TargetSessionAttrs::ReadWrite => ("read-write", !is_read_only, "it is read-only"),
        TargetSessionAttrs::ReadOnly => ("read-only", is_read_only, "it accepts writes"),
        TargetSessionAttrs::Primary => ("primary", !is_standby, "it is a standby"),
        TargetSessionAttrs::Standby => ("standby", is_standby, "it is not a standby"),
        TargetSessionAttrs::Any | TargetSessionAttrs::PreferStandby => return Ok(()),
    };
    if met { Ok(()) } else { Err(ConnectError::TargetNotMet { host, wanted, found }) }
}
