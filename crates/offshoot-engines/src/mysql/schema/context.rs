//! The settings under which a routine, view, trigger or event was made, which go with it: what its text means depends on
//! them.
//!
//! They stand before the statement as one line: `SET sql_mode = '...', character_set_client = utf8mb4, ...;`. The statement
//! itself is UTF-8, whatever its character_set_client is. Whoever makes the object again does it by [`Session::make_again`].

use super::setting;
#[cfg(doc)]
use crate::mysql::session::Session;

/// The settings of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// How its text is read and how it computes; a view keeps none.
    pub sql_mode: Option<String>,
    /// The character set that its text came in.
    pub character_set_client: String,
    /// The collation of its literals.
    pub collation_connection: String,
    /// The time zone of an event's schedule.
    pub time_zone: Option<String>,
    /// The collation that its database had, where that has another one now: its parameters and variables have it.
    pub collation_database: Option<String>,
}

/// Between the line of settings and the statement.
const END: &str = ";\n";
const BEGIN: &str = "SET ";

impl Context {
    pub(super) fn new(sql_mode: &str, client: &str, connection: &str, time_zone: Option<&str>) -> Self {
        Self {
            sql_mode: Some(sql_mode.to_owned()),
            character_set_client: client.to_owned(),
            collation_connection: connection.to_owned(),
            time_zone: time_zone.map(str::to_owned),
            collation_database: None,
        }
    }

    /// With the collation that its database had when it was made, if that is not `now` its own.
    pub(super) fn of_database(mut self, then: &str, now: &str) -> Self {
        self.collation_database = (!then.is_empty() && then != now).then(|| then.to_owned());
        self
    }

    pub(super) fn of_view(client: &str, connection: &str) -> Self {
        Self { sql_mode: None, ..Self::new("", client, connection, None) }
    }

    /// The statement that sets them, but for the collation of the database, which no session can set.
    #[must_use]
    pub fn set_statement(&self) -> String {
        let sql_mode = self.sql_mode.as_deref().map(|mode| setting("sql_mode", mode));
        let time_zone = self.time_zone.as_deref().map(|zone| setting("time_zone", zone));
        let client = setting("character_set_client", &self.character_set_client);
        let connection = setting("collation_connection", &self.collation_connection);
        let settings: Vec<String> =
            [sql_mode, Some(client), Some(connection), time_zone].into_iter().flatten().collect();
        format!("{BEGIN}{}", settings.join(", "))
    }

    /// The sql of a schema item: the settings, then the statement.
    pub(crate) fn before(&self, statement: &str) -> String {
        let database = self.collation_database.as_deref().map(|name| setting("collation_database", name));
        let database = database.map_or_else(String::new, |set| format!(", {set}"));
        format!("{}{database}{END}{statement}", self.set_statement())
    }

    /// Takes the settings off the sql of a schema item: them, if it has any, and the statement.
    #[must_use]
    pub fn split(sql: &str) -> (Option<Self>, &str) {
        let split = || {
            let (line, statement) = sql.strip_prefix(BEGIN)?.split_once(END)?;
            let mut context = Self::new("", "", "", None);
            context.sql_mode = None;
            for part in line.split("', ") {
                let (name, value) = part.split_once(" = '")?;
                let value = value.strip_suffix('\'').unwrap_or(value).to_owned();
                match name {
                    "sql_mode" => context.sql_mode = Some(value),
                    "character_set_client" => context.character_set_client = value,
                    "collation_connection" => context.collation_connection = value,
                    "time_zone" => context.time_zone = Some(value),
                    "collation_database" => context.collation_database = Some(value),
                    _ => return None,
                }
            }
            Some((context, statement))
        };
        split().map_or((None, sql), |(context, statement)| (Some(context), statement))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_come_off_again() {
        let context =
            Context::new("ANSI_QUOTES,PAD_CHAR_TO_FULL_LENGTH", "latin1", "latin1_swedish_ci", Some("+02:00"));
        let statement = "CREATE EVENT `e` ON SCHEDULE EVERY 1 DAY DO BEGIN\nSET @a = 'x';\nEND";
        let sql = context.before(statement);
        assert_eq!(Context::split(&sql), (Some(context.clone()), statement));
        let same = context.clone().of_database("latin1_bin", "latin1_bin");
        assert_eq!((&same, same.before(statement)), (&context, sql));
        let other = context.of_database("latin1_bin", "utf8mb4_bin");
        let sql = other.before(statement);
        assert!(!other.set_statement().contains("collation_database"), "{sql}");
        assert_eq!(Context::split(&sql), (Some(other), statement));
        let view = Context::of_view("utf8mb4", "utf8mb4_bin");
        let sql = view.before("CREATE VIEW `v` AS select 1");
        assert_eq!(Context::split(&sql), (Some(view), "CREATE VIEW `v` AS select 1"));
        assert_eq!(Context::split("CREATE TABLE `t` (a INT)"), (None, "CREATE TABLE `t` (a INT)"));
    }
}
