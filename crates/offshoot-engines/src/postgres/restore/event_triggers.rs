//! Silence of event triggers, for what a restore does for itself after they are made.
//!
//! A trigger that forbids schema changes would keep the mark from being removed, and one that writes them down would write
//! down ours. In a transaction they are disabled and, before it commits, enabled again as they were.

use super::PostgresSession;
use crate::error::Result;
use crate::postgres::quote::ident;

/// Those that fire, where the session may change them: only superusers have event triggers.
const ENABLED: &str = "
SELECT t.evtname::pg_catalog.text, CASE t.evtenabled WHEN 'R' THEN ' REPLICA' WHEN 'A' THEN ' ALWAYS' ELSE '' END
FROM pg_catalog.pg_event_trigger t, pg_catalog.pg_roles r
WHERE t.evtenabled <> 'D' AND r.rolname = current_user AND r.rolsuper ORDER BY 1";

impl PostgresSession<'_> {
    /// Disables all of them, in the transaction that is open. Gives the statements that enable them again.
    pub(super) fn silence_event_triggers(&self, doing: &str) -> Result<String> {
        let rows = self.query(doing, ENABLED, &[])?;
        let triggers: Vec<(String, String)> = rows.iter().map(|row| (ident(row.get(0)), row.get(1))).collect();
        let alter = |(name, how): (&str, &str)| format!("ALTER EVENT TRIGGER {name} {how};\n");
        if !triggers.is_empty() {
            let disable: String = triggers.iter().map(|(name, _)| alter((name, "DISABLE"))).collect();
            self.run(doing, &disable)?;
        }
        Ok(triggers.iter().map(|(name, how)| alter((name, &format!("ENABLE{how}")))).collect())
    }
}
