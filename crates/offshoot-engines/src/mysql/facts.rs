//! What a scrub must know of the tables that a capture reads: [`TableFacts`], from the catalog alone.
//!
//! Whatever is not understood counts as the strictest thing that it can be: an expression (of a check, a generated column, an
//! index, a partition) bars all columns that it names.

use super::catalog::tables::{CatalogColumn, IndexPart, Table, Tables};
use super::error::Result;
use super::quote::{literal, split_ident};
use super::session::{Row, Session};
use super::types::{ColumnType, Kind};
use offshoot_format::column::{Cell, Column};
use offshoot_format::facts::{Check, ColumnFacts, Equality, ForeignKey, TableFacts};
use offshoot_format::table::RowForm;
use std::collections::HashMap;

/// Describes the tables that hold rows.
///
/// # Errors
/// If the server refuses.
pub fn table_facts(session: &mut Session, tables: &Tables) -> Result<Vec<TableFacts>> {
    let mut checks = by_table(checks(session)?)?;
    let mut partitions = by_table(of_tables(session, tables, "list the partitions", PARTITIONS, "")?)?;
    let mut keys = by_table(of_tables(session, tables, "list the foreign keys", FOREIGN_KEYS, ORDER_OF_KEYS)?)?;
    let mut all = Vec::new();
    for table in tables.all.iter().filter(|table| table.has_rows()) {
        let mut sketch = Sketch::new(table)?;
        for check in checks.remove(&table.name).unwrap_or_default() {
            sketch.check(check.text(1)?, check.text(2)?);
        }
        for partition in partitions.remove(&table.name).unwrap_or_default() {
            sketch.bar("partition key", partition.text(1)?);
        }
        sketch.unique();
        sketch.foreign_keys(&keys.remove(&table.name).unwrap_or_default())?;
        all.push(sketch.facts);
    }
    Ok(all)
}

/// What the catalog has of tables with rows.
fn of_tables(session: &mut Session, tables: &Tables, doing: &str, sql: &str, order: &str) -> Result<Vec<Row>> {
    if !tables.all.iter().any(Table::is_elsewhere) {
        return session.query(doing, &format!("{sql}{order}"));
    }
    // Asked for all, the server asks the servers of tables that are elsewhere, too, and fails where one does not answer.
    let mut all = Vec::new();
    for table in tables.all.iter().filter(|table| table.has_rows()) {
        all.extend(session.query(doing, &format!("{sql} AND TABLE_NAME = {}{order}", literal(&table.name)))?);
    }
    Ok(all)
}

const PARTITIONS: &str = "
SELECT DISTINCT TABLE_NAME, CONCAT_WS(',', PARTITION_EXPRESSION, IF(SUBPARTITION_METHOD IS NULL, NULL, ''))
FROM information_schema.PARTITIONS
WHERE TABLE_SCHEMA = DATABASE() AND CAST(TABLE_SCHEMA AS BINARY) = CAST(DATABASE() AS BINARY)
  AND (PARTITION_METHOD LIKE 'RANGE%' OR PARTITION_METHOD LIKE 'LIST%')";

const FOREIGN_KEYS: &str = "
SELECT TABLE_NAME, CONSTRAINT_NAME, COLUMN_NAME, REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME, REFERENCED_COLUMN_NAME,
       CAST(REFERENCED_TABLE_SCHEMA AS BINARY) = CAST(DATABASE() AS BINARY)
FROM information_schema.KEY_COLUMN_USAGE
WHERE TABLE_SCHEMA = DATABASE() AND CAST(TABLE_SCHEMA AS BINARY) = CAST(DATABASE() AS BINARY)
  AND REFERENCED_TABLE_NAME IS NOT NULL";

const ORDER_OF_KEYS: &str = " ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION";

/// Table, name and clause of each check.
fn checks(session: &mut Session) -> Result<Vec<Row>> {
    let sql = if session.flavor().is_mariadb() {
        "SELECT TABLE_NAME, CONSTRAINT_NAME, CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS \
         WHERE CONSTRAINT_SCHEMA = DATABASE() AND CAST(CONSTRAINT_SCHEMA AS BINARY) = CAST(DATABASE() AS BINARY)"
    } else {
        "SELECT t.TABLE_NAME, c.CONSTRAINT_NAME, c.CHECK_CLAUSE FROM information_schema.CHECK_CONSTRAINTS c \
         JOIN information_schema.TABLE_CONSTRAINTS t ON t.CONSTRAINT_SCHEMA = c.CONSTRAINT_SCHEMA \
         AND t.CONSTRAINT_NAME = c.CONSTRAINT_NAME AND t.CONSTRAINT_TYPE = 'CHECK' AND t.ENFORCED = 'YES' \
         WHERE c.CONSTRAINT_SCHEMA = DATABASE() AND CAST(c.CONSTRAINT_SCHEMA AS BINARY) = CAST(DATABASE() AS BINARY)"
    };
    session.query("list the checks", sql)
}

fn by_table(rows: Vec<Row>) -> Result<HashMap<String, Vec<Row>>> {
    let mut grouped: HashMap<String, Vec<Row>> = HashMap::new();
    for row in rows {
        grouped.entry(row.text(0)?.to_owned()).or_default().push(row);
    }
    Ok(grouped)
}

/// The facts of one table in the making.
struct Sketch<'t> {
    table: &'t Table,
    facts: TableFacts,
}

impl<'t> Sketch<'t> {
    fn new(table: &'t Table) -> Result<Self> {
        let data = table.columns.iter().filter(|column| column.generated.is_none());
        let columns = data.map(column_facts).collect::<Result<_>>()?;
        let facts = TableFacts {
            schema: String::new(),
            name: table.name.clone(),
            columns,
            form: RowForm::Binary,
            key: Vec::new(),
            unique: Vec::new(),
            foreign_keys: Vec::new(),
            parent: None,
            period: table.period(),
        };
        Ok(Self { table, facts })
    }

    fn place(&self, name: &str) -> Option<usize> {
        // Servers compare names of columns without case.
        self.facts.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// The columns of the rows that a column is, or is computed from.
    fn sources(&self, name: &str) -> Vec<usize> {
        match self.place(name) {
            Some(place) => vec![place],
            None => {
                let generated = self.table.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
                let expression = generated.and_then(|column| column.generated.as_deref()).unwrap_or_default();
                let named = idents(expression).filter_map(|name| self.place(&name));
                named.collect()
            }
        }
    }

    /// The columns of the rows that an expression depends on.
    fn mentioned(&self, expression: &str) -> Vec<usize> {
        let mut places: Vec<usize> = idents(expression).flat_map(|name| self.sources(&name)).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    fn check(&mut self, name: &str, clause: &str) {
        let places = self.mentioned(clause);
        let compact: String = clause.chars().filter(|c| !c.is_whitespace()).collect();
        if let [place] = places[..] {
            let column = &mut self.facts.columns[place];
            if compact.trim_matches(['(', ')']) == format!("json_valid(`{}`", column.name.replace('`', "``")) {
                // This is how MariaDB declares a column of JSON, and what rules for JSON keep.
                "json".clone_into(&mut column.type_name);
                return;
            }
        }
        self.bar_columns(name, &places);
    }

    fn bar(&mut self, name: &str, expression: &str) {
        let places = self.mentioned(expression);
        self.bar_columns(name, &places);
    }

    fn bar_columns(&mut self, name: &str, places: &[usize]) {
        for place in places {
            let column = &mut self.facts.columns[*place];
            column.checks.push(Check::Other(name.to_owned()));
            column.is_nullable = false;
        }
    }

    fn unique(&mut self) {
        for index in self.table.indexes.iter().filter(|index| index.is_unique) {
            let (mut columns, mut equality) = (Vec::new(), Equality::Bytes);
            for part in &index.parts {
                let (places, of_part) = self.part(part);
                columns.extend(places);
                equality = equality.max(of_part);
            }
            columns.dedup();
            if index.name == "PRIMARY" {
                let plain = index.parts.iter().map(|part| self.place(part.column.as_ref()?));
                self.facts.key = plain.collect::<Option<_>>().unwrap_or_default();
            }
            if !columns.is_empty() {
                self.facts.unique.push((columns, equality));
            }
        }
    }

    /// The columns that a part of an index depends on, and how it compares.
    fn part(&self, part: &IndexPart) -> (Vec<usize>, Equality) {
        match (&part.column, &part.expression) {
            (Some(name), _) => match self.place(name) {
                Some(place) if part.prefix.is_none() => (vec![place], self.equality(name)),
                Some(place) => (vec![place], Equality::Other),
                None => (self.sources(name), Equality::Other),
            },
            (None, Some(expression)) => (self.mentioned(expression), Equality::Other),
            (None, None) => (Vec::new(), Equality::Other),
        }
    }

    fn equality(&self, name: &str) -> Equality {
        let column = self.table.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        column.map_or(Equality::Other, |column| equality(&column.column_type))
    }

    fn foreign_keys(&mut self, rows: &[Row]) -> Result<()> {
        let mut keys: Vec<(String, ForeignKey)> = Vec::new();
        for row in rows {
            let name = row.text(1)?;
            let is_own = row.is_yes(6)?;
            let schema = if is_own { String::new() } else { row.text(3)?.to_owned() };
            if keys.last().is_none_or(|(last, _)| last != name) {
                let table = (schema, row.text(4)?.to_owned());
                keys.push((name.to_owned(), ForeignKey { columns: Vec::new(), table, refers_to: Vec::new() }));
            }
            let column = row.text(2)?;
            match (self.place(column), keys.last_mut()) {
                (Some(place), Some((_, key))) => {
                    key.columns.push(place);
                    key.refers_to.push(row.text(5)?.to_owned());
                }
                // What is computed has to go on referring: only values that stay do.
                _ => {
                    let places = self.sources(column);
                    self.bar_columns(&format!("foreign key {name}"), &places);
                }
            }
        }
        self.facts.foreign_keys = keys.into_iter().map(|(_, key)| key).filter(|key| !key.columns.is_empty()).collect();
        Ok(())
    }
}

fn column_facts(column: &CatalogColumn) -> Result<ColumnFacts> {
    let of = &column.column_type;
    let mut facts = ColumnFacts::new(&column.name, type_name(of));
    facts.comment = Some(column.comment.clone()).filter(|comment| !comment.is_empty());
    facts.is_nullable = column.is_nullable;
    facts.max_chars = chars_max(of);
    facts.labels = of.labels();
    facts.default = constant_default(column)?;
    Ok(facts)
}

/// The name that rules know the type by. What is kept as a text says so in its name.
fn type_name(of: &ColumnType) -> &'static str {
    match of.kind {
        Kind::Signed(1) => "int1",
        Kind::Signed(2) => "int2",
        Kind::Signed(4) => "int4",
        Kind::Signed(_) => "int8",
        Kind::Unsigned(1) => "uint1",
        Kind::Unsigned(2) => "uint2",
        Kind::Unsigned(4) => "uint4",
        Kind::Unsigned(_) => "uint8",
        Kind::Float => "float4",
        Kind::Double => "float8",
        Kind::Bit(_) => "bits",
        Kind::Enum => "enum_index",
        Kind::Set => "set_mask",
        Kind::Bytes => match of.base.as_str() {
            "binary" | "varbinary" | "tinyblob" | "blob" | "mediumblob" | "longblob" => "bytea",
            _ => "geometry",
        },
        Kind::Moment(_) => match of.base.as_str() {
            "date" => "date_text",
            // Rows that still hold do so until after the last moment that rules know of a TIMESTAMP.
            "timestamp" if of.edge.is_none() => "timestamp_text",
            _ => "datetime_text",
        },
        Kind::Printed => match of.base.as_str() {
            "decimal" | "numeric" => "numeric_text",
            "time" => "time_text",
            "json" => "json",
            "uuid" => "uuid_text",
            "inet4" | "inet6" => "inet_text",
            _ => "printed",
        },
        Kind::Chars => match of.charset.as_deref().unwrap_or_default() {
            "utf8mb4" => "text",
            "utf8mb3" | "utf8" => "text_utf8mb3",
            "latin1" => "text_cp1252",
            "ascii" => "text_ascii",
            _ => "text_other",
        },
    }
}

/// Characters that a text may have; where bytes are bounded, as many as always fit.
fn chars_max(of: &ColumnType) -> Option<u32> {
    let of_kind = |bytes: u32| {
        Some(match of.charset.as_deref().unwrap_or_default() {
            "utf8mb4" => bytes / 4,
            "utf8mb3" | "utf8" => bytes / 3,
            _ => bytes,
        })
    };
    match of.base.as_str() {
        "tinytext" | "tinyblob" => of_kind(255),
        "text" | "blob" => of_kind(65_535),
        _ => of.chars_max(),
    }
}

/// How a unique index compares values of a type.
fn equality(of: &ColumnType) -> Equality {
    let Some(collation) = of.collation.as_deref() else { return Equality::Bytes };
    let is_known = matches!(of.charset.as_deref(), Some("utf8mb4" | "utf8mb3" | "utf8" | "latin1" | "ascii"));
    if collation == "binary" || collation.contains("_bin") || collation.ends_with("_nopad_bin") {
        Equality::Bytes
    } else if !is_known || of.kind == Kind::Enum || of.kind == Kind::Set {
        Equality::Other
    } else {
        // Case, accents and blanks at the end may not count; a language of its own folds hardly anything beside.
        Equality::Folded
    }
}

/// The default of a column in the form of its rows, if it is a constant.
fn constant_default(column: &CatalogColumn) -> Result<Option<Vec<u8>>> {
    let Some(text) = column.default.as_deref().filter(|_| !column.is_default_expression) else { return Ok(None) };
    let text = match text.strip_prefix('\'').and_then(|text| text.strip_suffix('\'')) {
        Some(inner) => inner.replace("''", "'").replace("\\\\", "\\"),
        None if text == "NULL" => return Ok(None),
        None => text.to_owned(),
    };
    let of = &column.column_type;
    let value = match of.kind {
        Kind::Enum => {
            let Some(place) = of.labels().iter().position(|label| *label == text) else { return Ok(None) };
            (place + 1).to_string()
        }
        Kind::Bit(_) | Kind::Set | Kind::Bytes => return Ok(None),
        // In another character set it is other bytes.
        Kind::Chars if !text.is_ascii() && of.charset.as_deref() != Some("utf8mb4") => return Ok(None),
        _ => text,
    };
    let mut values = Column::new(of.layout());
    if of.push(value.as_bytes(), &mut values).is_err() {
        return Ok(None);
    }
    Ok(match values.cell(0) {
        Cell::Bytes(bytes) => Some(bytes.to_vec()),
        Cell::Null | Cell::Blob(_) => None,
    })
}

/// The names that an expression mentions, in backquotes as servers print them. What stands between two backquotes counts as a
/// name wherever they stand: servers escape strings in expressions in more than one way, and a name too many only bars a column
/// more.
fn idents(expression: &str) -> impl Iterator<Item = String> + '_ {
    expression.match_indices('`').filter_map(|(at, _)| split_ident(&expression[at..])).map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_expressions_are_found_whatever_strings_hold() {
        let expression = "((`a``b` > _utf8mb4\\'it\\\\\\'s ` \\') and (`c` = 1))";
        let names: Vec<String> = idents(expression).collect();
        assert!(names.contains(&"a`b".to_owned()) && names.contains(&"c".to_owned()), "{names:?}");
    }

    #[test]
    fn collations_say_how_a_unique_key_compares() {
        let of = |collation: &str| {
            let charset = collation.split('_').next();
            equality(&ColumnType::from_catalog("varchar(5)", charset, Some(collation)).unwrap())
        };
        assert_eq!(of("utf8mb4_bin"), Equality::Bytes);
        assert_eq!(of("utf8mb4_0900_bin"), Equality::Bytes);
        assert_eq!(of("utf8mb4_0900_ai_ci"), Equality::Folded);
        assert_eq!(of("latin1_swedish_ci"), Equality::Folded);
        assert_eq!(of("sjis_japanese_ci"), Equality::Other);
        assert_eq!(equality(&ColumnType::parse("int").unwrap()), Equality::Bytes);
    }
}
