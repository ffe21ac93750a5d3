//! The environment lock: what the behaviour of the data depends on beside schema and rows.

use super::tables::{TableKind, Tables};
use crate::mysql::error::Result;
use crate::mysql::quote::literal;
use crate::mysql::session::Session;
use offshoot_format::manifest::{Environment, Extension, Role};
use std::collections::BTreeMap;

/// Settings that change what statements mean, return or refuse, as a new session gets them.
pub(crate) const SETTINGS: &[&str] = &[
    "auto_increment_increment",
    "auto_increment_offset",
    "autocommit",
    "binlog_format",
    "binlog_row_image",
    "block_encryption_mode",
    "character_set_server",
    "check_constraint_checks",
    "collation_server",
    "default_authentication_plugin",
    "default_collation_for_utf8mb4",
    "default_storage_engine",
    "default_week_format",
    "div_precision_increment",
    "event_scheduler",
    "explicit_defaults_for_timestamp",
    "foreign_key_checks",
    "ft_max_word_len",
    "ft_min_word_len",
    "ft_query_expansion_limit",
    "group_concat_max_len",
    "gtid_mode",
    "gtid_strict_mode",
    "innodb_autoinc_lock_mode",
    "innodb_default_row_format",
    "innodb_file_per_table",
    "innodb_ft_enable_stopword",
    "innodb_ft_max_token_size",
    "innodb_ft_min_token_size",
    "innodb_page_size",
    "innodb_rollback_on_timeout",
    "innodb_snapshot_isolation",
    "innodb_strict_mode",
    "lc_time_names",
    "local_infile",
    "log_bin",
    "log_bin_trust_function_creators",
    "lower_case_table_names",
    "max_allowed_packet",
    "max_sort_length",
    "max_sp_recursion_depth",
    "ngram_token_size",
    "old_mode",
    "restrict_fk_on_non_standard_key",
    "sql_auto_is_null",
    "sql_generate_invisible_primary_key",
    "sql_mode",
    "sql_require_primary_key",
    "sql_safe_updates",
    "system_versioning_alter_history",
    "time_zone",
    "transaction_isolation",
    "updatable_views_with_limit",
    "windowing_use_high_precision",
];

/// The name, among those of settings, of whether the server knows time zones by their names.
pub(crate) const ZONE_NAMES: &str = "time_zone_names";

/// Reads it. `definers` are the users that objects run as.
///
/// # Errors
/// If the server refuses.
pub fn read(session: &mut Session, tables: &Tables, definers: &[String]) -> Result<Environment> {
    let flavor = session.flavor().clone();
    let sql = "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA \
               WHERE CAST(SCHEMA_NAME AS BINARY) = CAST(DATABASE() AS BINARY)";
    let database = session.query_one("describe the database", sql)?;
    let mut environment = Environment {
        server_version: flavor.text.clone(),
        server_version_num: flavor.number,
        encoding: database.text(0)?.to_owned(),
        collate: database.text(1)?.to_owned(),
        ..Environment::default()
    };
    let names: Vec<String> = SETTINGS.iter().map(|name| literal(name)).collect();
    let sql = format!("SHOW GLOBAL VARIABLES WHERE Variable_name IN ({})", names.join(", "));
    for row in session.query("list its settings", &sql)? {
        environment.settings.insert(row.text(0)?.to_owned(), row.text(1)?.to_owned());
    }
    // What +SYSTEM means is the machine's business, but it decides what a time of day is.
    let zone = session.query_one("say its time zone", "SELECT @@system_time_zone")?;
    environment.settings.insert("system_time_zone".to_owned(), zone.text(0)?.to_owned());
    let known = if knows_zone(session, "UTC")? { "YES" } else { "NO" };
    environment.settings.insert(ZONE_NAMES.to_owned(), known.to_owned());
    environment.extensions = engines(tables, &flavor.text);
    environment.collations = collations(tables);
    environment.roles = definers
        .iter()
        .map(|name| Role { name: name.clone(), attributes: Vec::new(), member_of: Vec::new(), settings: Vec::new() })
        .collect();
    Ok(environment)
}

/// Whether a time zone is one by its name, which a server must have in its tables to know it.
pub(crate) fn is_zone_name(zone: &str) -> bool {
    zone.starts_with(|c: char| c.is_ascii_alphabetic()) && zone != "SYSTEM"
}

/// Whether the server has tables of time zones, which make it know a zone by its name.
///
/// # Errors
/// If the server refuses.
pub(crate) fn knows_zone(session: &mut Session, zone: &str) -> Result<bool> {
    let sql = format!("SELECT CONVERT_TZ('2004-01-01 12:00:00', '+00:00', {}) IS NOT NULL", literal(zone));
    session.query_one("say what time zones it knows", &sql)?.is_yes(0)
}

/// The engines that tables need: they must be there before a restore.
fn engines(tables: &Tables, version: &str) -> BTreeMap<String, Extension> {
    let bases = tables.all.iter().filter(|table| table.kind == TableKind::Base && !table.engine.is_empty());
    let extension = || Extension { version: version.to_owned(), schema: "engine".to_owned() };
    bases.map(|table| (table.engine.clone(), extension())).collect()
}

/// The collations that columns use. Servers version them by their names.
fn collations(tables: &Tables) -> BTreeMap<String, String> {
    let columns = tables.all.iter().flat_map(|table| &table.columns);
    columns.filter_map(|column| Some((column.column_type.collation.clone()?, String::new()))).collect()
}
