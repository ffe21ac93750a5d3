//! One connection to a target: opened, pinned, and driven by the thread that uses it.

use super::views::is_view;
use super::{MysqlTarget, Seen, pins};
use crate::mysql::catalog::origin;
use crate::mysql::conninfo::ConnInfo;
use crate::mysql::error::number;
use crate::mysql::quote::{ident, literal};
use crate::mysql::schema::Context;
use crate::mysql::session::{Done, Session};
use crate::mysql::{MysqlError, Result};
use offshoot_core::CoreError;
use offshoot_core::target::{
    Adapted, Counted, Difference, Executed, LoadContext, LoadWork, Loaded, Mark, Stage, TargetSession, Work,
};
use offshoot_format::manifest::{Manifest, TableEntry};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// What the server answers when something that a statement names is not there: an engine, a database, a table, a column, a key
/// column, a function, what a view is made of.
pub(super) const LACKING: &[u16] =
    &[1286, number::NO_SUCH_DATABASE, number::NO_SUCH_TABLE, 1054, 1072, 1305, 1356, 1824];

/// One connection to a target, used by one thread.
pub struct MysqlTargetSession<'t> {
    pub(super) target: &'t MysqlTarget,
    pub(super) session: Session,
    pub(super) database: String,
    /// Whether rows can be sent as a file.
    pub(super) takes_files: bool,
    /// The most that a statement or a value that is put together may have, in bytes.
    pub(super) packet_bytes_max: u64,
}

impl<'t> MysqlTargetSession<'t> {
    pub(super) fn open(target: &'t MysqlTarget, conninfo: &ConnInfo) -> Result<Self> {
        if conninfo.database.is_empty() {
            return Err(MysqlError::NoDatabase);
        }
        let mut session = Session::open(conninfo)?;
        target.sessions().insert(session.id(), session.canceller());
        let opened = pins::pin(&mut session).and_then(|()| {
            let sql = "SELECT DATABASE(), @@GLOBAL.local_infile, @@SESSION.max_allowed_packet";
            let row = session.query_one("set the session up", sql)?;
            Ok((row.text(0)?.to_owned(), row.is_yes(1)?, row.parse(2)?.unwrap_or(1 << 20)))
        });
        match opened {
            Ok((database, takes_files, packet_bytes_max)) => {
                Ok(Self { target, session, database, takes_files, packet_bytes_max })
            }
            Err(error) => {
                target.sessions().remove(&session.id());
                Err(error)
            }
        }
    }

    /// Fails if this is not the database that was looked at: one address can lead to several servers.
    pub(super) fn check_same(&mut self, seen: &Seen) -> Result<()> {
        let origin = origin::read(&mut self.session, String::new())?;
        if (&origin.system_id, &origin.database_id) == (&seen.system_id, &seen.database_id) {
            return Ok(());
        }
        Err(MysqlError::Target {
            what: format!("{} leads to another server now than the one that was looked at", self.session.place()),
            mend: "Name the address of one server, not one that stands for several, and run the restore again"
                .to_owned(),
        })
    }

    /// Runs a statement that gives nothing back.
    pub(super) fn run(&mut self, doing: &str, sql: &str) -> Result<Done> {
        self.session.execute(doing, sql)
    }

    /// Why it was left out, if it was.
    pub(super) fn execute_all(&mut self, work: &Work) -> Result<Option<String>> {
        let doing = format!("make {}", work.label);
        for sql in &work.sql {
            match work.stage {
                Stage::Analyze => self.analyze(&doing, sql)?,
                _ => {
                    let done = self.run_item(&doing, sql)?;
                    if done.warnings > 0 && work.label.starts_with("EVENT ") && !self.has_event(&doing, work)? {
                        return Ok(Some("its time has passed, and the server drops such an event at once".to_owned()));
                    }
                }
            }
        }
        Ok(None)
    }

    fn has_event(&mut self, doing: &str, work: &Work) -> Result<bool> {
        let name = work.label.strip_prefix("EVENT ").unwrap_or_default();
        let sql = format!(
            "SELECT COUNT(*) FROM information_schema.events WHERE event_schema = DATABASE() AND event_name = {}",
            literal(name)
        );
        Ok(self.session.query_one(doing, &sql)?.parse::<u64>(0)?.unwrap_or(0) > 0)
    }

    /// Runs the statement of an item under the settings that belong to it.
    fn run_item(&mut self, doing: &str, sql: &str) -> Result<Done> {
        let (context, statement) = Context::split(sql);
        let Some(context) = context else { return self.run(doing, statement) };
        let made = self.session.make_again(doing, &context, statement);
        let pins = format!("SET SESSION sql_mode = '{}', SESSION time_zone = '+00:00'", pins::SQL_MODE);
        let reset = self.run(doing, &pins);
        let done = made?;
        reset?;
        Ok(done)
    }

    /// Statistics say what went wrong in rows.
    fn analyze(&mut self, doing: &str, sql: &str) -> Result<()> {
        for row in self.session.query(doing, sql)? {
            if row.text(2)?.eq_ignore_ascii_case("error") {
                // Its text is whatever the engine says.
                let what = format!("the server could not {doing}");
                return Err(MysqlError::Target { what, mend: "Look into the server's log".to_owned() });
            }
        }
        Ok(())
    }
}

impl Drop for MysqlTargetSession<'_> {
    fn drop(&mut self) {
        self.target.sessions().remove(&self.session.id());
    }
}

impl TargetSession for MysqlTargetSession<'_> {
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
        if work.stage == Stage::Validate {
            return Ok(self.prove(work)?);
        }
        if is_view(work) {
            return Ok(self.make_view(work)?);
        }
        match self.execute_all(work) {
            Ok(None) => Ok(Executed::Done),
            Ok(Some(why)) => Ok(Executed::LeftOut { why }),
            Err(error) if work.optional && error.number().is_some_and(|number| LACKING.contains(&number)) => {
                Ok(Executed::LeftOut { why: error.to_string() })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn load(&mut self, load: &LoadWork<'_>, context: &LoadContext<'_>) -> offshoot_core::Result<Loaded> {
        if load.large_objects {
            return Err(CoreError::Protocol("large objects of another engine cannot be loaded here"));
        }
        self.load_table(load, context)
    }

    fn appendable(&mut self, tables: &[&TableEntry]) -> offshoot_core::Result<Vec<usize>> {
        // No extension brings tables here, and checks are off.
        Ok((0..tables.len()).collect())
    }

    fn count(&mut self, what: &Counted) -> offshoot_core::Result<u64> {
        let Counted::Table(_, name) = what else { return Ok(0) };
        let kind = format!(
            "SELECT table_type = 'SYSTEM VERSIONED' FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = {}",
            literal(name)
        );
        let kind = self.session.query("count rows", &kind)?;
        let is_versioned = kind.first().map_or(Ok(false), |row| row.is_yes(0))?;
        // Former ones too: of a table that was just made there are only those that were loaded.
        let former = if is_versioned { " FOR SYSTEM_TIME ALL" } else { "" };
        let row = self.session.query_one("count rows", &format!("SELECT COUNT(*) FROM {}{former}", ident(name)))?;
        Ok(row.parse(0)?.unwrap_or(0))
    }

    fn compare(&mut self, manifest: &Manifest, adapted: &Adapted) -> offshoot_core::Result<Vec<Difference>> {
        Ok(self.differences(manifest, adapted)?)
    }
}
