//! Making a routine, view, trigger or event again, under what it was made under.

use super::Context;
use crate::mysql::error::{MysqlError, Result};
use crate::mysql::quote::{ident, literal};
use crate::mysql::session::{Done, Session};

impl Session {
    /// Runs the statement of an object under the settings that belong to it. Afterwards the session and the database are as
    /// they were, whatever became of it, but for the session's `sql_mode` and `time_zone`, which are the caller's to set.
    ///
    /// # Errors
    /// If the server refuses, or the connection is lost: then the database may be left with the object's collation.
    pub(crate) fn make_again(&mut self, doing: &str, context: &Context, statement: &str) -> Result<Done> {
        let bytes = self.as_typed(doing, statement, &context.character_set_client)?;
        let Some(collation) = &context.collation_database else { return self.make_under(doing, context, &bytes) };
        // Both servers give an object the collation that its database has, which nothing but a change of that decides.
        let own = self.database_collation()?;
        let altered = |collation: &str| format!("ALTER DATABASE COLLATE {}", ident(collation));
        self.execute(doing, &altered(collation))?;
        let made = self.make_under(doing, context, &bytes);
        let reset = self.execute("set the collation of the database back", &altered(&own));
        let done = made?;
        reset?;
        Ok(done)
    }

    fn make_under(&mut self, doing: &str, context: &Context, statement: &[u8]) -> Result<Done> {
        let made = self.execute(doing, &context.set_statement()).and_then(|_| self.execute_bytes(doing, statement));
        let reset = self.execute(doing, "SET NAMES utf8mb4");
        let done = made?;
        reset?;
        Ok(done)
    }

    /// The collation of the session's database. The session's own variable says what that was when the session began.
    pub(crate) fn database_collation(&mut self) -> Result<String> {
        let sql = "SELECT DEFAULT_COLLATION_NAME FROM information_schema.SCHEMATA \
                   WHERE CAST(SCHEMA_NAME AS BINARY) = CAST(DATABASE() AS BINARY)";
        Ok(self.query_one("say the collation of the database", sql)?.text(0)?.to_owned())
    }

    /// A statement as it was typed: in the character set that its text was once sent in. The server converts it.
    fn as_typed(&mut self, doing: &str, statement: &str, charset: &str) -> Result<Vec<u8>> {
        if statement.is_ascii() || charset.starts_with("utf8") {
            return Ok(statement.as_bytes().to_vec());
        }
        let sql = format!("SELECT CAST(CONVERT({} USING {}) AS BINARY)", literal(statement), ident(charset));
        let row = self.query_one(doing, &sql)?;
        row.get(0).map(<[u8]>::to_vec).ok_or(MysqlError::Protocol { what: "a converted statement", why: "it is NULL" })
    }
}
