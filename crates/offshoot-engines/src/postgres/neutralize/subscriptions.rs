//! Subscriptions, which fetch from a publisher and hold its slots, and replication slots, which hold log back.
//!
//! A snapshot carries none. What is here came some other way, and goes without a word to the publisher: a subscription is
//! dropped only after its connection points to nowhere and its slot is forgotten.

use super::work::{Work, named};
use crate::error::Result;
use crate::neutralize::items::SUBSCRIPTIONS;
use crate::postgres::quote::{ident, literal};

const HERE: &str = "(SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())";

/// Drops them.
pub async fn drop(work: &mut Work<'_>) -> Result<()> {
    if !work.choices.is_on(SUBSCRIPTIONS) {
        return Ok(());
    }
    let sql = format!("SELECT s.subname FROM pg_catalog.pg_subscription s WHERE s.subdbid = {HERE} ORDER BY 1");
    for row in work.query("list its subscriptions", &sql, &[]).await? {
        let name: String = row.get(0);
        let quoted = ident(&name);
        for sql in [
            format!("ALTER SUBSCRIPTION {quoted} DISABLE"),
            format!("ALTER SUBSCRIPTION {quoted} CONNECTION {}", literal("host=/nonexistent/offshoot.invalid")),
            format!("ALTER SUBSCRIPTION {quoted} SET (slot_name = NONE)"),
            format!("DROP SUBSCRIPTION {quoted}"),
        ] {
            work.run("drop a subscription", &sql).await?;
        }
        work.done(SUBSCRIPTIONS, named("subscription", &name), "dropped", None);
    }
    let sql = format!(
        "SELECT s.slot_name::pg_catalog.text FROM pg_catalog.pg_replication_slots s \
         WHERE NOT s.active AND NOT s.temporary AND (s.datoid IS NULL OR s.datoid = {HERE}) ORDER BY 1"
    );
    for row in work.query("list its replication slots", &sql, &[]).await? {
        let name: String = row.get(0);
        let sql = format!("SELECT pg_catalog.pg_drop_replication_slot({})", literal(&name));
        work.run("drop a replication slot", &sql).await?;
        work.done(SUBSCRIPTIONS, named("replication slot", &name), "dropped", None);
    }
    Ok(())
}
