//! The settings of servers here: what a snapshot's database had, what loading wants, what branches want.
//!
//! Three places, the later wins: `postgresql.conf`, written once with what the snapshot says; `branch.conf`, written at every
//! start for its purpose, with the user's own at its end; the command line, for what decides who can come in, so that no
//! ALTER SYSTEM in a branch opens it to the network.
//!
//! Sizes are those of the machine and the number of branches on it, not of the source.

use super::error::LocalError;
use crate::postgres::session::Version;
use offshoot_format::manifest::Environment;
use offshoot_restore::server::Purpose;
use std::fmt::Write as _;

/// The file that is written at every start.
pub(super) const PURPOSE_FILE: &str = "branch.conf";

/// The snapshot's settings that a server here takes over: those that change what statements mean or return. Not sizes,
/// paths, libraries and levels of logging, and nothing that makes a branch read-only or reaches out of it. Nor the language
/// of messages: in another one, the reason why a server does not start would not be found in its log.
const CARRIED: &[&str] = &[
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "array_nulls",
    "backslash_quote",
    "bytea_output",
    "default_table_access_method",
    "default_text_search_config",
    "default_toast_compression",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "escape_string_warning",
    "event_triggers",
    "extra_float_digits",
    "icu_validation_level",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "lo_compat_privileges",
    "plpgsql.variable_conflict",
    "row_security",
    "search_path",
    "standard_conforming_strings",
    "synchronize_seqscans",
    "timezone_abbreviations",
    "transform_null_equals",
    "xmlbinary",
    "xmloption",
];

/// Settings of users that are decided here.
const DECIDED: &[&str] = &[
    "config_file",
    "data_directory",
    "external_pid_file",
    "hba_file",
    "ident_file",
    "listen_addresses",
    "log_destination",
    "logging_collector",
    "port",
    "ssl",
    "unix_socket_directories",
    "unix_socket_group",
    "unix_socket_permissions",
];

/// Both purposes: nothing that runs beside the database, and little of everything. A slot of a connection costs memory
/// when it is used.
const COMMON: &[(&str, &str)] = &[
    ("max_connections", "100"),
    ("huge_pages", "off"),
    // Files of WAL that are kept or made ahead of time are files that every clone copies.
    ("min_wal_size", "2MB"),
    ("wal_recycle", "off"),
    ("wal_init_zero", "off"),
    ("log_checkpoints", "off"),
    ("log_line_prefix", "%m [%p] "),
];

/// Nothing need survive a crash: what was not finished is begun anew.
const LOAD: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("synchronous_commit", "off"),
    // Tables that are filled in the transaction that emptied them need no log.
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("max_replication_slots", "0"),
    ("max_logical_replication_workers", "0"),
    ("max_wal_size", "16GB"),
    ("checkpoint_timeout", "1h"),
    ("shared_buffers", "256MB"),
    ("autovacuum", "off"),
    ("bgwriter_lru_maxpages", "0"),
    ("max_locks_per_transaction", "256"),
    ("jit", "off"),
];

/// Fifty of them fit on a laptop. The level of the write-ahead log is what was chosen with what reaches out.
const BRANCH: &[(&str, &str)] = &[
    ("max_wal_size", "256MB"),
    ("checkpoint_timeout", "15min"),
    ("shared_buffers", "64MB"),
    ("synchronous_commit", "off"),
    ("autovacuum_max_workers", "1"),
    ("autovacuum_naptime", "5min"),
    ("autovacuum_vacuum_cost_delay", "20ms"),
];

/// What of a snapshot's settings is carried over.
pub(super) fn carried(environment: &Environment) -> Vec<(String, String)> {
    let value = |name: &&str| environment.settings.get(*name).map(|value| ((*name).to_owned(), value.clone()));
    // What the database itself sets is restored with it.
    let is_own = |name: &str| environment.database_settings.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
    CARRIED.iter().filter_map(value).filter(|(name, _)| !is_own(name)).collect()
}

/// The text of `postgresql.conf`. `shared_memory` is the kind of dynamic shared memory that initdb found to work.
pub(super) fn cluster(carried: &[(String, String)], shared_memory: Option<&str>) -> String {
    let mut text = String::from("# Written by offshoot when the data directory was made.\n");
    // Who starts it by hand reaches it nowhere.
    push(&mut text, "listen_addresses", "");
    if let Some(kind) = shared_memory {
        push(&mut text, "dynamic_shared_memory_type", kind);
    }
    carried.iter().for_each(|(name, value)| push(&mut text, name, value));
    let _ = writeln!(text, "include '{PURPOSE_FILE}'");
    text
}

/// The text of `branch.conf`.
pub(super) fn purpose(purpose: &Purpose, version: Version, maintenance_bytes: u64) -> Result<String, LocalError> {
    let mut text = String::from("# Written by offshoot at every start.\n");
    let mut put = |settings: &[(&str, &str)]| settings.iter().for_each(|(name, value)| push(&mut text, name, value));
    put(COMMON);
    if version.at_least(18) {
        // No processes for reading beside every server's own.
        put(&[("io_method", "sync")]);
    }
    match purpose {
        Purpose::Load => {
            put(LOAD);
            put(&[("maintenance_work_mem", &format!("{}kB", maintenance_bytes >> 10))]);
        }
        Purpose::Branch { durable, settings } => {
            put(BRANCH);
            if !durable {
                put(&[("fsync", "off"), ("full_page_writes", "off")]);
            }
            for (name, value) in settings {
                check(name)?;
                put(&[(name, value)]);
            }
        }
    }
    Ok(text)
}

/// Everything that [`purpose`] can write but for the user's own, for an image's key.
pub(super) fn all_known() -> impl Iterator<Item = (&'static str, &'static str)> {
    [COMMON, LOAD, BRANCH].into_iter().flatten().copied()
}

/// A setting of the user's own, which must be one word, and one that is not decided here.
fn check(name: &str) -> Result<(), LocalError> {
    let refuse = |why| Err(LocalError::Setting { name: name.escape_debug().to_string(), why });
    let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.' || c == '$');
    if !is_word {
        return refuse("is not a name of a setting of PostgreSQL's");
    }
    if DECIDED.iter().any(|decided| decided.eq_ignore_ascii_case(name)) || name.eq_ignore_ascii_case("include") {
        return refuse("is decided by offshoot, so that a branch stays reachable, and only from this machine");
    }
    Ok(())
}

/// A line of a configuration file, whose texts know a backslash and a doubled quote.
fn push(text: &mut String, name: &str, value: &str) {
    let _ = write!(text, "{name} = '");
    for character in value.chars() {
        match character {
            '\'' => text.push_str("''"),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            other => text.push(other),
        }
    }
    text.push_str("'\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn branch(settings: &[(&str, &str)]) -> Result<String, LocalError> {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        purpose(&Purpose::Branch { durable: true, settings }, Version(150_000), 0)
    }

    #[test]
    fn the_users_own_come_last_and_stay_values() {
        let text = branch(&[("shared_buffers", "1GB"), ("x.y", "it's\\\nport = 1")]).unwrap();
        assert!(text.rfind("shared_buffers = '1GB'") > text.find("shared_buffers = '64MB'"));
        assert!(text.ends_with("x.y = 'it''s\\\\\\nport = 1'\n"), "{text}");
    }

    #[test]
    fn what_decides_who_comes_in_is_not_theirs() {
        for name in ["listen_addresses", "PORT", "hba_file", "include", "", "a b", "a\nb", "x = 1 #"] {
            assert!(branch(&[(name, "x")]).is_err(), "{name}");
        }
    }

    #[test]
    fn only_what_changes_meaning_is_carried() {
        let mut environment = Environment::default();
        for (name, value) in [("TimeZone", "Asia/Tokyo"), ("shared_preload_libraries", "x"), ("DateStyle", "German")] {
            environment.settings.insert(name.to_owned(), value.to_owned());
        }
        environment.database_settings.push(("datestyle".to_owned(), "ISO".to_owned()));
        assert_eq!(carried(&environment), [("TimeZone".to_owned(), "Asia/Tokyo".to_owned())]);
    }

    #[test]
    fn newer_settings_are_written_for_newer_servers_only() {
        let of = |version| purpose(&Purpose::Load, Version(version), 1 << 30).unwrap();
        assert!(of(180_000).contains("io_method = 'sync'") && !of(170_000).contains("io_method"));
        assert!(of(150_000).contains("maintenance_work_mem = '1048576kB'"));
    }
}
