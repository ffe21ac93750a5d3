//! Constraints taken apart, so that their costly part can run beside others: a key becomes a unique index and a constraint
//! over it, a foreign key is first made and then checked.
//!
//! What cannot be taken apart (on partitioned tables, with storage options) is left as pg_dump wrote it.

use super::{Adapter, new_work};
use crate::postgres::quote::{ident, ident_list, qualified};
use crate::postgres::roles::statement;
use offshoot_core::target::{Stage, Work};
use offshoot_format::manifest::SchemaItem;
use pg_query::protobuf::{AlterTableStmt, ConstrType, Constraint};
use pg_query::{Node, NodeEnum};

/// A key, a check, an exclusion, or an index that joins the partitioned table's.
pub(super) fn constraint(adapter: &mut Adapter<'_>, item: &SchemaItem) {
    let Some(table) = item.table.clone() else {
        adapter.push(Stage::Attach, &item.label, item.sql.clone(), None);
        return;
    };
    let split = added_constraint(&item.sql)
        .and_then(|constraint| if adapter.partitioned.contains(&table) { None } else { key(&table, &constraint) });
    if let Some((index, constraint)) = split {
        adapter.push(Stage::Index, &format!("INDEX OF {}", item.label), index, Some(table.clone()));
        adapter.push(Stage::Constraint, &item.label, constraint, Some(table.clone())).exclusive = vec![table.clone()];
    } else {
        adapter.push(Stage::Constraint, &item.label, item.sql.clone(), Some(table.clone())).exclusive =
            vec![table.clone()];
    }
}

/// A foreign key.
pub(super) fn foreign_key(adapter: &mut Adapter<'_>, item: &SchemaItem) {
    let constraint = added_constraint(&item.sql);
    let referred = constraint.as_ref().and_then(|constraint| constraint.pktable.as_ref());
    let referred = referred.map(|table| (table.schemaname.clone(), table.relname.clone()));
    let exclusive: Vec<_> = item.table.clone().into_iter().chain(referred).collect();
    let mut make = Work {
        sql: vec![item.sql.clone()],
        table: item.table.clone(),
        exclusive,
        ..new_work(Stage::ForeignKey, &item.label)
    };
    let is_checked_later = match (&constraint, &item.table) {
        (Some(constraint), Some(table)) => !constraint.skip_validation && !adapter.partitioned.contains(table),
        _ => false,
    };
    let (Some(constraint), Some(table), true) = (constraint, item.table.clone(), is_checked_later) else {
        adapter.out.works.push(make);
        return;
    };
    make.sql[0].push_str(" NOT VALID");
    adapter.out.works.push(make);
    let (place, name) = (qualified(&table.0, &table.1), ident(&constraint.conname));
    let sql = format!("ALTER TABLE {place} VALIDATE CONSTRAINT {name}");
    adapter.push(Stage::Validate, &format!("CHECK OF {}", item.label), sql, Some(table.clone())).exclusive =
        vec![table.clone()];
}

/// The one constraint that an ALTER TABLE adds.
fn added_constraint(sql: &str) -> Option<Constraint> {
    let NodeEnum::AlterTableStmt(AlterTableStmt { cmds, .. }) = statement(sql)? else { return None };
    let [Node { node: Some(NodeEnum::AlterTableCmd(command)) }] = cmds.as_slice() else { return None };
    match command.def.as_ref()?.node.as_ref()? {
        NodeEnum::Constraint(constraint) => Some((**constraint).clone()),
        _ => None,
    }
}

/// A key as an index and a constraint over it.
fn key(table: &(String, String), constraint: &Constraint) -> Option<(String, String)> {
    let kind = match ConstrType::try_from(constraint.contype) {
        Ok(ConstrType::ConstrPrimary) => "PRIMARY KEY",
        Ok(ConstrType::ConstrUnique) => "UNIQUE",
        _ => return None,
    };
    let is_plain = constraint.options.is_empty() && !constraint.without_overlaps && constraint.indexname.is_empty();
    if !is_plain {
        return None;
    }
    let (place, name) = (qualified(&table.0, &table.1), ident(&constraint.conname));
    let mut index = format!("CREATE UNIQUE INDEX {name} ON {place} USING btree ({})", columns(&constraint.keys)?);
    if !constraint.including.is_empty() {
        index.push_str(&format!(" INCLUDE ({})", columns(&constraint.including)?));
    }
    if constraint.nulls_not_distinct {
        index.push_str(" NULLS NOT DISTINCT");
    }
    if !constraint.indexspace.is_empty() {
        index.push_str(&format!(" TABLESPACE {}", ident(&constraint.indexspace)));
    }
    let mut over = format!("ALTER TABLE {place} ADD CONSTRAINT {name} {kind} USING INDEX {name}");
    if constraint.deferrable {
        over.push_str(" DEFERRABLE");
    }
    if constraint.initdeferred {
        over.push_str(" INITIALLY DEFERRED");
    }
    Some((index, over))
}

fn columns(nodes: &[Node]) -> Option<String> {
    let names: Option<Vec<&str>> = nodes
        .iter()
        .map(|node| match &node.node {
            Some(NodeEnum::String(name)) => Some(name.sval.as_str()),
            _ => None,
        })
        .collect();
    names.map(ident_list)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(sql: &str) -> Option<(String, String)> {
        key(&("s".into(), "t".into()), &added_constraint(sql)?)
    }

    #[test]
    fn keys_are_split() {
        let (index, over) =
            split("ALTER TABLE ONLY s.t ADD CONSTRAINT \"K\" PRIMARY KEY (a, \"b c\") INCLUDE (d)").unwrap();
        assert_eq!(index, r#"CREATE UNIQUE INDEX "K" ON "s"."t" USING btree ("a", "b c") INCLUDE ("d")"#);
        assert_eq!(over, r#"ALTER TABLE "s"."t" ADD CONSTRAINT "K" PRIMARY KEY USING INDEX "K""#);
        let (index, over) =
            split("ALTER TABLE ONLY s.t ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT (a) DEFERRABLE INITIALLY DEFERRED")
                .unwrap();
        assert!(index.ends_with("(\"a\") NULLS NOT DISTINCT"));
        assert!(over.ends_with("UNIQUE USING INDEX \"u\" DEFERRABLE INITIALLY DEFERRED"));
    }

    #[test]
    fn what_cannot_be_split_is_left() {
        assert_eq!(split("ALTER TABLE ONLY s.t ADD CONSTRAINT u UNIQUE (a) WITH (fillfactor='70')"), None);
        assert_eq!(split("ALTER TABLE ONLY s.t ADD CONSTRAINT e EXCLUDE USING gist (a WITH &&)"), None);
        assert_eq!(split("ALTER TABLE s.t ADD CONSTRAINT c CHECK ((a > 0)) NOT VALID"), None);
    }
}
