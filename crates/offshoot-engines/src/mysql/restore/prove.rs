//! What is not checked while rows are loaded is proven afterwards, by counting the rows that break it.
//!
//! A foreign key is made without looking at rows, because making it with a look copies the table. That rows break one is
//! no fault of the restore: both servers let rows in while `foreign_key_checks` is off. It is told, never passed over. So is a
//! key whose other table is not there: it may be of another database, or was dropped while checks were off.

use super::MysqlTargetSession;
use super::session::LACKING;
use crate::mysql::Result;
use offshoot_core::target::{Executed, Work};

impl MysqlTargetSession<'_> {
    /// Runs the queries of a proof. Each gives rows of a count, or of another such query and the name of what it proves.
    pub(super) fn prove(&mut self, work: &Work) -> Result<Executed> {
        match self.count_what_breaks(work) {
            Err(error) if error.number().is_some_and(|number| LACKING.contains(&number)) => {
                let why = format!(
                    "it is not proven, because what it refers to is not there ({error}). Until that is, the server refuses new rows in its table"
                );
                Ok(Executed::LeftOut { why })
            }
            proven => proven,
        }
    }

    fn count_what_breaks(&mut self, work: &Work) -> Result<Executed> {
        let mut broken = Vec::new();
        for sql in &work.sql {
            for row in self.session.query(&work.label, sql)? {
                match row.parse::<u64>(0) {
                    Ok(count) => {
                        broken.extend(count.filter(|&count| count > 0).map(|count| format!("{count} rows break it")))
                    }
                    Err(_) => {
                        let counted = self.session.query_one(&work.label, row.text(0)?)?;
                        let count = counted.parse::<u64>(0)?.unwrap_or(0);
                        if count > 0 {
                            broken.push(format!("{count} rows break {}", row.text(1)?));
                        }
                    }
                }
            }
        }
        if broken.is_empty() {
            return Ok(Executed::Done);
        }
        let why = format!(
            "{}, as they did where the snapshot was taken: the server lets them in while its checks are off, and does not look at them again",
            broken.join(", ")
        );
        Ok(Executed::LeftOut { why })
    }
}
