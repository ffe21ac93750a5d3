//! Which object a statement of a schema makes.

use super::{Key, in_label, one_line};
use crate::postgres::roles::statement;
use offshoot_format::manifest::{Manifest, SchemaItem};
use pg_query::protobuf::{ObjectType, RangeVar};
use pg_query::{Node, NodeEnum};
use std::collections::HashMap;

/// How the snapshot writes an object.
pub(super) struct Written {
    /// The statement.
    pub sql: String,
    /// Whether it may be not valid: a constraint that was not at the source, or is enforced on nothing, or a partitioned index, which the server
    /// takes for valid when an index of every partition is attached, and at the source not every partition may have one.
    pub may_be_invalid: bool,
}

/// All objects of a manifest by key.
pub(super) fn written(manifest: &Manifest) -> HashMap<Key, Written> {
    manifest.content.schema.iter().filter_map(made).collect()
}

fn made(item: &SchemaItem) -> Option<(Key, Written)> {
    let key = made_by(&item.label, &item.sql)?;
    let is_partitioned_index = key.0 == "index" && item.sql.contains(" ON ONLY ");
    let sql = item.sql.trim_end();
    let may_be_invalid = is_partitioned_index || sql.ends_with(" NOT VALID") || sql.ends_with(" NOT ENFORCED");
    Some((key, Written { sql: item.sql.clone(), may_be_invalid }))
}

/// The object that a statement makes, if it makes one that has a name. The label has the types of a function's arguments.
pub(super) fn made_by(label: &str, sql: &str) -> Option<Key> {
    let adds = sql.starts_with("ALTER TABLE ") && sql.contains(" ADD CONSTRAINT ");
    if !adds && !sql.starts_with("CREATE ") {
        return None;
    }
    let key = |kind: &str, schema: &str, table: &str, name: &str| {
        Some((kind.to_owned(), schema.to_owned(), table.to_owned(), name.to_owned()))
    };
    let whole = |kind: &str, relation: Option<&RangeVar>| key(kind, &relation?.schemaname, "", &relation?.relname);
    let within = |kind: &str, relation: Option<&RangeVar>, name: &str| {
        key(kind, &relation?.schemaname, &relation?.relname, name)
    };
    let named = |kind: &str, parts: &[Node]| {
        let (schema, name) = qualified_name(parts)?;
        key(kind, &schema, "", &name)
    };
    let function = |parts: &[Node]| {
        let (schema, name) = qualified_name(parts)?;
        let name = in_label(&name);
        let (_, arguments) = label.split_once(&format!(" {}.{name}(", one_line(&schema)))?;
        key("function", &schema, "", &format!("{name}({arguments}"))
    };
    match statement(sql)? {
        NodeEnum::CreateStmt(create) => whole("table", create.relation.as_ref()),
        NodeEnum::CreateForeignTableStmt(create) => whole("table", create.base_stmt.as_ref()?.relation.as_ref()),
        NodeEnum::ViewStmt(view) => whole("view", view.view.as_ref()),
        NodeEnum::CreateTableAsStmt(create) if create.objtype == ObjectType::ObjectMatview as i32 => {
            whole("materialized view", create.into.as_ref()?.rel.as_ref())
        }
        NodeEnum::CreateSeqStmt(create) => whole("sequence", create.sequence.as_ref()),
        NodeEnum::CompositeTypeStmt(create) => whole("type", create.typevar.as_ref()),
        NodeEnum::IndexStmt(index) => key("index", &index.relation.as_ref()?.schemaname, "", &index.idxname),
        NodeEnum::AlterTableStmt(alter) => match alter.cmds.first()?.node.as_ref()? {
            NodeEnum::AlterTableCmd(command) => match command.def.as_ref()?.node.as_ref()? {
                NodeEnum::Constraint(constraint) => within("constraint", alter.relation.as_ref(), &constraint.conname),
                _ => None,
            },
            _ => None,
        },
        NodeEnum::CreateTrigStmt(trigger) => within("trigger", trigger.relation.as_ref(), &trigger.trigname),
        NodeEnum::RuleStmt(rule) => within("rule", rule.relation.as_ref(), &rule.rulename),
        NodeEnum::CreatePolicyStmt(policy) => within("policy", policy.table.as_ref(), &policy.policy_name),
        NodeEnum::CreateFunctionStmt(create) => function(&create.funcname),
        NodeEnum::DefineStmt(define) if define.kind == ObjectType::ObjectAggregate as i32 => function(&define.defnames),
        NodeEnum::CreateEnumStmt(create) => named("type", &create.type_name),
        NodeEnum::CreateRangeStmt(create) => named("type", &create.type_name),
        NodeEnum::CreateDomainStmt(create) => named("type", &create.domainname),
        NodeEnum::CreateStatsStmt(create) => named("statistics", &create.defnames),
        NodeEnum::CreateSchemaStmt(create) => key("schema", "", "", &create.schemaname),
        NodeEnum::CreateExtensionStmt(create) => key("extension", "", "", &create.extname),
        NodeEnum::CreateEventTrigStmt(create) => key("event trigger", "", "", &create.trigname),
        _ => None,
    }
}

/// Schema and name.
pub(super) fn qualified_name(parts: &[Node]) -> Option<(String, String)> {
    let text = |node: &Node| match &node.node {
        Some(NodeEnum::String(text)) => Some(text.sval.clone()),
        _ => None,
    };
    match parts {
        [schema, name] => Some((text(schema)?, text(name)?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use offshoot_format::manifest::Phase;

    #[test]
    fn a_partitioned_index_need_not_be_valid() {
        let sql =
            ["CREATE INDEX whole ON ONLY public.t USING btree (a)", "CREATE INDEX plain ON public.t1 USING btree (a)"];
        assert_eq!(sql.map(may_be_invalid), [true, false]);
    }

    #[test]
    fn a_constraint_need_not_be_valid_where_it_says_so() {
        let add = "ALTER TABLE ONLY public.t ADD CONSTRAINT c CHECK ((a > 0))";
        assert!(!may_be_invalid(add) && may_be_invalid(&format!("{add} NOT VALID")));
        assert!(may_be_invalid(&format!("{add} NOT ENFORCED")));
    }

    fn may_be_invalid(sql: &str) -> bool {
        let item = SchemaItem { phase: Phase::Index, label: String::new(), table: None, sql: sql.to_owned() };
        made(&item).unwrap().1.may_be_invalid
    }
}
