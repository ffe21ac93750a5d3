//! What of a copy could reach the real world, and was switched off: values only. Each engine knows what there is.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What a user wants left as it is. By default everything is switched off.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NeutralizeChoices {
    /// Items that are not touched, by their names: `queues`.
    pub off: BTreeSet<String>,
    /// Tables (schema, name) whose rows stay although they look like a queue.
    pub keep: Vec<(String, String)>,
}

/// Something that was switched off. No value of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neutralized {
    /// The item that it belongs to: `queues`.
    pub item: String,
    /// The object: `table public.que_jobs`.
    pub object: String,
    /// What was done: `emptied`.
    pub what: String,
    /// Rows or values that it was done to, where they can be counted.
    pub count: Option<u64>,
}
