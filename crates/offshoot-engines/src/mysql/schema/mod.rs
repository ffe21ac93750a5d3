//! The schema as statements: what the server prints (SHOW CREATE), taken apart so that indexes and foreign keys can be made
//! after the rows.
//!
//! - `TABLE t`: with its primary key or the unique key that stands for it, the key that AUTO_INCREMENT needs, and its checks:
//!   adding one of these later would build the table anew.
//! - `INDEX t.i`, `FOREIGN KEY t.c`: an `ALTER TABLE` each.
//! - `SEQUENCE s` (MariaDB) before the tables, whose defaults may use them.
//! - `LIBRARY` (MySQL 9), `ROUTINE`, `VIEW`, `TRIGGER`, `EVENT`, in this order, views after those that they read. Routines, triggers, events and
//!   views have a first line of settings that belongs to them: [`Context`].
//!
//! Objects of this database are named without it, so that it can be restored under another name. Users (DEFINER) stay as they
//! were captured. Statements are UTF-8. Passwords with which tables reach other servers are blanked.

mod again;
mod context;
mod create_table;
mod head;
mod libraries;
mod secrets;
mod trigger;
mod view_order;

pub use context::Context;
pub use create_table::{TableParts, take_apart};
pub(crate) use head::{Head, is_as_labelled};
pub(crate) use libraries::libraries;
pub(crate) use trigger::{TriggerHead, shown_trigger};

use super::catalog::tables::{Table, TableKind, Tables};
use super::error::{MysqlError, Result, number};
use super::grants::Grants;
use super::quote::{ident, literal};
use super::session::{Row, Session};
use offshoot_format::manifest::{Note, Phase, SchemaItem};

/// The schema of one database.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schema {
    /// The statements, in the order in which they can be applied.
    pub items: Vec<SchemaItem>,
    /// What is left out on purpose.
    pub omitted: Vec<Note>,
    /// What the user may not read.
    pub not_carried: Vec<Note>,
    /// Users that objects run as: `user@host`, quoted as the server writes it.
    pub definers: Vec<String>,
}

/// Reads it.
///
/// # Errors
/// If the server refuses, or the statements are together longer than `bytes_max`.
pub fn read(session: &mut Session, tables: &Tables, bytes_max: u64) -> Result<Schema> {
    let database = session.query_one("say which database it is", "SELECT DATABASE()")?.text(0)?.to_owned();
    let collation = session.database_collation()?;
    let mut reader =
        Reader { session, database, collation, schema: Schema::default(), bytes_left: bytes_max, bytes_max };
    for table in &tables.all {
        if let TableKind::Sequence = table.kind {
            reader.sequence(&table.name)?;
        }
    }
    let mut parts = Vec::new();
    for table in tables.all.iter().filter(|table| table.kind == TableKind::Base) {
        parts.push((table, reader.table(table)?));
    }
    for (table, (indexes, _)) in &parts {
        for (name, sql) in indexes {
            reader.push(Phase::Index, format!("INDEX {}.{name}", table.name), Some(&table.name), sql.clone())?;
        }
    }
    for (table, (_, foreign_keys)) in &parts {
        for (name, sql) in foreign_keys {
            reader.push(
                Phase::ForeignKey,
                format!("FOREIGN KEY {}.{name}", table.name),
                Some(&table.name),
                sql.clone(),
            )?;
        }
    }
    reader.hidden()?;
    reader.libraries()?;
    reader.routines()?;
    reader.views(tables)?;
    reader.triggers()?;
    reader.events()?;
    let mut schema = reader.schema;
    schema.definers.sort();
    schema.definers.dedup();
    Ok(schema)
}

type Statements = Vec<(String, String)>;

struct Reader<'s> {
    session: &'s mut Session,
    database: String,
    /// The database's own.
    collation: String,
    schema: Schema,
    bytes_left: u64,
    bytes_max: u64,
}

impl Reader<'_> {
    fn push(&mut self, phase: Phase, label: String, table: Option<&str>, sql: String) -> Result<()> {
        let bytes_left = self.bytes_left.checked_sub(sql.len() as u64);
        self.bytes_left = bytes_left.ok_or(MysqlError::SchemaTooLarge { max_bytes: self.bytes_max })?;
        let table = table.map(|name| (String::new(), name.to_owned()));
        self.schema.items.push(SchemaItem { phase, label, table, sql });
        Ok(())
    }

    fn show(&mut self, what: &str, name: &str) -> Result<Row> {
        let doing = format!("describe {} {name}", what.to_ascii_lowercase());
        self.session.query_one(&doing, &format!("SHOW CREATE {what} {}", ident(name)))
    }

    fn table(&mut self, table: &Table) -> Result<(Statements, Statements)> {
        let shown = self.show("TABLE", &table.name)?;
        let unreadable = |why: &str, mend: &str| MysqlError::NotReadable {
            what: format!("what the server prints of table {} cannot be read: {why}", table.name),
            mend: mend.to_owned(),
        };
        let text = shown.text(1).map_err(|_| {
            let mend = "Write such a default as DEFAULT (unhex('...')), by ALTER TABLE, and capture again";
            unreadable("it is no UTF-8, as MariaDB prints bytes that are the default of a column", mend)
        })?;
        let create = without_own_sequences(text, &self.database);
        let create = if table.is_elsewhere() { self.without_secrets(table, create) } else { create };
        let parts = take_apart(&table.name, &create, table.key_index.as_deref()).map_err(|_| {
            let mend =
                "If a key or check has a backquote in its name, which MariaDB prints as it is, give it another one";
            unreadable("its brackets or quotes do not match", mend)
        })?;
        self.push(Phase::PreData, format!("TABLE {}", table.name), Some(&table.name), parts.create)?;
        Ok((parts.indexes, parts.foreign_keys))
    }

    /// What a table that reaches another server says of it, without passwords.
    fn without_secrets(&mut self, table: &Table, create: String) -> String {
        let blanked = secrets::blank(&create);
        if blanked != create {
            self.schema.omitted.push(Note {
                object: format!("password in the options of table {}", table.name),
                reason: "passwords are never captured; set it again by ALTER TABLE where the table is restored"
                    .to_owned(),
            });
        }
        blanked
    }

    /// Names the kinds of objects that the server hides from this user, of which there may be some.
    fn hidden(&mut self) -> Result<()> {
        let grants = Grants::read(self.session)?;
        let mut hidden = Vec::new();
        let kinds = [("tables and views", "SELECT"), ("triggers", "TRIGGER"), ("events", "EVENT")];
        for (what, right) in kinds {
            if !grants.on_database(&self.database, right) {
                hidden.push((what, format!("GRANT {right} ON {}.*", ident(&self.database))));
            }
        }
        let is_mariadb = self.session.flavor().is_mariadb();
        let of_database = ["EXECUTE", "CREATE ROUTINE", "ALTER ROUTINE", "SHOW CREATE ROUTINE"];
        let sees_routines = of_database.iter().any(|right| grants.on_database(&self.database, right))
            || grants.on_server("SELECT")
            || if is_mariadb { grants.on_table("mysql", "proc", "SELECT") } else { grants.on_server("SHOW_ROUTINE") };
        if !sees_routines {
            let grant = if is_mariadb { "GRANT SELECT ON mysql.proc" } else { "GRANT SHOW_ROUTINE ON *.*" };
            hidden.push(("routines", grant.to_owned()));
        }
        for (what, grant) in hidden {
            let reason = format!("the server hides those that the user may not see. {grant} to this user");
            self.schema.not_carried.push(Note { object: format!("{what}, if there are any more"), reason });
        }
        Ok(())
    }

    fn sequence(&mut self, name: &str) -> Result<()> {
        let shown = self.show("SEQUENCE", name)?;
        self.push(Phase::PreData, format!("SEQUENCE {name}"), None, shown.text(1)?.to_owned())
    }

    fn routines(&mut self) -> Result<()> {
        let sql = "SELECT ROUTINE_TYPE, ROUTINE_NAME FROM information_schema.ROUTINES \
                   WHERE CAST(ROUTINE_SCHEMA AS BINARY) = CAST(DATABASE() AS BINARY) ORDER BY ROUTINE_TYPE, ROUTINE_NAME";
        // A package's body goes behind its head: PACKAGE, PACKAGE BODY.
        for routine in self.session.query("list the routines", sql)? {
            let (what, name) = (routine.text(0)?, routine.text(1)?);
            let shown = match self.show(what, name) {
                Err(error) if is_denied(&error) => None,
                shown => Some(shown?),
            };
            let statement = shown.as_ref().map(|shown| shown.opt(2)).transpose()?.flatten();
            let (Some(statement), Some(shown)) = (statement, &shown) else {
                self.not_carried(
                    format!("{} {name}", what.to_ascii_lowercase()),
                    "GRANT SHOW_ROUTINE ON *.* (MySQL), or GRANT SELECT ON mysql.proc (MariaDB), to this user",
                );
                continue;
            };
            let context = Context::new(shown.text(1)?, shown.text(3)?, shown.text(4)?, None)
                .of_database(shown.text(5)?, &self.collation);
            let statement = head::under_name(statement, what, name);
            let statement = libraries::without_own_database(&statement, &self.database);
            self.definer(&statement);
            self.push(Phase::PostData, format!("ROUTINE {name}"), None, context.before(&statement))?;
        }
        Ok(())
    }

    fn views(&mut self, tables: &Tables) -> Result<()> {
        let mut views = Vec::new();
        for table in tables.all.iter().filter(|table| table.kind == TableKind::View) {
            match self.show("VIEW", &table.name) {
                Err(error) if is_denied(&error) => {
                    self.not_carried(format!("view {}", table.name), "GRANT SHOW VIEW ON this database to this user");
                }
                shown => {
                    let shown = shown?;
                    let context = Context::of_view(shown.text(2)?, shown.text(3)?);
                    self.definer(shown.text(1)?);
                    views.push((table.name.clone(), shown.text(1)?.to_owned(), context));
                }
            }
        }
        let statements: Vec<(&str, &str)> =
            views.iter().map(|(name, statement, _)| (name.as_str(), statement.as_str())).collect();
        for place in view_order::order(&statements) {
            let (name, statement, context) = &views[place];
            self.push(Phase::PostData, format!("VIEW {name}"), None, context.before(statement))?;
        }
        Ok(())
    }

    fn triggers(&mut self) -> Result<()> {
        let sql = "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS \
                   WHERE CAST(TRIGGER_SCHEMA AS BINARY) = CAST(DATABASE() AS BINARY) \
                   ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER";
        for trigger in self.session.query("list the triggers", sql)? {
            let name = trigger.text(0)?;
            let shown = self.show("TRIGGER", name)?;
            let table = trigger.text(1)?;
            let (context, statement) = shown_trigger(&shown, name, table, &self.collation)?;
            self.definer(&statement);
            self.push(Phase::PostData, format!("TRIGGER {name}"), Some(table), context.before(&statement))?;
        }
        Ok(())
    }

    fn events(&mut self) -> Result<()> {
        let sql = "SELECT EVENT_NAME FROM information_schema.EVENTS \
                   WHERE CAST(EVENT_SCHEMA AS BINARY) = CAST(DATABASE() AS BINARY) ORDER BY EVENT_NAME";
        let events = match self.session.query("list the events", sql) {
            Err(error) if error.number() == Some(number::EVENTS_DISABLED) => return self.hidden_events(),
            events => events?,
        };
        for event in events {
            let name = event.text(0)?;
            let shown = self.show("EVENT", name)?;
            let context = Context::new(shown.text(1)?, shown.text(4)?, shown.text(5)?, Some(shown.text(2)?))
                .of_database(shown.text(6)?, &self.collation);
            let statement = head::under_name(shown.text(3)?, "EVENT", name);
            self.definer(&statement);
            self.push(Phase::PostData, format!("EVENT {name}"), None, context.before(&statement))?;
        }
        Ok(())
    }

    /// A MariaDB whose scheduler is disabled shows no events, but has them still.
    fn hidden_events(&mut self) -> Result<()> {
        let count =
            self.session.query_one("count the events", "SELECT COUNT(*) FROM mysql.event WHERE db = DATABASE()");
        let is_none = match count {
            Err(error) if is_denied(&error) => false,
            count => count?.parse::<u64>(0)? == Some(0),
        };
        if !is_none {
            let reason =
                "the server's event_scheduler is DISABLED, so that it shows none. Start it with event_scheduler = OFF";
            self.schema.not_carried.push(Note { object: "events".to_owned(), reason: reason.to_owned() });
        }
        Ok(())
    }

    fn not_carried(&mut self, object: String, mend: &str) {
        let reason = format!("the user may not read its definition. {mend}");
        self.schema.not_carried.push(Note { object, reason });
    }

    fn definer(&mut self, statement: &str) {
        self.schema.definers.extend(definer(statement).map(str::to_owned));
    }
}

/// The user that an object runs as, quoted as the server writes it: `` `user`@`host` ``.
#[must_use]
pub fn definer(statement: &str) -> Option<&str> {
    Head::parse(statement)?.definer
}

/// MariaDB prints the sequences of defaults with their database; without it they are those of the database that the table is
/// made in.
fn without_own_sequences(create: &str, database: &str) -> String {
    let begin = |function: &str, database: &str| format!("{function}({database}`");
    ["nextval", "lastval", "setval"].iter().fold(create.to_owned(), |sql, function| {
        sql.replace(&begin(function, &format!("{}.", ident(database))), &begin(function, ""))
    })
}

fn is_denied(error: &MysqlError) -> bool {
    let denied = [number::TABLE_ACCESS_DENIED, number::PRIVILEGE_MISSING, number::NO_DATABASE_ACCESS, 1143, 1305, 1370];
    error.number().is_some_and(|number| denied.contains(&number))
}

/// `name = 'value'` for a SET statement.
fn setting(name: &str, value: &str) -> String {
    format!("{name} = {}", literal(value))
}
