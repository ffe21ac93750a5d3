//! The items that a user can opt out of, one by one, and the version of the whole list.

use crate::error::{EngineError, Result};
use offshoot_restore::NeutralizeChoices;

/// Subscriptions and replication slots.
pub const SUBSCRIPTIONS: &str = "subscriptions";
/// Archiving, standbys and senders of the write-ahead log.
pub const REPLICATION: &str = "replication";
/// Libraries that the server loads by itself.
pub const PRELOAD: &str = "preload";
/// Settings of the database and its roles.
pub const SETTINGS: &str = "settings";
/// Foreign servers, their tables and user mappings.
pub const FDW: &str = "fdw";
/// Event triggers.
pub const EVENT_TRIGGERS: &str = "event-triggers";
/// Statements that a server runs on a schedule.
pub const EVENTS: &str = "events";
/// Not an item: tables whose rows are on another server or in a file of the machine. They cannot be made otherwise.
pub const REMOTE: &str = "remote-tables";
/// Schedules that live in tables.
pub const CRON: &str = "cron";
/// Queues of jobs.
pub const QUEUES: &str = "queues";
/// Messages that wait for being published.
pub const OUTBOX: &str = "outbox";
/// Mail that waits for being sent.
pub const MAIL: &str = "mail";
/// Addresses that events are posted to.
pub const WEBHOOKS: &str = "webhooks";
/// Keys and tokens of other services.
pub const TOKENS: &str = "tokens";
/// Stores of secrets.
pub const VAULT: &str = "vault";
/// Not an item: what a database can reach from inside and nothing here can close.
pub const NETWORK: &str = "network";

/// Not an item: tables that the user names to be left alone.
pub const KEEP: &str = "keep";

/// An item that a user can opt out of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Item {
    /// Its name in the configuration.
    pub name: &'static str,
    /// What is done, in a few words.
    pub what: &'static str,
}

/// All of them, of all engines.
pub const ITEMS: &[Item] = &[
    Item { name: SUBSCRIPTIONS, what: "subscriptions and replication slots are dropped" },
    Item { name: REPLICATION, what: "the server archives nothing, and neither sends nor receives changes" },
    Item { name: PRELOAD, what: "only libraries that stay within the server are preloaded" },
    Item { name: SETTINGS, what: "settings of database and roles that run code or hold addresses and keys are reset" },
    Item { name: FDW, what: "user mappings are dropped, foreign servers and tables point to nowhere" },
    Item { name: EVENT_TRIGGERS, what: "event triggers are disabled" },
    Item { name: EVENTS, what: "events are disabled, and the server runs none" },
    Item { name: CRON, what: "schedules in tables are inactive" },
    Item { name: QUEUES, what: "queues of jobs are emptied" },
    Item { name: OUTBOX, what: "outbox tables and pending deliveries are emptied" },
    Item { name: MAIL, what: "queues of mail are emptied" },
    Item { name: WEBHOOKS, what: "addresses of webhooks and callbacks are nulled" },
    Item { name: TOKENS, what: "tokens and keys of other services are nulled" },
    Item { name: VAULT, what: "stores of secrets are emptied" },
];

/// Refuses names that no item has: a choice that is misspelt must not pass for one.
///
/// # Errors
/// `Target`, with the names there are.
pub fn check(choices: &NeutralizeChoices) -> Result<()> {
    match choices.off.iter().find(|name| ITEMS.iter().all(|item| item.name != name.as_str())) {
        None => Ok(()),
        Some(unknown) => Err(EngineError::Target {
            what: format!("there is no item {} to leave alone in a branch", unknown.escape_debug()),
            mend: format!("The items are: {}", ITEMS.iter().map(|item| item.name).collect::<Vec<_>>().join(", ")),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_item_is_refused() {
        let choices = |name: &str| NeutralizeChoices { off: [name.to_owned()].into(), ..NeutralizeChoices::default() };
        ITEMS.iter().for_each(|item| check(&choices(item.name)).unwrap());
        let error = check(&choices("queue")).unwrap_err().to_string();
        assert!(error.contains("no item queue") && error.contains("queues"), "{error}");
        assert!(check(&choices(NETWORK)).is_err(), "a warning cannot be opted out of");
    }
}
