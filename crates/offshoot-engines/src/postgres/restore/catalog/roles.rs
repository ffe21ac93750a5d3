//! Whether the roles that were made are there, members of what they shall be members of, and set as they shall be; and
//! whether the database has the snapshot's settings.
//!
//! What was done says what shall be there: with `--roles map` or `skip` nothing of this was, and roles that were there
//! before stay as they are. Values of settings are compared and never shown: some are secrets.

use super::PostgresSession;
use crate::error::Result;
use crate::postgres::roles::statement;
use offshoot_core::target::{Adapted, Difference, Stage};
use offshoot_format::manifest::Manifest;
use pg_query::protobuf::{GrantRoleStmt, RoleSpec, RoleSpecType};
use pg_query::{Node, NodeEnum};
use std::collections::{HashMap, HashSet};

const MEMBERSHIPS: &str = "
SELECT g.rolname::text, u.rolname::text, b.rolname::text, m.admin_option, {inherit}, {set} FROM pg_catalog.pg_auth_members m
JOIN pg_catalog.pg_roles g ON g.oid = m.roleid JOIN pg_catalog.pg_roles u ON u.oid = m.member
LEFT JOIN pg_catalog.pg_roles b ON b.oid = m.grantor";

/// The database's own have no role.
const SETTINGS: &str = "
SELECT COALESCE(r.rolname::text, ''), pg_catalog.unnest(s.setconfig) FROM pg_catalog.pg_db_role_setting s
JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase AND d.datname = pg_catalog.current_database()
LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole WHERE s.setrole = 0 OR r.oid IS NOT NULL";

/// What a statement says of a membership; what it does not say may be anything.
#[derive(Debug, Default, PartialEq, Eq)]
struct Membership {
    role: String,
    member: String,
    grantor: Option<String>,
    /// `admin`, `inherit` and `set`.
    options: [Option<bool>; 3],
}

impl Membership {
    fn is_met_by(&self, there: &Self) -> bool {
        let said = self.options.iter().zip(&there.options).filter(|(said, _)| said.is_some());
        (self.grantor.is_none() || self.grantor == there.grantor) && said.into_iter().all(|(said, there)| said == there)
    }
}

/// What a piece of work gives to a role, or to the database, which has no name.
#[derive(Debug, PartialEq, Eq)]
enum Given {
    Role(String),
    Membership(Membership),
    Setting { role: String, name: String },
}

impl PostgresSession<'_> {
    /// What is missing or differs.
    pub(super) fn role_differences(&self, manifest: &Manifest, adapted: &Adapted) -> Result<Vec<Difference>> {
        let works = adapted.works.iter().filter(|work| matches!(work.stage, Stage::Roles | Stage::Last));
        let given: Vec<Given> = works.flat_map(|work| work.sql.iter().filter_map(|sql| given(sql))).collect();
        if given.is_empty() {
            return Ok(Vec::new());
        }
        let doing = "compare the roles";
        let roles = self.query(doing, "SELECT rolname::text, rolname = current_user FROM pg_catalog.pg_roles", &[])?;
        let user = roles.iter().find(|row| row.get(1)).map_or_else(String::new, |row| row.get(0));
        let there = There {
            roles: roles.iter().map(|row| row.get(0)).collect(),
            memberships: self.memberships(doing)?,
            settings: self.settings(doing)?,
            user,
        };
        Ok(given.iter().filter_map(|given| there.difference(given, manifest)).collect())
    }

    fn memberships(&self, doing: &str) -> Result<Vec<Membership>> {
        let options = if self.version.at_least(16) { ["m.inherit_option", "m.set_option"] } else { ["true", "true"] };
        let sql = MEMBERSHIPS.replace("{inherit}", options[0]).replace("{set}", options[1]);
        let membership = |row: &tokio_postgres::Row| Membership {
            role: row.get(0),
            member: row.get(1),
            grantor: row.get(2),
            options: [row.get(3), row.get(4), row.get(5)],
        };
        Ok(self.query(doing, &sql, &[])?.iter().map(membership).collect())
    }

    fn settings(&self, doing: &str) -> Result<HashMap<(String, String), String>> {
        let rows = self.query(doing, SETTINGS, &[])?;
        let setting = |row: &tokio_postgres::Row| {
            let (role, setting): (String, String) = (row.get(0), row.get(1));
            setting.split_once('=').map(|(name, value)| ((role, name.to_owned()), value.to_owned()))
        };
        Ok(rows.iter().filter_map(setting).collect())
    }
}

/// What the target has.
struct There {
    roles: HashSet<String>,
    memberships: Vec<Membership>,
    settings: HashMap<(String, String), String>,
    /// Who restores, as statements call it by no name.
    user: String,
}

impl There {
    fn difference(&self, given: &Given, manifest: &Manifest) -> Option<Difference> {
        let differs = |object: String, how: &str| Some(Difference { object, how: how.to_owned() });
        match given {
            Given::Role(name) if !self.roles.contains(name) => differs(format!("role {name}"), "it is not there"),
            Given::Role(_) => None,
            Given::Membership(wanted) => {
                let member = if wanted.member.is_empty() { &self.user } else { &wanted.member };
                let mut same =
                    self.memberships.iter().filter(|there| there.role == wanted.role && there.member == *member);
                let is_there = same.clone().next().is_some();
                let how = if is_there { "its options or its grantor are others" } else { "it is not there" };
                let object = format!("membership of {member} in {}", wanted.role);
                if same.any(|there| wanted.is_met_by(there)) { None } else { differs(object, how) }
            }
            Given::Setting { role, name } => {
                let object = match role.as_str() {
                    "" => format!("setting {name} of the database"),
                    role => format!("setting {name} of role {role}"),
                };
                match self.settings.get(&(role.clone(), name.clone())) {
                    None => differs(object, "it is not there"),
                    Some(value) if Some(value) != wanted(manifest, role, name) => {
                        differs(object, "it has another value")
                    }
                    Some(_) => None,
                }
            }
        }
    }
}

/// The value that the snapshot has. Of a role's two, that for all databases and that for this one, the second counts.
fn wanted<'m>(manifest: &'m Manifest, role: &str, name: &str) -> Option<&'m String> {
    let environment = &manifest.environment;
    let of_role = || environment.roles.iter().find(|known| known.name == role).map(|known| known.settings.as_slice());
    let settings = if role.is_empty() { Some(environment.database_settings.as_slice()) } else { of_role() };
    settings?.iter().rfind(|(known, _)| known == name).map(|(_, value)| value)
}

fn given(sql: &str) -> Option<Given> {
    match statement(sql)? {
        NodeEnum::CreateRoleStmt(create) => Some(Given::Role(create.role)),
        NodeEnum::GrantRoleStmt(grant) if grant.is_grant => membership(&grant).map(Given::Membership),
        NodeEnum::AlterRoleSetStmt(alter) => {
            Some(Given::Setting { role: role(alter.role.as_ref()?), name: alter.setstmt?.name })
        }
        NodeEnum::AlterDatabaseSetStmt(alter) => {
            Some(Given::Setting { role: String::new(), name: alter.setstmt?.name })
        }
        _ => None,
    }
}

fn membership(grant: &GrantRoleStmt) -> Option<Membership> {
    let (NodeEnum::AccessPriv(granted), NodeEnum::RoleSpec(member)) =
        (only(&grant.granted_roles)?, only(&grant.grantee_roles)?)
    else {
        return None;
    };
    let option = |wanted: &str| {
        grant.opt.iter().find_map(|node| match node.node.as_ref()? {
            NodeEnum::DefElem(option) if option.defname == wanted => match option.arg.as_ref()?.node.as_ref()? {
                NodeEnum::Boolean(value) => Some(value.boolval),
                _ => None,
            },
            _ => None,
        })
    };
    Some(Membership {
        role: granted.priv_name.clone(),
        member: role(member),
        grantor: grant.grantor.as_ref().map(role),
        options: ["admin", "inherit", "set"].map(option),
    })
}

fn only(nodes: &[Node]) -> Option<&NodeEnum> {
    nodes.first()?.node.as_ref()
}

/// Its name; none of who restores.
fn role(spec: &RoleSpec) -> String {
    if spec.roletype == RoleSpecType::RolespecCstring as i32 { spec.rolename.clone() } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_say_what_they_give() {
        assert_eq!(given("CREATE ROLE \"Joe B\" NOLOGIN NOSUPERUSER"), Some(Given::Role("Joe B".into())));
        let membership = |member: &str, grantor: Option<&str>, options| {
            let grantor = grantor.map(str::to_owned);
            Some(Given::Membership(Membership { role: "g".into(), member: member.into(), grantor, options }))
        };
        assert_eq!(given("GRANT \"g\" TO \"m\""), membership("m", None, [None; 3]));
        assert_eq!(given("GRANT \"g\" TO \"m\" WITH ADMIN OPTION"), membership("m", None, [Some(true), None, None]));
        assert_eq!(given("GRANT \"g\" TO CURRENT_USER"), membership("", None, [None; 3]));
        let all = "GRANT \"g\" TO \"m\" WITH ADMIN false, INHERIT true, SET false GRANTED BY \"b\"";
        assert_eq!(given(all), membership("m", Some("b"), [Some(false), Some(true), Some(false)]));
        let setting = |role: &str, name: &str| Some(Given::Setting { role: role.into(), name: name.into() });
        assert_eq!(given("ALTER ROLE \"r\" IN DATABASE \"d\" SET \"work_mem\" TO '5MB'"), setting("r", "work_mem"));
        assert_eq!(given("ALTER DATABASE \"d\" SET \"my\".\"words\" TO 'it''s'"), setting("", "my.words"));
        assert_eq!(given("CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION public.f()"), None);
    }

    #[test]
    fn only_what_was_said_counts() {
        let there = Membership {
            grantor: Some("b".into()),
            options: [Some(false), Some(true), Some(true)],
            ..Membership::default()
        };
        let said = |grantor: Option<&str>, options| Membership {
            grantor: grantor.map(str::to_owned),
            options,
            ..Membership::default()
        };
        assert!(
            said(None, [None; 3]).is_met_by(&there)
                && said(Some("b"), [Some(false), None, Some(true)]).is_met_by(&there)
        );
        assert!(
            !said(Some("c"), [None; 3]).is_met_by(&there) && !said(None, [Some(true), None, None]).is_met_by(&there)
        );
    }
}
