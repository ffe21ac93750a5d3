//! The tables of a database with their columns and what refers to what.

use super::work::Work;
use crate::error::Result;
use crate::mysql::quote::ident;
use offshoot_restore::NeutralizeChoices;
use std::collections::BTreeMap;

/// What a column can hold, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Json,
    Bytes,
    /// Something that may hold text, and of which only NULL is known.
    Opaque,
    Other,
}

#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) is_required: bool,
    pub(super) is_generated: bool,
    /// Whether the server changes it by itself when a row is updated.
    pub(super) is_touched: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Table {
    pub(super) name: String,
    /// Whether MariaDB keeps its former rows.
    pub(super) is_versioned: bool,
    pub(super) columns: Vec<Column>,
}

impl Table {
    /// How many of its former rows meet a condition.
    pub(super) fn former(&self, work: &mut Work<'_>, condition: &str) -> Result<u64> {
        if !self.is_versioned {
            return Ok(0);
        }
        let mut count = |former: &str| {
            let sql = format!("SELECT count(*) FROM {}{former} WHERE {condition}", self.quoted());
            work.count("count former rows", &sql)
        };
        Ok(count(" FOR SYSTEM_TIME ALL")?.saturating_sub(count("")?))
    }

    /// Deletes its former rows, where the server keeps some: what was changed is still in them. Says so if there were any before the
    /// change.
    pub(super) fn forget(&self, work: &mut Work<'_>, item: &str, before: u64) -> Result<()> {
        if self.is_versioned {
            work.run("delete former rows", &format!("DELETE HISTORY FROM {}", self.quoted()))?;
        }
        if before > 0 {
            let what = "deleted: what was switched off stood in them, too";
            work.done(item, format!("former rows of table {}", self.name), what, Some(before));
        }
        Ok(())
    }

    pub(super) fn quoted(&self) -> String {
        ident(&self.name)
    }

    pub(super) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// What an update of this table under the name `alias` says so that no column changes by itself.
    pub(super) fn untouched(&self, alias: &str, but: &str) -> String {
        let touched = self.columns.iter().filter(|column| column.is_touched && column.name != but);
        touched.map(|column| format!(", {alias}.{0} = {alias}.{0}", ident(&column.name))).collect()
    }
}

/// A foreign key within the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ForeignKey {
    pub(super) from: String,
    pub(super) to: String,
    /// Columns of both, in the same order.
    pub(super) columns: Vec<(String, String)>,
}

pub(super) struct Tables {
    /// The database, which stands for the schema in choices.
    pub(super) database: String,
    pub(super) tables: BTreeMap<String, Table>,
    pub(super) foreign_keys: Vec<ForeignKey>,
}

impl Tables {
    pub(super) fn read(work: &mut Work<'_>) -> Result<Self> {
        let database = work.query("say where it is", "SELECT DATABASE()")?;
        let database = database.first().map(|row| row.text(0).map(str::to_owned)).transpose()?.unwrap_or_default();
        let sql = "SELECT c.table_name, c.column_name, c.data_type, c.is_nullable, c.extra, c.generation_expression, \
                   t.table_type = 'SYSTEM VERSIONED' FROM information_schema.columns c JOIN information_schema.tables t \
                   ON t.table_schema = c.table_schema AND t.table_name = c.table_name \
                   WHERE c.table_schema = DATABASE() AND t.table_type IN ('BASE TABLE', 'SYSTEM VERSIONED') \
                   ORDER BY c.table_name, c.ordinal_position";
        let mut tables: BTreeMap<String, Table> = BTreeMap::new();
        for row in work.query("list its columns", sql)? {
            let name = row.text(0)?.to_owned();
            let extra = row.text(4)?.to_ascii_lowercase();
            let column = Column {
                name: row.text(1)?.to_owned(),
                kind: kind(row.text(2)?),
                is_required: !row.is_yes(3)?,
                // MySQL's DEFAULT_GENERATED is a default that is an expression.
                is_generated: !row.text(5)?.is_empty()
                    || ["stored generated", "virtual generated", "persistent"].iter().any(|word| extra.contains(word)),
                is_touched: extra.contains("on update"),
            };
            let is_versioned = row.is_yes(6)?;
            let new = || Table { name: name.clone(), is_versioned, columns: Vec::new() };
            tables.entry(name.clone()).or_insert_with(new).columns.push(column);
        }
        let sql = "SELECT constraint_name, table_name, column_name, referenced_table_name, referenced_column_name \
                   FROM information_schema.key_column_usage WHERE table_schema = DATABASE() \
                   AND referenced_table_schema = DATABASE() ORDER BY table_name, constraint_name, ordinal_position";
        let mut keys: BTreeMap<(String, String), ForeignKey> = BTreeMap::new();
        for row in work.query("list its foreign keys", sql)? {
            let (name, from, to) = (row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.text(3)?.to_owned());
            let key = keys.entry((from.clone(), name)).or_insert(ForeignKey { from, to, columns: Vec::new() });
            key.columns.push((row.text(2)?.to_owned(), row.text(4)?.to_owned()));
        }
        Ok(Self { database, tables, foreign_keys: keys.into_values().collect() })
    }

    pub(super) fn is_kept(&self, table: &Table, choices: &NeutralizeChoices) -> bool {
        choices.is_kept(&self.database, &table.name)
    }
}

fn kind(data_type: &str) -> Kind {
    match data_type.to_ascii_lowercase().as_str() {
        "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" => Kind::Text,
        "json" => Kind::Json,
        "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => Kind::Bytes,
        "enum" | "set" | "uuid" => Kind::Opaque,
        _ => Kind::Other,
    }
}
