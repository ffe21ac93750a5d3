//! Objects of users in a target: what stands in the way of a restore, and how it is dropped.
//!
//! Never what belongs to an extension or to PostgreSQL itself. Statements cascade and do not mind what is gone already, so
//! that an object that went with another one is no failure; none drops an extension, because a schema is dropped only when
//! it is empty. Extensions that an unfinished restore made are dropped by name.

use super::{MARK_SCHEMA, PostgresSession};
use crate::error::Result;
use crate::postgres::quote::{ident, literal};
use offshoot_core::target::{Mark, UserObject};

/// Large objects that are dropped in one transaction; each takes a lock.
const LARGE_OBJECTS_AT_ONCE: i64 = 1000;

/// Catalogs, what of them counts, and when it is dropped. Objects in schemas are filtered by `{user_schema}`.
const CLASSES: &[(&str, &str, &str)] = &[
    ("pg_event_trigger", "true", "1"),
    ("pg_publication", "true", "1"),
    ("pg_foreign_data_wrapper", "true", "7"),
    ("pg_foreign_server", "true", "6"),
    ("pg_cast", "true", "2"),
    ("pg_language", "o.lanispl", "7"),
    ("pg_transform", "true", "2"),
    (
        "pg_class",
        "o.relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND NOT o.relispartition AND {user_schema relnamespace}",
        "3",
    ),
    ("pg_proc", "{user_schema pronamespace}", "5"),
    (
        "pg_type",
        "{user_schema typnamespace} AND (o.typtype IN ('d', 'e', 'r', 'b', 'p') AND o.typrelid = 0 OR o.typtype = 'c' AND EXISTS \
         (SELECT FROM pg_catalog.pg_class r WHERE r.oid = o.typrelid AND r.relkind = 'c')) \
         AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend i WHERE i.classid = 'pg_catalog.pg_type'::pg_catalog.regclass \
         AND i.objid = o.oid AND i.deptype = 'i' AND i.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass)",
        "5",
    ),
    ("pg_operator", "{user_schema oprnamespace}", "4"),
    ("pg_opclass", "{user_schema opcnamespace}", "4"),
    ("pg_opfamily", "{user_schema opfnamespace}", "4"),
    ("pg_collation", "{user_schema collnamespace}", "6"),
    ("pg_conversion", "{user_schema connamespace}", "4"),
    ("pg_ts_config", "{user_schema cfgnamespace}", "4"),
    ("pg_ts_dict", "{user_schema dictnamespace}", "5"),
    ("pg_ts_parser", "{user_schema prsnamespace}", "6"),
    ("pg_ts_template", "{user_schema tmplnamespace}", "6"),
    ("pg_statistic_ext", "{user_schema stxnamespace}", "2"),
    ("pg_am", "true", "7"),
    ("pg_namespace", "o.nspname NOT IN ('public', 'information_schema') AND o.nspname !~ '^pg_'", "9"),
];

const USER_SCHEMA: &str = "EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.oid = o.{column} \
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND n.nspname <> {mark})";

/// The objects, in the order in which they are dropped.
pub(super) fn list(session: &PostgresSession<'_>, mark: Option<&Mark>) -> Result<Vec<UserObject>> {
    // A schema of the mark's name that is no mark of ours is an object like others.
    let mark_schema = literal(if mark.is_some() { MARK_SCHEMA } else { "" });
    let selects: Vec<String> =
        CLASSES.iter().map(|(class, condition, rank)| select(class, condition, rank, &mark_schema)).collect();
    let sql = format!("{} ORDER BY 1, 2, 3", selects.join("\nUNION ALL "));
    let rows = session.query("list the target's objects", &sql, &[])?;
    let mut objects: Vec<UserObject> = rows.iter().map(|row| object(row.get(1), row.get(2))).collect();
    objects.extend(large_objects(session)?);
    objects.extend(default_privileges(session)?);
    if let Some(mark) = mark {
        // Behind the tables, which may refer to them.
        objects.extend(session.appended_rows()?);
        objects.extend(extensions(session, mark)?);
    }
    // Schemas go last: an extension that is made by the unfinished restore may live in one.
    objects.sort_by_key(|object| object.label.starts_with("schema "));
    Ok(objects)
}

fn select(class: &str, condition: &str, rank: &str, mark: &str) -> String {
    let mut condition = condition.to_owned();
    if let Some(start) = condition.find("{user_schema ") {
        let end = condition[start..].find('}').map_or(condition.len(), |at| start + at + 1);
        let column = condition[start..end].trim_start_matches("{user_schema ").trim_end_matches('}').to_owned();
        condition.replace_range(start..end, &USER_SCHEMA.replace("{column}", &column).replace("{mark}", mark));
    }
    if class == "pg_namespace" {
        condition.push_str(&format!(" AND o.nspname <> {mark}"));
    }
    format!(
        "SELECT {rank}, i.type, i.identity FROM pg_catalog.{class} o, \
         LATERAL pg_catalog.pg_identify_object('pg_catalog.{class}'::pg_catalog.regclass, o.oid, 0) i \
         WHERE ({condition}) AND (o.oid >= 16384) AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d \
           WHERE d.classid = 'pg_catalog.{class}'::pg_catalog.regclass AND d.objid = o.oid AND d.objsubid = 0 AND d.deptype IN ('e', 'i'))"
    )
}

fn object(kind: String, identity: String) -> UserObject {
    let words = match kind.as_str() {
        "composite type" => "TYPE".to_owned(),
        "statistics object" => "STATISTICS".to_owned(),
        other => other.to_uppercase(),
    };
    let drop_sql = match kind.as_str() {
        // Without CASCADE: what is left in it is an extension's.
        "schema" => format!(
            "DO $do$ BEGIN DROP SCHEMA IF EXISTS {identity}; EXCEPTION WHEN dependent_objects_still_exist THEN NULL; END $do$"
        ),
        "transform" => format!(
            "DROP TRANSFORM IF EXISTS {} CASCADE",
            identity.replacen("for ", "FOR ", 1).replacen(" on language ", " LANGUAGE ", 1)
        ),
        _ => format!("DROP {words} IF EXISTS {identity} CASCADE"),
    };
    UserObject { label: format!("{kind} {identity}"), drop_sql }
}

fn large_objects(session: &PostgresSession<'_>) -> Result<Vec<UserObject>> {
    let rows = session.query(
        "count its large objects",
        "SELECT pg_catalog.count(*) FROM pg_catalog.pg_largeobject_metadata",
        &[],
    )?;
    let mut left: i64 = rows.first().map_or(0, |row| row.get(0));
    let mut objects = Vec::new();
    while left > 0 {
        let now = left.min(LARGE_OBJECTS_AT_ONCE);
        let drop_sql = format!(
            "SELECT pg_catalog.count(pg_catalog.lo_unlink(m.oid)) FROM (SELECT oid FROM pg_catalog.pg_largeobject_metadata LIMIT {now}) m"
        );
        objects.push(UserObject { label: format!("{now} large objects"), drop_sql });
        left -= now;
    }
    Ok(objects)
}

/// What the session's role has said of the privileges of what it will make: a restore would give them to everything. They
/// are dropped by making them what they are where nothing was said.
fn default_privileges(session: &PostgresSession<'_>) -> Result<Vec<UserObject>> {
    let sql = "
        SELECT pg_catalog.quote_ident(r.rolname), pg_catalog.quote_ident(n.nspname), CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES'
                 WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS' ELSE 'LARGE OBJECTS' END,
               ARRAY(SELECT DISTINCT CASE WHEN a.grantee = 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END
                     FROM pg_catalog.aclexplode(d.defaclacl) a)::pg_catalog.text[]
        FROM pg_catalog.pg_default_acl d JOIN pg_catalog.pg_roles r ON r.oid = d.defaclrole AND r.rolname = current_user
        LEFT JOIN pg_catalog.pg_namespace n ON n.oid = d.defaclnamespace ORDER BY 2, 3";
    let rows = session.query("list its default privileges", sql, &[])?;
    let object = |row: &tokio_postgres::Row| {
        let (role, schema): (String, Option<String>) = (row.get(0), row.get(1));
        let (kind, grantees): (String, Vec<String>) = (row.get(2), row.get(3));
        let place = schema.as_ref().map_or_else(String::new, |schema| format!(" IN SCHEMA {schema}"));
        let alter = format!("ALTER DEFAULT PRIVILEGES FOR ROLE {role}{place}");
        let revoke = |grantee: &String| format!("{alter} REVOKE ALL ON {kind} FROM {grantee}");
        let mut sql: Vec<String> = grantees.iter().map(revoke).collect();
        // In a schema, nothing is added by default.
        let to_public = schema.is_none() && ["FUNCTIONS", "TYPES"].contains(&kind.as_str());
        sql.extend(schema.is_none().then(|| format!("{alter} GRANT ALL ON {kind} TO {role}")));
        sql.extend(to_public.then(|| format!("{alter} GRANT ALL ON {kind} TO PUBLIC")));
        UserObject { label: format!("default privileges on {kind} of role {role}{place}"), drop_sql: sql.join("; ") }
    };
    Ok(rows.iter().map(object).collect())
}

/// Extensions that were not there before the unfinished restore.
fn extensions(session: &PostgresSession<'_>, mark: &Mark) -> Result<Vec<UserObject>> {
    let rows = session.query(
        "list its extensions",
        "SELECT extname::pg_catalog.text FROM pg_catalog.pg_extension ORDER BY 1",
        &[],
    )?;
    let names = rows.iter().map(|row| row.get::<_, String>(0)).filter(|name| !mark.extensions.contains(name));
    Ok(names
        .map(|name| UserObject {
            label: format!("extension {name}"),
            drop_sql: format!("DROP EXTENSION IF EXISTS {} CASCADE", ident(&name)),
        })
        .collect())
}
