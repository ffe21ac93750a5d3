//! What a throwaway server is started with.

use std::collections::BTreeMap;

use super::{Binaries, PostgresError};

/// The wishes for one server. All have defaults: the installed binaries, UTF8, locale C, durability off.
#[derive(Clone, Debug)]
pub struct ServerOptions {
    pub(super) binaries: Option<Binaries>,
    pub(super) locale: String,
    pub(super) encoding: String,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) hba: Option<String>,
    pub(super) own_identity: bool,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self::new()
    }
}

impl ServerOptions {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        let settings = [
            ("fsync", "off"),
            ("synchronous_commit", "off"),
            ("full_page_writes", "off"),
            ("shared_buffers", "128MB"),
            ("max_connections", "100"),
            ("timezone", "UTC"),
            ("log_timezone", "UTC"),
            ("lc_messages", "C"),
            ("logging_collector", "off"),
            ("listen_addresses", "127.0.0.1"),
        ];
        Self {
            binaries: None,
            locale: "C".to_owned(),
            encoding: "UTF8".to_owned(),
            settings: settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            hba: None,
            own_identity: false,
        }
    }

    /// Other binaries than the installed ones.
    #[must_use]
    pub fn binaries(mut self, binaries: Binaries) -> Self {
        self.binaries = Some(binaries);
        self
    }

    /// The cluster's locale (initdb --locale).
    #[must_use]
    pub fn locale(mut self, locale: &str) -> Self {
        self.locale = locale.to_owned();
        self
    }

    /// The cluster's encoding (initdb --encoding), such as LATIN1.
    #[must_use]
    pub fn encoding(mut self, encoding: &str) -> Self {
        self.encoding = encoding.to_owned();
        self
    }

    /// One setting of postgresql.conf; the last one given wins, also over the kit's own.
    #[must_use]
    pub fn setting(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// `minimal`, `replica` or `logical`, with what minimal wants besides.
    #[must_use]
    pub fn wal_level(self, level: &str) -> Self {
        let chosen = self.setting("wal_level", level);
        if level == "minimal" { chosen.setting("max_wal_senders", "0") } else { chosen }
    }

    /// The text of pg_hba.conf, in place of "trust everyone local".
    #[must_use]
    pub fn hba(mut self, text: &str) -> Self {
        self.hba = Some(text.to_owned());
        self
    }

    /// A system identifier of its own, as a server has that nobody copied. The others share that of their template.
    #[must_use]
    pub fn own_identity(mut self) -> Self {
        self.own_identity = true;
        self
    }

    /// The binaries wished for, or the installed ones.
    pub(super) fn resolved_binaries(&self) -> Result<Binaries, PostgresError> {
        self.binaries.clone().map_or_else(Binaries::installed, Ok)
    }

    /// The lines to append to postgresql.conf.
    pub(super) fn conf(&self) -> String {
        let line = |(name, value): (&String, &String)| format!("{name} = '{}'\n", value.replace('\'', "''"));
        self.settings.iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::ServerOptions;

    #[test]
    fn the_last_setting_wins_and_quotes_are_doubled() {
        let conf = ServerOptions::new().setting("fsync", "on").setting("x.y", "it's").conf();
        assert!(conf.contains("fsync = 'on'\n"));
        assert!(conf.contains("x.y = 'it''s'\n"));
        assert_eq!(conf.matches("fsync").count(), 1);
    }
}
