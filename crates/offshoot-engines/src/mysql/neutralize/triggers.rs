//! Triggers, which a session cannot put to sleep: taken away while rows are changed, and made again as they were, in the
//! order in which they fire, each under the sql_mode and the character sets that it was made under.

use super::work::Work;
use crate::error::Result;
use crate::mysql::quote::ident;
use crate::mysql::schema::{Context, shown_trigger};

/// A trigger that was taken away.
pub(super) struct Silenced {
    context: Context,
    statement: String,
}

/// Takes them away.
pub(super) fn take_away(work: &mut Work<'_>) -> Result<Vec<Silenced>> {
    let collation = work.database_collation()?;
    let sql = "SELECT trigger_name, event_object_table FROM information_schema.triggers WHERE trigger_schema = DATABASE() \
               ORDER BY event_object_table, event_manipulation, action_timing, action_order";
    let mut silenced = Vec::new();
    for row in work.query("list its triggers", sql)? {
        let name = ident(row.text(0)?);
        let shown = work.query("read a trigger", &format!("SHOW CREATE TRIGGER {name}"))?;
        let Some(shown) = shown.first() else { continue };
        let (context, statement) = shown_trigger(shown, row.text(0)?, row.text(1)?, &collation)?;
        silenced.push(Silenced { context, statement });
        work.run("take a trigger away", &format!("DROP TRIGGER {name}"))?;
    }
    Ok(silenced)
}

/// Puts them back.
pub(super) fn put_back(work: &mut Work<'_>, silenced: &[Silenced]) -> Result<()> {
    for one in silenced {
        work.make_again("put a trigger back", &one.context, &one.statement)?;
    }
    Ok(())
}
