//! Triggers, which a session cannot put to sleep: taken away while rows are changed, and made again as they were, in the
//! order in which they fire, each under the sql_mode and the character sets that it was made under.

use super::work::Work;
use crate::error::Result;
use crate::mysql::quote::{ident, literal};

/// A trigger that was taken away.
pub(super) struct Silenced {
    sql_mode: String,
    /// The character set that its text was typed in.
    client: String,
    connection: String,
    statement: String,
}

/// Takes them away.
pub(super) fn take_away(work: &mut Work<'_>) -> Result<Vec<Silenced>> {
    let sql = "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = DATABASE() \
               ORDER BY event_object_table, event_manipulation, action_timing, action_order";
    let mut silenced = Vec::new();
    for row in work.query("list its triggers", sql)? {
        let name = ident(row.text(0)?);
        let shown = work.query("read a trigger", &format!("SHOW CREATE TRIGGER {name}"))?;
        let Some(shown) = shown.first() else { continue };
        let text = |column| shown.text(column).map(str::to_owned);
        silenced.push(Silenced { sql_mode: text(1)?, statement: text(2)?, client: text(3)?, connection: text(4)? });
        work.run("take a trigger away", &format!("DROP TRIGGER {name}"))?;
    }
    Ok(silenced)
}

/// Puts them back.
pub(super) fn put_back(work: &mut Work<'_>, silenced: &[Silenced]) -> Result<()> {
    let doing = "put a trigger back";
    for one in silenced {
        let statement = if one.statement.is_ascii() || one.client.starts_with("utf8") {
            one.statement.as_bytes().to_vec()
        } else {
            let (text, client) = (literal(&one.statement), ident(&one.client));
            let rows = work.query(doing, &format!("SELECT CAST(CONVERT({text} USING {client}) AS BINARY)"))?;
            rows.first().and_then(|row| row.get(0)).unwrap_or_default().to_vec()
        };
        let settings = format!(
            "SET SESSION sql_mode = {}, character_set_client = {}, collation_connection = {}",
            literal(&one.sql_mode),
            literal(&one.client),
            literal(&one.connection)
        );
        work.run(doing, &settings)?;
        work.run_bytes(doing, &statement)?;
        work.run(doing, "SET NAMES utf8mb4")?;
        work.run(doing, "SET SESSION sql_mode = ''")?;
    }
    Ok(())
}
