//! What every session is set to before it reads or writes, so that the same data gives the same bytes.
//!
//! The settings for reading are those of pg_dump's `setup_connection`, and those that it leaves to the environment. It
//! does not connect; it is text for a connection that is there.

use super::quote::literal;
use crate::error::{EngineError, Result, refused};
use tokio_postgres::Client;

/// A server's version as a number: 150018 is 15.18.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub u32);

impl Version {
    /// The oldest server that is supported.
    pub const OLDEST: Self = Self(120_000);

    /// The major version.
    #[must_use]
    pub fn major(self) -> u32 {
        self.0 / 10_000
    }

    /// Whether the major version is at least this.
    #[must_use]
    pub fn at_least(self, major: u32) -> bool {
        self.major() >= major
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (major, rest) = (self.0 / 10_000, self.0 % 10_000);
        // Until version 10 a major version had two parts.
        if major < 10 { write!(f, "{major}.{}.{}", rest / 100, rest % 100) } else { write!(f, "{major}.{rest}") }
    }
}

/// Asks the server for its version.
///
/// # Errors
/// `TooOld` for one that is not supported; `NotPostgres` for a server without a version number.
pub async fn server_version(client: &Client) -> Result<Version> {
    let row = client
        .query_one("SELECT pg_catalog.current_setting('server_version_num')::pg_catalog.int4", &[])
        .await
        .map_err(refused("read its version"))?;
    let number: i32 = row.get(0);
    let version = Version(u32::try_from(number).map_err(|_| EngineError::NotPostgres)?);
    if version < Version::OLDEST { Err(EngineError::TooOld { version }) } else { Ok(version) }
}

/// Statements that pin a session for reading.
#[must_use]
pub fn reading_pins(version: Version) -> String {
    let mut sql = common_pins(version);
    let settings = [
        ("synchronize_seqscans", "off"),
        // One process a connection: the load on the source is the number of jobs, and rows come in the heap's order.
        ("max_parallel_workers_per_gather", "0"),
        ("jit", "off"),
        // A large heap is read piece by piece.
        ("enable_tidscan", "on"),
        ("quote_all_identifiers", "off"),
    ];
    settings.iter().for_each(|(name, value)| push_setting(&mut sql, name, value));
    // Not known to every minor version: set where it is.
    sql.push_str(
        "SELECT pg_catalog.set_config(name, 'view, foreign-table', false) FROM pg_catalog.pg_settings \
         WHERE name = 'restrict_nonsystem_relation_kind';\n",
    );
    sql
}

/// Statements that pin a session for writing a schema and its rows.
#[must_use]
pub fn writing_pins(version: Version) -> String {
    let mut sql = common_pins(version);
    let settings = [
        ("check_function_bodies", "off"),
        ("lock_timeout", "0"),
        ("synchronous_commit", "off"),
        ("default_transaction_read_only", "off"),
        ("default_tablespace", ""),
        // Tables of another one say so.
        ("default_table_access_method", "heap"),
    ];
    settings.iter().for_each(|(name, value)| push_setting(&mut sql, name, value));
    // Long values are compressed anew by the server, and its older method takes four times as long to load them. Columns
    // with a method of their own keep it; where the newer one is not known (before 14, or not built in), nothing is set.
    sql.push_str(
        "SELECT pg_catalog.set_config(name, 'lz4', false) FROM pg_catalog.pg_settings \
         WHERE name = 'default_toast_compression' AND 'lz4' OPERATOR(pg_catalog.=) ANY (enumvals);\n",
    );
    sql
}

fn common_pins(version: Version) -> String {
    let mut sql = String::new();
    let settings = [
        ("search_path", ""),
        ("client_encoding", "UTF8"),
        ("standard_conforming_strings", "on"),
        ("client_min_messages", "warning"),
        ("DateStyle", "ISO"),
        ("IntervalStyle", "postgres"),
        ("TimeZone", "UTC"),
        ("extra_float_digits", "3"),
        ("bytea_output", "hex"),
        ("xmloption", "content"),
        ("row_security", "off"),
        ("statement_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
    ];
    settings.iter().for_each(|(name, value)| push_setting(&mut sql, name, value));
    if version.at_least(14) {
        push_setting(&mut sql, "idle_session_timeout", "0");
    }
    if version.at_least(17) {
        push_setting(&mut sql, "transaction_timeout", "0");
    }
    sql
}

/// By set_config, because `SET search_path = ''` would be a path of one empty name.
fn push_setting(sql: &mut String, name: &str, value: &str) {
    sql.push_str("SELECT pg_catalog.set_config(");
    sql.push_str(&literal(name));
    sql.push_str(", ");
    sql.push_str(&literal(value));
    sql.push_str(", false);\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_timeouts_are_set_where_they_exist() {
        assert!(!reading_pins(Version(130_000)).contains("idle_session_timeout"));
        assert!(reading_pins(Version(140_000)).contains("idle_session_timeout"));
        assert!(!reading_pins(Version(160_000)).contains("'transaction_timeout'"));
        assert!(writing_pins(Version(180_000)).contains("'transaction_timeout'"));
    }

    #[test]
    fn versions_are_printed_as_the_server_does() {
        assert_eq!(Version(150_018).to_string(), "15.18");
        assert_eq!(Version(90_624).to_string(), "9.6.24");
    }
}
