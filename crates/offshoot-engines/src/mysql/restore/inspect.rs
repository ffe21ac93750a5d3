//! What a target is and holds, before anything is changed.

use super::{MysqlTargetSession, zones};
use crate::mysql::Result;
use crate::mysql::catalog::origin;
use crate::mysql::quote::{ident, literal};
use offshoot_core::target::{AvailableExtension, Inspection, Problem};
use offshoot_format::manifest::{Manifest, Phase};
use std::collections::BTreeSet;
use std::time::Duration;

/// How long sessions of another restore are waited for.
const OTHERS_PATIENCE: Duration = Duration::from_secs(10);

const DOING: &str = "describe the target";

/// Settings of the server that decide what can be restored and how.
const SETTINGS: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('event_scheduler', 'innodb_autoinc_lock_mode', 'local_infile', 'log_bin', \
    'log_bin_trust_function_creators', 'lower_case_table_names', 'max_allowed_packet', 'read_only', 'secure_timestamp')";

/// Collations with the character set in their names, as columns have them.
const FULL_COLLATIONS: &str = "SELECT full_collation_name FROM information_schema.collation_character_set_applicability \
     WHERE full_collation_name <> collation_name";

/// Privileges of the user on the whole server, and on the database, whose name is a pattern there.
const PRIVILEGES: &str = "
SELECT UPPER(privilege_type) FROM information_schema.user_privileges WHERE grantee = {grantee}
UNION SELECT UPPER(privilege_type) FROM information_schema.schema_privileges
  WHERE grantee = {grantee} AND DATABASE() LIKE table_schema";

impl MysqlTargetSession<'_> {
    /// Looks at the target.
    pub(super) fn inspect(&mut self, manifest: &Manifest) -> Result<Inspection> {
        self.refuse_others(OTHERS_PATIENCE)?;
        let origin = origin::read(&mut self.session, String::new())?;
        let flavor = self.session.flavor().clone();
        let sql = "SELECT CURRENT_USER(), default_character_set_name, default_collation_name \
                   FROM information_schema.schemata WHERE schema_name = DATABASE()";
        let row = self.session.query_one(DOING, sql)?;
        let mut inspection = Inspection {
            system_id: origin.system_id,
            database_id: origin.database_id,
            database: origin.database,
            user: row.text(0)?.to_owned(),
            version: flavor.to_string(),
            version_num: flavor.number,
            encoding: row.text(1)?.to_owned(),
            collate: row.text(2)?.to_owned(),
            ..Inspection::default()
        };
        for row in self.session.query(DOING, SETTINGS)? {
            inspection.settings.insert(row.text(0)?.to_owned(), row.text(1)?.to_owned());
        }
        for row in self.session.query(DOING, "SELECT engine, support FROM information_schema.engines")? {
            let is_there = ["YES", "DEFAULT"].contains(&row.text(1)?);
            let installed_in = is_there.then(|| "server".to_owned());
            let name = row.text(0)?.to_owned();
            inspection.extensions.push(AvailableExtension { name, installed_in, may_install: false });
        }
        for row in self.session.query(DOING, "SHOW COLLATION")? {
            inspection.collations.push(row.text(0)?.to_ascii_lowercase());
        }
        // MariaDB lists those of many character sets by a name that is none of any.
        if flavor.is_mariadb() && flavor.number >= 101_000 {
            for row in self.session.query(DOING, FULL_COLLATIONS)? {
                inspection.collations.push(row.text(0)?.to_ascii_lowercase());
            }
        }
        self.rights(manifest, &mut inspection)?;
        inspection.missing_rights.extend(zones::unknown(&mut self.session, manifest)?);
        inspection.mark = self.read_mark()?;
        inspection.objects = self.objects(inspection.mark.is_some())?;
        Ok(inspection)
    }

    fn rights(&mut self, manifest: &Manifest, inspection: &mut Inspection) -> Result<()> {
        let (user, host) = inspection.user.rsplit_once('@').unwrap_or((inspection.user.as_str(), ""));
        let grantee = format!("'{user}'@'{host}'");
        let rows = self.session.query(DOING, &PRIVILEGES.replace("{grantee}", &literal(&grantee)))?;
        let privileges: BTreeSet<String> =
            rows.iter().map(|row| row.text(0).map(str::to_owned)).collect::<Result<_>>()?;
        let has = |names: &[&str]| names.iter().any(|name| privileges.contains(*name));
        inspection.superuser = has(&["SUPER", "SYSTEM_VARIABLES_ADMIN"]);
        if inspection.settings.get("read_only").is_some_and(|value| value == "ON")
            && !has(&["SUPER", "CONNECTION_ADMIN", "READ_ONLY ADMIN"])
        {
            let what = "the target's server is read_only, as a replica is".to_owned();
            inspection.missing_rights.push(Problem { what, mend: "Restore into its primary".to_owned() });
        }
        // What a role gives is not listed there; the server says what is missing then.
        let roles = self.session.query(DOING, "SELECT CURRENT_ROLE()")?;
        let has_role =
            roles.first().map(|row| row.text(0)).transpose()?.is_some_and(|role| !["", "NONE"].contains(&role));
        let missing: Vec<&str> = needed(manifest).into_iter().filter(|name| !privileges.contains(*name)).collect();
        if !missing.is_empty() && !has_role {
            let what = format!("the user {} lacks privileges on the target: {}", inspection.user, missing.join(", "));
            let database = ident(&inspection.database);
            let mend =
                format!("Run: GRANT {} ON {database}.* TO {}@{}", missing.join(", "), literal(user), literal(host));
            inspection.missing_rights.push(Problem { what, mend });
        }
        let may_name_others = has(&["SUPER", "SET USER", "SET_USER_ID", "SET_ANY_DEFINER"]);
        // Who may not read the server's users names none of them.
        if let Ok(rows) = self.session.query("list the users", "SELECT user, host FROM mysql.user") {
            for row in rows {
                let name = format!("{}@{}", row.text(0)?, row.text(1)?);
                let may_act = may_name_others || name == inspection.user;
                inspection.roles.push((name, may_act));
            }
        }
        Ok(())
    }
}

/// Privileges that making this snapshot's objects needs.
fn needed(manifest: &Manifest) -> Vec<&'static str> {
    let mut needed = vec!["SELECT", "INSERT", "CREATE", "DROP", "ALTER", "INDEX"];
    let schema = &manifest.content.schema;
    if schema.iter().any(|item| item.phase == Phase::ForeignKey) {
        needed.push("REFERENCES");
    }
    let kinds = [
        ("VIEW ", ["CREATE VIEW", "SHOW VIEW"].as_slice()),
        ("LIBRARY ", &["CREATE ROUTINE"]),
        ("ROUTINE ", &["CREATE ROUTINE", "ALTER ROUTINE"]),
        ("TRIGGER ", &["TRIGGER"]),
        ("EVENT ", &["EVENT"]),
    ];
    for (label, privileges) in kinds {
        if schema.iter().any(|item| item.label.starts_with(label)) {
            needed.extend(privileges.iter().filter(|name| !needed.contains(name)).copied().collect::<Vec<_>>());
        }
    }
    needed
}
