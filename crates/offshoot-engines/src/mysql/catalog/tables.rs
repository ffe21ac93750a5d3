//! The tables of a database: their columns, indexes, and what puts their rows in order.

use super::period::FormerRows;
use crate::mysql::error::{MysqlError, Result};
use crate::mysql::quote::ident;
use crate::mysql::session::{Row, Session};
use crate::mysql::types::{ColumnType, Edge, Kind};
use offshoot_format::table::{ColumnSpec, Key, RowForm, TableSpec};
use std::collections::HashMap;

/// Engines whose rows a snapshot of the server holds still.
const TRANSACTIONAL: [&str; 3] = ["innodb", "rocksdb", "tokudb"];
/// Engines whose rows are elsewhere: only their definition is captured.
const ELSEWHERE: [&str; 8] = ["federated", "connect", "spider", "sphinx", "s3", "ndbcluster", "oqgraph", "mrg_myisam"];

/// The tables of a database, in the order of their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tables {
    /// All of them, views and sequences too.
    pub all: Vec<Table>,
}

/// What a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// It holds rows.
    Base,
    /// It is a query.
    View,
    /// A sequence of MariaDB.
    Sequence,
}

/// A table, view or sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: TableKind,
    /// Its engine, in small letters.
    pub engine: String,
    /// When it was made or rewritten, as the server prints it: two tables that change places differ in it.
    pub created: String,
    /// Rows, estimated.
    pub rows_estimate: u64,
    /// Size, in bytes.
    pub bytes: u64,
    /// What becomes of the former rows that MariaDB keeps of it.
    pub former: FormerRows,
    /// Where its AUTO_INCREMENT stands.
    pub auto_increment: Option<u64>,
    /// Its comment.
    pub comment: String,
    /// Its columns, generated ones too.
    pub columns: Vec<CatalogColumn>,
    /// Its indexes.
    pub indexes: Vec<CatalogIndex>,
    /// The index that puts its rows in order.
    pub key_index: Option<String>,
    /// What its rows are to the store.
    pub spec: TableSpec,
    /// The types of the columns of its rows.
    pub types: Vec<ColumnType>,
}

/// A column as the catalog has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogColumn {
    /// Its name.
    pub name: String,
    /// Its type.
    pub column_type: ColumnType,
    /// Whether it may hold NULL.
    pub is_nullable: bool,
    /// Whether it counts by itself: AUTO_INCREMENT.
    pub is_counter: bool,
    /// The expression that it is computed from; it holds no data then.
    pub generated: Option<String>,
    /// Its default as the catalog prints it: text, or an expression.
    pub default: Option<String>,
    /// Whether the default is an expression.
    pub is_default_expression: bool,
    /// Its comment.
    pub comment: String,
}

/// An index as the catalog has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogIndex {
    /// Its name.
    pub name: String,
    /// Whether it is unique.
    pub is_unique: bool,
    /// Its parts in order.
    pub parts: Vec<IndexPart>,
}

/// A part of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexPart {
    /// The column, or none for an expression.
    pub column: Option<String>,
    /// The expression.
    pub expression: Option<String>,
    /// Characters or bytes of a prefix.
    pub prefix: Option<u32>,
}

impl Table {
    /// Whether a snapshot of the server holds its rows still.
    #[must_use]
    pub fn is_transactional(&self) -> bool {
        TRANSACTIONAL.contains(&self.engine.as_str())
    }

    /// Whether its rows are on another server, or are those of other tables.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        ELSEWHERE.contains(&self.engine.as_str())
    }

    /// Whether rows of it are read.
    #[must_use]
    pub fn has_rows(&self) -> bool {
        self.kind == TableKind::Base && !self.is_elsewhere()
    }

    /// The first column of its key, if ranges of it can be counted off.
    #[must_use]
    pub fn integer_key(&self) -> Option<&str> {
        let Key::Unique(columns) = &self.spec.key else { return None };
        let first = *columns.first()? as usize;
        let of = &self.types[first];
        // A year below 100 is read as one of two digits.
        let is_integer = matches!(of.kind, Kind::Signed(_) | Kind::Unsigned(_)) && of.base != "year";
        is_integer.then_some(self.spec.columns[first].name.as_str())
    }

    /// The columns that say since and until when its rows hold, where former ones are read.
    #[must_use]
    pub fn period(&self) -> Option<(usize, usize)> {
        let place = |edge| self.types.iter().position(|of| of.edge == Some(edge));
        place(Edge::Start).zip(place(Edge::End))
    }

    /// What its rows are read from: with its former rows, where those are carried.
    #[must_use]
    pub fn source(&self) -> String {
        let former = if self.former == FormerRows::Carried { " FOR SYSTEM_TIME ALL" } else { "" };
        format!("{}{former}", ident(&self.name))
    }

    /// What the other server says of it, which changes when that does or is not to be reached: then the comment is its error.
    fn forget_what_is_elsewhere(&mut self) {
        (self.created, self.comment) = (String::new(), String::new());
        (self.rows_estimate, self.bytes, self.auto_increment) = (0, 0, None);
    }

    /// `SELECT ... FROM table`: its rows in the form that its types take.
    #[must_use]
    pub fn select(&self) -> String {
        let columns = self.spec.columns.iter().zip(&self.types);
        let list: Vec<String> = columns.map(|(column, of)| of.expression(&column.name)).collect();
        // A table of generated columns alone has rows all the same.
        let list = if list.is_empty() { "1".to_owned() } else { list.join(", ") };
        format!("SELECT {list} FROM {}", self.source())
    }
}

const TABLES: &str = "
SELECT TABLE_NAME, TABLE_TYPE, CREATE_TIME, TABLE_ROWS, DATA_LENGTH, AUTO_INCREMENT, TABLE_COMMENT
FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND CAST(TABLE_SCHEMA AS BINARY) = CAST(DATABASE() AS BINARY)";

/// Asked for alone, so that the server looks no further than its own definitions: of a table over another server that does not
/// answer it says nothing else, not even the engine.
const ENGINES: &str = "
SELECT TABLE_NAME, LOWER(ENGINE)
FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND CAST(TABLE_SCHEMA AS BINARY) = CAST(DATABASE() AS BINARY)";

const COLUMNS: &str = "
SELECT TABLE_NAME, COLUMN_NAME, COLUMN_TYPE, CHARACTER_SET_NAME, COLLATION_NAME, IS_NULLABLE, EXTRA, GENERATION_EXPRESSION,
       COLUMN_DEFAULT, COLUMN_COMMENT
FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND CAST(TABLE_SCHEMA AS BINARY) = CAST(DATABASE() AS BINARY)
ORDER BY TABLE_NAME, ORDINAL_POSITION";

/// Lists them.
///
/// # Errors
/// If the server refuses, or a column has a type that is not known.
pub fn list(session: &mut Session) -> Result<Tables> {
    let is_mariadb = session.flavor().is_mariadb();
    let mut columns = group(session.query("list the columns", COLUMNS)?)?;
    let expression = if is_mariadb { "NULL" } else { "EXPRESSION" };
    let statistics = format!(
        "SELECT TABLE_NAME, INDEX_NAME, NON_UNIQUE, COLUMN_NAME, SUB_PART, {expression} FROM information_schema.STATISTICS \
         WHERE TABLE_SCHEMA = DATABASE() AND CAST(TABLE_SCHEMA AS BINARY) = CAST(DATABASE() AS BINARY) \
         ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX"
    );
    let mut indexes = group(session.query("list the indexes", &statistics)?)?;
    let engines = group(session.query("list the engines of tables", ENGINES)?)?;
    let mut all = Vec::new();
    for row in session.query("list the tables", TABLES)? {
        let name = row.text(0)?;
        let kind = match row.text(1)? {
            "VIEW" => TableKind::View,
            "SEQUENCE" => TableKind::Sequence,
            "BASE TABLE" | "SYSTEM VERSIONED" => TableKind::Base,
            _ => continue,
        };
        let is_base = kind == TableKind::Base;
        let columns = columns.remove(name).filter(|_| is_base).unwrap_or_default();
        let columns = columns.iter().map(|row| column(row, is_mariadb).map_err(|error| named(error, row)));
        let mut columns = columns.collect::<Result<Vec<_>>>()?;
        let mut indexes = collect_indexes(&indexes.remove(name).unwrap_or_default())?;
        let former = match row.text(1)? {
            "SYSTEM VERSIONED" => FormerRows::of(session.flavor(), &mut columns, &mut indexes)?,
            _ => FormerRows::None,
        };
        let (key, key_index) = key(&columns, &indexes);
        let data: Vec<&CatalogColumn> = columns.iter().filter(|column| column.generated.is_none()).collect();
        let types = data.iter().map(|column| column.column_type.clone()).collect();
        let specs = data.iter().map(|column| ColumnSpec {
            name: column.name.clone(),
            type_name: column.column_type.to_string(),
            layout: column.column_type.layout(),
            order: column.column_type.order(),
            nullable: column.is_nullable,
        });
        let spec = TableSpec {
            schema: String::new(),
            name: name.to_owned(),
            columns: specs.collect(),
            key,
            form: RowForm::Binary,
        };
        let engine = engines.get(name).and_then(|rows| rows.first()).map_or(Ok(""), |row| row.text(1))?;
        let mut table = Table {
            name: name.to_owned(),
            kind,
            engine: engine.to_owned(),
            created: row.text(2)?.to_owned(),
            rows_estimate: row.parse(3)?.unwrap_or(0),
            bytes: row.parse(4)?.unwrap_or(0),
            former,
            // MariaDB names a counter for tables with full-text indexes too: that of their hidden row numbers.
            auto_increment: row.parse(5)?.filter(|_| columns.iter().any(|column| column.is_counter)),
            comment: row.text(6)?.to_owned(),
            columns,
            indexes,
            key_index,
            spec,
            types,
        };
        if table.is_elsewhere() {
            table.forget_what_is_elsewhere();
        }
        all.push(table);
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Tables { all })
}

/// Rows by the name in their first column.
fn group(rows: Vec<Row>) -> Result<HashMap<String, Vec<Row>>> {
    let mut grouped: HashMap<String, Vec<Row>> = HashMap::new();
    for row in rows {
        grouped.entry(row.text(0)?.to_owned()).or_default().push(row);
    }
    Ok(grouped)
}

fn column(row: &Row, is_mariadb: bool) -> Result<CatalogColumn> {
    let extra = row.text(6)?.to_ascii_uppercase();
    let is_generated = ["VIRTUAL GENERATED", "STORED GENERATED", "PERSISTENT"].iter().any(|word| extra.contains(word));
    let default = row.opt(8)?.map(str::to_owned);
    let is_default_expression = if is_mariadb {
        // MariaDB prints every default as it stands in SQL.
        default.as_deref().is_some_and(|text| !text.starts_with('\'') && text != "NULL" && text.parse::<f64>().is_err())
    } else {
        extra.contains("DEFAULT_GENERATED")
    };
    Ok(CatalogColumn {
        name: row.text(1)?.to_owned(),
        column_type: ColumnType::from_catalog(row.text(2)?, row.opt(3)?, row.opt(4)?)?,
        is_nullable: row.is_yes(5)?,
        is_counter: extra.contains("AUTO_INCREMENT"),
        generated: is_generated.then(|| row.text(7).map(str::to_owned)).transpose()?,
        default,
        is_default_expression,
        comment: row.text(9)?.to_owned(),
    })
}

/// The error of a column that cannot be read, with its name.
fn named(error: MysqlError, row: &Row) -> MysqlError {
    match (error, row.text(0), row.text(1)) {
        (MysqlError::NotReadable { what, mend }, Ok(table), Ok(column)) => {
            MysqlError::NotReadable { what: format!("column {table}.{column} cannot be read: {what}"), mend }
        }
        (error, ..) => error,
    }
}

fn collect_indexes(rows: &[Row]) -> Result<Vec<CatalogIndex>> {
    let mut indexes: Vec<CatalogIndex> = Vec::new();
    for row in rows {
        let name = row.text(1)?;
        if indexes.last().is_none_or(|last| last.name != name) {
            indexes.push(CatalogIndex { name: name.to_owned(), is_unique: row.text(2)? == "0", parts: Vec::new() });
        }
        let part = IndexPart {
            column: row.opt(3)?.map(str::to_owned),
            expression: row.opt(5)?.map(str::to_owned),
            prefix: row.parse(4)?,
        };
        if let Some(last) = indexes.last_mut() {
            last.parts.push(part);
        }
    }
    Ok(indexes)
}

/// What puts the rows in order: the primary key, else the first unique key whose columns are whole, stored and never NULL.
fn key(columns: &[CatalogColumn], indexes: &[CatalogIndex]) -> (Key, Option<String>) {
    let data: Vec<&CatalogColumn> = columns.iter().filter(|column| column.generated.is_none()).collect();
    let places = |index: &CatalogIndex| -> Option<Vec<u32>> {
        let place = |part: &IndexPart| {
            let name = part.column.as_ref().filter(|_| part.prefix.is_none())?;
            let at = data.iter().position(|column| column.name == *name && !column.is_nullable)?;
            u32::try_from(at).ok()
        };
        index.parts.iter().map(place).collect()
    };
    let unique = indexes.iter().filter(|index| index.is_unique);
    let found = unique.filter_map(|index| Some((index, places(index)?)));
    match found.min_by_key(|(index, _)| (index.name != "PRIMARY", index.name.clone())) {
        Some((index, places)) => (Key::Unique(places), Some(index.name.clone())),
        None => (Key::WholeRow, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keyed_by(type_name: &str) -> Table {
        let of = ColumnType::parse(type_name).unwrap();
        let column = ColumnSpec {
            name: "k".to_owned(),
            type_name: of.to_string(),
            layout: of.layout(),
            order: of.order(),
            nullable: false,
        };
        let (columns, key) = (vec![column], Key::Unique(vec![0]));
        Table {
            name: "t".to_owned(),
            kind: TableKind::Base,
            engine: "innodb".to_owned(),
            created: String::new(),
            rows_estimate: 0,
            bytes: 0,
            former: FormerRows::None,
            auto_increment: None,
            comment: String::new(),
            columns: Vec::new(),
            indexes: Vec::new(),
            key_index: None,
            spec: TableSpec { schema: String::new(), name: "t".to_owned(), columns, key, form: RowForm::Binary },
            types: vec![of],
        }
    }

    #[test]
    fn ranges_are_counted_off_by_whole_numbers_that_mean_what_they_say() {
        assert_eq!(keyed_by("bigint(20) unsigned").integer_key(), Some("k"));
        assert_eq!(keyed_by("year(4)").integer_key(), None);
        assert_eq!(keyed_by("date").integer_key(), None);
    }

    #[test]
    fn a_column_that_cannot_be_read_is_named() {
        let row = Row::of(&["things", "doc", "mysql_json", "", "", "YES", "", "", "", ""]);
        let error = column(&row, true).map_err(|error| named(error, &row)).unwrap_err().to_string();
        assert!(error.starts_with("column things.doc cannot be read: the type mysql_json"), "{error}");
    }
}
