//! Names that change without waiting for the lock of a table: of schemas, types, functions, views, sequences and indexes, and
//! the labels of enums.
//!
//! A snapshot does not hold them for everybody who reads in it. Rows of an enum are sent with the labels of the moment, a
//! table is found by the names of the moment, and so are those that the server writes into defaults and views. So they are
//! read in the snapshot and again after it, and whatever has another name by then makes the capture begin anew. What was made
//! or dropped meanwhile does no harm.

use super::user_schema;
use crate::error::{Result, refused};
use std::collections::HashMap;
use tokio_postgres::Client;

/// Labels with the transaction that wrote them: one that was changed twice may be the same again.
const QUERY: &str = concat!(
    "WITH n AS (SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace n WHERE ",
    user_schema!(),
    ")
     SELECT 'schema', n.oid, n.nspname::pg_catalog.text, '' FROM n
     UNION ALL SELECT 'type', t.oid, n.nspname || '.' || t.typname, '' FROM pg_catalog.pg_type t JOIN n ON n.oid = t.typnamespace
       WHERE t.typrelid = 0 AND t.typelem = 0
     UNION ALL SELECT 'function', p.oid, n.nspname || '.' || p.proname, '' FROM pg_catalog.pg_proc p JOIN n ON n.oid = p.pronamespace
     UNION ALL SELECT 'relation', c.oid, n.nspname || '.' || c.relname, '' FROM pg_catalog.pg_class c JOIN n ON n.oid = c.relnamespace
       WHERE c.relkind IN ('v', 'm', 'S', 'f', 'c', 'i', 'I')
     UNION ALL SELECT 'label', e.oid, e.enumlabel::pg_catalog.text, e.xmin::pg_catalog.text FROM pg_catalog.pg_enum e"
);

/// All names at one moment: by kind and oid, the name and what else tells it from another.
#[derive(Debug, PartialEq, Eq)]
pub struct Names(HashMap<(String, u32), (String, String)>);

impl Names {
    /// Reads them.
    ///
    /// # Errors
    /// If the server refuses.
    pub async fn read(client: &Client) -> Result<Self> {
        let rows = client.query(QUERY, &[]).await.map_err(refused("list the names"))?;
        Ok(Self(rows.iter().map(|row| ((row.get(0), row.get(1)), (row.get(2), row.get(3)))).collect()))
    }

    /// The first that has changed by `later`.
    #[must_use]
    pub fn changed(&self, later: &Self) -> Option<String> {
        let changed = self.0.iter().filter(|(object, name)| later.0.get(object).is_some_and(|later| later != *name));
        let told = changed.map(|((kind, _), (name, _))| match kind.as_str() {
            // Labels are values, which no error says.
            "label" => "an enum got other labels".to_owned(),
            kind => format!("{kind} {} got another name", name.escape_debug()),
        });
        told.min()
    }
}
