//! The environment lock: what the behaviour of the data depends on beside schema and rows.

use crate::error::{Result, refused};
use crate::postgres::session::Version;
use offshoot_format::manifest::{Environment, Extension, Membership, Role};
use std::collections::BTreeMap;
use tokio_postgres::{Client, Row};

/// Settings that change what statements mean or return. Their values are those that a new session of the role gets.
const SETTINGS: &[&str] = &[
    "DateStyle",
    "IntervalStyle",
    "TimeZone",
    "array_nulls",
    "backslash_quote",
    "bytea_output",
    "default_table_access_method",
    "default_text_search_config",
    "default_toast_compression",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "default_with_oids",
    "escape_string_warning",
    "extra_float_digits",
    "integer_datetimes",
    "lc_messages",
    "lc_monetary",
    "lc_numeric",
    "lc_time",
    "lo_compat_privileges",
    "max_identifier_length",
    "row_security",
    "search_path",
    "server_encoding",
    "session_replication_role",
    "standard_conforming_strings",
    "synchronize_seqscans",
    "timezone_abbreviations",
    "transform_null_equals",
    "wal_level",
    "xmlbinary",
    "xmloption",
    "shared_preload_libraries",
    "session_preload_libraries",
    "block_size",
    "icu_validation_level",
    "event_triggers",
    "plpgsql.variable_conflict",
    "password_encryption",
];

/// Reads it.
///
/// # Errors
/// If the server refuses.
pub async fn read(client: &Client, version: Version) -> Result<Environment> {
    let mut environment = database(client, version).await?;
    environment.server_version_num = version.0;
    environment.extensions = extensions(client).await?;
    environment.collations = collations(client).await?;
    environment.settings = settings(client).await?;
    let own = "SELECT unnest(s.setconfig) FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d \
               ON d.oid = s.setdatabase WHERE s.setrole = 0 AND d.datname = pg_catalog.current_database() ORDER BY 1";
    let rows = client.query(own, &[]).await.map_err(refused("list the database's settings"))?;
    environment.database_settings = rows.iter().filter_map(|row| setting(row.get(0))).collect();
    environment.roles = roles(client, version).await?;
    Ok(environment)
}

/// `name=value` as catalogs have it.
fn setting(text: String) -> Option<(String, String)> {
    text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
}

async fn database(client: &Client, version: Version) -> Result<Environment> {
    let provider = if version.at_least(15) { "d.datlocprovider::pg_catalog.text" } else { "'c'" };
    let locale = match version.major() {
        17.. => "d.datlocale",
        15 | 16 => "d.daticulocale",
        _ => "NULL::pg_catalog.text",
    };
    let collation_version = if version.at_least(15) { "d.datcollversion" } else { "NULL::pg_catalog.text" };
    let sql = format!(
        "SELECT pg_catalog.current_setting('server_version'), pg_catalog.pg_encoding_to_char(d.encoding)::pg_catalog.text, \
           d.datcollate::pg_catalog.text, d.datctype::pg_catalog.text, {provider}, {locale}, {collation_version} \
         FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()"
    );
    let row = client.query_one(&sql, &[]).await.map_err(refused("describe the database"))?;
    let provider = match row.get::<_, String>(4).as_str() {
        "i" => "icu",
        "b" => "builtin",
        _ => "libc",
    };
    Ok(Environment {
        server_version: row.get(0),
        encoding: row.get(1),
        collate: row.get(2),
        ctype: row.get(3),
        locale_provider: provider.to_owned(),
        locale: row.get(5),
        collation_version: row.get(6),
        ..Environment::default()
    })
}

async fn extensions(client: &Client) -> Result<BTreeMap<String, Extension>> {
    let sql = "SELECT e.extname, e.extversion, n.nspname FROM pg_catalog.pg_extension e \
               JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace";
    let rows = client.query(sql, &[]).await.map_err(refused("list its extensions"))?;
    let extension = |row: &Row| (row.get(0), Extension { version: row.get(1), schema: row.get(2) });
    Ok(rows.iter().map(extension).collect())
}

/// Collations that columns, domains or indexes use, beside the database's own.
async fn collations(client: &Client) -> Result<BTreeMap<String, String>> {
    let sql = "
        SELECT n.nspname || '.' || c.collname, COALESCE(pg_catalog.pg_collation_actual_version(c.oid), '')
        FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
        WHERE c.collprovider <> 'd' AND c.oid IN (
          SELECT a.attcollation FROM pg_catalog.pg_attribute a WHERE a.attnum > 0 AND NOT a.attisdropped AND a.attrelid >= 16384
          UNION SELECT t.typcollation FROM pg_catalog.pg_type t WHERE t.typtype = 'd' AND t.oid >= 16384
          UNION SELECT pg_catalog.unnest(i.indcollation::pg_catalog.oid[]) FROM pg_catalog.pg_index i WHERE i.indexrelid >= 16384)";
    let rows = client.query(sql, &[]).await.map_err(refused("list its collations"))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

async fn settings(client: &Client) -> Result<BTreeMap<String, String>> {
    let sql = "SELECT name, reset_val FROM pg_catalog.pg_settings WHERE name = ANY ($1) AND reset_val IS NOT NULL";
    let rows = client.query(sql, &[&SETTINGS]).await.map_err(refused("list its settings"))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// Roles that own something, are granted something or are named by a policy here, what they are members of, and who
/// granted them that.
const CLOSED: &str = "
WITH RECURSIVE referred (oid) AS (
  SELECT DISTINCT s.refobjid FROM pg_catalog.pg_shdepend s
  WHERE s.refclassid = 'pg_catalog.pg_authid'::pg_catalog.regclass
    AND s.dbid = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
  UNION SELECT d.datdba FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
  UNION SELECT 10
  UNION SELECT s.setrole FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase
  WHERE d.datname = pg_catalog.current_database() AND s.setrole <> 0),
closed (oid) AS (
  SELECT oid FROM referred
  UNION SELECT CASE WHEN way.grants THEN m.grantor ELSE m.roleid END
  FROM closed JOIN pg_catalog.pg_auth_members m ON m.member = closed.oid
  JOIN (VALUES (false), (true)) way (grants) ON {has_grantors} OR NOT way.grants)";

const ROLES: &str = "
SELECT r.rolname, r.rolsuper, r.rolinherit, r.rolcreaterole, r.rolcreatedb, r.rolcanlogin, r.rolreplication, r.rolbypassrls,
       r.rolconnlimit, r.rolvaliduntil::pg_catalog.text,
       ARRAY(SELECT pg_catalog.unnest(s.setconfig) FROM pg_catalog.pg_db_role_setting s
             WHERE s.setrole = r.oid AND s.setdatabase IN
               (0, (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))
             ORDER BY s.setdatabase)
FROM pg_catalog.pg_roles r WHERE r.oid IN (SELECT oid FROM closed) AND r.rolname NOT LIKE 'pg\\_%'
ORDER BY r.rolname COLLATE \"C\"";

/// Before version 16 a grantor is only a remark, and memberships have no options but one.
const MEMBERSHIPS: &str = "
SELECT u.rolname, g.rolname, CASE WHEN {has_grantors} AND m.grantor <> 10 THEN b.rolname END, m.admin_option, {inherit}, {set}
FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles u ON u.oid = m.member JOIN pg_catalog.pg_roles g ON g.oid = m.roleid
LEFT JOIN pg_catalog.pg_roles b ON b.oid = m.grantor WHERE m.member IN (SELECT oid FROM closed)
ORDER BY u.rolname COLLATE \"C\", g.rolname COLLATE \"C\", b.rolname COLLATE \"C\"";

async fn roles(client: &Client, version: Version) -> Result<Vec<Role>> {
    let (has_grantors, inherit, set) = match version.at_least(16) {
        true => ("true", "m.inherit_option", "m.set_option"),
        false => ("false", "NULL::pg_catalog.bool", "NULL::pg_catalog.bool"),
    };
    let sql = |rest: &str| {
        let sql = format!("{CLOSED}{rest}").replace("{has_grantors}", has_grantors);
        sql.replace("{inherit}", inherit).replace("{set}", set)
    };
    let rows = client.query(&sql(ROLES), &[]).await.map_err(refused("list its roles"))?;
    let mut roles: Vec<Role> = rows.iter().map(role).collect();
    for row in client.query(&sql(MEMBERSHIPS), &[]).await.map_err(refused("list its roles' memberships"))? {
        let member: String = row.get(0);
        if let Some(role) = roles.iter_mut().find(|role| role.name == member) {
            role.member_of.push(Membership {
                role: row.get(1),
                grantor: row.get(2),
                admin: row.get(3),
                inherit: row.get(4),
                set: row.get(5),
            });
        }
    }
    Ok(roles)
}

fn role(row: &Row) -> Role {
    let flags = ["SUPERUSER", "INHERIT", "CREATEROLE", "CREATEDB", "LOGIN", "REPLICATION", "BYPASSRLS"];
    let mut attributes: Vec<String> = flags
        .iter()
        .zip(1..)
        .map(|(name, at)| if row.get::<_, bool>(at) { (*name).to_owned() } else { format!("NO{name}") })
        .collect();
    let limit: i32 = row.get(8);
    if limit >= 0 {
        attributes.push(format!("CONNECTION LIMIT {limit}"));
    }
    if let Some(until) = row.get::<_, Option<String>>(9) {
        attributes.push(format!("VALID UNTIL {}", crate::postgres::quote::literal(&until)));
    }
    let settings: Vec<String> = row.get(10);
    Role {
        name: row.get(0),
        attributes,
        member_of: Vec::new(),
        settings: settings.into_iter().filter_map(setting).collect(),
    }
}
