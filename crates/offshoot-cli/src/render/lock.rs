//! The environment lock of a snapshot: what its behaviour depends on beside schema and rows.

use super::facts::Facts;
use crate::output::Style;
use offshoot::manifest::{Environment, Role};

/// Adds the lock as sections.
pub fn add(facts: &mut Facts, lock: &Environment, style: Style) {
    facts.section("environment", style);
    facts.add("server", &lock.server_version);
    facts.add("encoding", format!("{}, collate {}, ctype {}", lock.encoding, lock.collate, lock.ctype));
    let mut provider = lock.locale_provider.clone();
    for (word, value) in [("locale", &lock.locale), ("version", &lock.collation_version)] {
        if let Some(value) = value {
            provider.push_str(&format!(", {word} {value}"));
        }
    }
    facts.add("collation", provider);
    facts.add_list("collations", lock.collations.iter().map(|(name, version)| joined(name, version)));
    let extension = |(name, found): (&String, &offshoot::manifest::Extension)| {
        format!("{name} {} in {}", found.version, found.schema)
    };
    facts.add_list("extensions", lock.extensions.iter().map(extension));
    facts.add_list("settings", lock.settings.iter().map(|(name, value)| format!("{name} = {value}")));
    let setting = |(name, value): &(String, String)| format!("{name} = {value}");
    facts.add_list("of database", lock.database_settings.iter().map(setting));
    facts.add_list("roles", lock.roles.iter().map(role));
}

fn role(role: &Role) -> String {
    let mut text = role.name.clone();
    if !role.attributes.is_empty() {
        text.push_str(&format!(" {}", role.attributes.join(" ")));
    }
    let mut groups: Vec<&str> = role.member_of.iter().map(|group| group.role.as_str()).collect();
    groups.dedup();
    if !groups.is_empty() {
        text.push_str(&format!(", member of {}", groups.join(", ")));
    }
    for (name, value) in &role.settings {
        text.push_str(&format!(", {name} = {value}"));
    }
    text
}

fn joined(name: &str, version: &str) -> String {
    if version.is_empty() { name.to_owned() } else { format!("{name} {version}") }
}
