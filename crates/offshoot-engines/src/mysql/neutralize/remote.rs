//! Tables whose rows are on another server or in files of the machine: FEDERATED, CONNECT, Spider and their like.
//!
//! A restore into an image makes empty tables in their place. Should one have come here in another way, the same is done;
//! what it was connected to is told by its engine's name alone, because an address can hold a password.

use super::work::Work;
use crate::error::Result;
use crate::mysql::quote::ident;
use crate::neutralize::items::REMOTE;

/// Engines that reach out of their server's own files.
const ENGINES: [&str; 6] = ["CONNECT", "FEDERATED", "HANDLERSOCKET", "S3", "SPHINX", "SPIDER"];

/// Detaches them.
pub(super) fn detach(work: &mut Work<'_>) -> Result<()> {
    let sql = "SELECT table_name, engine FROM information_schema.tables WHERE table_schema = DATABASE() AND engine IS NOT NULL \
               ORDER BY table_name";
    for row in work.query("list its tables", sql)? {
        let (name, engine) = (row.text(0)?, row.text(1)?);
        if !ENGINES.iter().any(|remote| remote.eq_ignore_ascii_case(engine)) {
            continue;
        }
        let object = format!("table {name}");
        let columns = work.query_columns(name)?;
        work.run("remove a table over another server", &format!("DROP TABLE {}", ident(name)))?;
        work.run(
            "make an empty table in its place",
            &format!("CREATE TABLE {} ({columns}) ENGINE = InnoDB", ident(name)),
        )?;
        work.done(REMOTE, object, format!("an empty table in place of {engine}"), None);
    }
    Ok(())
}

impl Work<'_> {
    /// The columns of a table as CREATE TABLE takes them, without keys, defaults and what the engine adds.
    fn query_columns(&mut self, table: &str) -> Result<String> {
        let sql = format!("SHOW FULL COLUMNS FROM {}", ident(table));
        let mut columns = Vec::new();
        for row in self.query("list the columns of a table", &sql)? {
            let collation = row.opt(2)?.map(|name| format!(" COLLATE {}", ident(name))).unwrap_or_default();
            let null = if row.is_yes(3)? { "NULL" } else { "NOT NULL" };
            columns.push(format!("{} {}{collation} {null}", ident(row.text(0)?), row.text(1)?));
        }
        Ok(columns.join(", "))
    }
}
