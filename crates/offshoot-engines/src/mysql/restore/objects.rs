//! What is in the target already, in the order in which it can be dropped.

use super::{MARK_TABLE, MysqlTargetSession};
use crate::mysql::Result;
use crate::mysql::error::number;
use crate::mysql::quote::ident;
use crate::mysql::schema::libraries;
use offshoot_core::target::UserObject;

/// Events, which could act on what goes.
const EVENTS: &str = "SELECT 'event', event_name FROM information_schema.events \
     WHERE CAST(event_schema AS BINARY) = CAST(DATABASE() AS BINARY) ORDER BY 2";

/// All other kinds of objects with their names: first what is made of others. Triggers go with their tables, bodies with their
/// packages.
const OBJECTS: &str = "
SELECT CASE table_type WHEN 'VIEW' THEN 'view' WHEN 'SEQUENCE' THEN 'sequence' ELSE 'table' END, table_name,
    CASE table_type WHEN 'VIEW' THEN 1 WHEN 'SEQUENCE' THEN 3 ELSE 2 END
  FROM information_schema.tables WHERE table_schema = DATABASE() AND CAST(table_schema AS BINARY) = CAST(DATABASE() AS BINARY)
UNION ALL SELECT LOWER(routine_type), routine_name, 4
  FROM information_schema.routines
  WHERE CAST(routine_schema AS BINARY) = CAST(DATABASE() AS BINARY) AND routine_type <> 'PACKAGE BODY'
ORDER BY 3, 1, 2";

/// The settings under which packages are dropped, as items of a schema have theirs.
const ORACLE: &str =
    "SET sql_mode = 'ORACLE', character_set_client = 'utf8mb4', collation_connection = 'utf8mb4_general_ci';\n";

impl MysqlTargetSession<'_> {
    /// Objects of users; `has_mark` if the table of the mark is one.
    pub(super) fn objects(&mut self, has_mark: bool) -> Result<Vec<UserObject>> {
        let mut objects = Vec::new();
        let mut rows = match self.session.query("list what is in the target", EVENTS) {
            // Such a server shows none, and takes none.
            Err(error) if error.number() == Some(number::EVENTS_DISABLED) => Vec::new(),
            events => events?,
        };
        rows.extend(self.session.query("list what is in the target", OBJECTS)?);
        // Behind what uses them.
        let libraries = libraries(&mut self.session)?;
        let named = rows.iter().map(|row| Ok((row.text(0)?, row.text(1)?))).collect::<Result<Vec<_>>>()?;
        for (kind, name) in named.into_iter().chain(libraries.iter().map(|name| ("library", name.as_str()))) {
            if !(has_mark && kind == "table" && name == MARK_TABLE) {
                // Elsewhere these words are not of the server's language.
                let oracle = if kind == "package" { ORACLE } else { "" };
                let drop_sql = format!("{oracle}DROP {} IF EXISTS {}", kind.to_uppercase(), ident(name));
                objects.push(UserObject { label: format!("{kind} {name}"), drop_sql });
            }
        }
        Ok(objects)
    }
}
