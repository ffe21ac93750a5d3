//! Neutralizing real databases: what acts on the world is off afterwards, its neighbours are as they were, and nothing of
//! the database ran meanwhile.

#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that fails")]

mod columns;
mod emptied;
mod hostile;
mod known;
mod objects;
mod server;

use offshoot_engines::conninfo::{ConnInfo, Environment};
use offshoot_engines::postgres::neutralize::neutralize;
use offshoot_engines::{EngineError, Result};
use offshoot_restore::{NeutralizeChoices, Neutralized, Outcome};
use offshoot_testkit::postgres::Server;

fn conninfo(url: &str) -> ConnInfo {
    let environment = Environment::new([("PGSSLMODE", "disable")], None, Some("postgres".into()));
    ConnInfo::parse(url, &environment).unwrap()
}

fn choices(off: &[&str], keep: &[(&str, &str)]) -> NeutralizeChoices {
    NeutralizeChoices {
        off: off.iter().map(ToString::to_string).collect(),
        keep: keep.iter().map(|(schema, table)| (schema.to_string(), table.to_string())).collect(),
    }
}

fn try_off(server: &Server, db: &str, choices: &NeutralizeChoices) -> Result<Vec<Neutralized>> {
    neutralize(&conninfo(&server.url(db)), choices)
}

/// Neutralizes with nothing kept.
#[track_caller]
fn off(server: &Server, db: &str) -> Vec<Neutralized> {
    try_off(server, db, &NeutralizeChoices::default()).unwrap_or_else(|error: EngineError| panic!("{error}"))
}

/// Neutralizes, and gives the report a line a thing, sorted.
#[track_caller]
fn said(server: &Server, db: &str) -> Vec<String> {
    lines(&off(server, db))
}

fn lines(found: &[Neutralized]) -> Vec<String> {
    let mut lines: Vec<String> = found.iter().map(line).collect();
    lines.sort();
    lines
}

fn line(one: &Neutralized) -> String {
    let mark = match one.outcome {
        Outcome::Done => "",
        Outcome::Kept => " (kept)",
        _ => " (warning)",
    };
    let count = one.count.map_or_else(String::new, |count| format!("{count} "));
    format!("{}: {}: {count}{}{mark}", one.item, one.object, one.what)
}
