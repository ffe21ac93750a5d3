//! The settings that a server of images and branches runs with, so that it acts on nobody.
//!
//! A server that offshoot makes carries no configuration file of its source; what must still be said is said here. Libraries
//! that the source preloads are loaded if they are known to stay within the server: many extensions do not work otherwise.

use super::work::named;
use crate::neutralize::items::{PRELOAD, REPLICATION};
use crate::postgres::quote::name_list;
use offshoot_format::manifest::Environment;
use offshoot_restore::{NeutralizeChoices, Neutralized, Outcome};

/// Libraries that watch statements, or give types, access methods and planner nodes, and neither reach other machines nor
/// run anything on a schedule; with the settings that make them so.
const ALLOWED: &[(&str, &[(&str, &str)])] = &[
    ("age", &[]),
    ("anon", &[]),
    ("auto_explain", &[]),
    ("citus", &[("citus.enable_statistics_collection", "off"), ("citus.recover_2pc_interval", "-1")]),
    ("citus_columnar", &[]),
    ("pg_hint_plan", &[]),
    ("pg_ivm", &[]),
    ("pg_qualstats", &[]),
    ("pg_search", &[("paradedb.pg_search_telemetry", "off")]),
    ("pg_stat_kcache", &[]),
    ("pg_stat_monitor", &[]),
    ("pg_stat_statements", &[]),
    ("pg_store_plans", &[]),
    ("pg_textsearch", &[]),
    ("pg_wait_sampling", &[]),
    ("pgaudit", &[]),
    ("plan_filter", &[]),
    ("plpgsql", &[]),
    ("plpgsql_check", &[]),
    ("plprofiler", &[]),
    ("safeupdate", &[]),
    ("set_user", &[]),
    ("timescaledb", &[("timescaledb.max_background_workers", "0"), ("timescaledb.telemetry_level", "off")]),
    ("vchord", &[]),
    ("vectors", &[]),
];

/// Why well-known others are not loaded.
const REFUSED: &[(&str, &str)] = &[
    ("bdr", "it replicates to other servers"),
    ("basebackup_to_shell", "it runs commands"),
    ("basic_archive", "it archives the write-ahead log"),
    ("pg_cron", "it runs jobs on a schedule"),
    ("pg_failover_slots", "it connects to another server"),
    ("pg_net", "it sends HTTP requests"),
    ("pg_partman_bgw", "it creates and drops partitions on a schedule"),
    ("pg_squeeze", "it rewrites tables on a schedule"),
    ("pg_task", "it runs jobs on a schedule"),
    ("pg_timetable", "it runs jobs on a schedule"),
    ("pgautofailover", "it connects to another server"),
    ("pglogical", "it replicates to other servers"),
    ("pglogical_ticker", "it writes on a schedule"),
    ("pgsodium", "it needs the key of the source's server"),
    ("repmgr", "it connects to another server"),
    ("spock", "it replicates to other servers"),
    ("supautils", "it is part of a hosting service"),
    ("wal2json", "it writes changes out for replication"),
];

/// What the server of an image must run with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerSettings {
    /// Names and values, for postgresql.conf or the command line. The later of two wins.
    pub settings: Vec<(String, String)>,
    /// What is done differently from the source.
    pub report: Vec<Neutralized>,
}

/// The settings for the server of an image of a snapshot, and of its branches.
///
/// `has_library` says whether a library of that name can be loaded here: a server does not start that is to preload one
/// which is not there.
#[must_use]
pub fn settings(
    environment: &Environment,
    choices: &NeutralizeChoices,
    has_library: &dyn Fn(&str) -> bool,
) -> ServerSettings {
    let mut server = ServerSettings::default();
    server.log(environment, choices);
    server.libraries(environment, choices, has_library);
    server
}

impl ServerSettings {
    fn set(&mut self, name: &str, value: &str) {
        self.settings.push((name.to_owned(), value.to_owned()));
    }

    fn report(&mut self, item: &str, object: String, what: String, outcome: Outcome) {
        self.report.push(Neutralized { item: item.to_owned(), object, what, count: None, outcome });
    }

    /// Whatever the choices, nothing is archived or waited for: there is nobody.
    fn log(&mut self, environment: &Environment, choices: &NeutralizeChoices) {
        let major = environment.server_version_num / 10_000;
        for name in [
            "archive_command",
            "restore_command",
            "archive_cleanup_command",
            "recovery_end_command",
            "primary_conninfo",
            "primary_slot_name",
            "synchronous_standby_names",
        ] {
            self.set(name, "");
        }
        self.set("archive_mode", "off");
        if major >= 15 {
            self.set("archive_library", "");
        }
        if major >= 17 {
            self.set("synchronized_standby_slots", "");
            self.set("sync_replication_slots", "off");
        }
        if choices.is_on(REPLICATION) {
            self.set("wal_level", "minimal");
            for name in ["max_wal_senders", "max_replication_slots", "max_logical_replication_workers"] {
                self.set(name, "0");
            }
        } else if let Some(level) = environment.settings.get("wal_level") {
            self.set("wal_level", level);
            self.report(REPLICATION, format!("wal_level {level}"), "as you chose".to_owned(), Outcome::Kept);
        }
    }

    fn libraries(
        &mut self,
        environment: &Environment,
        choices: &NeutralizeChoices,
        has_library: &dyn Fn(&str) -> bool,
    ) {
        // Those of sessions load in the sessions of everybody; the database's own are reset where they are set.
        for setting in ["shared_preload_libraries", "session_preload_libraries", "local_preload_libraries"] {
            let wanted = environment.settings.get(setting).map_or("", String::as_str);
            let mut loaded: Vec<String> = Vec::new();
            for library in name_list(wanted).iter().map(|text| bare(text)).filter(|name| !name.is_empty()) {
                let is_chosen = !choices.is_on(PRELOAD);
                let object = named("library", library);
                if !is_chosen && !is_allowed(library) {
                    self.report(PRELOAD, object, format!("not loaded: {}", why_refused(library)), Outcome::Done);
                } else if !has_library(library) {
                    let what = "not loaded: it is not installed here, and what needs it fails".to_owned();
                    self.report(PRELOAD, object, what, Outcome::Warning);
                } else {
                    if is_chosen && !is_allowed(library) {
                        self.report(PRELOAD, object, "loaded, as you chose".to_owned(), Outcome::Kept);
                    }
                    loaded.push(library.to_owned());
                }
            }
            let quieting =
                ALLOWED.iter().filter(|(name, _)| choices.is_on(PRELOAD) && loaded.iter().any(|one| one == name));
            quieting.flat_map(|(_, settings)| *settings).for_each(|(name, value)| self.set(name, value));
            self.set(setting, &loaded.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", "));
        }
    }
}

/// Whether a library may be preloaded.
pub fn is_allowed(library: &str) -> bool {
    ALLOWED.iter().any(|(name, _)| *name == library)
}

/// Why one is not, in a few words.
pub fn why_refused(library: &str) -> &'static str {
    REFUSED
        .iter()
        .find(|(name, _)| *name == library)
        .map_or("it is not on the list of libraries that stay within the server", |(_, why)| why)
}

/// A library's name without the folder that is the default one and the ending that all have.
pub fn bare(library: &str) -> &str {
    let library = library.strip_prefix("$libdir/").unwrap_or(library);
    let library = library.strip_prefix("plugins/").unwrap_or(library);
    library.strip_suffix(".so").or_else(|| library.strip_suffix(".dylib")).unwrap_or(library)
}

/// A name in a list of them.
fn quoted(name: &str) -> String {
    let plain =
        name.chars().all(|character| character.is_ascii_lowercase() || character.is_ascii_digit() || character == '_');
    if plain { name.to_owned() } else { crate::postgres::quote::ident(name) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(version: u32, settings: &[(&str, &str)]) -> Environment {
        Environment {
            server_version_num: version,
            settings: settings.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
            ..Environment::default()
        }
    }

    fn value<'a>(server: &'a ServerSettings, name: &str) -> Option<&'a str> {
        server.settings.iter().rev().find(|(set, _)| set == name).map(|(_, value)| value.as_str())
    }

    fn off(item: &str) -> NeutralizeChoices {
        NeutralizeChoices { off: [item.to_owned()].into(), ..NeutralizeChoices::default() }
    }

    #[test]
    fn nothing_is_archived_or_replicated() {
        let server = settings(&environment(150_018, &[("wal_level", "logical")]), &off("cron"), &|_| true);
        assert_eq!(value(&server, "archive_mode"), Some("off"));
        assert_eq!(value(&server, "wal_level"), Some("minimal"));
        assert_eq!(value(&server, "max_logical_replication_workers"), Some("0"));
        assert_eq!(value(&server, "synchronous_standby_names"), Some(""));
        assert_eq!(value(&server, "sync_replication_slots"), None, "that is of 17");
        assert_eq!(value(&settings(&environment(140_000, &[]), &off("cron"), &|_| true), "archive_library"), None);
    }

    #[test]
    fn who_tests_replication_keeps_its_level_and_nothing_else() {
        let server = settings(&environment(150_018, &[("wal_level", "logical")]), &off(REPLICATION), &|_| true);
        assert_eq!(value(&server, "wal_level"), Some("logical"));
        assert_eq!(value(&server, "max_wal_senders"), None);
        assert_eq!(value(&server, "archive_mode"), Some("off"));
        assert_eq!(server.report[0].outcome, Outcome::Kept);
    }

    #[test]
    fn libraries_that_reach_out_are_left_out_and_named() {
        let list = "pg_stat_statements, pg_cron,$libdir/timescaledb, \"pg_net\", Mine.so, pgaudit";
        let environment = environment(150_018, &[("shared_preload_libraries", list)]);
        let server = settings(&environment, &NeutralizeChoices::default(), &|library| library != "pgaudit");
        assert_eq!(value(&server, "shared_preload_libraries"), Some("pg_stat_statements, timescaledb"));
        assert_eq!(value(&server, "timescaledb.max_background_workers"), Some("0"));
        let said: Vec<_> = server.report.iter().map(|one| (one.object.as_str(), one.outcome)).collect();
        let done = Outcome::Done;
        assert_eq!(
            said,
            [
                ("library pg_cron", done),
                ("library pg_net", done),
                ("library \"Mine\"", done),
                ("library pgaudit", Outcome::Warning)
            ]
        );
        let server = settings(&environment, &off(PRELOAD), &|_| true);
        assert_eq!(
            value(&server, "shared_preload_libraries"),
            Some("pg_stat_statements, pg_cron, timescaledb, pg_net, \"Mine\", pgaudit")
        );
        assert!(server.report.iter().all(|one| one.outcome == Outcome::Kept));
    }

    #[test]
    fn libraries_that_tell_their_makers_are_loaded_and_silent() {
        for (library, setting, silent) in [
            ("pg_search", "paradedb.pg_search_telemetry", "off"),
            ("timescaledb", "timescaledb.telemetry_level", "off"),
            ("citus", "citus.enable_statistics_collection", "off"),
        ] {
            let environment = environment(170_000, &[("shared_preload_libraries", library)]);
            let server = settings(&environment, &NeutralizeChoices::default(), &|_| true);
            assert_eq!(value(&server, "shared_preload_libraries"), Some(library));
            assert_eq!(value(&server, setting), Some(silent), "{library}");
        }
    }

    #[test]
    fn no_library_is_both_allowed_and_refused() {
        assert!(REFUSED.iter().all(|(name, _)| !is_allowed(name)));
    }
}
