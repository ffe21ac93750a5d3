//! Refreshes of the materialized views that are filled at the source, in the order of what they are made of.

use super::added;
use crate::error::{Result, refused};
use crate::postgres::quote::{qualified, shown};
use offshoot_format::manifest::SchemaItem;
use std::collections::{BTreeMap, BTreeSet};
use tokio_postgres::Client;

/// Views and materialized views, with those that each of them reads.
const QUERY: &str = "
SELECT c.oid, n.nspname, c.relname, c.relkind = 'm' AND c.relispopulated,
       ARRAY(SELECT DISTINCT d.refobjid FROM pg_catalog.pg_rewrite r
             JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND d.objid = r.oid
             JOIN pg_catalog.pg_class v ON v.oid = d.refobjid AND v.relkind IN ('v', 'm')
             WHERE r.ev_class = c.oid AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND v.oid <> c.oid)
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('v', 'm') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"";

struct View {
    schema: String,
    name: String,
    is_populated: bool,
    reads: Vec<u32>,
}

/// The statements that fill them.
///
/// # Errors
/// If the server refuses.
pub async fn refreshes(client: &Client) -> Result<Vec<SchemaItem>> {
    let rows = client.query(QUERY, &[]).await.map_err(refused("list its materialized views"))?;
    let mut order = Vec::new();
    let mut views = BTreeMap::new();
    for row in &rows {
        let oid: u32 = row.get(0);
        order.push(oid);
        let (schema, name, is_populated, reads) = (row.get(1), row.get(2), row.get(3), row.get(4));
        views.insert(oid, View { schema, name, is_populated, reads });
    }
    Ok(in_order(&order, &views).into_iter().map(refresh).collect())
}

fn refresh(view: &View) -> SchemaItem {
    added(
        format!("REFRESH {}", shown(&view.schema, &view.name)),
        format!("REFRESH MATERIALIZED VIEW {}", qualified(&view.schema, &view.name)),
    )
}

/// The filled ones, each after all that it reads. Walks with a stack of its own: views nest as deep as users like.
fn in_order<'v>(order: &[u32], views: &'v BTreeMap<u32, View>) -> Vec<&'v View> {
    let mut done = BTreeSet::new();
    let mut entered = BTreeSet::new();
    let mut sorted = Vec::new();
    let mut stack: Vec<u32> = order.iter().rev().copied().collect();
    while let Some(&oid) = stack.last() {
        let Some(view) = views.get(&oid).filter(|_| !done.contains(&oid)) else {
            stack.pop();
            continue;
        };
        if entered.insert(oid) {
            stack.extend(view.reads.iter().rev().filter(|read| !entered.contains(read)));
            continue;
        }
        stack.pop();
        done.insert(oid);
        if view.is_populated {
            sorted.push(view);
        }
    }
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_comes_first() {
        let view = |name: &str, is_populated, reads: &[u32]| View {
            schema: "s".to_owned(),
            name: name.to_owned(),
            is_populated,
            reads: reads.to_vec(),
        };
        // a reads the view v, which reads b and c; c is not filled.
        let views = BTreeMap::from([
            (1, view("a", true, &[2])),
            (2, view("v", false, &[3, 4])),
            (3, view("b", true, &[])),
            (4, view("c", false, &[3])),
        ]);
        let names: Vec<&str> = in_order(&[1, 3, 4, 2], &views).iter().map(|view| view.name.as_str()).collect();
        assert_eq!(names, ["b", "a"]);
    }
}
