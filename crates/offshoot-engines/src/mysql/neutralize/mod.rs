//! Switches off, in a copy of a production database, what would act on the world: events, replication, tables over other
//! servers, queues, webhooks and keys of other services.
//!
//! It works on the database of an image, right after the rows are loaded and before anybody else can connect. Triggers are
//! taken away for as long as rows are changed, and put back as they were. What is found is known by its catalog, or by names
//! and columns together; nothing is guessed from values, and none goes into the report.
//!
//! A snapshot is one database, so that accounts, server links (CREATE SERVER), loaded functions and the state of replication,
//! which are the server's, never come into a copy.

mod columns;
mod events;
mod remote;
mod rows;
mod tables;
mod triggers;
mod work;

pub use crate::neutralize::items::{EVENTS, check};

use self::tables::Tables;
use self::work::Work;
use crate::error::Result;
use crate::mysql::quote::literal;
use crate::mysql::session::Session;
use crate::neutralize::items::{KEEP, REPLICATION};
use offshoot_format::manifest::Environment;
use offshoot_restore::{NeutralizeChoices, Neutralized, Outcome};

/// Version of what is switched off. It is part of an image's key: raise it with every change of what is found or done.
pub const LIST_VERSION: u32 = 4;

/// The settings that a server of images and branches runs with, so that it acts on nobody, and what they switch off.
#[derive(Debug, Clone, Default)]
pub struct ServerSettings {
    /// Names and values.
    pub settings: Vec<(String, String)>,
    /// What of the source its server does not do.
    pub report: Vec<Neutralized>,
}

/// What a server that offshoot makes runs with.
#[must_use]
pub fn settings(environment: &Environment, choices: &NeutralizeChoices) -> ServerSettings {
    let mut found = ServerSettings::default();
    let source = |name: &str| environment.settings.get(name).map(String::as_str).unwrap_or_default();
    let scheduler = source("event_scheduler");
    let runs_events = scheduler.eq_ignore_ascii_case("ON");
    let mut say = |item: &str, object: &str, what: &str, outcome| {
        found.report.push(Neutralized {
            item: item.to_owned(),
            object: object.to_owned(),
            what: what.to_owned(),
            count: None,
            outcome,
        });
    };
    if !choices.is_on(EVENTS) {
        if runs_events {
            say(EVENTS, "event scheduler", "as you chose", Outcome::Kept);
        }
        // MySQL's default is ON.
        if !scheduler.is_empty() {
            let value = if runs_events { "ON" } else { "OFF" };
            found.settings.push(("event_scheduler".to_owned(), value.to_owned()));
        }
    } else {
        if runs_events {
            say(EVENTS, "event scheduler", "off", Outcome::Done);
        }
        found.settings.push(("event_scheduler".to_owned(), "OFF".to_owned()));
    }
    if source("log_bin").eq_ignore_ascii_case("ON") || source("log_bin") == "1" {
        say(REPLICATION, "binary log", "off", Outcome::Done);
    }
    found
}

/// Switches off what the choices do not keep, and says what that was. May be called again on the same database.
///
/// # Errors
/// If a choice names no item, or the server refuses.
pub fn neutralize(session: &mut Session, choices: &NeutralizeChoices) -> Result<Vec<Neutralized>> {
    check(choices)?;
    session.execute("set the session up", "SET SESSION foreign_key_checks = 0, time_zone = '+00:00'")?;
    let mut work = Work::new(session, choices);
    events::disable(&mut work)?;
    remote::detach(&mut work)?;
    let silenced = triggers::take_away(&mut work)?;
    let tables = Tables::read(&mut work)?;
    say_what_is_missing(&mut work)?;
    rows::disarm(&mut work, &tables)?;
    columns::blank(&mut work, &tables)?;
    triggers::put_back(&mut work, &silenced)?;
    let found = work.into_found();
    tracing::debug!(things = found.len(), "side effects are switched off");
    Ok(found)
}

/// Says which tables are to be kept and are not there: a name that is misspelt keeps nothing.
fn say_what_is_missing(work: &mut Work<'_>) -> Result<()> {
    for (schema, table) in &work.choices.keep.clone() {
        let sql = format!(
            "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND table_schema = {} AND table_name = {}",
            literal(schema),
            literal(table)
        );
        if work.query("look for a table", &sql)?.is_empty() {
            work.warn(KEEP, format!("table {schema}.{table}"), "there is no such table to keep", None);
        }
    }
    Ok(())
}
