//! What can still reach the world from inside a database, and what does not run although it is there: said, not mended.
//!
//! Whoever may run SQL as a superuser can open connections and run programs, by extensions, untrusted languages and
//! `COPY ... PROGRAM`. Nothing in SQL closes that. A network namespace around the server (`--isolate-network`) closes the way to
//! other machines, and no more: files, programs and sockets of this machine are the server's user's, who must be one of its own.

use super::work::{Work, named};
use crate::error::Result;
use crate::neutralize::items::{NETWORK, PRELOAD};
use crate::postgres::quote::shown;
use std::collections::BTreeMap;

/// Extensions with which SQL reaches other machines.
const REMOTE: &[&str] = &[
    "ai",
    "amqp",
    "aws_commons",
    "aws_lambda",
    "aws_s3",
    "azure_ai",
    "azure_storage",
    "clickhouse_fdw",
    "dblink",
    "google_ml_integration",
    "http",
    "jdbc_fdw",
    "kafka_fdw",
    "mongo_fdw",
    "multicorn",
    "mysql_fdw",
    "odbc_fdw",
    "ogr_fdw",
    "oracle_fdw",
    "parquet_s3_fdw",
    "pg_amqp",
    "pg_curl",
    "pg_duckdb",
    "pg_parquet",
    "pg_smtp_client",
    "pg_vectorize",
    "pgmemcache",
    "pgml",
    "pgsql_http",
    "plproxy",
    "plsh",
    "postgres_fdw",
    "redis",
    "redis_fdw",
    "tds_fdw",
    "vectorize",
    "wrappers",
];

/// Extensions with which SQL reaches files or programs of this machine.
const LOCAL: &[&str] = &[
    "adminpack",
    "file_fdw",
    "jdbc_fdw",
    "multicorn",
    "ogr_fdw",
    "parquet_s3_fdw",
    "pg_duckdb",
    "pg_parquet",
    "pgml",
    "plsh",
    "sqlite_fdw",
];

/// Extensions that work differently without what runs in the background.
const STILL: &[(&str, &str)] = &[
    ("bdr", "replicates nothing"),
    ("citus", "knows no worker nodes: distributed tables are those of the coordinator alone"),
    ("pg_cron", "runs no jobs, and none can be scheduled: its library is not loaded"),
    ("pg_net", "sends no requests: they stay in its queue"),
    ("pg_partman", "has no background worker: call partman.run_maintenance() where partitions must be made"),
    ("pg_squeeze", "rewrites nothing"),
    ("pglogical", "replicates nothing"),
    ("spock", "replicates nothing"),
    ("timescaledb", "runs no jobs: policies act when they are called"),
];

const EXTENSIONS: &str =
    "SELECT e.extname::pg_catalog.text FROM pg_catalog.pg_extension e ORDER BY e.extname COLLATE \"C\"";

/// Functions of a user that the server does not keep from the world, by language.
const UNTRUSTED: &str = "
SELECT l.lanname::pg_catalog.text, pg_catalog.count(*)
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
WHERE NOT l.lanpltrusted AND p.oid >= 16384 AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e')
GROUP BY 1 ORDER BY 1";

/// What has a text, and whether that says that it calls services or databases, and files or programs. The texts of SQL come
/// from the server, as it would run them.
const CALLING: &str = r#"
WITH texts (kind, class, object, schema, name, body) AS (
  SELECT 'functions', p.tableoid, p.oid, p.pronamespace, p.proname,
    CASE WHEN p.prosrc = '' AND p.prokind <> 'a' THEN pg_catalog.pg_get_functiondef(p.oid) ELSE p.prosrc END
  FROM pg_catalog.pg_proc p
  UNION ALL
  SELECT 'views', c.tableoid, c.oid, c.relnamespace, c.relname, pg_catalog.pg_get_viewdef(c.oid)
  FROM pg_catalog.pg_class c WHERE c.relkind IN ('v', 'm')
  UNION ALL
  SELECT 'rules of', c.tableoid, c.oid, c.relnamespace, c.relname, pg_catalog.pg_get_ruledef(r.oid)
  FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class WHERE r.rulename <> '_RETURN'
  UNION ALL
  SELECT 'defaults of', c.tableoid, c.oid, c.relnamespace, c.relname, pg_catalog.pg_get_expr(d.adbin, d.adrelid)
  FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_class c ON c.oid = d.adrelid
  UNION ALL
  SELECT 'checks of', c.tableoid, c.oid, c.relnamespace, c.relname, pg_catalog.pg_get_constraintdef(k.oid)
  FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_class c ON c.oid = k.conrelid WHERE k.contype = 'c'
  UNION ALL
  SELECT 'policies of', c.tableoid, c.oid, c.relnamespace, c.relname,
    pg_catalog.concat_ws(' ', pg_catalog.pg_get_expr(l.polqual, l.polrelid), pg_catalog.pg_get_expr(l.polwithcheck, l.polrelid))
  FROM pg_catalog.pg_policy l JOIN pg_catalog.pg_class c ON c.oid = l.polrelid
), said AS (
  SELECT t.*, t.body ~*
    '\mnet\.http_\w+\s*\(|\mhttp(_get|_post|_put|_patch|_delete|_head)?\s*\(|\mdblink\w*\s*\(|\maws_lambda\M' AS remote,
    t.body ~* '\mpg_read_(binary_)?file\M|\mlo_(ex|im)port\M' OR t.kind = 'functions' AND t.body ~* '\mcopy\M.*\mprogram\M' AS local
  FROM texts t
)
SELECT DISTINCT s.kind, n.nspname::pg_catalog.text COLLATE "C", s.name::pg_catalog.text COLLATE "C", s.remote, s.local
FROM said s JOIN pg_catalog.pg_namespace n ON n.oid = s.schema
WHERE s.object >= 16384 AND (s.remote OR s.local) AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_depend d WHERE d.classid = s.class AND d.objid = s.object AND d.deptype = 'e')
ORDER BY 1, 2, 3"#;

/// Names that one line lists.
const LISTED_MAX: usize = 8;

const REMOTE_MEND: &str = "only --isolate-network closes that, and not for sockets of this machine";
const LOCAL_MEND: &str =
    "as the server's user: give the server one of its own, because --isolate-network does not close that";

/// Says what is there.
pub async fn warn(work: &mut Work<'_>) -> Result<()> {
    for row in work.query("list its extensions", EXTENSIONS, &[]).await? {
        let name: String = row.get(0);
        let object = named("extension", &name);
        if let Some((_, what)) = STILL.iter().find(|(still, _)| *still == name).filter(|_| work.choices.is_on(PRELOAD))
        {
            work.done(PRELOAD, object, *what, None);
            continue;
        }
        if REMOTE.contains(&name.as_str()) {
            let what = format!("reaches other machines for who may use it; {REMOTE_MEND}");
            work.warn(NETWORK, object.clone(), what, None);
        }
        if LOCAL.contains(&name.as_str()) {
            let what = format!("reaches files or programs for who may use it, {LOCAL_MEND}");
            work.warn(NETWORK, object, what, None);
        }
    }
    for row in work.query("list its functions", UNTRUSTED, &[]).await? {
        let (language, count): (String, i64) = (row.get(0), row.get(1));
        let what = format!("functions do what they want {LOCAL_MEND}");
        work.warn(NETWORK, named("language", &language), what, u64::try_from(count).ok());
    }
    let mut calling: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for row in work.query("list what calls out", CALLING, &[]).await? {
        let name = shown(row.get(1), row.get(2));
        let ways = [
            (row.get(3), format!("they call services or other databases when they run; {REMOTE_MEND}")),
            (row.get(4), format!("they reach files or programs when they run, {LOCAL_MEND}")),
        ];
        for (_, way) in ways.into_iter().filter(|(is_so, _): &(bool, String)| *is_so) {
            calling.entry((row.get(0), way)).or_default().push(name.clone());
        }
    }
    for ((kind, what), names) in calling {
        let listed = names.iter().take(LISTED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = names.len().saturating_sub(LISTED_MAX);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        work.warn(NETWORK, format!("{kind} {listed}{more}"), what, u64::try_from(names.len()).ok());
    }
    Ok(())
}
