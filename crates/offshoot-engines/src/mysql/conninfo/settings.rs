//! The settings that a connection string, an option file or a variable may give, by the names of the servers' own clients.

use super::error::ConnInfoError;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// Names as they stand in option files and behind the `?` of a URL.
const NAMES: [&str; 17] = [
    "host",
    "port",
    "user",
    "password",
    "database",
    "socket",
    "protocol",
    "connect-timeout",
    "ssl-mode",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl",
    "ssl-verify-server-cert",
    "compress",
    "compression-algorithms",
    "get-server-public-key",
];

/// Values by name. No Debug: the password is among them.
#[derive(Default)]
pub(super) struct Settings(BTreeMap<&'static str, Zeroizing<String>>);

/// The setting of this name, with dashes or underscores.
pub(super) fn find(name: &str) -> Option<&'static str> {
    let name = name.replace('_', "-");
    // MariaDB's clients take both.
    let name = if name == "connection-timeout" { "connect-timeout".to_owned() } else { name };
    NAMES.into_iter().find(|known| *known == name)
}

impl Settings {
    /// Sets a value from the text; the last one counts. With `hide_name`, an unknown name may be part of a secret and is not
    /// repeated.
    pub(super) fn give(&mut self, name: &str, value: String, hide_name: bool) -> Result<(), ConnInfoError> {
        let value = Zeroizing::new(value);
        let Some(name) = find(name) else {
            let is_word = name.len() <= 40 && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
            let name = if is_word && !hide_name { name.to_owned() } else { "(not shown)".to_owned() };
            return Err(ConnInfoError::UnknownSetting { name, known: NAMES.join(", ") });
        };
        self.0.insert(name, value);
        Ok(())
    }

    /// Sets a value that stands back behind what is set already.
    pub(super) fn give_if_unset(&mut self, name: &'static str, value: &str) {
        self.0.entry(name).or_insert_with(|| Zeroizing::new(value.to_owned()));
    }

    /// The value, where an empty one counts as none.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| value.as_str()).filter(|value| !value.is_empty())
    }

    /// Whether a setting that needs no value is on: present, and not off by its value.
    pub(super) fn is_on(&self, name: &str) -> Option<bool> {
        let value = self.0.get(name)?.to_ascii_lowercase();
        Some(!["0", "off", "false", "skip"].contains(&value.as_str()))
    }
}
