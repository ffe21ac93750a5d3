//! What can still reach the world from inside a database, and what does not run although it is there: said, not mended.
//!
//! Whoever may run SQL as a superuser can open connections and run programs, by extensions, untrusted languages and
//! `COPY ... PROGRAM`. Nothing in SQL closes that; a network namespace around the server does (`--isolate-network`).

use super::work::{Work, named};
use crate::error::Result;
use crate::neutralize::items::{NETWORK, PRELOAD};
use crate::postgres::quote::shown;

/// Extensions with which SQL reaches other machines, or files and programs of this one.
const REACHING: &[&str] = &[
    "adminpack",
    "ai",
    "aws_commons",
    "aws_lambda",
    "aws_s3",
    "azure_ai",
    "azure_storage",
    "clickhouse_fdw",
    "dblink",
    "file_fdw",
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
    "amqp",
    "pg_background",
    "pg_curl",
    "pg_duckdb",
    "pg_parquet",
    "pg_smtp_client",
    "pgmemcache",
    "pgml",
    "pgsql_http",
    "pg_vectorize",
    "vectorize",
    "plproxy",
    "plsh",
    "postgres_fdw",
    "redis",
    "redis_fdw",
    "sqlite_fdw",
    "tds_fdw",
    "wrappers",
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

/// Functions whose text says that they call out.
const CALLING: &str = r#"
SELECT n.nspname::pg_catalog.text, p.proname::pg_catalog.text
FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE p.oid >= 16384 AND p.prosrc ~*
  '\mnet\.http_|\mhttp_(get|post|put|patch|delete|head)\M|\mhttp\s*\(|\mdblink\w*\s*\(|\mcopy\M.*\mprogram\M|\mpg_read_file\M|\mlo_export\M|\maws_lambda\M'
  AND NOT EXISTS (
  SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass AND d.objid = p.oid AND d.deptype = 'e')
ORDER BY n.nspname COLLATE "C", p.proname COLLATE "C""#;

/// Names that one line lists.
const LISTED_MAX: usize = 8;

const MEND: &str = "only --isolate-network closes that";

/// Says what is there.
pub async fn warn(work: &mut Work<'_>) -> Result<()> {
    for row in work.query("list its extensions", EXTENSIONS, &[]).await? {
        let name: String = row.get(0);
        let object = named("extension", &name);
        if let Some((_, what)) = STILL.iter().find(|(still, _)| *still == name).filter(|_| work.choices.is_on(PRELOAD))
        {
            work.done(PRELOAD, object, *what, None);
        } else if REACHING.contains(&name.as_str()) {
            let what = format!("reaches other machines, files or programs for who may use it; {MEND}");
            work.warn(NETWORK, object, what, None);
        }
    }
    for row in work.query("list its functions", UNTRUSTED, &[]).await? {
        let (language, count): (String, i64) = (row.get(0), row.get(1));
        let what = format!("functions do what the server's user may do; {MEND}");
        work.warn(NETWORK, named("language", &language), what, u64::try_from(count).ok());
    }
    let rows = work.query("list its functions", CALLING, &[]).await?;
    if !rows.is_empty() {
        let names: Vec<String> = rows.iter().take(LISTED_MAX).map(|row| shown(row.get(0), row.get(1))).collect();
        let more =
            if rows.len() > names.len() { format!(" and {} more", rows.len() - names.len()) } else { String::new() };
        let what = format!("they call services, other databases or programs when they run; {MEND}");
        work.warn(NETWORK, format!("functions {}{more}", names.join(", ")), what, u64::try_from(rows.len()).ok());
    }
    Ok(())
}
