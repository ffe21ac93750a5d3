//! `[branch]` in offshoot.toml: what branches of this project are.

use crate::values;
use offshoot::{Isolation, NeutralizeChoices, Shape};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What branches are.
#[derive(Debug, Clone)]
pub struct BranchConfig {
    /// The snapshot to branch from.
    pub from: Option<String>,
    /// How long branches are kept.
    pub ttl: Option<Duration>,
    /// The folder of PostgreSQL's server programs.
    pub pg_bin: Option<PathBuf>,
    /// That of MySQL's or MariaDB's.
    pub mysql_bin: Option<PathBuf>,
    /// How many spares there are.
    pub spares: usize,
    /// Whether the number of spares is said, if only to say that there shall be none.
    pub had_spares: bool,
    /// Whether the servers of spares run.
    pub spares_started: bool,
    /// Role, settings, network.
    pub shape: Shape,
    /// What is left as it is although it could reach out.
    pub neutralize: NeutralizeChoices,
    /// What is done after a branch was made or reset.
    pub after: Vec<After>,
}

/// Something that a team wants done after a branch was made or reset.
#[derive(Debug, Clone)]
pub enum After {
    /// A file of SQL statements.
    Sql(PathBuf),
    /// A command for the shell.
    Command(String),
}

/// The table as it is written. A word that means nothing is an error: it would be a wish that nobody hears.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BranchKeys {
    from: Option<String>,
    ttl: Option<String>,
    role: Option<String>,
    pg_bin: Option<PathBuf>,
    mysql_bin: Option<PathBuf>,
    spares: Option<usize>,
    spares_started: Option<bool>,
    durable: Option<bool>,
    isolate_network: Option<bool>,
    isolation: Option<IsolationKey>,
    #[serde(default)]
    settings: BTreeMap<String, toml::Value>,
    #[serde(default)]
    neutralize: BTreeMap<String, Neutralizing>,
    #[serde(default)]
    after: Vec<AfterKeys>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum IsolationKey {
    Server,
    Database,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Neutralizing {
    Item(bool),
    Tables(Vec<String>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AfterKeys {
    sql: Option<PathBuf>,
    command: Option<String>,
}

impl Default for BranchConfig {
    fn default() -> Self {
        Self {
            from: None,
            ttl: None,
            pg_bin: None,
            mysql_bin: None,
            spares: 0,
            had_spares: false,
            spares_started: true,
            shape: Shape { durable: true, ..Shape::default() },
            neutralize: NeutralizeChoices::default(),
            after: Vec::new(),
        }
    }
}

impl BranchConfig {
    /// Takes what is not known yet from a file in this folder.
    pub(super) fn take(&mut self, keys: BranchKeys, folder: &Path) -> Result<(), String> {
        let ttl = keys.ttl.map(|text| values::duration(&text).map_err(|why| format!("[branch] ttl: {why}")));
        self.from = self.from.take().or(keys.from);
        self.ttl = self.ttl.take().or(ttl.transpose()?);
        self.pg_bin = self.pg_bin.take().or_else(|| keys.pg_bin.map(|path| folder.join(path)));
        self.mysql_bin = self.mysql_bin.take().or_else(|| keys.mysql_bin.map(|path| folder.join(path)));
        if !self.had_spares {
            self.had_spares = keys.spares.is_some();
            self.spares = keys.spares.unwrap_or(0);
            self.spares_started = keys.spares_started.unwrap_or(self.spares_started);
        }
        self.shape.role = self.shape.role.take().or(keys.role);
        self.shape.durable = keys.durable.unwrap_or(self.shape.durable);
        self.shape.isolated = keys.isolate_network.unwrap_or(self.shape.isolated);
        self.shape.isolation = match keys.isolation {
            Some(IsolationKey::Server) => Isolation::Server,
            Some(IsolationKey::Database) => Isolation::Database,
            None => self.shape.isolation,
        };
        for (name, value) in keys.settings {
            if !self.shape.settings.iter().any(|(known, _)| *known == name) {
                self.shape.settings.push((name.clone(), setting(&name, &value)?));
            }
        }
        for (name, wish) in keys.neutralize {
            self.neutralize(name, wish)?;
        }
        for after in keys.after {
            self.after.push(match (after.sql, after.command) {
                (Some(file), None) => After::Sql(folder.join(file)),
                (None, Some(line)) => After::Command(line),
                _ => return Err("[[branch.after]] takes either `sql`, a file, or `command`, a line".to_owned()),
            });
        }
        Ok(())
    }

    fn neutralize(&mut self, name: String, wish: Neutralizing) -> Result<(), String> {
        match wish {
            Neutralizing::Item(true) => {}
            Neutralizing::Item(false) => drop(self.neutralize.off.insert(name)),
            Neutralizing::Tables(tables) if name == "keep" => {
                for table in tables {
                    let name = NeutralizeChoices::table_name(&table)
                        .ok_or_else(|| format!("[branch.neutralize] keep: {table:?} is no table: schema.table"))?;
                    self.neutralize.keep.insert(name);
                }
            }
            Neutralizing::Tables(_) => {
                return Err(format!("[branch.neutralize] {name} is true or false; `keep` takes tables"));
            }
        }
        Ok(())
    }
}

fn setting(name: &str, value: &toml::Value) -> Result<String, String> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Float(number) => Ok(number.to_string()),
        toml::Value::Boolean(yes) => Ok(if *yes { "on" } else { "off" }.to_owned()),
        _ => Err(format!("[branch.settings] {name} is a text, a number, true or false")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str) -> Result<BranchConfig, String> {
        let keys: BranchKeys = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        let mut config = BranchConfig::default();
        config.take(keys, Path::new("/p"))?;
        Ok(config)
    }

    #[test]
    fn what_is_written_is_taken() {
        let config = taken(
            "from = 'prod'\nttl = '8h'\nspares = 2\nsettings = { work_mem = '64MB', jit = false, max_connections = 7 }\n\
             neutralize = { queues = false, cron = true, keep = ['public.jobs'] }\n\
             after = [{ sql = 'a.sql' }, { command = 'bin/reindex' }]\n",
        )
        .unwrap();
        assert_eq!(config.ttl, Some(Duration::from_secs(8 * 3600)));
        assert_eq!((config.spares, config.spares_started), (2, true));
        let settings: Vec<&str> = config.shape.settings.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(settings, ["off", "7", "64MB"]);
        assert!(config.neutralize.off.contains("queues") && !config.neutralize.off.contains("cron"));
        assert!(config.neutralize.keep.contains(&("public".to_owned(), "jobs".to_owned())));
        assert!(matches!(&config.after[0], After::Sql(file) if file == Path::new("/p/a.sql")));
        assert!(taken("").unwrap().shape.durable);
    }

    #[test]
    fn what_means_nothing_is_refused() {
        for bad in [
            "frm = 'prod'",
            "ttl = '8'",
            "settings = { a = [1] }",
            "neutralize = { keep = ['jobs'] }",
            "neutralize = { queues = ['a.b'] }",
            "after = [{}]",
            "after = [{ sql = 'a', command = 'b' }]",
        ] {
            assert!(taken(bad).is_err(), "{bad}");
        }
    }
}
