//! The environment lock of a snapshot: settings that change what statements mean, return or refuse, as the server has them.

use crate::capture::capture;
use crate::support::{Database, servers};
use offshoot_core::Control;
use offshoot_core::source::Source;
use offshoot_engines::mysql::capture::{CaptureOptions, MysqlSource};
use offshoot_format::table::Key;
use offshoot_testkit::mysql::{Binaries, Family, Server, ServerOptions};

/// Settings, other than any server has them by default.
const SETTINGS: [(&str, &str); 11] = [
    ("character_set_server", "latin1"),
    ("collation_server", "latin1_german1_ci"),
    ("default_storage_engine", "MyISAM"),
    ("event_scheduler", "DISABLED"),
    ("group_concat_max_len", "4321"),
    ("innodb_strict_mode", "OFF"),
    ("innodb_rollback_on_timeout", "ON"),
    ("local_infile", "OFF"),
    ("sql_mode", "PIPES_AS_CONCAT,NO_ZERO_DATE"),
    ("sql_safe_updates", "OFF"),
    ("updatable_views_with_limit", "NO"),
];

#[test]
fn what_changes_behaviour_is_in_the_lock() {
    for binaries in Binaries::wanted() {
        let family = binaries.family();
        let mut options = ServerOptions::new().binaries(binaries).setting("default_time_zone", "+03:30");
        options = options.setting("explicit_defaults_for_timestamp", "OFF").setting("lower_case_table_names", "1");
        // Some can be set by a session or at the start alone, and not all by both names.
        options = SETTINGS
            .iter()
            .filter(|(name, _)| *name != "sql_safe_updates")
            .fold(options, |options, (name, value)| options.setting(name, value));
        let server = Server::start(options);
        let db = server.fresh_db("lock");
        server.sql(&db, "CREATE TABLE t (id INT PRIMARY KEY)");
        let database = Database::of(&server.url(&db));
        let memory = crate::memory::Memory::new();
        let mut source = MysqlSource::new(database.conninfo.clone(), CaptureOptions::default());
        let captured = source.capture(&memory, &Control::default()).unwrap_or_else(|error| panic!("{error:?}"));
        let settings = captured.environment.settings;
        let own =
            [("time_zone", "+03:30"), ("explicit_defaults_for_timestamp", "OFF"), ("lower_case_table_names", "1")];
        for (name, value) in SETTINGS.into_iter().chain(own) {
            assert_eq!(settings.get(name).map(String::as_str), Some(value), "{name} of {}", family.name());
        }
    }
}

#[test]
fn events_of_a_server_that_shows_none_are_missed_where_there_are_some() {
    for binaries in Binaries::wanted() {
        // MySQL shows them all the same.
        let shows = binaries.family() == Family::MySql;
        let server = Server::start(ServerOptions::new().binaries(binaries));
        let (with, without) = (server.fresh_db("with_events"), server.fresh_db("without_events"));
        server
            .sql(&with, "CREATE TABLE t (id INT PRIMARY KEY); CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO DELETE FROM t");
        server.sql(&without, "CREATE TABLE t (id INT PRIMARY KEY)");
        server.add_settings("event_scheduler = DISABLED\n");
        server.restart();
        let missed = |db: &str| {
            let database = Database::of(&server.url(db));
            let mut source = MysqlSource::new(database.conninfo.clone(), CaptureOptions::default());
            let captured = source.capture(&crate::memory::Memory::new(), &Control::default());
            let captured = captured.unwrap_or_else(|error| panic!("{error:?}"));
            let is_there = captured.schema.iter().any(|item| item.label == "EVENT e");
            assert_eq!(is_there, shows && db == with);
            captured.not_carried.iter().map(|note| format!("{}: {}", note.object, note.reason)).collect::<Vec<_>>()
        };
        let (of_one, of_none) = (missed(&with), missed(&without));
        assert_eq!(of_one.len(), usize::from(!shows), "{of_one:?}");
        assert!(of_one.iter().all(|note| note.starts_with("events: ")), "{of_one:?}");
        assert!(of_none.is_empty(), "{of_none:?}");
    }
}

/// It is a column and a key of the table, although the server can be told not to show it.
#[test]
fn a_primary_key_that_the_server_made_is_carried_where_it_is_hidden() {
    for (_, url) in servers().into_iter().filter(|(name, _)| *name == "mysql") {
        let database = Database::new(&url);
        database.run(
            "SET GLOBAL show_gipk_in_create_table_and_information_schema = OFF;
             SET SESSION sql_generate_invisible_primary_key = ON;
             CREATE TABLE t (a INT);
             INSERT INTO t VALUES (7)",
        );
        let (captured, memory) = capture(&database);
        let table = memory.table("", "t");
        let spec = table.spec.unwrap();
        assert_eq!((spec.columns[0].name.as_str(), spec.key), ("my_row_id", Key::Unique(vec![0])));
        assert_eq!(table.rows.len(), 1);
        assert!(captured.schema.iter().any(|item| item.sql.contains("my_row_id")));
    }
}
