//! Event triggers: code of the source that runs at schema changes and logins.
//!
//! All of them are silenced while anything is altered here. Afterwards those come back that belong to an extension, which
//! does not work without them, and all of them where the user wants it.

use super::work::{Work, named};
use crate::error::Result;
use crate::neutralize::items::EVENT_TRIGGERS;
use crate::postgres::quote::ident;

const LIST: &str = "
SELECT t.evtname, t.evtenabled::pg_catalog.text,
       (SELECT e.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON e.oid = d.refobjid
        WHERE d.classid = 'pg_catalog.pg_event_trigger'::pg_catalog.regclass AND d.objid = t.oid
          AND d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e')
FROM pg_catalog.pg_event_trigger t WHERE t.evtenabled <> 'D' ORDER BY t.evtname COLLATE \"C\"";

/// An event trigger that comes back, and the word that brings it back.
pub struct Silenced(String, &'static str);

/// Disables them; what comes back must be given to [`put_back`].
pub async fn disable(work: &mut Work<'_>) -> Result<Vec<Silenced>> {
    let mut silenced = Vec::new();
    for row in work.query("list its event triggers", LIST, &[]).await? {
        let (name, state, extension): (String, String, Option<String>) = (row.get(0), row.get(1), row.get(2));
        work.run("disable an event trigger", &format!("ALTER EVENT TRIGGER {} DISABLE", ident(&name))).await?;
        let kept = match extension {
            _ if !work.choices.is_on(EVENT_TRIGGERS) => Some("as you chose".to_owned()),
            Some(extension) => Some(format!("the extension {extension} needs it")),
            None => None,
        };
        let Some(why) = kept else {
            work.done(EVENT_TRIGGERS, named("event trigger", &name), "disabled", None);
            continue;
        };
        work.kept(EVENT_TRIGGERS, named("event trigger", &name), why);
        let enable = match state.as_str() {
            "A" => "ENABLE ALWAYS",
            "R" => "ENABLE REPLICA",
            _ => "ENABLE",
        };
        silenced.push(Silenced(name, enable));
    }
    Ok(silenced)
}

/// Enables again what is to stay.
pub async fn put_back(work: &Work<'_>, silenced: &[Silenced]) -> Result<()> {
    for Silenced(name, enable) in silenced {
        work.run("enable an event trigger", &format!("ALTER EVENT TRIGGER {} {enable}", ident(name))).await?;
    }
    Ok(())
}
