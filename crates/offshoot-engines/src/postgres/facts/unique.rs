//! What must stay unique, and how it is compared: unique indexes, those of constraints among them, and exclusion.
//!
//! A partial index counts as a whole one: which rows it has can change with the values. Of one that takes NULLs for equal its
//! columns say so; NULL may stand there all the same.

use super::expression::Expression;
use super::{Sketch, Source};
use crate::error::{Result, refused};
use crate::postgres::session::Version;
use offshoot_format::facts::Equality;
use std::collections::HashMap;
use tokio_postgres::{Client, Row};

/// Objects that users and extensions made have oids from here on.
const FIRST_USER_OID: u32 = 16_384;

/// One row for each key column of each index. An index of a partitioned table is not valid before all its parts are, but is
/// made again like the others.
async fn rows(client: &Client, version: Version, oids: &[u32]) -> Result<Vec<Row>> {
    let nulls_are_equal = if version.at_least(15) { "i.indnullsnotdistinct" } else { "false" };
    let locale = match version.major() {
        17.. => "pg_catalog.concat_ws(' ', co.collctype, co.colllocale)",
        15..17 => "pg_catalog.concat_ws(' ', co.collctype, co.colliculocale)",
        _ => "co.collctype::pg_catalog.text",
    };
    let default_locale = match version.major() {
        17.. => "pg_catalog.concat_ws(' ', d.datctype, d.datlocale)",
        15..17 => "pg_catalog.concat_ws(' ', d.datctype, d.daticulocale)",
        _ => "d.datctype::pg_catalog.text",
    };
    let sql = format!(
        "SELECT i.indrelid, i.indexrelid, k.attnum, i.indisexclusion, {nulls_are_equal}, k.class,
                COALESCE(co.collisdeterministic, true),
                CASE WHEN co.collprovider = 'd' THEN {default_locale} ELSE {locale} END,
                CASE WHEN k.attnum = 0 THEN pg_catalog.pg_get_indexdef(i.indexrelid, k.place::pg_catalog.int4, false) END,
                i.indisprimary
         FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
         JOIN pg_catalog.pg_database d ON d.datname = pg_catalog.current_database(),
         LATERAL ROWS FROM (pg_catalog.unnest(i.indkey::pg_catalog.int2[]), pg_catalog.unnest(i.indclass::pg_catalog.oid[]),
           pg_catalog.unnest(i.indcollation::pg_catalog.oid[])) WITH ORDINALITY AS k (attnum, class, collation_oid, place)
         LEFT JOIN pg_catalog.pg_collation co ON co.oid = k.collation_oid
         WHERE i.indrelid = ANY ($1) AND (i.indisunique OR i.indisexclusion) AND (i.indisvalid OR c.relkind = 'I')
           AND k.place <= i.indnkeyatts
         ORDER BY i.indrelid, c.relname COLLATE \"C\", k.place"
    );
    client.query(&sql, &[&oids]).await.map_err(refused("list what is unique"))
}

/// Adds them to the tables.
///
/// # Errors
/// If the server refuses.
pub async fn add(client: &Client, version: Version, oids: &[u32], sketches: &mut HashMap<u32, Sketch>) -> Result<()> {
    let rows = rows(client, version, oids).await?;
    for keys in rows.chunk_by(|one, other| one.get::<_, u32>(1) == other.get::<_, u32>(1)) {
        let Some(sketch) = keys.first().and_then(|row| sketches.get_mut(&row.get(0))) else { continue };
        let (mut columns, mut equality) = (Vec::new(), Equality::Bytes);
        for row in keys {
            let (of, compared) = key(row, sketch);
            columns.extend(of);
            equality = equality.max(compared);
        }
        // A primary key is of columns alone; one that is generated is not among the rows.
        let plain = keys.iter().map(|row| match sketch.source(row.get(2)) {
            Some(Source::Column(column)) => Some(*column),
            _ => None,
        });
        if keys.iter().all(|row| row.get(9)) {
            sketch.key = plain.collect::<Option<_>>().unwrap_or_default();
        }
        columns.sort_unstable();
        columns.dedup();
        if keys.iter().any(|row| row.get(4)) {
            columns.iter().for_each(|column| sketch.columns[*column].nulls_are_equal = true);
        }
        let entry = (columns, equality);
        if !entry.0.is_empty() && !sketch.unique.contains(&entry) {
            sketch.unique.push(entry);
        }
    }
    Ok(())
}

/// The columns that one key of an index is made of, and how they are compared.
fn key(row: &Row, sketch: &Sketch) -> (Vec<usize>, Equality) {
    let (attnum, is_exclusion, class): (i16, bool, u32) = (row.get(2), row.get(3), row.get(5));
    let is_deterministic: bool = row.get(6);
    let locale: String = row.get::<_, Option<String>>(7).unwrap_or_default();
    let (columns, mut equality) = match row.get::<_, Option<String>>(8) {
        Some(text) => of_expression(&Expression::new(&text), sketch),
        None => match sketch.source(attnum) {
            Some(Source::Column(column)) => {
                let is_folded = ["citext", "_citext"].contains(&sketch.columns[*column].type_name.as_str());
                let equality = match () {
                    () if is_folded => Equality::LowerCase,
                    () if class >= FIRST_USER_OID => Equality::Other,
                    () => Equality::Bytes,
                };
                (vec![*column], equality)
            }
            Some(Source::Generated(from, expression)) => match of_expression(expression, sketch) {
                (columns, Equality::LowerCase) => (columns, Equality::LowerCase),
                _ => (from.clone(), Equality::Other),
            },
            None => (Vec::new(), Equality::Bytes),
        },
    };
    if is_exclusion || !is_deterministic || equality == Equality::LowerCase && folds_its_own_way(&locale) {
        equality = Equality::Other;
    }
    (columns, equality)
}

fn of_expression(expression: &Expression, sketch: &Sketch) -> (Vec<usize>, Equality) {
    let lower = expression.lower_of().and_then(|name| sketch.columns.iter().position(|column| column.name == name));
    match lower {
        Some(column) => (vec![column], Equality::LowerCase),
        None => (sketch.columns_of(expression), Equality::Other),
    }
}

/// Whether lower() under this locale is another one than Unicode's: Turkish, Azerbaijani and Lithuanian have their own i.
fn folds_its_own_way(locale: &str) -> bool {
    let of = |language: &str, locale: &str| {
        let rest = locale.get(..2).filter(|start| start.eq_ignore_ascii_case(language)).and(locale.get(2..));
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
    };
    locale.split(' ').any(|locale| ["tr", "az", "lt"].iter().any(|language| of(language, locale)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_with_an_i_of_their_own_are_known() {
        assert!(folds_its_own_way("tr_TR.UTF-8") && folds_its_own_way("C az") && folds_its_own_way("lt-LT"));
        assert!(!folds_its_own_way("en_US.UTF-8") && !folds_its_own_way("C") && !folds_its_own_way(""));
    }
}
