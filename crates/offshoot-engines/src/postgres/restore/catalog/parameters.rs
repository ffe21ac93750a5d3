//! Storage parameters of tables and views, and how closely the columns of indexes and extended statistics are sampled.

use super::super::PostgresSession;
use super::shown;
use crate::error::Result;
use crate::postgres::roles::statement;
use offshoot_core::target::{Adapted, Difference};
use pg_query::protobuf::{AlterTableStmt, AlterTableType, DefElem, RangeVar, ViewCheckOption};
use pg_query::{Node, NodeEnum};
use std::collections::{BTreeMap, BTreeSet};

/// Those of indexes are part of their definition.
const PARAMETERS: &str = "
SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text, c.reloptions, t.reloptions
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_class t ON t.oid = c.reltoastrelid
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY 1, 2";

/// Of columns of indexes, which have numbers, and of extended statistics, which have a target from version 13 on.
const TARGETS: &str = "
SELECT n.nspname::pg_catalog.text, c.relname::pg_catalog.text, a.attnum::pg_catalog.int4, a.attstattarget::pg_catalog.int4
FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('i', 'I') AND a.attstattarget >= 0 AND a.attnum > 0 AND n.nspname !~ '^pg_' AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_depend d ON d.objid = i.indrelid
  WHERE i.indexrelid = c.oid AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.deptype = 'e')
UNION ALL
SELECT n.nspname, s.stxname, 0, (pg_catalog.to_jsonb(s) ->> 'stxstattarget')::pg_catalog.int4
FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
WHERE (pg_catalog.to_jsonb(s) ->> 'stxstattarget')::pg_catalog.int4 >= 0";

/// Schema, name.
type Place = (String, String);

/// What the statements say.
#[derive(Default)]
struct Given {
    /// Each as the catalog has it: name=value.
    parameters: BTreeMap<Place, BTreeSet<String>>,
    /// Schema, name, and the number of the column, 0 for extended statistics.
    targets: BTreeMap<(String, String, i32), i32>,
}

impl PostgresSession<'_> {
    /// What has other parameters, or is sampled otherwise.
    pub(super) fn parameter_differences(&self, adapted: &Adapted) -> Result<Vec<Difference>> {
        let mut given = Given::default();
        adapted.works.iter().flat_map(|work| &work.sql).for_each(|sql| given.take(sql));
        let doing = "compare storage parameters";
        let mut differences = Vec::new();
        let mut differs = |object: String, how: &str| differences.push(Difference { object, how: how.to_owned() });
        for row in &self.query(doing, PARAMETERS, &[])? {
            let place: Place = (row.get(0), row.get(1));
            let of = |column: usize| row.get::<_, Option<Vec<String>>>(column).unwrap_or_default();
            let toast = of(3).into_iter().map(|option| format!("toast.{option}"));
            let there: BTreeSet<String> = of(2).into_iter().chain(toast).collect();
            if given.parameters.remove(&place).unwrap_or_default() != there {
                differs(format!("relation {}", shown(&place.0, &place.1)), "its storage parameters are others");
            }
        }
        let there: BTreeMap<(String, String, i32), i32> = (self.query(doing, TARGETS, &[])?.iter())
            .map(|row| ((row.get(0), row.get(1), row.get(2)), row.get(3)))
            .collect();
        let all: BTreeSet<_> = there.keys().chain(given.targets.keys()).collect();
        for key in all.into_iter().filter(|key| there.get(key) != given.targets.get(key)) {
            let name = shown(&key.0, &key.1);
            match key.2 {
                0 => differs(format!("statistics {name}"), "its target is another one"),
                number => differs(
                    format!("index {name}"),
                    &format!("the statistics target of column {number} is another one"),
                ),
            }
        }
        Ok(differences)
    }
}

impl Given {
    fn take(&mut self, sql: &str) {
        let is_made = sql.starts_with("CREATE ")
            && (sql.contains("WITH (") || sql.contains(" CHECK OPTION"))
            && ["TABLE ", "VIEW "].iter().any(|word| sql.contains(word));
        let is_sampled = sql.starts_with("ALTER ") && sql.contains(" SET STATISTICS ");
        if !is_made && !is_sampled {
            return;
        }
        match statement(sql) {
            Some(NodeEnum::CreateStmt(create)) => self.made(create.relation, &create.options, None),
            Some(NodeEnum::ViewStmt(view)) => {
                let check = match ViewCheckOption::try_from(view.with_check_option) {
                    Ok(ViewCheckOption::LocalCheckOption) => Some("local"),
                    Ok(ViewCheckOption::CascadedCheckOption) => Some("cascaded"),
                    _ => None,
                };
                self.made(view.view, &view.options, check);
            }
            Some(NodeEnum::CreateTableAsStmt(create)) => {
                if let Some(into) = create.into {
                    self.made(into.rel, &into.options, None);
                }
            }
            Some(NodeEnum::AlterTableStmt(alter)) => self.column(alter),
            Some(NodeEnum::AlterStatsStmt(alter)) => {
                let target = alter.stxstattarget.as_ref().and_then(|target| integer(target));
                if let (Some((schema, name)), Some(target)) = (super::expected::qualified_name(&alter.defnames), target)
                {
                    self.targets.insert((schema, name, 0), target);
                }
            }
            _ => {}
        }
    }

    fn made(&mut self, relation: Option<RangeVar>, options: &[Node], check: Option<&str>) {
        let Some(relation) = relation else { return };
        let parameters: BTreeSet<String> =
            options.iter().filter_map(parameter).chain(check.map(|check| format!("check_option={check}"))).collect();
        self.parameters.insert((relation.schemaname, relation.relname), parameters);
    }

    /// The column of an index: those of tables have names.
    fn column(&mut self, alter: AlterTableStmt) {
        for node in &alter.cmds {
            if let (Some(NodeEnum::AlterTableCmd(command)), Some(relation)) = (&node.node, &alter.relation)
                && command.subtype == AlterTableType::AtSetStatistics as i32
                && command.num > 0
                && let Some(target) = command.def.as_ref().and_then(|target| integer(target))
            {
                self.targets.insert((relation.schemaname.clone(), relation.relname.clone(), command.num), target);
            }
        }
    }
}

fn integer(node: &Node) -> Option<i32> {
    match &node.node {
        Some(NodeEnum::Integer(number)) => Some(number.ival),
        _ => None,
    }
}

/// As the catalog has it.
fn parameter(node: &Node) -> Option<String> {
    let Some(NodeEnum::DefElem(option)) = &node.node else { return None };
    let DefElem { defnamespace, defname, arg, .. } = option.as_ref();
    let value = match arg.as_ref().and_then(|arg| arg.node.as_ref()) {
        None => "true".to_owned(),
        Some(value) => text(value)?,
    };
    let space = if defnamespace.is_empty() { String::new() } else { format!("{defnamespace}.") };
    Some(format!("{space}{defname}={value}"))
}

/// A value as it is written; words without quotes are taken for names of types.
fn text(value: &NodeEnum) -> Option<String> {
    Some(match value {
        NodeEnum::String(text) => text.sval.clone(),
        NodeEnum::Integer(number) => number.ival.to_string(),
        NodeEnum::Float(number) => number.fval.clone(),
        NodeEnum::TypeName(name) => text(name.names.last()?.node.as_ref()?)?,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::Given;

    #[test]
    fn what_is_said_of_parameters_is_read() {
        let mut given = Given::default();
        for sql in [
            "CREATE TABLE s.t (a int)\nWITH (fillfactor='70', toast.autovacuum_enabled=off, autovacuum_vacuum_scale_factor='0.5')",
            "CREATE VIEW s.v WITH (security_barrier='true') AS\n SELECT 1\n  WITH LOCAL CHECK OPTION",
            "CREATE MATERIALIZED VIEW s.m\nWITH (fillfactor='50') AS\n SELECT 1\n  WITH NO DATA",
            "CREATE TABLE s.u (a int)",
            "ALTER INDEX s.i ALTER COLUMN 2 SET STATISTICS 500",
            "ALTER TABLE ONLY s.t ALTER COLUMN a SET STATISTICS 50",
            "ALTER STATISTICS s.e SET STATISTICS 0",
        ] {
            given.take(sql);
        }
        let of = |name: &str| {
            given
                .parameters
                .get(&("s".to_owned(), name.to_owned()))
                .map(|all| all.iter().map(String::as_str).collect::<Vec<_>>())
        };
        assert_eq!(
            of("t").unwrap(),
            ["autovacuum_vacuum_scale_factor=0.5", "fillfactor=70", "toast.autovacuum_enabled=off"]
        );
        assert_eq!(of("v").unwrap(), ["check_option=local", "security_barrier=true"]);
        assert_eq!((of("m").unwrap(), of("u")), (vec!["fillfactor=50"], None));
        let targets: Vec<_> =
            given.targets.iter().map(|((_, name, column), target)| (name.as_str(), *column, *target)).collect();
        assert_eq!(targets, [("e", 0, 0), ("i", 2, 500)]);
    }
}
