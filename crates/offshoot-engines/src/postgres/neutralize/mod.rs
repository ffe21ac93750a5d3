//! Switches off, in a copy of a production database, what would act on the world: subscriptions, foreign servers, event
//! triggers, schedules, queues, webhooks and keys of other services.
//!
//! It works on the database of an image, right after the rows are loaded and before anybody else can connect: in one
//! transaction, as a superuser, with triggers and rules asleep and an empty search path. What is found is known by its
//! catalog, or by names and columns together; nothing is guessed from values, and none goes into the report.
//!
//! It does not make a database safe that its users turn against the world: a function can open a connection, or run a program.
//! What can is named in the report. A network namespace around the server closes the first, a user of its own the second.

mod columns;
mod database_settings;
mod empty;
mod event_triggers;
mod foreign;
mod quiet;
mod reach;
mod rows;
mod server;
mod subscriptions;
mod tables;
mod work;

pub use crate::neutralize::items::{FDW, ITEMS, Item, check};
pub use server::{ServerSettings, settings};

use self::tables::Tables;
use self::work::{Work, open};
use crate::bridge::on_own_thread;
use crate::conninfo::ConnInfo;
use crate::error::{EngineError, Result, refused};
use crate::neutralize::items::KEEP;
use crate::postgres::quote::shown;
use offshoot_restore::{NeutralizeChoices, Neutralized};

/// Version of what is switched off. It is part of an image's key: raise it with every change of what is found or done.
pub const LIST_VERSION: u32 = 2;

/// Switches off what the choices do not keep, and says what that was: all of it, or with an error nothing. May be called
/// inside a runtime, and again on the same database.
///
/// # Errors
/// If the user is no superuser, a choice names no item, or the server refuses.
pub fn neutralize(conninfo: &ConnInfo, choices: &NeutralizeChoices) -> Result<Vec<Neutralized>> {
    check(choices)?;
    on_own_thread("neutralize", |bridge| bridge.block_on(all(conninfo, choices)))
        .map_err(|source| EngineError::Io { operation: "starting a thread", source })?
}

async fn all(conninfo: &ConnInfo, choices: &NeutralizeChoices) -> Result<Vec<Neutralized>> {
    let client = open(conninfo).await?;
    let mut work = Work::new(&client, choices);
    work.run("begin a transaction", "BEGIN").await?;
    let silenced = event_triggers::disable(&mut work).await?;
    subscriptions::drop(&mut work).await?;
    foreign::disconnect(&mut work).await?;
    database_settings::reset(&mut work).await?;
    let tables = Tables::read(&work).await?;
    say_what_is_missing(&mut work).await?;
    rows::disarm(&mut work, &tables).await?;
    columns::blank(&mut work, &tables).await?;
    reach::warn(&mut work).await?;
    event_triggers::put_back(&work, &silenced).await?;
    let found = work.into_found();
    client.execute("COMMIT", &[]).await.map_err(refused("commit what was switched off"))?;
    tracing::debug!(things = found.len(), "side effects are switched off");
    Ok(found)
}

/// Says which tables are to be kept and are not there: a name that is misspelt keeps nothing.
async fn say_what_is_missing(work: &mut Work<'_>) -> Result<()> {
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
               WHERE n.nspname = $1 AND c.relname = $2 AND c.relkind IN ('r', 'p', 'f'))";
    for (schema, table) in &work.choices.keep {
        let rows = work.query("look for a table", sql, &[schema, table]).await?;
        if !rows.first().is_some_and(|row| row.get(0)) {
            work.warn(KEEP, format!("table {}", shown(schema, table)), "there is no such table to keep", None);
        }
    }
    Ok(())
}
