//! Settings of the database and of its roles that load or run code, or that hold addresses and keys.
//!
//! Whoever keeps the address of a service in a setting (`ALTER DATABASE ... SET app.webhook_url`) reaches it from a copy too.

use super::server::{bare, is_allowed, why_refused};
use super::work::Work;
use crate::error::Result;
use crate::neutralize::items::SETTINGS;
use crate::neutralize::names::{is_token, is_webhook, snake};
use crate::postgres::quote::{ident, name_list, shown};

/// Settings that name code which a session runs or loads unasked.
const CODE: &[&str] = &[
    "dynamic_library_path",
    "extension_control_path",
    "jit_provider",
    "plperl.on_init",
    "plperl.on_plperl_init",
    "plperl.on_plperlu_init",
    "pltcl.start_proc",
    "pltclu.start_proc",
    "plv8.start_proc",
    "pljs.start_proc",
    "pljava.classpath",
    "pljava.libjvm_location",
    "pljava.vmoptions",
    "archive_command",
    "archive_library",
    "restore_command",
    "primary_conninfo",
    "synchronous_standby_names",
];

const LIST: &str = "
SELECT d.datname::pg_catalog.text, r.rolname::pg_catalog.text, c.entry
FROM pg_catalog.pg_db_role_setting s
LEFT JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole,
LATERAL pg_catalog.unnest(s.setconfig) c (entry)
WHERE s.setdatabase IN (0, (SELECT o.oid FROM pg_catalog.pg_database o WHERE o.datname = pg_catalog.current_database()))
ORDER BY 1, 2, 3";

/// Resets them.
pub async fn reset(work: &mut Work<'_>) -> Result<()> {
    if !work.choices.is_on(SETTINGS) {
        return Ok(());
    }
    for row in work.query("list settings of the database and its roles", LIST, &[]).await? {
        let (database, role, entry): (Option<String>, Option<String>, String) = (row.get(0), row.get(1), row.get(2));
        let Some((name, value)) = entry.split_once('=') else { continue };
        let Some(why) = why(name, value) else { continue };
        let (whose, sql) = match (&database, &role) {
            (Some(database), None) => (shown("", database), format!("DATABASE {}", ident(database))),
            (None, Some(role)) => (shown("", role), format!("ROLE {}", ident(role))),
            (Some(database), Some(role)) => {
                (shown("", role), format!("ROLE {} IN DATABASE {}", ident(role), ident(database)))
            }
            (None, None) => ("all roles".to_owned(), "ROLE ALL".to_owned()),
        };
        let parts: Vec<String> = name.split('.').map(ident).collect();
        work.run("reset a setting", &format!("ALTER {sql} RESET {}", parts.join("."))).await?;
        work.done(SETTINGS, format!("setting {} of {whose}", shown("", name)), format!("reset: {why}"), None);
    }
    Ok(())
}

/// Why a setting goes, if it does.
fn why(name: &str, value: &str) -> Option<&'static str> {
    let lower = name.to_ascii_lowercase();
    if lower.ends_with("_preload_libraries") {
        let refused = name_list(value).into_iter().find(|library| !is_allowed(bare(library)));
        return refused.map(|library| why_refused(bare(&library)));
    }
    if CODE.contains(&lower.as_str()) {
        return Some("it names code that runs by itself");
    }
    // Only settings of one's own, which have a dot, hold what a program keeps there.
    let own = name.rsplit_once('.')?.1;
    let own = snake(own);
    if is_webhook("", &own) || own.ends_with("_webhook_url") {
        return Some("it is an address that is called");
    }
    is_token("", &own).then_some("it is a key of another service")
}

#[cfg(test)]
mod tests {
    use super::why;

    #[test]
    fn only_code_addresses_and_keys_go() {
        for name in ["plperl.on_init", "app.webhook_url", "app.settings.service_role_key", "App.stripeApiKey"] {
            assert!(why(name, "x").is_some(), "{name}");
        }
        for name in ["search_path", "work_mem", "app.tenant", "pgaudit.log", "statement_timeout"] {
            assert_eq!(why(name, "x"), None, "{name}");
        }
        assert_eq!(why("session_preload_libraries", "auto_explain, \"pg_stat_statements\""), None);
        assert!(why("session_preload_libraries", "auto_explain, pg_net").is_some());
    }
}
