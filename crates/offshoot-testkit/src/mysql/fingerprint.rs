//! A digest of all that a database holds, by SQL of its own, so that two databases compare as two texts.
//!
//! One line per table and sequence. A table's line depends on the names of its columns and on its rows, not on the order of
//! either. Texts count by their bytes in their own character set, ENUM and SET by their numbers, FLOAT and DOUBLE by all
//! their digits. It does not look at definitions: that is [`super::definitions`].

use super::client::{literal, quoted};
use super::{MysqlError, Server};

/// What stands for NULL: no digest has it.
const NULL: &str = "'-'";

/// The pieces of a row's digest that are summed up: 16 digits each, so that a sum over all rows is exact.
const PIECES: [u32; 4] = [1, 17, 33, 49];

/// A table as the catalog lists it: what kind it is, its name, its columns with their types.
type Table<'t> = (&'t str, String, Vec<(String, &'t str)>);

/// One line per object with content: `kind name rows digest`, in byte order.
#[must_use]
#[track_caller]
pub fn fingerprint(server: &Server, db: &str) -> String {
    match try_fingerprint(server, db) {
        Ok(text) => text,
        Err(error) => panic!("{error}"),
    }
}

fn try_fingerprint(server: &Server, db: &str) -> Result<String, MysqlError> {
    // Of system-versioned tables the times that no list shows, too. Generated columns, those of no data of their own, count too: as they are computed, they must come out.
    let columns = server.try_sql(
        db,
        &format!(
            "SELECT t.table_type, c.table_name, c.column_name, c.data_type FROM information_schema.tables t \
             JOIN information_schema.columns c ON c.table_schema = t.table_schema AND c.table_name = t.table_name \
             WHERE t.table_schema = {0} AND t.table_type <> 'VIEW' \
             UNION ALL SELECT t.table_type, t.table_name, p.name, 'timestamp' FROM information_schema.tables t \
             JOIN (SELECT 'row_start' AS name UNION ALL SELECT 'row_end') p \
             WHERE t.table_schema = {0} AND t.table_type = 'SYSTEM VERSIONED' AND NOT EXISTS (SELECT 1 FROM information_schema.columns c \
               WHERE c.table_schema = t.table_schema AND c.table_name = t.table_name AND c.generation_expression = 'ROW START') \
             ORDER BY CAST(table_name AS BINARY), CAST(column_name AS BINARY)",
            literal(db)
        ),
    )?;
    let mut tables: Vec<Table<'_>> = Vec::new();
    for line in columns.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [kind, table, column, data_type] = fields[..] else { continue };
        let (table, column) = (unescaped(table), unescaped(column));
        match tables.last_mut().filter(|(_, name, _)| *name == table) {
            Some((_, _, columns)) => columns.push((column, data_type)),
            None => tables.push((kind, table, vec![(column, data_type)])),
        }
    }
    let queries: Vec<String> = tables.iter().map(|(kind, table, columns)| query(kind, table, columns)).collect();
    server.try_sql(db, &format!("SET time_zone = '+00:00', sql_mode = '';\n{}", queries.join(";\n")))
}

fn query(kind: &str, table: &str, columns: &[(String, &str)]) -> String {
    let former = if kind == "SYSTEM VERSIONED" { " FOR SYSTEM_TIME ALL" } else { "" };
    let name = format!("{}{former}", quoted(table));
    let word = if kind == "SEQUENCE" { "sequence" } else { "table" };
    let names: Vec<&str> = columns.iter().map(|(column, _)| column.as_str()).collect();
    let values: Vec<String> = columns
        .iter()
        .map(|(column, data_type)| format!("COALESCE(SHA2({}, 256), {NULL})", bytes_of(&quoted(column), data_type)))
        .collect();
    let sums = PIECES.map(|at| format!("COALESCE(SUM(CAST(CONV(SUBSTR(h, {at}, 16), 16, 10) AS UNSIGNED)), 0)"));
    format!(
        "SELECT CONCAT_WS(' ', '{word}', {}, COUNT(*), SHA2(CONCAT_WS(',', {}, {}), 256)) FROM \
         (SELECT SHA2(CONCAT({}), 256) AS h FROM {name}) AS digests",
        literal(table),
        literal(&names.join(",")),
        sums.join(", "),
        values.join(", "),
    )
}

/// A value as bytes that differ where it does.
fn bytes_of(column: &str, data_type: &str) -> String {
    match data_type {
        "enum" | "set" => format!("CAST(CONCAT({column} + 0, ':', {column}) AS BINARY)"),
        "float" => format!("CAST(CAST({column} AS DOUBLE) AS BINARY)"),
        "json" => format!("CAST(CAST({column} AS CHAR CHARACTER SET utf8mb4) AS BINARY)"),
        "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring" | "multipolygon"
        | "geometrycollection" | "geomcollection" => {
            format!("CONCAT(ST_SRID({column}), ':', HEX(ST_AsBinary({column})))")
        }
        "vector" => format!("HEX({column})"),
        "bit" => format!("HEX({column})"),
        _ => format!("CAST({column} AS BINARY)"),
    }
}

/// A field of the client's without its escapes.
fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        let escaped = if character == '\\' { characters.next() } else { None };
        plain.push(match escaped {
            Some('n') => '\n',
            Some('t') => '\t',
            Some('0') => '\0',
            Some(other) => other,
            None => character,
        });
    }
    plain
}
