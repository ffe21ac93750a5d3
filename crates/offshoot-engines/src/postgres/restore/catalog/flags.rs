//! What is on or off for a table, or the like: row-level security, its replica identity, the index that it is clustered on, and
//! which column owns a sequence.

use super::super::PostgresSession;
use super::shown;
use crate::error::Result;
use crate::postgres::roles::statement;
use offshoot_core::target::{Adapted, Difference};
use pg_query::protobuf::{AlterTableType, DefElem};
use pg_query::{Node, NodeEnum};
use std::collections::BTreeMap;

/// Tables and sequences of users, but for those of extensions. A foreign table has no replica identity, and cannot be given one.
const FLAGS: &str = "
SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text, c.relkind = 'S', c.relrowsecurity, c.relforcerowsecurity,
       CASE WHEN c.relreplident = 'i' THEN (SELECT x.relname::pg_catalog.text FROM pg_catalog.pg_index i
         JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid AND i.indisreplident) ELSE '' END,
       CASE c.relkind WHEN 'f' THEN 'd' ELSE c.relreplident END::pg_catalog.text,
       (SELECT ARRAY[m.nspname, t.relname, a.attname]::pg_catalog.text[] FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class t ON t.oid = d.refobjid
        JOIN pg_catalog.pg_namespace m ON m.oid = t.relnamespace
        JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.objsubid = 0
          AND c.relkind = 'S' AND d.refclassid = d.classid AND d.deptype = 'a'),
       (SELECT x.relname::pg_catalog.text FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class x ON x.oid = i.indexrelid
        WHERE i.indrelid = c.oid AND i.indisclustered)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm', 'f', 'S') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype IN ('e', 'i'))
ORDER BY 1, 2";

/// What is said of a table or a sequence; by default, nothing is on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Flags {
    row_security: bool,
    forced: bool,
    /// As the catalog has it, and the index for `i`.
    replica_identity: (String, String),
    /// Schema, table and column.
    owned_by: Option<Vec<String>>,
    /// An index.
    clustered_on: Option<String>,
}

impl Default for Flags {
    fn default() -> Self {
        let replica_identity = ("d".to_owned(), String::new());
        Self { row_security: false, forced: false, replica_identity, owned_by: None, clustered_on: None }
    }
}

impl PostgresSession<'_> {
    /// What is on and should not be, or the other way round.
    pub(super) fn flag_differences(&self, adapted: &Adapted) -> Result<Vec<Difference>> {
        let given = given(adapted);
        let mut differences = Vec::new();
        for row in &self.query("compare the tables", FLAGS, &[])? {
            let place: (String, String) = (row.get(0), row.get(1));
            let wanted = given.get(&place).cloned().unwrap_or_default();
            let there = Flags {
                row_security: row.get(3),
                forced: row.get(4),
                replica_identity: (row.get(6), row.get::<_, Option<String>>(5).unwrap_or_default()),
                owned_by: row.get(7),
                clustered_on: row.get(8),
            };
            let kind = if row.get(2) { "sequence" } else { "table" };
            let mut differs = |is_other: bool, how: &str| {
                if is_other {
                    let object = format!("{kind} {}", shown(&place.0, &place.1));
                    differences.push(Difference { object, how: how.to_owned() });
                }
            };
            let security = |flags: &Flags| (flags.row_security, flags.forced);
            differs(security(&wanted) != security(&there), "its row-level security is another one");
            // Sequences have none.
            let has_identity = kind == "table";
            differs(
                has_identity && wanted.replica_identity != there.replica_identity,
                "its replica identity is another one",
            );
            differs(wanted.owned_by != there.owned_by, "the column that owns it is another one");
            differs(wanted.clustered_on != there.clustered_on, "the index that it is clustered on is another one");
        }
        Ok(differences)
    }
}

fn given(adapted: &Adapted) -> BTreeMap<(String, String), Flags> {
    let mut given: BTreeMap<(String, String), Flags> = BTreeMap::new();
    for sql in adapted.works.iter().flat_map(|work| &work.sql) {
        let words = [" ROW LEVEL SECURITY", " REPLICA IDENTITY ", " OWNED BY ", " CLUSTER ON "];
        if !sql.starts_with("ALTER ") || !words.iter().any(|word| sql.contains(word)) {
            continue;
        }
        match statement(sql) {
            Some(NodeEnum::AlterSeqStmt(alter)) => {
                let owner = alter.options.iter().find_map(owned_by);
                if let (Some(sequence), Some(owner)) = (alter.sequence, owner) {
                    given.entry((sequence.schemaname, sequence.relname)).or_default().owned_by = Some(owner);
                }
            }
            Some(NodeEnum::AlterTableStmt(alter)) => {
                let Some(relation) = alter.relation else { continue };
                let flags = given.entry((relation.schemaname, relation.relname)).or_default();
                alter.cmds.iter().for_each(|node| set(flags, node));
            }
            _ => {}
        }
    }
    given
}

fn set(flags: &mut Flags, node: &Node) {
    let Some(NodeEnum::AlterTableCmd(command)) = &node.node else { return };
    match AlterTableType::try_from(command.subtype) {
        Ok(AlterTableType::AtEnableRowSecurity) => flags.row_security = true,
        Ok(AlterTableType::AtDisableRowSecurity) => flags.row_security = false,
        Ok(AlterTableType::AtForceRowSecurity) => flags.forced = true,
        Ok(AlterTableType::AtNoForceRowSecurity) => flags.forced = false,
        Ok(AlterTableType::AtReplicaIdentity) => {
            if let Some(NodeEnum::ReplicaIdentityStmt(identity)) =
                command.def.as_ref().and_then(|def| def.node.as_ref())
            {
                flags.replica_identity = (identity.identity_type.clone(), identity.name.clone());
            }
        }
        Ok(AlterTableType::AtClusterOn) => flags.clustered_on = Some(command.name.clone()),
        _ => {}
    }
}

fn owned_by(node: &Node) -> Option<Vec<String>> {
    let Some(NodeEnum::DefElem(option)) = &node.node else { return None };
    let DefElem { defname, arg: Some(list), .. } = option.as_ref() else { return None };
    let NodeEnum::List(list) = list.node.as_ref()? else { return None };
    let name = |node: &Node| match &node.node {
        Some(NodeEnum::String(name)) => Some(name.sval.clone()),
        _ => None,
    };
    let names: Vec<String> = list.items.iter().filter_map(name).collect();
    (defname == "owned_by" && names.len() == 3).then_some(names)
}
