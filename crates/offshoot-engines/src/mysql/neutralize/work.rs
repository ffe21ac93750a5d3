//! What all items work with: a session, and the list of what was done.

use crate::error::Result;
use crate::mysql::error::{MysqlError, Refusal};
use crate::mysql::schema::Context;
use crate::mysql::session::{Row, Session};
use offshoot_restore::{NeutralizeChoices, Neutralized, Outcome};

/// A database that is being neutralized.
pub(super) struct Work<'a> {
    session: &'a mut Session,
    pub(super) choices: &'a NeutralizeChoices,
    found: Vec<Neutralized>,
}

impl<'a> Work<'a> {
    pub(super) fn new(session: &'a mut Session, choices: &'a NeutralizeChoices) -> Self {
        Self { session, choices, found: Vec::new() }
    }

    pub(super) fn done(&mut self, item: &str, object: String, what: impl Into<String>, count: Option<u64>) {
        self.add(item, object, what.into(), count, Outcome::Done);
    }

    pub(super) fn kept(&mut self, item: &str, object: String, what: impl Into<String>) {
        self.add(item, object, what.into(), None, Outcome::Kept);
    }

    pub(super) fn warn(&mut self, item: &str, object: String, what: impl Into<String>, count: Option<u64>) {
        self.add(item, object, what.into(), count, Outcome::Warning);
    }

    fn add(&mut self, item: &str, object: String, what: String, count: Option<u64>, outcome: Outcome) {
        self.found.push(Neutralized { item: item.to_owned(), object, what, count, outcome });
    }

    pub(super) fn into_found(self) -> Vec<Neutralized> {
        self.found
    }

    /// Rows of a catalog.
    pub(super) fn query(&mut self, doing: &str, sql: &str) -> Result<Vec<Row>> {
        Ok(self.session.query(doing, sql)?)
    }

    /// A number that a query gives.
    pub(super) fn count(&mut self, doing: &str, sql: &str) -> Result<u64> {
        Ok(self.session.query_one(doing, sql)?.parse(0)?.unwrap_or(0))
    }

    /// A statement that must succeed; how many rows it changed.
    pub(super) fn run(&mut self, doing: &str, sql: &str) -> Result<u64> {
        Ok(self.session.execute(doing, sql)?.affected_rows)
    }

    /// The collation of the database.
    pub(super) fn database_collation(&mut self) -> Result<String> {
        Ok(self.session.database_collation()?)
    }

    /// An object, made again under what it was made under.
    pub(super) fn make_again(&mut self, doing: &str, context: &Context, statement: &str) -> Result<()> {
        self.session.make_again(doing, context, statement)?;
        self.session.execute(doing, "SET SESSION sql_mode = ''")?;
        Ok(())
    }

    /// A statement that may be refused.
    pub(super) fn attempt(&mut self, doing: &str, sql: &str) -> Result<Result<u64, Refusal>> {
        match self.session.execute(doing, sql) {
            Ok(done) => Ok(Ok(done.affected_rows)),
            Err(MysqlError::Refused { refusal, .. }) => Ok(Err(refusal)),
            Err(other) => Err(other.into()),
        }
    }
}
