//! What every session is set to before it reads or writes, so that the same data gives the same bytes.
//!
//! Each is one statement, for a session that is there.

use super::{Flavor, Session};
use crate::mysql::error::Result;

/// Seconds that a session may be idle, and that a reader may keep the server waiting while its rows are stored.
const WAIT_SECONDS: u32 = 31_536_000;

/// The rows of a system-versioned table are those that hold now, whatever moment the server asks for by itself.
const NOW: &str = "system_versioning_asof = DEFAULT";

/// Statements that pin a session for reading. Texts come in utf8mb4 until [`Session::want_raw_texts`].
#[must_use]
pub fn reading_pins(flavor: &Flavor) -> Vec<String> {
    let mut settings = vec![
        // Nothing of it may change what is printed: no ANSI_QUOTES, NO_BACKSLASH_ESCAPES, PAD_CHAR_TO_FULL_LENGTH.
        "sql_mode = ''".to_owned(),
        "time_zone = '+00:00'".to_owned(),
        "sql_quote_show_create = 1".to_owned(),
        "transaction_isolation = 'REPEATABLE-READ'".to_owned(),
        format!("wait_timeout = {WAIT_SECONDS}"),
        format!("net_write_timeout = {WAIT_SECONDS}"),
    ];
    if flavor.is_mariadb() {
        settings.push("max_statement_time = 0".to_owned());
        settings.push(NOW.to_owned());
        if flavor.number < 110_100 {
            settings[3] = "tx_isolation = 'REPEATABLE-READ'".to_owned();
        }
    } else {
        settings.push("max_execution_time = 0".to_owned());
        settings.push("information_schema_stats_expiry = 0".to_owned());
        settings.push("show_create_table_verbosity = 0".to_owned());
        if flavor.number >= 80_030 {
            // A primary key that the server made is a part of the table, whoever looks.
            settings.push("show_gipk_in_create_table_and_information_schema = 1".to_owned());
        }
    }
    vec!["SET NAMES utf8mb4".to_owned(), format!("SET SESSION {}", settings.join(", SESSION "))]
}

/// Statements that pin a session for writing a schema and its rows.
#[must_use]
pub fn writing_pins(flavor: &Flavor) -> Vec<String> {
    let mut settings = vec![
        // Zero dates and the zero of an AUTO_INCREMENT are values; an engine that is missing is no reason to take another.
        "sql_mode = 'NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION'".to_owned(),
        "time_zone = '+00:00'".to_owned(),
        "foreign_key_checks = 0".to_owned(),
        "unique_checks = 0".to_owned(),
        format!("wait_timeout = {WAIT_SECONDS}"),
        format!("net_read_timeout = {WAIT_SECONDS}"),
    ];
    if flavor.is_mariadb() {
        settings.push("max_statement_time = 0".to_owned());
        settings.push(NOW.to_owned());
    } else {
        settings.push("max_execution_time = 0".to_owned());
    }
    vec!["SET NAMES utf8mb4".to_owned(), format!("SET SESSION {}", settings.join(", SESSION "))]
}

impl Session {
    /// Runs statements one after the other.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub fn pin(&mut self, statements: &[String]) -> Result<()> {
        statements.iter().try_for_each(|sql| self.execute("set the session up", sql).map(drop))
    }

    /// From now on texts come in the character set of their columns.
    ///
    /// # Errors
    /// As [`Session::execute`].
    pub fn want_raw_texts(&mut self) -> Result<()> {
        self.execute("set the session up", "SET SESSION character_set_results = NULL").map(drop)
    }
}
