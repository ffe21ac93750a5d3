//! Whether objects belong to the roles that they were given to.

use super::super::PostgresSession;
use super::address::Address;
use crate::error::Result;
use crate::postgres::roles::{NamedRoles, named_roles, statement};
use offshoot_core::target::{Adapted, Difference};
use pg_query::NodeEnum;
use pg_query::protobuf::ObjectType;
use std::collections::BTreeMap;

/// Catalogs of objects that have owners, with the prefix of their columns.
const OWNED: &[(&str, &str)] = &[
    ("pg_class", "rel"),
    ("pg_proc", "pro"),
    ("pg_type", "typ"),
    ("pg_namespace", "nsp"),
    ("pg_operator", "opr"),
    ("pg_opclass", "opc"),
    ("pg_opfamily", "opf"),
    ("pg_collation", "coll"),
    ("pg_conversion", "con"),
    ("pg_ts_config", "cfg"),
    ("pg_ts_dict", "dict"),
    ("pg_statistic_ext", "stx"),
    ("pg_language", "lan"),
    ("pg_foreign_data_wrapper", "fdw"),
    ("pg_foreign_server", "srv"),
    ("pg_event_trigger", "evt"),
    ("pg_publication", "pub"),
];

impl PostgresSession<'_> {
    /// What is missing or differs.
    pub(super) fn owner_differences(&self, adapted: &Adapted) -> Result<Vec<Difference>> {
        let doing = "compare the owners";
        let given: BTreeMap<String, (Address, String)> = adapted
            .works
            .iter()
            .flat_map(|work| &work.sql)
            .filter_map(|sql| given(sql))
            .map(|(address, owner)| (address.shown.clone(), (address, owner)))
            .collect();
        let addresses: Vec<&Address> = given.values().map(|(address, _)| address).collect();
        let places = self.places(doing, &addresses)?;
        let (classes, objects): (Vec<u32>, Vec<u32>) =
            places.iter().map(|place| place.map_or((0, 0), |(class, object, _)| (class, object))).unzip();
        let owned = OWNED.iter().map(|(catalog, prefix)| {
            format!("SELECT 'pg_catalog.{catalog}'::pg_catalog.regclass, oid, {prefix}owner FROM pg_catalog.{catalog}")
        });
        // The class of a large object is that of its data.
        let large = "SELECT 'pg_catalog.pg_largeobject'::pg_catalog.regclass, oid, lomowner FROM pg_catalog.pg_largeobject_metadata";
        let sql = format!(
            "SELECT pg_catalog.pg_get_userbyid(o.owner)::pg_catalog.text
             FROM unnest($1::pg_catalog.oid[], $2::pg_catalog.oid[]) WITH ORDINALITY p(class, object, number)
             LEFT JOIN ({} UNION ALL {large}) o(class, object, owner) ON o.class = p.class AND o.object = p.object ORDER BY p.number",
            owned.collect::<Vec<_>>().join(" UNION ALL ")
        );
        let rows = self.query(doing, &sql, &[&classes, &objects])?;
        let mut differences = Vec::new();
        for ((address, wanted), row) in given.values().zip(&rows) {
            let how = match row.get::<_, Option<String>>(0) {
                None => "it is not there".to_owned(),
                Some(owner) if owner != *wanted => format!("its owner is {owner}, not {wanted}"),
                Some(_) => continue,
            };
            differences.push(Difference { object: address.shown.clone(), how });
        }
        Ok(differences)
    }
}

fn given(sql: &str) -> Option<(Address, String)> {
    let NamedRoles::Owner(owner) = named_roles(sql) else { return None };
    let address = match statement(sql)? {
        NodeEnum::AlterTableStmt(alter) => Address::relation(alter.relation.as_ref()?),
        NodeEnum::AlterOwnerStmt(alter) => {
            Address::of(ObjectType::try_from(alter.object_type).ok()?, alter.object?.node.as_ref()?)?
        }
        _ => return None,
    };
    Some((address, owner))
}
