//! When triggers, rules and event triggers fire: always, on the origin alone, on a replica alone, never.

use super::super::PostgresSession;
use super::shown;
use crate::error::Result;
use crate::postgres::roles::statement;
use offshoot_core::target::{Adapted, Difference};
use pg_query::NodeEnum;
use pg_query::protobuf::{AlterTableStmt, AlterTableType};
use std::collections::HashMap;

/// Kind, schema, table and name; when it fires; when that one fires of which it is the copy for a partition.
const FIRING: &str = "
SELECT 'trigger', n.nspname::pg_catalog.text, c.relname::pg_catalog.text, t.tgname::pg_catalog.text, t.tgenabled::pg_catalog.text,
       p.tgenabled::pg_catalog.text, c.oid
FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN LATERAL (
  SELECT u.tgenabled FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_trigger u ON u.oid = d.refobjid AND u.tgconstraint = 0
  WHERE d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND d.objid = t.oid AND d.refclassid = d.classid LIMIT 1) p ON true
WHERE NOT t.tgisinternal OR p.tgenabled IS NOT NULL
UNION ALL
SELECT 'rule', n.nspname, c.relname, w.rulename, w.ev_enabled::pg_catalog.text, NULL, c.oid
FROM pg_catalog.pg_rewrite w JOIN pg_catalog.pg_class c ON c.oid = w.ev_class JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
UNION ALL
SELECT 'event trigger', '', '', evtname, evtenabled::pg_catalog.text, NULL, oid FROM pg_catalog.pg_event_trigger";

/// But for what extensions brought, and what is on their tables.
const OF_USERS: &str = "
WHERE f.schema !~ '^pg_' AND f.schema <> 'information_schema' AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_depend d WHERE d.objid = f.oid AND d.deptype = 'e'
    AND d.classid = CASE f.kind WHEN 'event trigger' THEN 'pg_catalog.pg_event_trigger' ELSE 'pg_catalog.pg_class' END::pg_catalog.regclass)
ORDER BY 1, 2, 3, 4";

/// By default.
const ON_ORIGIN: &str = "O";

/// Kind, schema, table, name.
type Key = (&'static str, String, String, String);

impl PostgresSession<'_> {
    /// What fires where it should not, or the other way round.
    pub(super) fn firing_differences(&self, adapted: &Adapted) -> Result<Vec<Difference>> {
        let given: HashMap<Key, &str> =
            adapted.works.iter().flat_map(|work| &work.sql).filter_map(|sql| given(sql)).collect();
        let sql =
            format!("SELECT f.* FROM ({FIRING}) f (kind, schema, on_table, name, enabled, of_whole, oid) {OF_USERS}");
        let mut differences = Vec::new();
        for row in &self.query("compare when triggers and rules fire", &sql, &[])? {
            let kind = match row.get::<_, &str>(0) {
                "trigger" => "trigger",
                "rule" => "rule",
                _ => "event trigger",
            };
            let key: Key = (kind, row.get(1), row.get(2), row.get(3));
            // Nothing is said of a copy that fires when the other one does.
            let by_default = row.get::<_, Option<&str>>(5).unwrap_or(ON_ORIGIN);
            if row.get::<_, &str>(4) != given.get(&key).copied().unwrap_or(by_default) {
                let place = if key.2.is_empty() { String::new() } else { format!(" of {}", shown(&key.1, &key.2)) };
                let object = format!("{kind} {}{place}", shown("", &key.3));
                differences.push(Difference { object, how: "when it fires is another matter".to_owned() });
            }
        }
        Ok(differences)
    }
}

fn given(sql: &str) -> Option<(Key, &'static str)> {
    let is_about_firing = [" TRIGGER ", " RULE "].iter().any(|word| sql.contains(word));
    if !sql.starts_with("ALTER ") || !is_about_firing {
        return None;
    }
    match statement(sql)? {
        NodeEnum::AlterTableStmt(alter) => of_table(alter),
        NodeEnum::AlterEventTrigStmt(alter) => {
            let letter = ["O", "A", "R", "D"].into_iter().find(|letter| *letter == alter.tgenabled)?;
            Some((("event trigger", String::new(), String::new(), alter.trigname), letter))
        }
        _ => None,
    }
}

fn of_table(alter: AlterTableStmt) -> Option<(Key, &'static str)> {
    let NodeEnum::AlterTableCmd(command) = alter.cmds.first()?.node.as_ref()? else { return None };
    let (kind, letter) = match AlterTableType::try_from(command.subtype).ok()? {
        AlterTableType::AtEnableTrig => ("trigger", ON_ORIGIN),
        AlterTableType::AtEnableAlwaysTrig => ("trigger", "A"),
        AlterTableType::AtEnableReplicaTrig => ("trigger", "R"),
        AlterTableType::AtDisableTrig => ("trigger", "D"),
        AlterTableType::AtEnableRule => ("rule", ON_ORIGIN),
        AlterTableType::AtEnableAlwaysRule => ("rule", "A"),
        AlterTableType::AtEnableReplicaRule => ("rule", "R"),
        AlterTableType::AtDisableRule => ("rule", "D"),
        _ => return None,
    };
    let name = command.name.clone();
    let relation = alter.relation?;
    Some(((kind, relation.schemaname, relation.relname, name), letter))
}

#[cfg(test)]
mod tests {
    use super::given;

    #[test]
    fn what_is_said_of_firing_is_read() {
        let key = |kind, schema: &str, table: &str, name: &str| (kind, schema.into(), table.into(), name.into());
        for (sql, wanted) in [
            ("ALTER TABLE s.t DISABLE TRIGGER \"G\"", Some((key("trigger", "s", "t", "G"), "D"))),
            ("ALTER TABLE s.t ENABLE TRIGGER g", Some((key("trigger", "s", "t", "g"), "O"))),
            ("ALTER FOREIGN TABLE s.t ENABLE ALWAYS TRIGGER g", Some((key("trigger", "s", "t", "g"), "A"))),
            ("ALTER TABLE s.t ENABLE REPLICA RULE r", Some((key("rule", "s", "t", "r"), "R"))),
            ("ALTER EVENT TRIGGER e DISABLE", Some((key("event trigger", "", "", "e"), "D"))),
            ("ALTER EVENT TRIGGER e OWNER TO o", None),
            ("ALTER TABLE s.t CLUSTER ON i", None),
        ] {
            assert_eq!(given(sql), wanted, "{sql}");
        }
    }
}
