//! Which table is behind each name, while its rows are read.
//!
//! A snapshot is one of rows, not of names: two tables that change places (RENAME), a partition that is exchanged for a table,
//! and on MariaDB a column that is dropped and made anew at once, give other rows under the same name, without an error, and
//! nothing of it need be left to see at the end. So it is looked at while a reader has the table, when nobody can do such a thing:
//! whether anybody has altered or renamed a table of the server since the names were written down, which costs next to nothing; and
//! if so, whether each name stands for the table that it stood for, by the numbers that InnoDB gives tables and partitions
//! (right PROCESS) and by when they were made. Who may not see those numbers begins anew.

use super::position::is_denied;
use crate::mysql::error::{MysqlError, Result};
use crate::mysql::quote::literal;
use crate::mysql::session::{Row, Session};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// How many statements of these kinds have begun.
const COUNTERS: &str = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_alter_table', 'Com_rename_table')";
/// Whether one of them may be under way. Comments and procedures may hide how it begins.
const UNDER_WAY: &str = "SELECT COUNT(*) FROM information_schema.PROCESSLIST
WHERE ID <> CONNECTION_ID() AND (INFO LIKE '%ALTER%' OR INFO LIKE '%RENAME%')";
/// When each table was made. One of just now could be made again with the same time: it is taken for another each time.
const MADE: &str = "SELECT TABLE_NAME, IF(CREATE_TIME < NOW() - INTERVAL 2 SECOND, CREATE_TIME, NOW(6))
FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE <> 'VIEW'";

/// What the names of a database stood for.
pub(super) struct Identities {
    tables: BTreeMap<String, String>,
    /// Whether InnoDB's numbers are among it.
    is_seen: bool,
    /// What was counted when nothing was under way.
    counted: Option<Vec<String>>,
}

impl Identities {
    /// Writes them down.
    ///
    /// # Errors
    /// If the server refuses.
    pub(super) fn read(session: &mut Session) -> Result<Self> {
        let counted = counted(session)?;
        let numbers = numbers(session)?;
        let is_seen = numbers.as_ref().is_some_and(|numbers| !numbers.is_empty());
        let is_quiet = !is_seen || is_quiet(session)?;
        let mut tables = made(session)?;
        tables.extend(numbers.into_iter().flatten());
        Ok(Self { tables, is_seen, counted: counted.filter(|_| is_quiet) })
    }

    /// What stands for something else than then, if anything does. The caller has the tables that it wants to be sure of.
    ///
    /// # Errors
    /// If the server refuses.
    pub(super) fn moved(&mut self, session: &mut Session) -> Result<Option<String>> {
        let counted = counted(session)?;
        if counted.is_some() && counted == self.counted {
            return Ok(None);
        }
        if !self.is_seen {
            let what =
                "a table of the server was altered or renamed; with the privilege PROCESS it would be seen which";
            return Ok(Some(what.to_owned()));
        }
        // What is under way now is counted already, and may come to pass later.
        let is_quiet = is_quiet(session)?;
        let mut now = made(session)?;
        now.extend(numbers(session)?.into_iter().flatten());
        let moved = self.tables.iter().find(|(name, number)| now.get(*name) != Some(*number));
        self.counted = counted.filter(|_| is_quiet);
        Ok(moved.map(|(name, _)| {
            let name = name.rsplit_once('/').map_or(name.as_str(), |(_, name)| name);
            // A partition is named with its table.
            let of_partition = name.to_ascii_lowercase().find("#p#");
            format!("table {}", of_partition.map_or(name, |end| &name[..end]))
        }))
    }
}

/// Sees to it that names stand for what they stood for when they were listed, whoever reads.
pub(super) struct Names<'n>(Mutex<(&'n mut Session, &'n mut Identities)>);

impl<'n> Names<'n> {
    /// By a session of its own.
    pub(super) fn new(session: &'n mut Session, identities: &'n mut Identities) -> Self {
        Self(Mutex::new((session, identities)))
    }

    /// Looks.
    ///
    /// # Errors
    /// If one does not, or the server does not say.
    pub(super) fn check(&self) -> Result<()> {
        let mut names = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (session, identities) = &mut *names;
        identities.moved(session)?.map_or(Ok(()), |what| Err(MysqlError::Unstable { what }))
    }
}

fn counted(session: &mut Session) -> Result<Option<Vec<String>>> {
    let rows = session.query("ask what was altered", COUNTERS)?;
    let counted = rows.iter().map(|row| row.text(1).map(str::to_owned)).collect::<Result<Vec<_>>>()?;
    Ok((counted.len() == 2).then_some(counted))
}

fn is_quiet(session: &mut Session) -> Result<bool> {
    Ok(session.query_one("ask what is being altered", UNDER_WAY)?.parse(0)? == Some(0_u64))
}

fn made(session: &mut Session) -> Result<BTreeMap<String, String>> {
    let rows = session.query("ask when tables were made", MADE)?;
    rows.iter().map(|row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned()))).collect()
}

/// InnoDB's numbers of the tables and partitions of the database; none where the user may not see them.
fn numbers(session: &mut Session) -> Result<Option<BTreeMap<String, String>>> {
    let database = session.query_one("say which database it is", "SELECT DATABASE()")?.text(0)?.to_owned();
    let catalog = if session.flavor().is_mariadb() { "INNODB_SYS_TABLES" } else { "INNODB_TABLES" };
    let mut sql = format!("SELECT NAME, TABLE_ID, N_COLS, SPACE FROM information_schema.{catalog}");
    if let Some(folder) = folder(&database) {
        let folder = folder + "/";
        sql += &format!(" WHERE LEFT(NAME, {}) = {}", folder.len(), literal(&folder));
    }
    let rows = match session.query("ask for the numbers of tables", &sql) {
        Ok(rows) => rows,
        Err(error) if is_denied(&error) => return Ok(None),
        Err(error) => return Err(error),
    };
    // What is being altered has a second table for a while.
    let is_lasting = |row: &&Row| row.text(0).is_ok_and(|name| !name.contains("#sql") && name.contains('/'));
    let lasting = rows.iter().filter(is_lasting);
    let number = |row: &Row| -> Result<(String, String)> {
        Ok((row.text(0)?.to_owned(), [row.text(1)?, row.text(2)?, row.text(3)?].join(" ")))
    };
    lasting.map(number).collect::<Result<_>>().map(Some)
}

/// The folder of a database of ASCII, as InnoDB names it; none for others, of which all are looked at.
fn folder(database: &str) -> Option<String> {
    let encoded = database.chars().map(|c| match c {
        c if c.is_ascii_alphanumeric() || c == '_' => Some(c.to_string()),
        c => c.is_ascii().then(|| format!("@{:04x}", u32::from(c))),
    });
    encoded.collect()
}

#[cfg(test)]
mod tests {
    use super::folder;

    #[test]
    fn folders_are_named_as_innodb_does() {
        assert_eq!(folder("shop_1").as_deref(), Some("shop_1"));
        assert_eq!(folder("a-b c").as_deref(), Some("a@002db@0020c"));
        assert_eq!(folder("h\u{e9}"), None);
    }
}
