//! Says of each statement when it is applied, what it makes, and which table it works on.
//!
//! By PostgreSQL's own parser; a statement that it does not know (of a server newer than the parser) keeps its place by
//! order: before the data until the first statement that comes after, then after the data.

use super::split::{Header, Statement};
use offshoot_format::manifest::{Phase, SchemaItem};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableStmt, AlterTableType, ConstrType, ObjectType, RangeVar};

/// The access method that tables have unless something else is set.
const HEAP: &str = "heap";

/// Types of objects that pg_dump writes after the data.
const POST_DATA_KINDS: &[&str] = &[
    "INDEX",
    "INDEX ATTACH",
    "STATISTICS",
    "CONSTRAINT",
    "CHECK CONSTRAINT",
    "FK CONSTRAINT",
    "RULE",
    "TRIGGER",
    "EVENT TRIGGER",
    "POLICY",
    "ROW SECURITY",
    "PUBLICATION",
    "PUBLICATION TABLE",
    "SUBSCRIPTION",
    "DEFAULT ACL",
    "ACL",
];

/// What a statement is.
enum Class {
    /// Part of pg_dump's preamble: the session that restores has its own settings.
    Session,
    /// The access method of tables from here on.
    AccessMethod(String),
    /// A phase of its own.
    Phase(Phase),
    /// Where it stands.
    InOrder,
}

/// Turns statements into items of a schema.
#[must_use]
pub fn items(statements: &[Statement<'_>]) -> Vec<SchemaItem> {
    let mut items = Vec::with_capacity(statements.len());
    let mut last = Vec::new();
    let mut is_post_data = false;
    let mut access_methods = Vec::new();
    for statement in statements {
        let (class, table) = classify(statement.sql);
        is_post_data |= matches!(class, Class::Phase(_))
            || statement.header.is_some_and(|header| POST_DATA_KINDS.contains(&header.kind));
        let phase = match class {
            Class::Session => continue,
            Class::AccessMethod(name) => {
                access_methods.push(name);
                Phase::PreData
            }
            Class::Phase(phase) => phase,
            Class::InOrder if is_post_data => Phase::PostData,
            Class::InOrder => Phase::PreData,
        };
        let item = SchemaItem { phase, label: label(statement), table, sql: statement.sql.to_owned() };
        // They would fire on whatever is made after them.
        let is_event_trigger = statement.header.is_some_and(|header| {
            header.kind == "EVENT TRIGGER" || header.kind == "COMMENT" && header.name.starts_with("EVENT TRIGGER ")
        });
        if is_event_trigger { last.push(item) } else { items.push(item) }
    }
    // Where all tables have the usual access method, nothing needs to be said.
    if access_methods.iter().all(|name| name == HEAP) {
        items.retain(|item| !item.sql.starts_with("SET default_table_access_method"));
    }
    items.append(&mut last);
    items
}

fn classify(sql: &str) -> (Class, Option<(String, String)>) {
    let Ok(parsed) = pg_query::parse(sql, pg_query::ParserOptions::default()) else { return (Class::InOrder, None) };
    let node = parsed.protobuf.stmts.into_iter().next().and_then(|statement| statement.stmt).and_then(|node| node.node);
    let Some(node) = node else { return (Class::InOrder, None) };
    match node {
        NodeEnum::VariableSetStmt(set) => (session_setting(&set.name, sql), None),
        NodeEnum::SelectStmt(_) if sql.starts_with("SELECT pg_catalog.set_config('search_path'") => {
            (Class::Session, None)
        }
        NodeEnum::IndexStmt(index) => (Class::Phase(Phase::Index), place(index.relation.as_ref())),
        NodeEnum::AlterTableStmt(alter) => alter_table(&alter),
        NodeEnum::CreateStmt(create) => (Class::InOrder, place(create.relation.as_ref())),
        NodeEnum::CreateTrigStmt(trigger) => (Class::InOrder, place(trigger.relation.as_ref())),
        NodeEnum::RuleStmt(rule) => (Class::InOrder, place(rule.relation.as_ref())),
        NodeEnum::CreatePolicyStmt(policy) => (Class::InOrder, place(policy.table.as_ref())),
        _ => (Class::InOrder, None),
    }
}

fn session_setting(name: &str, sql: &str) -> Class {
    match name {
        "default_table_access_method" => {
            let value = sql.split_once('=').map_or("", |(_, value)| value.trim().trim_matches(['\'', '"']));
            Class::AccessMethod(value.to_owned())
        }
        // Grants of a grantor other than the owner are written between these.
        "session_authorization" | "role" => Class::InOrder,
        _ => Class::Session,
    }
}

fn alter_table(alter: &AlterTableStmt) -> (Class, Option<(String, String)>) {
    let commands = alter.cmds.iter().filter_map(|node| match &node.node {
        Some(NodeEnum::AlterTableCmd(command)) => Some(command),
        _ => None,
    });
    let is_index = alter.objtype == ObjectType::ObjectIndex as i32;
    for command in commands {
        let subtype = AlterTableType::try_from(command.subtype);
        if is_index && subtype == Ok(AlterTableType::AtAttachPartition) {
            // A partitioned key is valid, for a foreign key to refer to, when the partitions' keys are attached to it.
            return (Class::Phase(Phase::Constraint), None);
        }
        if subtype != Ok(AlterTableType::AtAddConstraint) {
            continue;
        }
        let Some(NodeEnum::Constraint(constraint)) = command.def.as_ref().and_then(|def| def.node.as_ref()) else {
            continue;
        };
        let is_foreign = constraint.contype == ConstrType::ConstrForeign as i32;
        let phase = if is_foreign { Phase::ForeignKey } else { Phase::Constraint };
        return (Class::Phase(phase), place(alter.relation.as_ref()));
    }
    let table = if is_index { None } else { place(alter.relation.as_ref()) };
    (Class::InOrder, table)
}

fn place(relation: Option<&RangeVar>) -> Option<(String, String)> {
    relation.map(|relation| (relation.schemaname.clone(), relation.relname.clone()))
}

fn label(statement: &Statement<'_>) -> String {
    let words = || statement.sql.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    let Some(Header { name, kind, schema }) = statement.header else { return words() };
    let name = name.escape_debug();
    let object = if schema == "-" { format!("{kind} {name}") } else { format!("{kind} {schema}.{name}") };
    let is_owner = !statement.is_first && statement.sql.contains(" OWNER TO ");
    match (statement.is_first, is_owner) {
        (true, _) => object,
        (false, true) => format!("OWNER OF {object}"),
        (false, false) => format!("PART OF {object}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::schema::items;

    fn phases(sql: &str) -> Vec<(Phase, Option<(String, String)>)> {
        items(sql).unwrap().into_iter().map(|item| (item.phase, item.table)).collect()
    }

    #[test]
    fn every_kind_has_its_phase() {
        let t = || Some(("public".to_owned(), "t".to_owned()));
        let sql = "SET statement_timeout = 0; SELECT pg_catalog.set_config('search_path', '', false);
            SET default_tablespace = ''; SET default_table_access_method = heap;
            CREATE TABLE public.t (a int); ALTER TABLE public.t OWNER TO joe;
            ALTER TABLE ONLY public.t ADD CONSTRAINT p PRIMARY KEY (a);
            CREATE INDEX i ON public.t USING btree (a);
            ALTER INDEX public.ti ATTACH PARTITION public.i;
            ALTER TABLE ONLY public.t ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES public.u(a);
            CREATE TRIGGER g BEFORE INSERT ON public.t FOR EACH ROW EXECUTE FUNCTION public.f();
            GRANT SELECT ON TABLE public.t TO joe;";
        let expected = vec![
            (Phase::PreData, t()),
            (Phase::PreData, t()),
            (Phase::Constraint, t()),
            (Phase::Index, t()),
            (Phase::Constraint, None),
            (Phase::ForeignKey, t()),
            (Phase::PostData, t()),
            (Phase::PostData, None),
        ];
        assert_eq!(phases(sql), expected);
    }

    #[test]
    fn another_access_method_is_kept() {
        let sql = "SET default_table_access_method = columnar; CREATE TABLE a (); SET default_table_access_method = heap; CREATE TABLE b ();";
        assert_eq!(items(sql).unwrap().len(), 4);
    }

    #[test]
    fn event_triggers_go_last_and_unknown_statements_stay() {
        let sql = "-- Name: e; Type: EVENT TRIGGER; Schema: -; Owner: x\nCREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.f();
            -- Name: EVENT TRIGGER e; Type: COMMENT; Schema: -; Owner: x\nCOMMENT ON EVENT TRIGGER e IS 'x';
            -- Name: n; Type: NOVELTY; Schema: -; Owner: x\nCREATE NOVELTY n;";
        let items = items(sql).unwrap();
        let labels: Vec<&str> = items.iter().skip(1).map(|item| item.label.as_str()).collect();
        assert_eq!(labels, ["EVENT TRIGGER e", "COMMENT EVENT TRIGGER e"]);
        assert_eq!((items[0].phase, items[0].sql.as_str()), (Phase::PostData, "CREATE NOVELTY n"));
    }
}
