//! What a target is and holds, before anything is changed.

use super::{PostgresSession, objects};
use crate::error::Result;
use crate::postgres::quote::ident;
use offshoot_core::target::{AvailableExtension, Inspection, Problem};
use std::time::Duration;

const SERVER: &str = "
SELECT d.oid::pg_catalog.text, d.datname::pg_catalog.text, current_user::pg_catalog.text, r.rolsuper, r.rolcreaterole,
       pg_catalog.current_setting('server_version'), pg_catalog.pg_encoding_to_char(d.encoding)::pg_catalog.text,
       d.datcollate::pg_catalog.text,
       pg_catalog.has_database_privilege(d.oid, 'CREATE'),
       COALESCE((SELECT pg_catalog.has_schema_privilege(n.oid, 'CREATE') FROM pg_catalog.pg_namespace n WHERE n.nspname = 'public'), true),
       (SELECT s.setting::pg_catalog.int8 * 1024 FROM pg_catalog.pg_settings s WHERE s.name = 'maintenance_work_mem'),
       pg_catalog.pg_is_in_recovery()
FROM pg_catalog.pg_database d, pg_catalog.pg_roles r
WHERE d.datname = pg_catalog.current_database() AND r.rolname = current_user";

const EXTENSIONS: &str = "
SELECT a.name::pg_catalog.text, (SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_extension e
         JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = a.name),
       COALESCE((SELECT pg_catalog.bool_or({may_install}) FROM pg_catalog.pg_available_extension_versions v
         WHERE v.name = a.name AND v.version = a.default_version), false)
FROM pg_catalog.pg_available_extensions a ORDER BY 1";

const COLLATIONS: &str = "
SELECT n.nspname || '.' || c.collname FROM pg_catalog.pg_collation c JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
WHERE c.collencoding IN (-1, (SELECT d.encoding FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()))";

const ROLES: &str = "
SELECT rolname::pg_catalog.text, pg_catalog.pg_has_role(oid, '{acting}') FROM pg_catalog.pg_roles ORDER BY rolname";

/// How long sessions of another restore are waited for.
const OTHERS_PATIENCE: Duration = Duration::from_secs(10);

impl PostgresSession<'_> {
    /// Looks at the target.
    pub(super) fn inspect(&self) -> Result<Inspection> {
        self.refuse_others(OTHERS_PATIENCE)?;
        let doing = "describe the target";
        let rows = self.query(doing, SERVER, &[])?;
        let mut inspection = Inspection { version_num: self.version.0, ..Inspection::default() };
        let mut rights = (false, false, false);
        if let Some(row) = rows.first() {
            inspection.database_id = row.get(0);
            inspection.database = row.get(1);
            inspection.user = row.get(2);
            inspection.superuser = row.get(3);
            inspection.may_create_roles = inspection.superuser || row.get(4);
            inspection.version = row.get(5);
            inspection.encoding = row.get(6);
            inspection.collate = row.get(7);
            rights = (row.get(8), row.get(9), row.get(11));
            inspection.maintenance_bytes = u64::try_from(row.get::<_, i64>(10)).unwrap_or(0);
        }
        inspection.missing_rights = missing_rights(&inspection, rights);
        inspection.system_id = self.system_id()?;
        self.environment(&mut inspection)?;
        inspection.mark = self.read_mark()?;
        inspection.objects = objects::list(self, inspection.mark.as_ref())?;
        Ok(inspection)
    }

    fn environment(&self, inspection: &mut Inspection) -> Result<()> {
        let may_install = match (inspection.superuser, self.version.at_least(13)) {
            (true, _) => "true",
            (false, true) => {
                "NOT v.superuser OR v.trusted AND pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')"
            }
            (false, false) => "NOT v.superuser",
        };
        let rows = self.query("list its extensions", &EXTENSIONS.replace("{may_install}", may_install), &[])?;
        inspection.extensions = rows
            .iter()
            .map(|row| AvailableExtension { name: row.get(0), installed_in: row.get(1), may_install: row.get(2) })
            .collect();
        let rows = self.query("list its collations", COLLATIONS, &[])?;
        inspection.collations = rows.iter().map(|row| row.get(0)).collect();
        // From 16 on, membership and the right to act as the role are two things.
        let acting = if self.version.at_least(16) { "SET" } else { "MEMBER" };
        let rows = self.query("list its roles", &ROLES.replace("{acting}", acting), &[])?;
        inspection.roles = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        Ok(())
    }
}

fn missing_rights(inspection: &Inspection, rights: (bool, bool, bool)) -> Vec<Problem> {
    let (database, user) = (ident(&inspection.database), ident(&inspection.user));
    let (in_database, in_public, in_recovery) = rights;
    let mut problems = Vec::new();
    if in_recovery {
        problems.push(Problem {
            what: "the target's server is a standby, which takes no writes".to_owned(),
            mend: "Restore into its primary, or add target_session_attrs=read-write".to_owned(),
        });
    }
    if !in_database {
        problems.push(Problem {
            what: format!("the role {} may not make schemas in the target", inspection.user),
            mend: format!("Run: GRANT CREATE ON DATABASE {database} TO {user}"),
        });
    }
    if !in_public {
        problems.push(Problem {
            what: format!("the role {} may not make tables in the target's schema public", inspection.user),
            mend: format!("Run in the target: GRANT CREATE ON SCHEMA public TO {user}"),
        });
    }
    problems
}
