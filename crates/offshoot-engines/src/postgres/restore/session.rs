//! One connection to a target: opened, pinned, and driven by the thread that uses it.

use super::{PostgresTarget, Seen};
use crate::bridge::Bridge;
use crate::conninfo::{ConnInfo, Host};
use crate::error::{EngineError, Result, refused, refused_on_rows};
use crate::postgres::catalog::origin;
use crate::postgres::connect::connect;
use crate::postgres::session::{Version, server_version, writing_pins};
use offshoot_core::CoreError;
use offshoot_core::target::{
    Adapted, Counted, Difference, Executed, LoadContext, LoadWork, Loaded, Mark, Stage, TargetSession, Work,
};
use offshoot_format::manifest::{Manifest, TableEntry};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;

/// What the server answers when something that a statement names is not there: undefined objects, functions, tables,
/// columns and schemas, access methods, and operator classes that a type lacks.
const LACKING: &[&str] = &["42704", "42883", "42P01", "42703", "3F000", "42809", "0A000"];

/// Whether a statement that may be left out is left out after this answer: also where a right is missing that only
/// memberships and settings need, and where the access method that tables shall have is not there.
fn may_lack(stage: Stage, sql: &str, code: &str) -> bool {
    LACKING.contains(&code)
        || code == "42501" && matches!(stage, Stage::Roles | Stage::Last)
        || code == "22023" && sql.starts_with("SET default_table_access_method ")
}

/// Whether work of this stage looks at rows, and so may run what users have written: of indexes, checks, domains, views.
fn goes_over_rows(stage: Stage) -> bool {
    match stage {
        Stage::Rows
        | Stage::Index
        | Stage::Constraint
        | Stage::Attach
        | Stage::ForeignKey
        | Stage::Validate
        | Stage::Refresh
        | Stage::Analyze => true,
        Stage::Drop | Stage::Roles | Stage::PreData | Stage::PostData | Stage::Sequences | Stage::Last => false,
    }
}

/// Classes of answers that say nothing about a statement: of resources, an operator, the system, and the server's own faults.
const UNWELL: &[&str] = &["53", "57", "58", "F0", "XX"];

/// Whether a piece of work is left out after this answer.
fn may_leave_out(work: &Work, sql: &str, code: &str) -> bool {
    let is_well = !UNWELL.iter().any(|class| code.starts_with(class));
    work.may_fail && is_well || work.optional && may_lack(work.stage, sql, code)
}

/// First key of the advisory lock that every session of a restore holds; the second is a number of the restore's own.
const LOCK_CLASS: i32 = 0x0f5_4007;

/// How often other restores are looked for while they are waited for.
const OTHERS_INTERVAL: Duration = Duration::from_millis(100);

/// One connection to a target, used by one thread.
pub struct PostgresSession<'t> {
    pub(super) target: &'t PostgresTarget,
    pub(super) bridge: Bridge,
    pub(super) client: Client,
    pub(super) version: Version,
    pub(super) host: Host,
    id: u64,
}

impl<'t> PostgresSession<'t> {
    pub(super) fn open(target: &'t PostgresTarget, conninfo: &ConnInfo) -> Result<Self> {
        let bridge = Bridge::new().map_err(|source| EngineError::Io { operation: "making an event queue", source })?;
        let (client, canceller, version, host) = bridge.block_on(async {
            let session = connect(conninfo, &target.options).await.map_err(EngineError::from)?;
            tokio::spawn(session.driver);
            let version = server_version(&session.client).await?;
            session.client.batch_execute(&writing_pins(version)).await.map_err(refused("set up the session"))?;
            Ok::<_, EngineError>((session.client, session.canceller, version, session.host))
        })?;
        let id = target.register(canceller);
        Ok(Self { target, bridge, client, version, host, id })
    }

    /// What tells the server from others; empty where the role may not see it.
    pub(super) fn system_id(&self) -> Result<String> {
        self.bridge.block_on(origin::system_id(&self.client))
    }

    /// Fails if this is not the database that was looked at: one address can lead to several servers.
    pub(super) fn check_same(&self, seen: &Seen) -> Result<()> {
        let sql = "SELECT d.oid::pg_catalog.text FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()";
        let rows = self.query("say which database it is", sql, &[])?;
        let database_id = rows.first().map_or_else(String::new, |row| row.get(0));
        if (self.system_id()?, database_id) == (seen.system_id.clone(), seen.database_id.clone()) {
            return Ok(());
        }
        Err(EngineError::Target {
            what: format!("{} leads to another database now than the one that was looked at", self.host),
            mend: "Name the address of one server, not one that stands for several, and run the restore again"
                .to_owned(),
        })
    }

    /// Says to other restores that one is under way, until the session ends.
    pub(super) fn announce(&self) -> Result<()> {
        let sql = format!("SELECT pg_catalog.pg_advisory_lock_shared({LOCK_CLASS}, {})", self.target.number);
        self.run("say that a restore is under way", &sql)
    }

    /// Fails if sessions of another restore are at work in this database. Those of one that was killed may go on for a
    /// while with the statement that they were given, so they are waited for.
    pub(super) fn refuse_others(&self, patience: Duration) -> Result<()> {
        let sql = "SELECT l.pid FROM pg_catalog.pg_locks l WHERE l.locktype = 'advisory' AND l.objsubid = 2
                     AND l.classid = $1::pg_catalog.int8::pg_catalog.oid AND l.objid <> $2::pg_catalog.int8::pg_catalog.oid
                     AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database())
                   ORDER BY 1";
        let began = Instant::now();
        loop {
            let own = (&i64::from(LOCK_CLASS), &i64::from(self.target.number));
            let rows = self.query("look for other restores", sql, &[own.0, own.1])?;
            if rows.is_empty() {
                return Ok(());
            }
            if began.elapsed() >= patience {
                let pids: Vec<String> = rows.iter().map(|row| row.get::<_, i32>(0).to_string()).collect();
                return Err(EngineError::Target {
                    what: format!("another restore is at work in this database (server processes {})", pids.join(", ")),
                    mend: "Wait for it, or end it with: SELECT pg_terminate_backend(...) for each of them".to_owned(),
                });
            }
            std::thread::sleep(OTHERS_INTERVAL);
        }
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

    /// Runs statements that go over rows, or end a transaction that did.
    pub(super) fn run_on_rows(&self, doing: &str, sql: &str) -> Result<()> {
        self.bridge.block_on(self.client.batch_execute(sql)).map_err(refused_on_rows(doing))
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

    /// Runs `work`, which is about rows, in a transaction, which is given up if it fails.
    pub(super) fn in_transaction<T>(
        &self,
        doing: &str,
        work: impl FnOnce() -> offshoot_core::Result<T>,
    ) -> offshoot_core::Result<T> {
        self.run(doing, "BEGIN")?;
        match work() {
            Ok(done) => {
                self.run_on_rows(doing, "COMMIT")?;
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
        // Only before the first change: who comes later is refused, and does not disturb.
        if !self.target.has_begun.load(Ordering::SeqCst) {
            self.refuse_others(Duration::ZERO)?;
        }
        self.put_mark(mark)?;
        self.target.has_begun.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn unmark(&mut self) -> offshoot_core::Result<()> {
        Ok(self.drop_mark()?)
    }

    fn is_marked(&mut self) -> offshoot_core::Result<bool> {
        Ok(self.read_mark()?.is_some())
    }

    fn execute(&mut self, work: &Work) -> offshoot_core::Result<Executed> {
        let doing = format!("make {}", work.label);
        for sql in &work.sql {
            match if goes_over_rows(work.stage) { self.run_on_rows(&doing, sql) } else { self.run(&doing, sql) } {
                Ok(()) => {}
                Err(error) if error.code().is_some_and(|code| may_leave_out(work, sql, code)) => {
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

    fn appendable(&mut self, tables: &[&TableEntry]) -> offshoot_core::Result<Vec<usize>> {
        Ok(self.appendable_tables(tables)?)
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

#[cfg(test)]
mod tests {
    use crate::conninfo::{ConnInfo, Environment};
    use crate::postgres::connect::ConnectOptions;
    use crate::postgres::restore::PostgresTarget;
    use offshoot_testkit::postgres::shared;

    #[test]
    fn indexes_get_their_share_of_memory_and_never_less_than_the_server_gives() {
        let db = shared().fresh_db("maintenance");
        let environment = Environment::new([("PGSSLMODE", "disable")], None, Some("postgres".into()));
        let conninfo = ConnInfo::parse(&shared().url(&db), &environment).unwrap();
        let target = PostgresTarget::new(conninfo, ConnectOptions::default());
        let shown = |own: &str, share_bytes: u64| -> String {
            let session = target.open().unwrap();
            session.run("set", &format!("SET maintenance_work_mem = '{own}'")).unwrap();
            session.share_memory(share_bytes).unwrap();
            session.query("show", "SHOW maintenance_work_mem", &[]).unwrap()[0].get(0)
        };
        assert_eq!(shown("64MB", 256 << 20), "256MB");
        assert_eq!(shown("512MB", 256 << 20), "512MB", "a larger setting stays");
        assert_eq!(shown("64MB", 64 << 30), "2097151kB", "the most that every major takes");
    }
}
