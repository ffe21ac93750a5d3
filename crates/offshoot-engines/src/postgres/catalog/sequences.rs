//! Where sequences stand. They obey no snapshot, so they are read after the rows: a value in a row was then given
//! already.

use super::{carried_sequence, user_schema};
use crate::error::{Result, refused};
use crate::postgres::quote::{literal, qualified, shown};
use crate::postgres::session::Version;
use offshoot_format::manifest::{Note, Sequence};
use std::fmt::Write as _;
use tokio_postgres::Client;

/// Sequences in one statement.
const STATEMENT_SEQUENCES_MAX: usize = 200;

const QUERY: &str = concat!(
    "SELECT n.nspname, c.relname, c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery()
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND ",
    user_schema!(),
    " AND ",
    carried_sequence!(),
    " ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\""
);

/// What was read.
#[derive(Debug, Default)]
pub struct Sequences {
    /// Those that could be read.
    pub sequences: Vec<Sequence>,
    /// Those that could not.
    pub not_carried: Vec<Note>,
}

/// Reads all sequences of the user.
///
/// # Errors
/// If the server refuses.
pub async fn read(client: &Client, _version: Version) -> Result<Sequences> {
    let doing = "say where its sequences stand";
    let rows = client.query(QUERY, &[]).await.map_err(refused(doing))?;
    let mut read = Sequences::default();
    let mut names: Vec<(String, String)> = Vec::new();
    for row in &rows {
        let (schema, name): (String, String) = (row.get(0), row.get(1));
        if row.get(2) {
            read.not_carried.push(Note {
                object: format!("position of sequence {}", shown(&schema, &name)),
                reason: "the sequence is unlogged and the source is a standby, which does not know it".to_owned(),
            });
        } else {
            names.push((schema, name));
        }
    }
    for some in names.chunks(STATEMENT_SEQUENCES_MAX) {
        let mut sql = String::new();
        for (schema, name) in some {
            let union = if sql.is_empty() { "" } else { " UNION ALL " };
            let _ = write!(
                sql,
                "{union}SELECT {}::pg_catalog.text, {}::pg_catalog.text, last_value, is_called FROM {}",
                literal(schema),
                literal(name),
                qualified(schema, name)
            );
        }
        for row in client.query(&sql, &[]).await.map_err(refused(doing))? {
            let (schema, name, last_value, is_called) = (row.get(0), row.get(1), row.get(2), row.get(3));
            read.sequences.push(Sequence { schema, name, last_value, is_called });
        }
    }
    read.sequences.sort_by(|a, b| (&a.schema, &a.name).cmp(&(&b.schema, &b.name)));
    Ok(read)
}
