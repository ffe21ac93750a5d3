//! Whether privileges that will be given to what is made later are those that the statements say.
//!
//! Looked at is what the statements name, and what the session's own role has said: other roles may have said something in the
//! database before.

use super::super::PostgresSession;
use super::privileges::{Change, Object, Right, changes, grantee, text};
use crate::error::Result;
use crate::postgres::roles::statement;
use offshoot_core::target::{Adapted, Difference};
use pg_query::protobuf::{DefElem, ObjectType};
use pg_query::{Node, NodeEnum};
use std::collections::{BTreeMap, BTreeSet};

/// What can be granted, what everybody has where nothing is said, and what is: for every role and schema of which something
/// is said here or there. In a schema only what is added is said.
const DEFAULTS: &str = "
WITH said AS (
  SELECT pg_catalog.pg_get_userbyid(defaclrole)::pg_catalog.text AS role, COALESCE(n.nspname::pg_catalog.text, '') AS schema,
         defaclobjtype::pg_catalog.text AS kind, defaclacl AS acl
  FROM pg_catalog.pg_default_acl d LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace),
wanted AS (
  SELECT w.*, pg_catalog.acldefault(CASE w.kind WHEN 'S' THEN 's' ELSE w.kind END::\"char\", r.oid) AS by_default
  FROM (SELECT role, schema, kind FROM said WHERE role = current_user::pg_catalog.text
        UNION SELECT role, schema, kind FROM unnest($1::pg_catalog.text[], $2::pg_catalog.text[], $3::pg_catalog.text[]) u(role, schema, kind)) w
  JOIN pg_catalog.pg_roles r ON r.rolname = w.role)
SELECT w.role, w.schema, w.kind, g.what, pg_catalog.pg_get_userbyid(g.grantor)::pg_catalog.text,
       CASE WHEN g.grantee = 0 THEN '' ELSE pg_catalog.pg_get_userbyid(g.grantee)::pg_catalog.text END, g.privilege_type, g.is_grantable
FROM wanted w LEFT JOIN said s ON s.role = w.role AND s.schema = w.schema AND s.kind = w.kind, LATERAL (
  SELECT 'all' AS what, d.* FROM pg_catalog.aclexplode(w.by_default) d
  UNION ALL SELECT 'default', d.* FROM pg_catalog.aclexplode(w.by_default) d WHERE w.schema = ''
  UNION ALL SELECT 'there', a.* FROM pg_catalog.aclexplode(COALESCE(s.acl, CASE WHEN w.schema = '' THEN w.by_default END)) a) g";

/// Role, schema or nothing, kind of objects.
type Key = (String, String, String);

impl PostgresSession<'_> {
    /// What is missing or differs.
    pub(super) fn default_privilege_differences(&self, adapted: &Adapted) -> Result<Vec<Difference>> {
        let mut given: BTreeMap<Key, Vec<Change>> = BTreeMap::new();
        for (key, changes) in adapted.works.iter().flat_map(|work| &work.sql).filter_map(|sql| said(sql)) {
            given.entry(key).or_default().extend(changes);
        }
        let part = |of: fn(&Key) -> &String| given.keys().map(|key| of(key).clone()).collect::<Vec<String>>();
        let (roles, schemas, kinds) = (part(|key| &key.0), part(|key| &key.1), part(|key| &key.2));
        let mut there: BTreeMap<Key, Object> = BTreeMap::new();
        for row in &self.query("compare the default privileges", DEFAULTS, &[&roles, &schemas, &kinds])? {
            let key: Key = (row.get(0), row.get(1), row.get(2));
            let object = there.entry(key).or_default();
            (object.is_made, object.owner) = (true, row.get(0));
            let right: Right = (row.get(4), row.get(5), row.get(6));
            match row.get(3) {
                "all" => drop(object.all.insert(right.2)),
                "default" => drop(object.by_default.insert(right, row.get(7))),
                _ => drop(object.there.insert(right, row.get(7))),
            }
        }
        let keys: BTreeSet<&Key> = there.keys().chain(given.keys()).collect();
        let differs = |key: &&&Key| {
            let changes = given.get(key).map_or(&[][..], Vec::as_slice);
            // A role that is not there has said nothing.
            there.get(key).is_none_or(|object| !object.is_as_given(changes.iter()))
        };
        Ok(keys
            .iter()
            .filter(differs)
            .map(|key| Difference { object: shown(key), how: "they are others".to_owned() })
            .collect())
    }
}

fn shown((role, schema, kind): &Key) -> String {
    let kind = match kind.as_str() {
        "r" => "tables",
        "S" => "sequences",
        "f" => "functions",
        "T" => "types",
        "n" => "schemas",
        _ => "large objects",
    };
    let place = if schema.is_empty() { String::new() } else { format!(" in schema {schema}") };
    format!("default privileges of role {role} on {kind}{place}")
}

fn said(sql: &str) -> Option<(Key, Vec<Change>)> {
    if !sql.starts_with("ALTER DEFAULT PRIVILEGES ") {
        return None;
    }
    let NodeEnum::AlterDefaultPrivilegesStmt(alter) = statement(sql)? else { return None };
    let grant = alter.action.as_ref()?;
    let kind = match ObjectType::try_from(grant.objtype).ok()? {
        ObjectType::ObjectTable => "r",
        ObjectType::ObjectSequence => "S",
        ObjectType::ObjectFunction => "f",
        ObjectType::ObjectType => "T",
        ObjectType::ObjectSchema => "n",
        ObjectType::ObjectLargeobject => "L",
        _ => return None,
    };
    let role = first(&alter.options, "roles", grantee)?;
    let schema = first(&alter.options, "schemas", text).unwrap_or_default();
    let changes = changes(grant, None).into_iter().map(|(change, _)| change).collect();
    Some(((role, schema, kind.to_owned()), changes))
}

/// The first of those that an option names: pg_dump writes one at a time.
fn first(options: &[Node], name: &str, of: impl Fn(&Node) -> Option<String>) -> Option<String> {
    options.iter().find_map(|node| {
        let Some(NodeEnum::DefElem(option)) = &node.node else { return None };
        let DefElem { defname, arg: Some(list), .. } = option.as_ref() else { return None };
        let NodeEnum::List(list) = list.node.as_ref()? else { return None };
        (defname == name).then(|| list.items.first().and_then(&of)).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::said;

    #[test]
    fn what_is_said_of_later_objects_is_read() {
        let key = |sql: &str| said(sql).map(|(key, changes)| (key, changes.len()));
        assert_eq!(
            key("ALTER DEFAULT PRIVILEGES FOR ROLE \"O\" IN SCHEMA s GRANT SELECT,INSERT ON TABLES TO a"),
            Some((("O".into(), "s".into(), "r".into()), 2))
        );
        assert_eq!(
            key("ALTER DEFAULT PRIVILEGES FOR ROLE o REVOKE ALL ON FUNCTIONS FROM PUBLIC"),
            Some((("o".into(), String::new(), "f".into()), 1))
        );
        assert!(key("GRANT SELECT ON TABLE s.t TO a").is_none());
    }
}
