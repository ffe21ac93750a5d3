//! What a session of a restore is set to, beside what every writing session is.

use crate::mysql::session::{Flavor, Session};
use crate::mysql::{MysqlError, Result};

/// Seconds that a statement waits for a table that somebody else has open. Nobody uses a database that is being restored.
const LOCK_WAIT_SECONDS: u32 = 60;

/// Seconds that a statement waits for rows: the first load of an empty table may have it alone.
const ROW_WAIT_SECONDS: u32 = 86_400;

/// Dates that a calendar does not have are values, as are zero dates, and no table's files are made where its source had
/// them; everything else as for any session that writes.
pub(super) const SQL_MODE: &str = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION,NO_DIR_IN_CREATE";

/// Sets what a restore needs.
pub(super) fn pin(session: &mut Session) -> Result<()> {
    let flavor = session.flavor().clone();
    session.pin(&crate::mysql::session::writing_pins(&flavor))?;
    // With unique_checks off, MariaDB gathers and sorts the rows of an empty table, which costs twice as much when they
    // come sorted; and there is nothing to check before the other indexes are there.
    let mut needed = format!(
        "SET SESSION sql_mode = '{SQL_MODE}', SESSION unique_checks = 1, SESSION lock_wait_timeout = {LOCK_WAIT_SECONDS}, \
         SESSION innodb_lock_wait_timeout = {ROW_WAIT_SECONDS}"
    );
    if flavor.is_mariadb() {
        // Counted after the rows, as foreign keys are.
        needed.push_str(", SESSION check_constraint_checks = 0");
    }
    session.execute("set the session up", &needed)?;
    for wish in wishes(&flavor) {
        match session.execute("set the session up", &format!("SET SESSION {wish}")) {
            // A right that a hosted server keeps from its users, or a setting that this version does not have.
            Ok(_) | Err(MysqlError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Settings that make what was possible on the source possible here, where they may be set.
fn wishes(flavor: &Flavor) -> Vec<&'static str> {
    let mut wishes = vec![
        // A TIMESTAMP that has no default was made without one.
        "explicit_defaults_for_timestamp = 1",
        // Rows that were too long for their format when somebody made the table without it.
        "innodb_strict_mode = 0",
        // A table in memory takes as much as it took there.
        "max_heap_table_size = 4294967295",
    ];
    if flavor.is_mariadb() {
        // Former rows come with their times, and keep them when indexes are added.
        wishes.extend(["system_versioning_insert_history = 1", "system_versioning_alter_history = KEEP"]);
    } else {
        wishes.extend([
            "sql_require_primary_key = 0",
            "sql_generate_invisible_primary_key = 0",
            // A foreign key onto what is no unique key was allowed where it was made.
            "restrict_fk_on_non_standard_key = 0",
        ]);
    }
    wishes
}
