//! What tables, sequences, domains, enums and composite types are made with: defaults, generation and identity of columns,
//! collations, how columns are stored and sampled, checks, parameters of sequences, labels, base types, attributes.

use super::super::{expected, shown};
use super::{MARK_SCHEMA, PostgresSession, TWIN, statements};
use crate::error::Result;
use crate::postgres::quote::{ident, qualified};
use crate::postgres::roles::statement;
use offshoot_core::target::{Adapted, Difference};
use offshoot_format::manifest::Manifest;
use pg_query::protobuf::{AlterTableStmt, AlterTableType, RangeVar};
use pg_query::{Node, NodeEnum};
use std::collections::HashMap;

/// Twins of one transaction: each takes some locks.
const TWINS_AT_ONCE: usize = 50;

/// What of a pair differs: its number, how, and the name of a constraint that is there and was not made with the object.
const DIFFERENCES: &str = include_str!("differences.sql");

/// An object and the statements that make it.
struct Made {
    kind: &'static str,
    schema: String,
    name: String,
    sql: Vec<String>,
}

impl PostgresSession<'_> {
    /// What is made otherwise than the statements say. Every object must be there.
    pub(in super::super) fn property_differences(
        &self,
        manifest: &Manifest,
        adapted: &Adapted,
    ) -> Result<Vec<Difference>> {
        let written = expected::written(manifest);
        let mut differences = Vec::new();
        for some in made(adapted).chunks(TWINS_AT_ONCE) {
            for (made, how, constraint) in self.differing(some)? {
                let key =
                    ("constraint".to_owned(), made.schema.clone(), made.name.clone(), constraint.unwrap_or_default());
                if !written.contains_key(&key) {
                    let object = format!("{} {}", made.kind, shown(&made.schema, &made.name));
                    differences.push(Difference { object, how });
                }
            }
        }
        Ok(differences)
    }

    fn differing<'m>(&self, some: &'m [Made]) -> Result<Vec<(&'m Made, String, Option<String>)>> {
        let doing = "compare what objects are made with";
        let twin = |number: usize| qualified(MARK_SCHEMA, &format!("{TWIN}_{number}"));
        let mut sql = String::new();
        for (number, made) in some.iter().enumerate() {
            for statement in &made.sql {
                // A statement that was run is one that the parser knows, but for those of a server newer than it.
                let Some(renamed) = statements::of_another_relation(statement, &twin(number)) else { continue };
                sql.push_str(&renamed);
                sql.push_str(";\n");
            }
        }
        let kinds: Vec<&str> = some.iter().map(|made| made.kind).collect();
        let there: Vec<String> = some.iter().map(|made| qualified(&made.schema, &made.name)).collect();
        let twins: Vec<String> = (0..some.len()).map(twin).collect();
        self.run(doing, "BEGIN")?;
        let rows = self
            .silence_event_triggers(doing)
            .and_then(|_| self.run(doing, &sql))
            .and_then(|()| self.query(doing, DIFFERENCES, &[&kinds, &there, &twins]));
        self.run(doing, "ROLLBACK")?;
        let number = |row: &tokio_postgres::Row| usize::try_from(row.get::<_, i64>(0) - 1).ok();
        Ok(rows?.iter().filter_map(|row| Some((some.get(number(row)?)?, row.get(1), row.get(2)))).collect())
    }
}

/// What the statements make. Those that change a column's default or identity belong to its table.
fn made(adapted: &Adapted) -> Vec<Made> {
    let mut all: Vec<Made> = Vec::new();
    let mut places: HashMap<(String, String), usize> = HashMap::new();
    for sql in adapted.works.iter().flat_map(|work| &work.sql) {
        let Some((kind, schema, name, sql)) = maker(sql) else { continue };
        let place = places.entry((schema.clone(), name.clone())).or_insert(all.len());
        match all.get_mut(*place) {
            Some(made) => made.sql.push(sql),
            None => {
                // Of a view, its columns are enough.
                let is_table = sql.starts_with("CREATE ") && !sql.starts_with(MATERIALIZED_VIEW);
                let like = format!("CREATE TABLE {} (LIKE {})", ident(&name), qualified(&schema, &name));
                let sql = match () {
                    () if is_table => vec![sql],
                    () if sql.starts_with(MATERIALIZED_VIEW) => vec![like],
                    () => vec![like, sql],
                };
                all.push(Made { kind, schema, name, sql });
            }
        }
    }
    all
}

const MATERIALIZED_VIEW: &str = "CREATE MATERIALIZED VIEW ";

/// Kind, schema and name of what a statement makes or belongs to, and the statement as it is run for a twin.
fn maker(sql: &str) -> Option<(&'static str, String, String, String)> {
    let starts = [
        "CREATE TABLE ",
        "CREATE UNLOGGED TABLE ",
        "CREATE FOREIGN TABLE ",
        "CREATE SEQUENCE ",
        "CREATE UNLOGGED SEQUENCE ",
        MATERIALIZED_VIEW,
        "CREATE TYPE ",
        "CREATE DOMAIN ",
        "ALTER TABLE ",
        "ALTER FOREIGN TABLE ",
        "ALTER DOMAIN ",
    ];
    if !starts.iter().any(|start| sql.starts_with(start)) {
        return None;
    }
    let of = |kind, relation: Option<&RangeVar>, sql: String| {
        relation.map(|relation| (kind, relation.schemaname.clone(), relation.relname.clone(), sql))
    };
    let named = |kind, parts: &[Node]| {
        let (schema, name) = expected::qualified_name(parts)?;
        Some((kind, schema, name, sql.to_owned()))
    };
    match statement(sql)? {
        NodeEnum::CreateStmt(create) if create.partbound.is_none() => {
            of("table", create.relation.as_ref(), sql.to_owned())
        }
        NodeEnum::CreateForeignTableStmt(create) => of("table", create.base_stmt?.relation.as_ref(), sql.to_owned()),
        NodeEnum::CreateSeqStmt(create) => of("sequence", create.sequence.as_ref(), sql.to_owned()),
        NodeEnum::CompositeTypeStmt(create) => of("type", create.typevar.as_ref(), sql.to_owned()),
        NodeEnum::CreateEnumStmt(create) => named("type", &create.type_name),
        NodeEnum::CreateDomainStmt(create) => named("domain", &create.domainname),
        NodeEnum::AlterDomainStmt(alter) if alter.subtype == "C" => named("domain", &alter.type_name),
        NodeEnum::CreateTableAsStmt(create) => of("table", create.into?.rel.as_ref(), sql.to_owned()),
        NodeEnum::AlterTableStmt(alter) => of("table", alter.relation.as_ref(), of_column(&alter, sql)?),
        _ => None,
    }
}

/// A statement that gives a column its default or its identity, or says how it is stored or sampled, as it is run for a twin.
fn of_column(alter: &AlterTableStmt, sql: &str) -> Option<String> {
    let [Node { node: Some(NodeEnum::AlterTableCmd(command)) }] = alter.cmds.as_slice() else { return None };
    match AlterTableType::try_from(command.subtype) {
        Ok(
            AlterTableType::AtColumnDefault
            | AlterTableType::AtSetStatistics
            | AlterTableType::AtSetStorage
            | AlterTableType::AtSetCompression
            | AlterTableType::AtSetOptions
            | AlterTableType::AtAlterColumnGenericOptions,
        ) => Some(sql.to_owned()),
        Ok(AlterTableType::AtAddIdentity) => {
            Some(statements::without_sequence_name(sql).unwrap_or_else(|| sql.to_owned()))
        }
        _ => None,
    }
}
