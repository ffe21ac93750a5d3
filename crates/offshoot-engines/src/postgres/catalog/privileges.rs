//! Rights that reading everything needs, asked before anything is locked, and the statements that grant the missing ones.

use super::relations::Relation;
use super::user_schema;
use crate::error::{EngineError, Result, refused};
use crate::postgres::quote::{ident, qualified, shown};
use tokio_postgres::Client;

/// Checks that the session's role may read these relations and all sequences, unfiltered by policies.
///
/// # Errors
/// `Privileges` with everything that is missing, or the server's refusal.
pub async fn check(client: &Client, relations: &[Relation]) -> Result<()> {
    let missing = missing(client, relations).await?;
    if missing.objects.is_empty() {
        return Ok(());
    }
    Err(EngineError::Privileges { role: missing.role, missing: missing.objects, grants: missing.grants })
}

/// What is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Missing {
    /// The role of the session.
    pub role: String,
    /// The objects that cannot be read, with the reason.
    pub objects: Vec<String>,
    /// The statements that mend it, each once.
    pub grants: Vec<String>,
}

impl Missing {
    fn add(&mut self, object: String, grant: String) {
        self.objects.push(object);
        if !self.grants.contains(&grant) {
            self.grants.push(grant);
        }
    }
}

const TABLES: &str = "
SELECT c.oid, pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE'), pg_catalog.has_table_privilege(c.oid, 'SELECT'),
       c.relkind = 'r' AND pg_catalog.row_security_active(c.oid)
FROM pg_catalog.pg_class c WHERE c.oid = ANY ($1)";

const SEQUENCES: &str = concat!(
    "SELECT n.nspname, c.relname, pg_catalog.has_schema_privilege(n.oid, 'USAGE')
     FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'S' AND c.relpersistence <> 't' AND ",
    user_schema!(),
    " AND NOT (pg_catalog.has_sequence_privilege(c.oid, 'SELECT') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'))
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid AND d.deptype = 'e')
     ORDER BY 1, 2"
);

/// Collects what is missing.
///
/// # Errors
/// If the server refuses.
pub async fn missing(client: &Client, relations: &[Relation]) -> Result<Missing> {
    let doing = "check what the role may read";
    let role: String =
        client.query_one("SELECT current_user::pg_catalog.text", &[]).await.map_err(refused(doing))?.get(0);
    let mut missing = Missing { role: role.clone(), ..Missing::default() };
    let role = ident(&role);
    let oids: Vec<u32> = relations.iter().map(|relation| relation.oid).collect();
    let rows = client.query(TABLES, &[&oids]).await.map_err(refused(doing))?;
    for row in &rows {
        let oid: u32 = row.get(0);
        let Some(relation) = relations.iter().find(|relation| relation.oid == oid) else { continue };
        let table = shown(&relation.schema, &relation.name);
        if !row.get::<_, bool>(1) {
            missing.add(table.clone(), format!("GRANT USAGE ON SCHEMA {} TO {role};", ident(&relation.schema)));
        }
        if !row.get::<_, bool>(2) {
            let name = qualified(&relation.schema, &relation.name);
            missing.add(table.clone(), format!("GRANT SELECT ON TABLE {name} TO {role};"));
        }
        if row.get::<_, bool>(3) {
            missing.add(
                format!("{table} (its row-level security would hide rows)"),
                format!("ALTER ROLE {role} BYPASSRLS;"),
            );
        }
    }
    let rows = client.query(SEQUENCES, &[]).await.map_err(refused(doing))?;
    for row in &rows {
        let (schema, name): (String, String) = (row.get(0), row.get(1));
        let object = format!("sequence {}", shown(&schema, &name));
        if !row.get::<_, bool>(2) {
            missing.add(object.clone(), format!("GRANT USAGE ON SCHEMA {} TO {role};", ident(&schema)));
        }
        missing.add(object, format!("GRANT SELECT ON SEQUENCE {} TO {role};", qualified(&schema, &name)));
    }
    missing.objects.dedup();
    Ok(missing)
}
