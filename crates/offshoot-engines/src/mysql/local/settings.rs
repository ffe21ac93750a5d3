//! The settings of servers here: what a snapshot's server had, what loading wants, what branches want.
//!
//! Three places, the later wins: `offshoot.cnf`, written once with what the snapshot says; `branch.cnf`, written at every
//! start from that, for its purpose, with the user's own at its end; the command line, for what decides who can come in.
//! Settings that a branch's users persist (SET PERSIST) are not read at a start: they would win over all of these.
//!
//! Sizes are those of the machine and the number of branches on it, not of the source.

use crate::local::LocalError;
use crate::local::machine::memory_bytes;
use crate::mysql::catalog::environment::is_zone_name;
use crate::mysql::session::{Family, Flavor};
use offshoot_format::manifest::Environment;
use offshoot_restore::server::Purpose;
use std::fmt::Write as _;

/// The file that is written when the data directory is made.
pub(super) const SNAPSHOT_FILE: &str = "offshoot.cnf";

/// The file that is written at every start.
pub(super) const PURPOSE_FILE: &str = "branch.cnf";

/// The snapshot's settings that a server here takes over: those that change what statements mean or return. Not sizes,
/// paths, plugins and logs, and nothing that makes a branch read-only or reaches out of it.
const CARRIED: &[&str] = &[
    "auto_increment_increment",
    "auto_increment_offset",
    "block_encryption_mode",
    "character_set_server",
    "collation_server",
    "default_storage_engine",
    "default_week_format",
    "div_precision_increment",
    "explicit_defaults_for_timestamp",
    "ft_max_word_len",
    "ft_min_word_len",
    "ft_query_expansion_limit",
    "group_concat_max_len",
    "innodb_autoinc_lock_mode",
    "innodb_default_row_format",
    "innodb_ft_enable_stopword",
    "innodb_ft_max_token_size",
    "innodb_ft_min_token_size",
    "innodb_page_size",
    "innodb_rollback_on_timeout",
    "innodb_snapshot_isolation",
    "innodb_strict_mode",
    "lc_time_names",
    "local_infile",
    "log_bin_trust_function_creators",
    "lower_case_table_names",
    "max_allowed_packet",
    "max_sort_length",
    "max_sp_recursion_depth",
    "ngram_token_size",
    "old_mode",
    "sql_generate_invisible_primary_key",
    "sql_mode",
    "sql_require_primary_key",
    "system_versioning_alter_history",
    "transaction_isolation",
    "updatable_views_with_limit",
    "windowing_use_high_precision",
];

/// Settings of users that are decided here.
const DECIDED: &[&str] = &[
    "admin_address",
    "admin_port",
    "basedir",
    "bind_address",
    "chroot",
    "daemonize",
    "datadir",
    "extra_port",
    "init_file",
    "log_error",
    "mysqlx",
    "mysqlx_bind_address",
    "mysqlx_port",
    "early_plugin_load",
    "persisted_globals_load",
    "plugin_dir",
    "plugin_load",
    "plugin_load_add",
    "pid_file",
    "port",
    "skip_grant_tables",
    "skip_name_resolve",
    "skip_networking",
    "socket",
    "tmpdir",
    "user",
];

/// Both purposes: nothing that runs beside the database, and little of everything.
const COMMON: &[(&str, &str)] = &[
    ("skip_log_bin", ""),
    ("innodb_buffer_pool_load_at_startup", "OFF"),
    ("innodb_buffer_pool_dump_at_shutdown", "OFF"),
    ("performance_schema", "OFF"),
    ("key_buffer_size", "4M"),
];

/// Nothing need survive a crash: what was not finished is begun anew.
const LOAD: &[(&str, &str)] = &[
    ("innodb_flush_log_at_trx_commit", "0"),
    ("innodb_flush_method", "nosync"),
    ("innodb_doublewrite", "OFF"),
    ("max_allowed_packet", "1G"),
    ("local_infile", "ON"),
    ("event_scheduler", "OFF"),
    ("myisam_sort_buffer_size", "128M"),
    ("innodb_sort_buffer_size", "16M"),
];

/// Fifty of them fit on a laptop. A commit reaches the system at once and the disk within a second.
const BRANCH: &[(&str, &str)] = &[
    ("innodb_buffer_pool_size", "64M"),
    ("innodb_flush_log_at_trx_commit", "2"),
    ("table_open_cache", "400"),
    // The file for temporary tables grows by this many MB at its first use; by default 64.
    ("loose_innodb_autoextend_increment", "1"),
];

const MARIADB: &[(&str, &str)] = &[
    ("skip_slave_start", ""),
    ("aria_pagecache_buffer_size", "8M"),
    ("loose_feedback", "OFF"),
    // A file that every start makes anew. MySQL takes no less than 12 MB.
    ("innodb_temp_data_file_path", "ibtmp1:3M:autoextend"),
];

const MYSQL: &[(&str, &str)] = &[("loose_skip_replica_start", ""), ("table_definition_cache", "400")];

/// The log of what is to be written, while loading and in a branch, in bytes. MySQL makes its files ahead of time.
const LOAD_LOG_BYTES: u64 = 256 << 20;
pub(super) const BRANCH_LOG_BYTES: u64 = 32 << 20;

/// The part of the machine's memory that loading takes, within limits.
const LOAD_POOL_BYTES: std::ops::RangeInclusive<u64> = 128 << 20..=2 << 30;

/// The most that a value may have, in bytes: servers read a line in pieces of 4,096, and each piece is a line to them.
const VALUE_BYTES_MAX: usize = 1024;

/// Settings as an option file has them.
pub(super) type Settings = Vec<(String, String)>;

/// What of a snapshot's settings is carried over.
pub(super) fn carried(environment: &Environment) -> Settings {
    // What the source says is not to be believed: an option file has lines that a value could end.
    let value = |name: &&str| environment.settings.get(*name).filter(|value| is_plain(value)).cloned();
    let mut carried: Settings = CARRIED.iter().filter_map(|name| Some(((*name).to_owned(), value(name)?))).collect();
    // A zone by its name wants tables that the server does not have yet.
    let zone = value(&"time_zone").filter(|zone| zone.starts_with(['+', '-']));
    carried.extend(zone.map(|zone| ("default_time_zone".to_owned(), zone)));
    carried
}

/// The zone that the source's server had by its name.
pub(super) fn named_zone(environment: &Environment) -> Option<&str> {
    let zone = environment.settings.get("time_zone")?.as_str();
    let is_word = zone.len() <= 64 && zone.chars().all(|c| c.is_ascii_alphanumeric() || "_/+-".contains(c));
    (is_zone_name(zone) && is_word).then_some(zone)
}

/// The text of `offshoot.cnf` with a zone beside the other settings.
pub(super) fn with_zone(mut text: String, zone: &str) -> String {
    push(&mut text, "loose_default_time_zone", zone);
    text
}

/// Whether a value is made of the signs of words, lists, numbers and zones alone.
fn is_plain(value: &str) -> bool {
    value.len() <= VALUE_BYTES_MAX && value.chars().all(|c| c.is_ascii_alphanumeric() || "_,.:+- ".contains(c))
}

/// The text of `offshoot.cnf`.
pub(super) fn snapshot(settings: &Settings) -> String {
    let mut text = String::from("# Written by offshoot when the data directory was made.\n[mysqld]\n");
    // Another minor version may not know one of them.
    settings.iter().for_each(|(name, value)| push(&mut text, &format!("loose_{name}"), value));
    text
}

/// The text of `branch.cnf`: what `offshoot.cnf` says, and the purpose.
pub(super) fn purpose(snapshot: &str, purpose: &Purpose, flavor: &Flavor) -> Result<String, LocalError> {
    let mut text = format!("# Written by offshoot at every start.\n{snapshot}\n");
    let mut put = |settings: &[(&str, &str)]| settings.iter().for_each(|(name, value)| push(&mut text, name, value));
    let is_mariadb = flavor.family == Family::MariaDb;
    put(COMMON);
    put(if is_mariadb { MARIADB } else { MYSQL });
    let log = if is_mariadb { "innodb_log_file_size" } else { "innodb_redo_log_capacity" };
    match purpose {
        Purpose::Load => {
            put(LOAD);
            let pool = (memory_bytes().unwrap_or(0) / 4).clamp(*LOAD_POOL_BYTES.start(), *LOAD_POOL_BYTES.end());
            put(&[("innodb_buffer_pool_size", &pool.to_string()), (log, &LOAD_LOG_BYTES.to_string())]);
        }
        Purpose::Branch { durable, settings } => {
            put(BRANCH);
            put(&[(log, &BRANCH_LOG_BYTES.to_string())]);
            if !durable {
                put(&[("innodb_flush_method", "nosync"), ("innodb_doublewrite", "OFF")]);
            }
            for (name, value) in settings {
                check(name, value)?;
                put(&[(name, value)]);
            }
        }
    }
    Ok(text)
}

/// Everything that [`purpose`] can write but for the user's own, for an image's key.
pub(super) fn all_known() -> impl Iterator<Item = (&'static str, &'static str)> {
    [COMMON, LOAD, BRANCH, MARIADB, MYSQL].into_iter().flatten().copied()
}

/// A setting of the user's own: its name must be one word, and one that is not decided here.
fn check(name: &str, value: &str) -> Result<(), LocalError> {
    let refuse = |why| Err(LocalError::Setting { name: name.escape_debug().to_string(), why });
    let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '.');
    if !is_word {
        return refuse("is no name of a setting");
    }
    if name.len() + escaped(value).len() > VALUE_BYTES_MAX {
        return refuse("is too long: a server reads a line of its option file in pieces of 4,096 bytes");
    }
    let plain = name.to_ascii_lowercase().replace('-', "_");
    // A server takes a setting by any unambiguous beginning of its name, and with words before it, one after the other.
    let names: Vec<&str> = std::iter::successors(Some(plain.as_str()), |name| without_word(name)).collect();
    let is_decided =
        |decided: &&str| names.iter().any(|name| name.len() > 2 && decided.starts_with(name) || name == decided);
    match DECIDED.iter().any(is_decided) {
        true => refuse("decides where a branch lives and who comes in, which is not for settings"),
        false => Ok(()),
    }
}

/// A name without the word before it that servers take off.
fn without_word(name: &str) -> Option<&str> {
    let words = ["loose_", "skip_", "enable_", "disable_", "maximum_", "autoset_"];
    words.iter().find_map(|word| name.strip_prefix(word))
}

/// A line; a setting without a value is a word alone.
fn push(text: &mut String, name: &str, value: &str) {
    let _ = match value {
        "" if name.starts_with("skip_") || name.starts_with("loose_skip_") => writeln!(text, "{name}"),
        _ => writeln!(text, "{name} = \"{}\"", escaped(value)),
    };
}

/// Within quotes an option file knows these.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flavor() -> Flavor {
        Flavor::parse("10.11.19-MariaDB").unwrap()
    }

    fn branch(settings: &[(&str, &str)]) -> Result<String, LocalError> {
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        purpose("[mysqld]\n", &Purpose::Branch { durable: true, settings }, &flavor())
    }

    #[test]
    fn the_users_own_come_last_and_stay_values() {
        let text = branch(&[("innodb-buffer-pool-size", "1G"), ("init_connect", "it\"s\\\nport = 1")]).unwrap();
        assert!(text.rfind("innodb-buffer-pool-size = \"1G\"") > text.find("innodb_buffer_pool_size = \"64M\""));
        assert!(text.ends_with("init_connect = \"it\\\"s\\\\\\nport = 1\"\n"), "{text}");
    }

    #[test]
    fn what_decides_who_comes_in_is_not_theirs() {
        for name in [
            "bind-address",
            "PORT",
            "skip_grant_tables",
            "skip-grant",
            "loose-bind_address",
            "loose_skip_grant_tables",
            "loose-skip-networking",
            "maximum_loose_port",
            "autoset_socket",
            "plugin-load",
            "plugin_load_add",
            "loose-plugin-dir",
            "",
            "a b",
            "a\nb",
            "x = 1 #",
            "!include",
        ] {
            assert!(branch(&[(name, "x")]).is_err(), "{name}");
        }
        for name in ["innodb_buffer_pool_size", "sql_mode", "log_bin", "event_scheduler", "performance_schema"] {
            assert!(branch(&[(name, "x")]).is_ok(), "{name}");
        }
    }

    #[test]
    fn a_value_is_one_line_to_the_server() {
        let long = "x".repeat(4090) + "\nskip_grant_tables";
        assert!(branch(&[("init_connect", &long)]).is_err());
        assert!(branch(&[("init_connect", &"\"".repeat(600))]).is_err(), "escaped it is longer");
        let mut environment = Environment::default();
        for (name, value) in [
            ("sql_mode", "x".repeat(5000)),
            ("old_mode", "\" \nskip_grant_tables".to_owned()),
            ("collation_server", "utf8mb4_bin".to_owned()),
            ("time_zone", "+02:00\nport=1".to_owned()),
        ] {
            environment.settings.insert(name.to_owned(), value);
        }
        assert_eq!(carried(&environment), [("collation_server".to_owned(), "utf8mb4_bin".to_owned())]);
    }

    #[test]
    fn zones_by_their_names_are_words() {
        let mut environment = Environment::default();
        let mut named = |zone: &str| {
            environment.settings.insert("time_zone".to_owned(), zone.to_owned());
            named_zone(&environment).map(str::to_owned)
        };
        assert_eq!(named("America/Port-au-Prince").as_deref(), Some("America/Port-au-Prince"));
        assert_eq!(["SYSTEM", "+02:00", "A\nport=1", "A\" B", ""].map(&mut named), [const { None }; 5]);
        assert!(
            with_zone(String::from("[mysqld]\n"), "Etc/GMT+5").ends_with("loose_default_time_zone = \"Etc/GMT+5\"\n")
        );
    }

    #[test]
    fn what_is_carried_is_captured() {
        let is_captured = |name: &&&str| crate::mysql::catalog::environment::SETTINGS.contains(name);
        assert_eq!(CARRIED.iter().find(|name| !is_captured(name)), None);
    }

    #[test]
    fn only_what_changes_meaning_is_carried() {
        let mut environment = Environment::default();
        for (name, value) in
            [("sql_mode", "ANSI"), ("plugin_load", "x"), ("lower_case_table_names", "1"), ("time_zone", "+02:00")]
        {
            environment.settings.insert(name.to_owned(), value.to_owned());
        }
        let text = snapshot(&carried(&environment));
        assert!(text.contains("loose_sql_mode = \"ANSI\"") && text.contains("lower_case"), "{text}");
        assert!(text.contains("loose_default_time_zone = \"+02:00\""), "{text}");
        assert!(!text.contains("plugin_load"));
    }
}
