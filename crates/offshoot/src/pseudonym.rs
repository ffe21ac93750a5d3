//! What a value became in a scrubbed snapshot: how the holder of the key finds a reporter's rows without seeing raw ones.

use crate::scrub::{Scrub, check_same};
use crate::{Error, ErrorKind, Result, Snapshot};
use offshoot_format::facts::TableFacts;
use offshoot_scrub::Scrubber;

impl Snapshot {
    /// What a value of a column is in this snapshot, both as text; none if it became NULL. The column is named
    /// `table.column` or `schema.table.column`. Rules that draw by another column, or hold under a condition, see none.
    ///
    /// # Errors
    /// `Usage` if the snapshot was scrubbed under another policy or key, or not at all; `NotFound` if there is no such column,
    /// `Ambiguous` if several schemas have the table.
    pub fn pseudonym(&self, scrub: &Scrub, column: &str, value: &str) -> Result<Option<String>> {
        check_same(&self.manifest.trust, scrub)?;
        let (table, column) = find(&self.manifest.facts, column)?;
        let scrubber = Scrubber::new(scrub.policy(), &self.manifest.facts, scrub.key())?;
        let rewritten = scrubber.pseudonym(&table.schema, &table.name, column, value)?;
        Ok(rewritten.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// The table and column that a name means.
fn find<'f, 'n>(facts: &'f [TableFacts], named: &'n str) -> Result<(&'f TableFacts, &'n str)> {
    let Some((table, column)) = named.rsplit_once('.') else {
        let message = format!("{named} names no column");
        return Err(Error::new(ErrorKind::Usage, message, "name it as table.column or schema.table.column"));
    };
    let tables = find_table(facts, table)?;
    if tables.columns.iter().all(|known| known.name != column) {
        let names: Vec<&str> = tables.columns.iter().map(|column| column.name.as_str()).collect();
        let message = format!("{table} has no column {column}");
        return Err(Error::new(ErrorKind::NotFound, message, format!("its columns are {}", names.join(", "))));
    }
    Ok((tables, column))
}

/// The table that a name means, with or without its schema.
pub(crate) fn find_table<'f>(facts: &'f [TableFacts], named: &str) -> Result<&'f TableFacts> {
    let is_meant = |table: &&TableFacts| named == table.name || named == table.shown_name();
    let found: Vec<&TableFacts> = facts.iter().filter(is_meant).collect();
    match found.as_slice() {
        [table] => Ok(table),
        [] => {
            let hint = "`offshoot show SNAPSHOT --tables` lists the tables of a snapshot";
            Err(Error::new(ErrorKind::NotFound, format!("there is no table {named}"), hint))
        }
        several => {
            let list: Vec<String> = several.iter().map(|table| table.shown_name()).collect();
            let message = format!("several tables are called {named}: {}", list.join(", "));
            Err(Error::new(ErrorKind::Ambiguous, message, "name the schema as well"))
        }
    }
}
