//! Whether privileges are those that the statements give: what the server gives by default, and upon that each GRANT and
//! REVOKE in order.
//!
//! Of objects that were there before or came with an extension only what the statements name is looked at: who made them
//! may have given more.

use super::super::{MARK_SCHEMA, PostgresSession};
use super::address::{Address, Place};
use crate::error::Result;
use crate::postgres::quote::literal;
use crate::postgres::roles::statement;
use offshoot_core::target::{Adapted, Difference};
use pg_query::protobuf::{AccessPriv, GrantStmt, GrantTargetType, ObjectType, RoleSpec, RoleSpecType};
use pg_query::{Node, NodeEnum};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What can be granted on a column.
const OF_COLUMNS: [&str; 4] = ["SELECT", "INSERT", "UPDATE", "REFERENCES"];

/// Privileges by default and as they are, of objects that have some of their own or that statements name.
const PRIVILEGES: &str = "
WITH named AS (SELECT * FROM unnest($1::pg_catalog.oid[], $2::pg_catalog.oid[], $3::pg_catalog.int4[]) n(class, object, part)),
owned (class, object, part, kind, owner, acl) AS (
  SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, oid, 0, CASE relkind WHEN 'S' THEN 's' ELSE 'r' END, relowner, relacl
  FROM pg_catalog.pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  UNION ALL SELECT 'pg_catalog.pg_class'::pg_catalog.regclass, a.attrelid, a.attnum, 'c', c.relowner, a.attacl
  FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid WHERE NOT a.attisdropped
  UNION ALL SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass, oid, 0, 'f', proowner, proacl FROM pg_catalog.pg_proc
  UNION ALL SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, oid, 0, 'T', typowner, typacl FROM pg_catalog.pg_type
  UNION ALL SELECT 'pg_catalog.pg_namespace'::pg_catalog.regclass, oid, 0, 'n', nspowner, nspacl FROM pg_catalog.pg_namespace
  UNION ALL SELECT 'pg_catalog.pg_language'::pg_catalog.regclass, oid, 0, 'l', lanowner, lanacl FROM pg_catalog.pg_language
  UNION ALL SELECT 'pg_catalog.pg_foreign_data_wrapper'::pg_catalog.regclass, oid, 0, 'F', fdwowner, fdwacl FROM pg_catalog.pg_foreign_data_wrapper
  UNION ALL SELECT 'pg_catalog.pg_foreign_server'::pg_catalog.regclass, oid, 0, 'S', srvowner, srvacl FROM pg_catalog.pg_foreign_server
  UNION ALL SELECT 'pg_catalog.pg_largeobject'::pg_catalog.regclass, oid, 0, 'L', lomowner, lomacl FROM pg_catalog.pg_largeobject_metadata),
wanted AS (
  SELECT o.*, o.object >= 16384 AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend d WHERE d.classid = o.class AND d.objid = o.object AND d.objsubid = 0 AND d.deptype = 'e')
    AND (o.class, o.object) <> ('pg_catalog.pg_namespace'::pg_catalog.regclass, COALESCE(pg_catalog.to_regnamespace({mark}), 0)) AS is_made
  FROM owned o LEFT JOIN named n ON n.class = o.class AND n.object = o.object AND n.part = o.part
  WHERE n.class IS NOT NULL OR o.acl IS NOT NULL)
SELECT w.class, w.object, w.part, w.is_made, pg_catalog.pg_get_userbyid(w.owner)::pg_catalog.text,
       pg_catalog.pg_describe_object(w.class, w.object, w.part), g.is_default,
       pg_catalog.pg_get_userbyid(g.grantor)::pg_catalog.text,
       CASE WHEN g.grantee = 0 THEN '' ELSE pg_catalog.pg_get_userbyid(g.grantee)::pg_catalog.text END, g.privilege_type, g.is_grantable
FROM wanted w LEFT JOIN LATERAL (
  SELECT true AS is_default, d.* FROM pg_catalog.aclexplode(pg_catalog.acldefault(w.kind::\"char\", w.owner)) d
  UNION ALL SELECT false, a.* FROM pg_catalog.aclexplode(COALESCE(w.acl, pg_catalog.acldefault(w.kind::\"char\", w.owner))) a) g ON true
WHERE w.is_made OR EXISTS (SELECT FROM named n WHERE n.class = w.class AND n.object = w.object AND n.part = w.part)
ORDER BY 6";

/// One GRANT or REVOKE of one object.
struct Given {
    address: Address,
    change: Change,
    is_relation: bool,
}

/// What a GRANT or REVOKE does.
#[derive(Clone)]
pub(super) struct Change {
    is_grant: bool,
    /// Only the right to grant it.
    is_option_only: bool,
    /// None for all that there are.
    privilege: Option<String>,
    /// Names; that of PUBLIC is empty.
    grantees: Vec<String>,
    with_option: bool,
    /// None for the owner.
    grantor: Option<String>,
}

/// Grantor, grantee, privilege.
pub(super) type Right = (String, String, String);

/// Privileges of an object, each with whether it may be granted on.
#[derive(Default)]
pub(super) struct Object {
    pub is_made: bool,
    pub owner: String,
    pub shown: String,
    /// All that can be granted; of a column nothing is anybody's by default, and so nothing is here.
    pub all: BTreeSet<String>,
    pub by_default: BTreeMap<Right, bool>,
    pub there: BTreeMap<Right, bool>,
}

impl PostgresSession<'_> {
    /// What is missing or differs.
    pub(super) fn privilege_differences(&self, adapted: &Adapted) -> Result<Vec<Difference>> {
        let doing = "compare the privileges";
        let given = given(adapted);
        let addresses: Vec<&Address> = given.iter().map(|given| &given.address).collect();
        let places = self.places(doing, &addresses)?;
        let mut differences: Vec<Difference> = (addresses.iter().zip(&places))
            .filter(|(_, place)| place.is_none())
            .map(|(address, _)| Difference { object: address.shown.clone(), how: "it is not there".to_owned() })
            .collect();
        let objects = self.privileges(doing, &places)?;
        let mut by_place: HashMap<Place, Vec<&Given>> = HashMap::new();
        for (given, place) in given.iter().zip(&places) {
            if let Some((class, object, part)) = *place {
                by_place.entry((class, object, part)).or_default().push(given);
                // What is taken of a table is taken of its columns.
                if given.is_relation && !given.change.is_grant {
                    let columns = objects.keys().filter(|other| other.0 == class && other.1 == object && other.2 > 0);
                    columns.for_each(|column| by_place.entry(*column).or_default().push(given));
                }
            }
        }
        let none = Vec::new();
        for (place, object) in &objects {
            let given = by_place.get(place).unwrap_or(&none);
            if !object.is_as_given(given.iter().map(|given| &given.change)) {
                differences
                    .push(Difference { object: object.shown.clone(), how: "its privileges are others".to_owned() });
            }
        }
        differences.sort_by(|one, other| one.object.cmp(&other.object));
        Ok(differences)
    }

    fn privileges(&self, doing: &str, places: &[Option<Place>]) -> Result<BTreeMap<Place, Object>> {
        let named: Vec<Place> = places.iter().copied().flatten().collect();
        let classes: Vec<u32> = named.iter().map(|place| place.0).collect();
        let numbers: Vec<u32> = named.iter().map(|place| place.1).collect();
        let parts: Vec<i32> = named.iter().map(|place| place.2).collect();
        let sql = PRIVILEGES.replace("{mark}", &literal(MARK_SCHEMA));
        let mut objects: BTreeMap<Place, Object> = BTreeMap::new();
        for row in &self.query(doing, &sql, &[&classes, &numbers, &parts])? {
            let object = objects.entry((row.get(0), row.get(1), row.get(2))).or_default();
            (object.is_made, object.owner) = (row.get(3), row.get(4));
            object.shown = row.get::<_, Option<String>>(5).unwrap_or_default();
            let Some(is_default) = row.get::<_, Option<bool>>(6) else { continue };
            let right: Right = (row.get(7), row.get(8), row.get(9));
            if is_default {
                object.all.insert(right.2.clone());
            }
            let rights = if is_default { &mut object.by_default } else { &mut object.there };
            rights.insert(right, row.get(10));
        }
        Ok(objects)
    }
}

impl Object {
    pub(super) fn is_as_given<'c>(&self, given: impl Iterator<Item = &'c Change>) -> bool {
        // Who made it may have given more, or less.
        let mut rights = if self.is_made { self.by_default.clone() } else { self.there.clone() };
        for given in given {
            for right in self.rights(given) {
                match (given.is_grant, given.is_option_only) {
                    (true, _) => *rights.entry(right).or_default() |= given.with_option,
                    (false, true) => {
                        rights.entry(right).and_modify(|may_grant| *may_grant = false);
                    }
                    (false, false) => {
                        rights.remove(&right);
                    }
                }
            }
        }
        rights == self.there
    }

    fn rights(&self, given: &Change) -> Vec<Right> {
        let grantor = given.grantor.as_ref().unwrap_or(&self.owner);
        let all: BTreeSet<&str> = match &given.privilege {
            Some(privilege) => BTreeSet::from([privilege.as_str()]),
            None if self.all.is_empty() => BTreeSet::from(OF_COLUMNS),
            None => self.all.iter().map(String::as_str).collect(),
        };
        let of = |grantee: &String| {
            let grantee = grantee.clone();
            let all = all.iter();
            all.map(move |privilege| (grantor.clone(), grantee.clone(), (*privilege).to_owned())).collect::<Vec<_>>()
        };
        given.grantees.iter().flat_map(of).collect()
    }
}

fn given(adapted: &Adapted) -> Vec<Given> {
    let mut all = Vec::new();
    let mut grantor = None;
    for sql in adapted.works.iter().flat_map(|work| &work.sql) {
        if sql.starts_with("SET SESSION AUTHORIZATION ") || sql.starts_with("RESET SESSION AUTHORIZATION") {
            grantor = match statement(sql) {
                Some(NodeEnum::VariableSetStmt(set)) => set.args.first().and_then(text),
                _ => None,
            };
        } else if (sql.starts_with("GRANT ") || sql.starts_with("REVOKE "))
            && let Some(NodeEnum::GrantStmt(grant)) = statement(sql)
            && grant.targtype == GrantTargetType::AclTargetObject as i32
        {
            all.extend(of_statement(&grant, grantor.as_ref()));
        }
    }
    all
}

fn of_statement(grant: &GrantStmt, grantor: Option<&String>) -> Vec<Given> {
    let Ok(kind) = ObjectType::try_from(grant.objtype) else { return Vec::new() };
    let mut all = Vec::new();
    for object in grant.objects.iter().filter_map(|node| node.node.as_ref()) {
        let is_relation = matches!(object, NodeEnum::RangeVar(_));
        for (change, privilege) in changes(grant, grantor) {
            let addresses = match privilege {
                Some(privilege) => addresses(kind, object, privilege),
                None => Address::of(kind, object).into_iter().collect(),
            };
            all.extend(addresses.into_iter().map(|address| Given { address, change: change.clone(), is_relation }));
        }
    }
    all
}

/// What a statement does, privilege by privilege.
pub(super) fn changes<'g>(grant: &'g GrantStmt, grantor: Option<&String>) -> Vec<(Change, Option<&'g AccessPriv>)> {
    let grantees: Vec<String> = grant.grantees.iter().filter_map(grantee).collect();
    let change = |privilege| Change {
        is_grant: grant.is_grant,
        is_option_only: !grant.is_grant && grant.grant_option,
        privilege,
        grantees: grantees.clone(),
        with_option: grant.grant_option,
        grantor: grantor.cloned(),
    };
    if grant.privileges.is_empty() {
        return vec![(change(None), None)];
    }
    let one = |node: &'g Node| {
        let Some(NodeEnum::AccessPriv(privilege)) = &node.node else { return None };
        let name = Some(privilege.priv_name.to_uppercase()).filter(|name| !name.is_empty() && name != "ALL");
        Some((change(name), Some(privilege)))
    };
    grant.privileges.iter().filter_map(one).collect()
}

/// The object, or those of its columns that are named.
fn addresses(kind: ObjectType, object: &NodeEnum, privilege: &AccessPriv) -> Vec<Address> {
    match object {
        NodeEnum::RangeVar(relation) if !privilege.cols.is_empty() => {
            let columns = privilege.cols.iter().filter_map(text);
            columns.map(|column| Address::column(&relation.schemaname, &relation.relname, &column)).collect()
        }
        _ => Address::of(kind, object).into_iter().collect(),
    }
}

pub(super) fn text(node: &Node) -> Option<String> {
    match node.node.as_ref()? {
        NodeEnum::String(text) => Some(text.sval.clone()),
        NodeEnum::AConst(constant) => match constant.val.as_ref()? {
            pg_query::protobuf::a_const::Val::Sval(text) => Some(text.sval.clone()),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn grantee(node: &Node) -> Option<String> {
    let Some(NodeEnum::RoleSpec(RoleSpec { roletype, rolename, .. })) = &node.node else { return None };
    match RoleSpecType::try_from(*roletype) {
        Ok(RoleSpecType::RolespecCstring) => Some(rolename.clone()),
        Ok(RoleSpecType::RolespecPublic) => Some(String::new()),
        _ => None,
    }
}
