//! Events: statements that the server runs on a schedule. They stay as they are defined, and are disabled, so that none runs
//! when a branch's user turns the scheduler on.

use super::work::Work;
use crate::error::Result;
use crate::mysql::quote::ident;
use crate::neutralize::items::EVENTS;

/// Disables them.
pub(super) fn disable(work: &mut Work<'_>) -> Result<()> {
    let sql = "SELECT event_name, definer FROM information_schema.events WHERE event_schema = DATABASE() AND status = 'ENABLED' \
               ORDER BY event_name";
    for row in work.query("list its events", sql)? {
        let name = row.text(0)?;
        let object = format!("event {name}");
        if !work.choices.is_on(EVENTS) {
            work.kept(EVENTS, object, "as you chose");
            continue;
        }
        // ALTER EVENT takes whoever says it for the definer, unless it is said.
        let definer = definer(row.text(1)?);
        work.run("disable an event", &format!("ALTER {definer} EVENT {} DISABLE", ident(name)))?;
        work.done(EVENTS, object, "disabled", None);
    }
    Ok(())
}

/// `DEFINER = ...` of what a catalog calls `user@host`.
fn definer(account: &str) -> String {
    match account.rsplit_once('@') {
        Some((user, host)) => format!("DEFINER = {}@{}", ident(user), ident(host)),
        None => String::new(),
    }
}
