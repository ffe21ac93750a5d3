//! One state for several connections without a lock: their snapshots are taken again and again until they are proven to be of
//! the same moment.
//!
//! The server's log says so, but not of what is committed past it (`SET sql_log_bin = 0`, which purges and repairs do). So
//! InnoDB's own counter must have stood still, too: it numbers transactions when they first write, and again when they commit.

use super::freeze::{Failed, Freezer, Frozen, Outcome, SETTLE, begin};
use super::method::Method;
use super::position::{binlog_snapshot, executed_gtids, is_denied, is_unfiltered, position, position_of};
use crate::mysql::catalog::tables::Tables;
use crate::mysql::error::Result;
use crate::mysql::session::Session;
use std::time::{Duration, Instant};

/// How long it is tried for.
const WAIT_MAX: Duration = Duration::from_secs(2);
/// A transaction that has its number is visible after this: the server does nothing between but mark it so.
const NUMBERED: Duration = Duration::from_millis(1);

impl Freezer<'_> {
    /// How long it is tried for: where there is another way, not for long.
    fn unlocked_wait(&self) -> Duration {
        let wait = self.options.lock_wait;
        if self.options.method.is_some() { wait } else { wait.min(WAIT_MAX) }
    }

    /// The counter, of which what is committed by now is visible to all.
    fn settled_count(&self, session: &mut Session) -> Result<u64, Failed> {
        let count = count(session)?.ok_or(Failed::NotHere)?;
        std::thread::sleep(NUMBERED);
        Ok(count)
    }

    fn snapshot(&self, reader: &mut Session) -> Result<()> {
        self.stop.control().step("snapshot");
        begin(reader)
    }

    pub(super) fn by_binlog_position(&self, mut readers: Vec<Session>) -> Outcome {
        let started = Instant::now();
        let (mut asker, mut tries) = (self.open()?, 0);
        loop {
            self.stop.check()?;
            tries += 1;
            let mut positions = Vec::with_capacity(readers.len());
            let before = self.settled_count(&mut asker)?;
            for reader in &mut readers {
                self.snapshot(reader)?;
                positions.push(binlog_snapshot(reader)?);
            }
            let is_still = readers.len() == 1 || count(&mut asker)? == Some(before);
            let first = positions[0].clone();
            if first.is_empty() {
                return Err(Failed::NotHere);
            }
            if is_still && positions.iter().all(|position| *position == first) {
                let position = position_of(&mut asker, &first)?;
                return Ok(Frozen::new(Method::BinlogPosition, readers, position));
            }
            if started.elapsed() > self.unlocked_wait() {
                return Err(Failed::TooLate(tries));
            }
        }
    }

    pub(super) fn by_gtid(&self, mut readers: Vec<Session>) -> Outcome {
        let started = Instant::now();
        let mode = readers[0].query_one("say whether it has GTIDs", "SELECT @@GLOBAL.gtid_mode, @@GLOBAL.log_bin")?;
        if mode.text(0)? != "ON" || !mode.is_yes(1)? || !is_unfiltered(&mut readers[0])? {
            return Err(Failed::NotHere);
        }
        let mut asker = self.open()?;
        let mut tries = 0;
        loop {
            self.stop.check()?;
            tries += 1;
            let before = executed_gtids(&mut asker)?;
            let counted = self.settled_count(&mut asker)?;
            readers.iter_mut().try_for_each(|reader| self.snapshot(reader))?;
            let is_still = readers.len() == 1 || count(&mut asker)? == Some(counted);
            std::thread::sleep(SETTLE);
            if is_still && executed_gtids(&mut asker)? == before {
                let position = position(&before, "");
                return Ok(Frozen::new(Method::Gtid, readers, position));
            }
            if started.elapsed() > self.unlocked_wait() {
                return Err(Failed::TooLate(tries));
            }
        }
    }
}

/// Whether the counter counts whatever changes rows of these tables.
pub(crate) fn is_counted(tables: &Tables) -> bool {
    tables.all.iter().all(|table| !table.has_rows() || table.engine == "innodb")
}

/// InnoDB's counter of transactions; none where the user may not see it.
fn count(session: &mut Session) -> Result<Option<u64>> {
    let doing = "say how many transactions it counted";
    if session.flavor().is_mariadb() {
        let rows = session.query(doing, "SHOW GLOBAL STATUS LIKE 'Innodb_max_trx_id'")?;
        if let Some(row) = rows.first() {
            return row.parse(1);
        }
    }
    match session.query_one(doing, "SHOW ENGINE INNODB STATUS") {
        Ok(row) => Ok(count_in(row.get(2).unwrap_or_default())),
        Err(error) if is_denied(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The counter in what InnoDB prints of itself. Statements of other sessions are among that, and can say what they like: none
/// where two lines seem to have it.
fn count_in(status: &[u8]) -> Option<u64> {
    let mut lines = status.split(|byte| *byte == b'\n').filter_map(|line| line.strip_prefix(b"Trx id counter "));
    let line = lines.next().filter(|_| lines.next().is_none())?;
    std::str::from_utf8(line).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::count_in;

    #[test]
    fn the_counter_stands_in_what_innodb_prints() {
        let status = b"------------\nTRANSACTIONS\n------------\nTrx id counter 1804\nPurge done \xFF";
        assert_eq!(count_in(status), Some(1804));
        assert_eq!(count_in(b"Trx id counter"), None);
        assert_eq!(count_in(b"Trx id counter -1\n"), None);
        let forged =
            b"LATEST DETECTED DEADLOCK\nUPDATE t SET v = '\nTrx id counter 7\n'\nTRANSACTIONS\nTrx id counter 1804\n";
        assert_eq!(count_in(forged), None);
    }
}
