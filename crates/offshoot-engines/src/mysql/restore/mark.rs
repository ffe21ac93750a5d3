//! The mark of an unfinished restore: a table that nobody overlooks, whose last row says what is going on.
//!
//! It lives in the target itself, so that it survives whoever was restoring, and goes in the last step.

use super::{MARK_TABLE, MysqlTargetSession};
use crate::mysql::quote::{ident, literal};
use crate::mysql::{MysqlError, Result};
use offshoot_core::target::Mark;

/// What the table's comment begins with, which tells it from a table that a user has given this name.
const COMMENT: &str = "This database is incomplete";

impl MysqlTargetSession<'_> {
    /// Sets the mark, or replaces it.
    pub(super) fn put_mark(&mut self, mark: &Mark) -> Result<()> {
        let doing = "mark the target as incomplete";
        let table = ident(MARK_TABLE);
        let comment = format!("{COMMENT}: a restore did not end. Run the restore again; it starts over.");
        self.run(
            doing,
            &format!(
                "CREATE TABLE IF NOT EXISTS {table} (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, snapshot VARCHAR(100) NOT NULL, \
                 step LONGTEXT NOT NULL, extensions LONGTEXT NOT NULL, roles LONGTEXT NOT NULL) ENGINE = InnoDB \
                 DEFAULT CHARACTER SET utf8mb4 COMMENT {}",
                literal(&comment)
            ),
        )?;
        let list = |names: &[String]| serde_json::Value::from(names).to_string();
        let values = [&mark.snapshot, &mark.step, &list(&mark.extensions), &list(&mark.roles)];
        let values: Vec<String> = values.into_iter().map(|value| literal(value)).collect();
        // The last row counts, so that a user who may only insert can change it.
        let sql = format!("INSERT INTO {table} (snapshot, step, extensions, roles) VALUES ({})", values.join(", "));
        self.run(doing, &sql).map(drop)
    }

    /// Removes the mark.
    pub(super) fn drop_mark(&mut self) -> Result<()> {
        let sql = format!("DROP TABLE IF EXISTS {}", ident(MARK_TABLE));
        self.run("remove the mark of an incomplete target", &sql).map(drop)
    }

    /// The mark, if there is one.
    pub(super) fn read_mark(&mut self) -> Result<Option<Mark>> {
        let doing = "look for the mark of an unfinished restore";
        let sql = format!(
            "SELECT table_comment FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = {}",
            literal(MARK_TABLE)
        );
        let found = self.session.query(doing, &sql)?;
        if !found.first().map(|row| row.text(0)).transpose()?.is_some_and(|comment| comment.starts_with(COMMENT)) {
            return Ok(None);
        }
        let sql =
            format!("SELECT snapshot, step, extensions, roles FROM {} ORDER BY id DESC LIMIT 1", ident(MARK_TABLE));
        let rows = self.session.query(doing, &sql)?;
        // Killed between making the table and writing into it.
        let Some(row) = rows.first() else { return Ok(Some(Mark { step: "begin".to_owned(), ..empty() })) };
        let list = |column: usize| -> Result<Vec<String>> {
            let no_list = |_| MysqlError::Protocol { what: "the mark of a restore", why: "it holds no list" };
            serde_json::from_str(row.text(column)?).map_err(no_list)
        };
        let (snapshot, step) = (row.text(0)?.to_owned(), row.text(1)?.to_owned());
        Ok(Some(Mark { snapshot, step, extensions: list(2)?, roles: list(3)? }))
    }
}

fn empty() -> Mark {
    Mark { snapshot: "?".to_owned(), step: String::new(), extensions: Vec::new(), roles: Vec::new() }
}
