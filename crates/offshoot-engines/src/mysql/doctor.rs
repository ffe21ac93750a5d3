//! What stands in the way of a capture, found before it is tried: rights, engines, how one state will be come by.
//!
//! It only reads, takes no lock, and never fails for what it finds: findings are values.

use super::capture;
use super::catalog::tables::{Table, Tables, list};
use super::conninfo::ConnInfo;
use super::error::Result;
use super::grants::Grants;
use super::schema;
use super::session::Session;
use offshoot_format::table::Key;

/// What was found. All names are shown as messages show them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The server, and its version as it prints it.
    pub server_version: String,
    /// The database.
    pub database: String,
    /// The user of the session.
    pub user: String,
    /// Character set and collation of the database.
    pub encoding: String,
    /// How several connections will come to see one state.
    pub method: String,
    /// What the user may not read, and why.
    pub missing: Vec<String>,
    /// Statements that grant it, or what makes a capture cheaper for others.
    pub grants: Vec<String>,
    /// Tables whose engine knows no snapshots: they are locked while they are read.
    pub without_snapshots: Vec<String>,
    /// Tables without a key: their rows are ordered by all columns.
    pub keyless_tables: Vec<String>,
    /// Transactions open for more than a minute: number of the session and seconds.
    pub old_transactions: Vec<(u64, u64)>,
}

impl Report {
    /// Whether a capture can succeed as things are.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.missing.is_empty()
    }
}

/// Looks at a database as a capture would.
///
/// # Errors
/// If there is no connection, or the server is not one that can be captured.
pub fn doctor(conninfo: &ConnInfo) -> Result<Report> {
    let mut session = capture::open(conninfo)?;
    let sql = "SELECT DATABASE(), CURRENT_USER(), @@character_set_database, @@collation_database";
    let row = session.query_one("describe itself", sql)?;
    let (database, user) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
    let tables = list(&mut session)?;
    let read = schema::read(&mut session, &tables, u64::MAX)?;
    let rights = Grants::read(&mut session)?;
    let with_rows = || tables.all.iter().filter(|table| table.has_rows());
    let mut report = Report {
        server_version: session.flavor().to_string(),
        encoding: format!("{}, {}", row.text(2)?, row.text(3)?),
        without_snapshots: with_rows().filter(|table| !table.is_transactional()).map(name).collect(),
        keyless_tables: with_rows().filter(|table| table.spec.key == Key::WholeRow).map(name).collect(),
        missing: read.not_carried.iter().map(|note| format!("{}: {}", note.object, note.reason)).collect(),
        old_transactions: old_transactions(&mut session)?,
        database,
        user,
        ..Report::default()
    };
    for table in with_rows() {
        if let Err(error) = session.query("look at a table", &format!("{} LIMIT 0", table.select())) {
            report.missing.push(format!("rows of table {}: {error}", table.name));
        }
    }
    report.method = method(&mut session, &tables, &report, &rights)?;
    let to = quoted(&report.user);
    let on = super::quote::ident(&report.database);
    if !report.missing.is_empty() {
        report.grants.push(format!("GRANT SELECT, SHOW VIEW, TRIGGER, EVENT ON {on}.* TO {to}"));
        let routines = if session.flavor().is_mariadb() { "SELECT ON mysql.proc" } else { "SHOW_ROUTINE ON *.*" };
        report.grants.push(format!("GRANT {routines} TO {to}"));
    }
    if !rights.has("RELOAD") && !rights.has("LOCK TABLES") {
        report.grants.push(format!("GRANT LOCK TABLES ON {on}.* TO {to}"));
    }
    if !rights.has("PROCESS") {
        report.grants.push(format!("GRANT PROCESS ON *.* TO {to} -- to see who waits behind the capture"));
    }
    Ok(report)
}

fn name(table: &Table) -> String {
    if table.is_transactional() { table.name.clone() } else { format!("{} ({})", table.name, table.engine) }
}

/// `user@host` as a statement takes it.
fn quoted(user: &str) -> String {
    let (name, host) = user.rsplit_once('@').unwrap_or((user, "%"));
    format!("{}@{}", super::quote::literal(name), super::quote::literal(host))
}

fn method(session: &mut Session, tables: &Tables, report: &Report, rights: &Grants) -> Result<String> {
    let is_counted = capture::is_counted(tables);
    let words = if is_counted && capture::has_complete_binlog(session)? {
        "without a lock, by positions in the binary log"
    } else if rights.has("RELOAD") {
        "under FLUSH TABLES WITH READ LOCK, for as long as snapshots take"
    } else if rights.has("LOCK TABLES") {
        "under LOCK TABLES ... READ, for as long as snapshots take"
    } else if is_counted && !session.flavor().is_mariadb() && rights.has("PROCESS") {
        "by GTIDs where writes pause, else over one connection"
    } else if report.without_snapshots.is_empty() {
        "over one connection"
    } else {
        "over one connection; tables without snapshots are read at another moment"
    };
    Ok(words.to_owned())
}

fn old_transactions(session: &mut Session) -> Result<Vec<(u64, u64)>> {
    let sql = "SELECT trx_mysql_thread_id, TIMESTAMPDIFF(SECOND, trx_started, NOW()) FROM information_schema.INNODB_TRX \
               WHERE trx_started < NOW() - INTERVAL 1 MINUTE ORDER BY 2 DESC";
    match session.query("list its transactions", sql) {
        Ok(rows) => rows.iter().map(|row| Ok((row.parse(0)?.unwrap_or(0), row.parse(1)?.unwrap_or(0)))).collect(),
        // Only who has PROCESS may see them.
        Err(error) if capture::is_denied(&error) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}
