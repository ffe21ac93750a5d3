//! Whether objects have the comments that they were given, and no others.

use super::super::{MARK_SCHEMA, PostgresSession};
use super::address::{Address, Place};
use crate::error::Result;
use crate::postgres::quote::literal;
use crate::postgres::roles::statement;
use offshoot_core::target::{Adapted, Difference};
use pg_query::NodeEnum;
use pg_query::protobuf::ObjectType;
use std::collections::HashMap;

/// All comments; and, of those on objects of users, how the server describes the object.
const COMMENTS: &str = "
SELECT c.classoid, c.objoid, c.objsubid, c.description, CASE WHEN c.objoid >= 16384 AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d WHERE d.classid = c.classoid AND d.objid = c.objoid AND d.deptype = 'e') AND NOT EXISTS (
    SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_depend e ON e.classid = d.refclassid AND e.objid = d.refobjid AND e.deptype = 'e'
    WHERE d.classid = c.classoid AND d.objid = c.objoid AND d.deptype IN ('a', 'i', 'P', 'S'))
    AND c.classoid <> 'pg_catalog.pg_extension'::pg_catalog.regclass
    AND (c.classoid, c.objoid) <> ('pg_catalog.pg_namespace'::pg_catalog.regclass, COALESCE(pg_catalog.to_regnamespace({mark}), 0))
  THEN pg_catalog.pg_describe_object(c.classoid, c.objoid, c.objsubid) END
FROM pg_catalog.pg_description c ORDER BY 5";

impl PostgresSession<'_> {
    /// What is missing or differs.
    pub(super) fn comment_differences(&self, adapted: &Adapted) -> Result<Vec<Difference>> {
        let doing = "compare the comments";
        let given: HashMap<Address, String> =
            adapted.works.iter().flat_map(|work| &work.sql).filter_map(|sql| given(sql)).collect();
        let addresses: Vec<&Address> = given.keys().collect();
        let places = self.places(doing, &addresses)?;
        let rows = self.query(doing, &COMMENTS.replace("{mark}", &literal(MARK_SCHEMA)), &[])?;
        // A text that is no text is none that was given.
        let text = |row: &tokio_postgres::Row| row.try_get::<_, String>(3).unwrap_or_default();
        let place = |row: &tokio_postgres::Row| -> Place { (row.get(0), row.get(1), row.get(2)) };
        let there: HashMap<Place, String> = rows.iter().map(|row| (place(row), text(row))).collect();
        let differs = |object: &str, how: &str| Difference { object: object.to_owned(), how: how.to_owned() };
        let mut differences = Vec::new();
        for (address, place) in addresses.iter().zip(&places) {
            match place.and_then(|place| there.get(&place)) {
                None => differences.push(differs(&address.shown, "its comment is not there")),
                Some(text) if *text != given[*address] => {
                    differences.push(differs(&address.shown, "its comment is another one"))
                }
                Some(_) => {}
            }
        }
        for row in &rows {
            if let Some(object) = row.get::<_, Option<String>>(4)
                && !places.contains(&Some(place(row)))
            {
                differences.push(differs(&object, "its comment is not in the snapshot"));
            }
        }
        differences.sort_by(|one, other| one.object.cmp(&other.object));
        Ok(differences)
    }
}

fn given(sql: &str) -> Option<(Address, String)> {
    if !sql.starts_with("COMMENT ON ") {
        return None;
    }
    let NodeEnum::CommentStmt(comment) = statement(sql)? else { return None };
    let object = comment.object?.node?;
    Some((Address::of(ObjectType::try_from(comment.objtype).ok()?, &object)?, comment.comment))
}
