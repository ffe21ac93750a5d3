//! What keeps a branch from acting on the world: which items are switched off, and what came of it.
//!
//! A copy of a production database holds what makes it act: subscriptions, foreign servers, schedules, queues, webhooks.
//! An engine switches those off while an image is made; here are only the words for it, which an image carries in its key
//! and its record. Which items there are, the engine knows.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the user wants kept as it is. Everything else is switched off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NeutralizeChoices {
    /// Items that are left alone, by name.
    pub off: BTreeSet<String>,
    /// Tables that are left alone whatever they look like: schema and name.
    pub keep: BTreeSet<(String, String)>,
}

impl NeutralizeChoices {
    /// Whether an item is to be switched off.
    #[must_use]
    pub fn is_on(&self, item: &str) -> bool {
        !self.off.contains(item)
    }

    /// Whether a table is left alone.
    #[must_use]
    pub fn is_kept(&self, schema: &str, table: &str) -> bool {
        self.keep.iter().any(|(kept_schema, kept_table)| kept_schema == schema && kept_table == table)
    }

    /// Reads the name of a table that is to be kept: `schema.table`, with parts in double quotes where they have dots,
    /// quotes or capitals in them, as in SQL. None if it is not such a name.
    #[must_use]
    pub fn table_name(text: &str) -> Option<(String, String)> {
        let (mut parts, mut part) = (Vec::new(), String::new());
        let mut characters = text.trim().chars().peekable();
        let mut is_quoted = false;
        while let Some(character) = characters.next() {
            match character {
                '"' if is_quoted && characters.peek() == Some(&'"') => part.extend(characters.next()),
                '"' => is_quoted = !is_quoted,
                '.' if !is_quoted => parts.push(std::mem::take(&mut part)),
                other if is_quoted => part.push(other),
                other => part.extend(other.to_lowercase()),
            }
        }
        parts.push(part);
        let table = parts.pop().filter(|table| !is_quoted && !table.is_empty())?;
        let schema = parts.pop().filter(|schema| parts.is_empty() && !schema.is_empty())?;
        Some((schema, table))
    }

    /// A digest of the choices and of the version of the engine's list, in 64 hexadecimal digits: part of the key of an
    /// image, so that none is used under other choices, or by a program that switches off more.
    #[must_use]
    pub fn digest(&self, list_version: u32) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"offshoot neutralize\n");
        hasher.update(&list_version.to_le_bytes());
        let mut part = |text: &str| {
            hasher.update(&(text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        };
        part(&self.off.len().to_string());
        self.off.iter().for_each(|item| part(item));
        self.keep.iter().for_each(|(schema, table)| {
            part(schema);
            part(table);
        });
        hasher.finalize().to_hex().to_string()
    }
}

/// How it went with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// It was switched off.
    Done,
    /// It acts as before, because the user wants it so.
    Kept,
    /// It could not be switched off, or can reach the world in a way that a database cannot close. The user should know.
    Warning,
}

/// One thing in a copy that could act on the world, and what was done about it. Holds names and counts, never a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neutralized {
    /// The item that it belongs to: `queues`, `webhooks`.
    pub item: String,
    /// What it is, as messages show it: `table public.que_jobs`, `library pg_cron`.
    pub object: String,
    /// What was done, or why not.
    pub what: String,
    /// How many rows it was, where rows are counted.
    pub count: Option<u64>,
    /// How it went.
    pub outcome: Outcome,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choices(off: &[&str], keep: &[(&str, &str)]) -> NeutralizeChoices {
        NeutralizeChoices {
            off: off.iter().map(ToString::to_string).collect(),
            keep: keep.iter().map(|(schema, table)| (schema.to_string(), table.to_string())).collect(),
        }
    }

    #[test]
    fn every_choice_has_its_own_digest() {
        let all = [
            choices(&[], &[]),
            choices(&["queues"], &[]),
            choices(&["cron", "queues"], &[]),
            choices(&["cron"], &[("queues", "cron")]),
            choices(&[], &[("cron", "queues")]),
            choices(&[], &[("a", "bc")]),
            choices(&[], &[("ab", "c")]),
            choices(&["a", "b"], &[]),
            choices(&[], &[("a", "b")]),
        ];
        let digests: BTreeSet<String> = all.iter().flat_map(|choices| [choices.digest(1), choices.digest(2)]).collect();
        assert_eq!(digests.len(), all.len() * 2);
        assert_eq!(choices(&["b", "a"], &[]).digest(1), choices(&["a", "b"], &[]).digest(1));
    }

    #[test]
    fn tables_are_named_as_in_sql() {
        let name = |text| NeutralizeChoices::table_name(text).map(|(schema, table)| format!("{schema}|{table}"));
        assert_eq!(name("public.jobs").as_deref(), Some("public|jobs"));
        assert_eq!(name(" Public.JOBS ").as_deref(), Some("public|jobs"));
        assert_eq!(name("\"My App\".\"a.\"\"b\"").as_deref(), Some("My App|a.\"b"));
        for wrong in ["jobs", "", ".", "a.", ".b", "a.b.c", "\"a.b", "a.\"b"] {
            assert_eq!(name(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_table_is_kept_by_both_its_names() {
        let choices = choices(&["cron"], &[("public", "jobs")]);
        assert!(
            choices.is_kept("public", "jobs") && !choices.is_kept("app", "jobs") && !choices.is_kept("public", "Jobs")
        );
        assert!(!choices.is_on("cron") && choices.is_on("queues"));
    }
}
