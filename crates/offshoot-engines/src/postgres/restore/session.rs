//! One connection to a target: opened, pinned, and driven by the thread that uses it.

use super::PostgresTarget;
use crate::bridge::Bridge;
use crate::error::{EngineError, Result, refused};
use crate::postgres::connect::connect;
use crate::postgres::session::{Version, server_version, writing_pins};
use offshoot_core::CoreError;
use offshoot_core::target::{
    Adapted, Counted, Difference, Executed, LoadContext, LoadWork, Loaded, Mark, TargetSession, Work,
};
use offshoot_format::manifest::Manifest;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

/// What the server answers when something that a statement names is not there: undefined objects, functions, tables,
/// columns and schemas, access methods, and operator classes that a type lacks.
const LACKING: &[&str] = &["42704", "42883", "42P01", "42703", "3F000", "42809", "0A000"];

/// One connection to a target, used by one thread.
pub struct PostgresSession<'t> {
    pub(super) target: &'t PostgresTarget,
    pub(super) bridge: Bridge,
    pub(super) client: Client,
    pub(super) version: Version,
    id: u64,
}

impl<'t> PostgresSession<'t> {
    pub(super) fn open(target: &'t PostgresTarget) -> Result<Self> {
        let bridge = Bridge::new().map_err(|source| EngineError::Io { operation: "making an event queue", source })?;
        let (client, canceller, version) = bridge.block_on(async {
            let session = connect(&target.conninfo, &target.options).await.map_err(EngineError::from)?;
            tokio::spawn(session.driver);
            let version = server_version(&session.client).await?;
            session.client.batch_execute(&writing_pins(version)).await.map_err(refused("set up the session"))?;
            Ok::<_, EngineError>((session.client, session.canceller, version))
        })?;
        let id = target.register(canceller);
        Ok(Self { target, bridge, client, version, id })
    }

    /// Gives the building of indexes its share of memory, never less than the server would.
    pub(super) fn share_memory(&self, bytes: u64) -> Result<()> {
        // The server's limit before version 18, in kB.
        let kilobytes = (bytes / 1024).min(2_097_151);
        let sql = format!(
            "SELECT pg_catalog.set_config('maintenance_work_mem', '{kilobytes}kB', false) FROM pg_catalog.pg_settings \
             WHERE name = 'maintenance_work_mem' AND setting::pg_catalog.int8 < {kilobytes}"
        );
        self.run("set up the session", &sql)
    }

    /// Runs statements that give nothing back.
    pub(super) fn run(&self, doing: &str, sql: &str) -> Result<()> {
        self.bridge.block_on(self.client.batch_execute(sql)).map_err(refused(doing))
    }

    /// Runs a query.
    pub(super) fn query(
        &self,
        doing: &str,
        sql: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<tokio_postgres::Row>> {
        self.bridge.block_on(self.client.query(sql, parameters)).map_err(refused(doing))
    }

    /// Runs `work` in a transaction, which is given up if it fails.
    pub(super) fn in_transaction<T>(
        &self,
        doing: &str,
        work: impl FnOnce() -> offshoot_core::Result<T>,
    ) -> offshoot_core::Result<T> {
        self.run(doing, "BEGIN")?;
        match work() {
            Ok(done) => {
                self.run(doing, "COMMIT")?;
                Ok(done)
            }
            Err(error) => {
                // The first error is what counts; a connection that is gone has given up by itself.
                let _ = self.run(doing, "ROLLBACK");
                Err(error)
            }
        }
    }
}

impl Drop for PostgresSession<'_> {
    fn drop(&mut self) {
        self.target.forget(self.id);
    }
}

impl TargetSession for PostgresSession<'_> {
    fn mark(&mut self, mark: &Mark) -> offshoot_core::Result<()> {
        Ok(self.put_mark(mark)?)
    }

    fn unmark(&mut self) -> offshoot_core::Result<()> {
        Ok(self.drop_mark()?)
    }

    fn execute(&mut self, work: &Work) -> offshoot_core::Result<Executed> {
        for sql in &work.sql {
            match self.run(&format!("make {}", work.label), sql) {
                Ok(()) => {}
                Err(error) if work.optional && error.code().is_some_and(|code| LACKING.contains(&code)) => {
                    return Ok(Executed::LeftOut { why: error.to_string() });
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Executed::Done)
    }

    fn load(&mut self, load: &LoadWork<'_>, context: &LoadContext<'_>) -> offshoot_core::Result<Loaded> {
        self.load_table(load, context)
    }

    fn count(&mut self, what: &Counted) -> offshoot_core::Result<u64> {
        use crate::postgres::quote::qualified;
        let from = match what {
            Counted::Table(schema, name) => format!("ONLY {}", qualified(schema, name)),
            Counted::LargeObjects => "pg_catalog.pg_largeobject_metadata".to_owned(),
        };
        let rows = self.query("count rows", &format!("SELECT pg_catalog.count(*) FROM {from}"), &[])?;
        let count: i64 = rows.first().map_or(0, |row| row.get(0));
        u64::try_from(count).map_err(|_| CoreError::Protocol("the server counted fewer than no rows"))
    }

    fn compare(&mut self, manifest: &Manifest, adapted: &Adapted) -> offshoot_core::Result<Vec<Difference>> {
        Ok(self.catalog_differences(manifest, adapted)?)
    }
}
