//! Other restores into the same database: they are refused, not disturbed.
//!
//! Every session of a restore holds one of a few locks that are named after the database; whose they are the server says.
//! A session that is gone holds none, but one whose client was killed may go on for a while with the statement that it was
//! given, and holds its lock until then.

use super::MysqlTargetSession;
use crate::mysql::quote::literal;
use crate::mysql::{MysqlError, Result};
use sha2::{Digest as _, Sha256};
use std::time::{Duration, Instant};

/// Sessions that a restore can have.
const SLOTS: usize = 64;

/// How often other restores are looked for while they are waited for.
const OTHERS_INTERVAL: Duration = Duration::from_millis(100);

impl MysqlTargetSession<'_> {
    /// Says to other restores that one is under way, until the session ends.
    pub(super) fn announce(&mut self) -> Result<()> {
        let slot = |slot| format!("WHEN GET_LOCK({}, 0) = 1 THEN 1", literal(&self.lock_name(slot)));
        let tries: Vec<String> = (0..SLOTS).map(slot).collect();
        let sql = format!("SELECT CASE {} ELSE 0 END", tries.join(" "));
        let row = self.session.query_one("say that a restore is under way", &sql)?;
        if row.parse::<u64>(0)? == Some(1) {
            return Ok(());
        }
        Err(MysqlError::Target {
            what: format!("{SLOTS} sessions of restores are at work in this database already"),
            mend: "Wait for them, or use fewer --jobs".to_owned(),
        })
    }

    /// Fails if sessions of another restore are at work in this database, after waiting for them for a while.
    pub(super) fn refuse_others(&mut self, patience: Duration) -> Result<()> {
        let users: Vec<String> =
            (0..SLOTS).map(|slot| format!("IS_USED_LOCK({})", literal(&self.lock_name(slot)))).collect();
        let sql = format!("SELECT {}", users.join(", "));
        let began = Instant::now();
        loop {
            let row = self.session.query_one("look for other restores", &sql)?;
            let mut others = Vec::new();
            for slot in 0..SLOTS {
                others.extend(row.parse::<u32>(slot)?.filter(|id| !self.target.sessions().contains_key(id)));
            }
            if others.is_empty() {
                return Ok(());
            }
            if began.elapsed() >= patience {
                let ids: Vec<String> = others.iter().map(u32::to_string).collect();
                return Err(MysqlError::Target {
                    what: format!("another restore is at work in this database (connections {})", ids.join(", ")),
                    mend: "Wait for it, or end it with: KILL ... for each of them".to_owned(),
                });
            }
            std::thread::sleep(OTHERS_INTERVAL);
        }
    }

    /// Names of locks are short and belong to the whole server, so the database is in it as a digest.
    fn lock_name(&self, slot: usize) -> String {
        let digest = Sha256::digest(self.database.to_lowercase());
        let digest: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        format!("offshoot_restore_{slot}_{digest}")
    }
}
