//! What a throwaway server is started with.

use std::collections::BTreeMap;

use super::{Binaries, Family, MysqlError};

/// The wishes for one server. All have defaults: the installed MariaDB, utf8mb4, durability off.
#[derive(Clone, Debug, Default)]
pub struct ServerOptions {
    pub(super) binaries: Option<Binaries>,
    settings: BTreeMap<String, Option<String>>,
}

/// For both servers. Values of any length are let in; tests of the limit set it.
const COMMON: &[(&str, &str)] = &[
    ("bind_address", "127.0.0.1"),
    ("character_set_server", "utf8mb4"),
    ("max_allowed_packet", "1G"),
    ("local_infile", "ON"),
    ("log_bin_trust_function_creators", "ON"),
    // The folder that a package names is not there.
    ("secure_file_priv", ""),
    ("innodb_buffer_pool_size", "128M"),
    ("innodb_doublewrite", "OFF"),
    ("innodb_flush_log_at_trx_commit", "0"),
    ("innodb_flush_method", "nosync"),
    ("sync_binlog", "0"),
];

const MARIADB: &[(&str, &str)] = &[("innodb_log_file_size", "64M"), ("loose_feedback", "OFF")];

const MYSQL: &[(&str, &str)] = &[("innodb_redo_log_capacity", "64M"), ("mysqlx", "OFF")];

impl ServerOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Other binaries than the installed MariaDB.
    #[must_use]
    pub fn binaries(mut self, binaries: Binaries) -> Self {
        self.binaries = Some(binaries);
        self
    }

    /// One setting of the option file; the last one given wins, also over the kit's own.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.replace('-', "_"), Some(value.to_owned()));
        self
    }

    /// One setting that takes no value, such as `skip_log_bin`.
    #[must_use]
    pub fn flag(mut self, name: &str) -> Self {
        self.settings.insert(name.replace('-', "_"), None);
        self
    }

    /// What a data directory has to be made with: MySQL takes the setting then alone, and MariaDB does not mind it.
    pub(super) fn made_with(&self) -> Option<String> {
        const CASE: &str = "lower_case_table_names";
        let value = self.settings.get(CASE)?.as_deref()?;
        (value != "0").then(|| format!("--lower-case-table-names={value}"))
    }

    /// The binaries wished for, or the installed ones.
    pub(super) fn resolved_binaries(&self) -> Result<Binaries, MysqlError> {
        self.binaries.clone().map_or_else(Binaries::mariadb, Ok)
    }

    /// The lines of the option file's group of the server.
    pub(super) fn conf(&self, family: Family) -> String {
        let own = if family == Family::MariaDb { MARIADB } else { MYSQL };
        let mut settings: BTreeMap<&str, Option<&str>> =
            [COMMON, own].into_iter().flatten().map(|(name, value)| (*name, Some(*value))).collect();
        settings.extend(self.settings.iter().map(|(name, value)| (name.as_str(), value.as_deref())));
        let line = |(name, value): (&str, Option<&str>)| match value {
            Some(value) => format!("{name} = \"{}\"\n", value.replace('\\', "\\\\").replace('"', "\\\"")),
            None => format!("{name}\n"),
        };
        settings.into_iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Family, ServerOptions};

    #[test]
    fn the_last_setting_wins_and_dashes_are_no_other_name() {
        let options = ServerOptions::new().setting("sync-binlog", "1").flag("skip_log_bin");
        let conf = options.conf(Family::MySql);
        assert!(conf.contains("sync_binlog = \"1\"\n") && conf.contains("skip_log_bin\n"), "{conf}");
        assert_eq!(conf.matches("sync_binlog").count(), 1);
    }
}
