//! Settings by keyword, as gathered from the text, a service and the variables, before they mean anything.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::environment::Environment;
use super::error::ConnInfoError;
use super::keywords::{self, KEYWORDS};

/// Values by keyword, with where each came from. No Debug: the password is among them.
#[derive(Default)]
pub(super) struct Settings(BTreeMap<&'static str, Setting>);

struct Setting {
    value: Zeroizing<String>,
    variable: Option<&'static str>,
}

impl Settings {
    /// Sets a keyword from the text; the last one counts. With `hide_name`, an unknown name may be part of a secret and
    /// is not repeated.
    pub(super) fn give(&mut self, name: &str, value: String, hide_name: bool) -> Result<(), ConnInfoError> {
        let value = Zeroizing::new(value);
        let keyword = keywords::find(name).ok_or_else(|| unknown_keyword(name, hide_name))?;
        if value.contains('\0') {
            return Err(ConnInfoError::InvalidValue {
                setting: name.to_owned(),
                value: "a text with a NUL character".to_owned(),
                takes: "text without one",
            });
        }
        let variable = None;
        self.0.insert(keyword.name, Setting { value, variable });
        Ok(())
    }

    /// Sets a keyword from a service, which stands back behind the text. False if there is no such keyword.
    pub(super) fn give_if_unset(&mut self, name: &str, value: &str) -> bool {
        let Some(keyword) = keywords::find(name) else {
            return false;
        };
        self.0
            .entry(keyword.name)
            .or_insert_with(|| Setting { value: Zeroizing::new(value.to_owned()), variable: None });
        true
    }

    /// Fills what is unset from the variables.
    pub(super) fn fill_from_variables(&mut self, environment: &Environment) -> Result<(), ConnInfoError> {
        for keyword in KEYWORDS {
            let Some(variable) = keyword.variable else {
                continue;
            };
            if self.0.contains_key(keyword.name) {
                continue;
            }
            if environment.is_not_utf8(variable) {
                let name = variable.to_owned();
                return Err(ConnInfoError::NotUtf8 { name });
            }
            if let Some(value) = environment.variable(variable) {
                let value = Zeroizing::new(value.to_owned());
                let variable = Some(variable);
                self.0.insert(keyword.name, Setting { value, variable });
            }
        }
        Ok(())
    }

    pub(super) fn forget(&mut self, name: &'static str) {
        self.0.remove(name);
    }

    /// Takes over what `inner` sets.
    pub(super) fn overlay(&mut self, inner: Settings) {
        self.0.extend(inner.0);
    }

    pub(super) fn value(&self, name: &'static str) -> Option<&str> {
        self.0.get(name).map(|setting| setting.value.as_str())
    }

    /// The value, where an empty one counts as none.
    pub(super) fn filled(&self, name: &'static str) -> Option<&str> {
        self.value(name).filter(|value| !value.is_empty())
    }

    /// What a message calls the setting: the variable if it came from one.
    pub(super) fn origin(&self, name: &'static str) -> String {
        let variable = self.0.get(name).and_then(|setting| setting.variable);
        variable.unwrap_or(name).to_owned()
    }

    #[cfg(test)]
    pub(super) fn pairs(&self) -> Vec<(&'static str, String)> {
        let pairs = self.0.iter();
        pairs.map(|(name, setting)| (*name, setting.value.to_string())).collect()
    }
}

fn unknown_keyword(name: &str, hide_name: bool) -> ConnInfoError {
    let nearest = keywords::nearest_keyword(name);
    let is_word = name.len() <= 40 && !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let name = if is_word && !hide_name { name.to_owned() } else { "(not shown)".to_owned() };
    ConnInfoError::UnknownKeyword { name, nearest }
}
