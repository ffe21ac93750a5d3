//! Rights that reading everything needs, asked before anything is locked, and the statements that grant the missing ones.

use super::relations::Relation;
use super::{carried_sequence, user_schema};
use crate::error::{EngineError, Result, refused};
use crate::postgres::quote::{ident, qualified, shown};
use tokio_postgres::Client;

/// Checks that the session's role may read these relations, all sequences and all large objects, unfiltered by policies.
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
      AND ",
    carried_sequence!(),
    " ORDER BY 1, 2"
);

/// Large objects that are named when they cannot be read.
const LARGE_OBJECTS_MAX: usize = 5;

/// Large objects that the role may not read one by one, and how many there are. Asked only where it may not read all of them
/// from their table.
const LARGE_OBJECTS: &str = "
SELECT m.oid, pg_catalog.count(*) OVER ()
FROM pg_catalog.pg_largeobject_metadata m
WHERE pg_catalog.current_setting('lo_compat_privileges') <> 'on' AND NOT pg_catalog.pg_has_role(m.lomowner, 'USAGE')
  AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(m.lomacl) a WHERE a.privilege_type = 'SELECT'
    AND CASE WHEN a.grantee = 0 THEN true ELSE pg_catalog.pg_has_role(a.grantee, 'USAGE') END)
ORDER BY m.oid LIMIT $1";

/// Whether the role may read all large objects from their table.
///
/// # Errors
/// If the server refuses.
pub async fn may_read_all_large_objects(client: &Client) -> Result<bool> {
    let sql = "SELECT pg_catalog.has_table_privilege('pg_catalog.pg_largeobject', 'SELECT')";
    Ok(client.query_one(sql, &[]).await.map_err(refused(DOING))?.get(0))
}

/// The statement that lets a role read all large objects.
#[must_use]
pub fn grant_large_objects(role: &str) -> String {
    format!("GRANT SELECT ON TABLE pg_catalog.pg_largeobject TO {};", ident(role))
}

/// The role of the session.
///
/// # Errors
/// If the server refuses.
pub async fn role(client: &Client) -> Result<String> {
    Ok(client.query_one("SELECT current_user::pg_catalog.text", &[]).await.map_err(refused(DOING))?.get(0))
}

const DOING: &str = "check what the role may read";

/// Collects what is missing.
///
/// # Errors
/// If the server refuses.
pub async fn missing(client: &Client, relations: &[Relation]) -> Result<Missing> {
    let role = role(client).await?;
    let mut missing = Missing { role: role.clone(), ..Missing::default() };
    let role = ident(&role);
    let oids: Vec<u32> = relations.iter().map(|relation| relation.oid).collect();
    let rows = client.query(TABLES, &[&oids]).await.map_err(refused(DOING))?;
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
    let rows = client.query(SEQUENCES, &[]).await.map_err(refused(DOING))?;
    for row in &rows {
        let (schema, name): (String, String) = (row.get(0), row.get(1));
        let object = format!("sequence {}", shown(&schema, &name));
        if !row.get::<_, bool>(2) {
            missing.add(object.clone(), format!("GRANT USAGE ON SCHEMA {} TO {role};", ident(&schema)));
        }
        missing.add(object, format!("GRANT SELECT ON SEQUENCE {} TO {role};", qualified(&schema, &name)));
    }
    missing.objects.dedup();
    large_objects(client, &mut missing).await?;
    Ok(missing)
}

async fn large_objects(client: &Client, missing: &mut Missing) -> Result<()> {
    if may_read_all_large_objects(client).await? {
        return Ok(());
    }
    let rows = client.query(LARGE_OBJECTS, &[&(LARGE_OBJECTS_MAX as i64)]).await.map_err(refused(DOING))?;
    for row in &rows {
        missing.add(format!("large object {}", row.get::<_, u32>(0)), grant_large_objects(&missing.role));
    }
    let more = rows.first().map_or(0, |row| row.get::<_, i64>(1)) - rows.len() as i64;
    if more > 0 {
        missing.objects.push(format!("{more} more large objects"));
    }
    Ok(())
}
