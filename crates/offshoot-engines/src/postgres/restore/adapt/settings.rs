//! Roles, and the settings of roles and of the database.

use super::Adapter;
use crate::postgres::quote::{assignment, ident};
use offshoot_core::target::{Roles, Stage};
use offshoot_format::manifest::{Membership, Role};

/// Rights of a role that only a superuser can give.
const SUPERUSER_ATTRIBUTES: &[&str] = &["SUPERUSER", "REPLICATION", "BYPASSRLS"];

impl<'a> Adapter<'a> {
    /// Makes the roles that are missing. Never with a password, never with the right to log in. Those that an unfinished
    /// restore made may lack their memberships and settings.
    pub(super) fn roles(&mut self) {
        if self.choices.roles != Roles::Create {
            return;
        }
        let roles = &self.manifest.environment.roles;
        let made_before = self.inspection.mark.as_ref().map_or(&[][..], |mark| &mark.roles);
        let (there, missing): (Vec<&'a Role>, Vec<&'a Role>) = roles.iter().partition(|role| self.is_there(&role.name));
        for role in &missing {
            let sql = format!("CREATE ROLE {} {}", ident(&role.name), self.attributes(role));
            self.push(Stage::Roles, &format!("ROLE {}", role.name), sql, None);
        }
        let unfinished = there.into_iter().filter(|role| made_before.contains(&role.name));
        let made: Vec<&'a Role> = unfinished.chain(missing).collect();
        let mut grants: Vec<(String, String)> =
            self.memberships(&made).map(|(member, sql)| (format!("MEMBERSHIP OF {member}"), sql)).collect();
        if !self.inspection.superuser {
            // Who gives an object away must be a member of the role that gets it.
            grants.extend(made.iter().map(|role| {
                (format!("MEMBERSHIP IN {}", role.name), format!("GRANT {} TO CURRENT_USER", ident(&role.name)))
            }));
        }
        let database = ident(&self.inspection.database);
        if self.inspection.superuser {
            for role in &made {
                grants.extend(role.settings.iter().map(|(name, value)| {
                    let sql = format!(
                        "ALTER ROLE {} IN DATABASE {database} SET {}",
                        ident(&role.name),
                        assignment(name, value)
                    );
                    (format!("SETTINGS OF {}", role.name), sql)
                }));
            }
        }
        for (label, sql) in grants {
            let is_setting = label.starts_with("SETTINGS");
            self.push(if is_setting { Stage::Last } else { Stage::Roles }, &label, sql, None).optional = true;
        }
    }

    /// Grants of memberships to roles that are made, each behind the one that gives its grantor the right to grant it. A
    /// grantor without that right is left out: the grant then counts as that of who restores.
    fn memberships(&self, made: &[&'a Role]) -> impl Iterator<Item = (&'a str, String)> {
        let is_made = |name: &str| made.iter().any(|role| role.name == name);
        let will_be_there = |name: &str| name.starts_with("pg_") || self.is_there(name) || is_made(name);
        let all = made.iter().flat_map(|role| role.member_of.iter().map(|group| (role.name.as_str(), group)));
        let mut left: Vec<_> = all.filter(|(_, group)| will_be_there(&group.role)).collect();
        let mut granted: Vec<(&str, &Membership, bool)> = Vec::new();
        while !left.is_empty() {
            let may_be_granted = |&(_, group): &(&str, &Membership)| match &group.grantor {
                Some(grantor) => granted
                    .iter()
                    .any(|&(member, other, _)| member == grantor.as_str() && other.admin && other.role == group.role),
                None => true,
            };
            let at = left.iter().position(may_be_granted);
            let (member, group) = left.remove(at.unwrap_or(0));
            granted.push((member, group, at.is_some()));
        }
        let (superuser, major) = (self.inspection.superuser, self.inspection.version_num / 10_000);
        granted.into_iter().map(move |(member, group, by_grantor)| {
            let mut sql = format!("GRANT {} TO {}", ident(&group.role), ident(member));
            if major >= 16 {
                sql.push_str(&format!(" WITH ADMIN {}", group.admin));
                group.inherit.into_iter().for_each(|inherit| sql.push_str(&format!(", INHERIT {inherit}")));
                group.set.into_iter().for_each(|set| sql.push_str(&format!(", SET {set}")));
                let grantor = group.grantor.as_ref().filter(|_| superuser && by_grantor);
                grantor.into_iter().for_each(|grantor| sql.push_str(&format!(" GRANTED BY {}", ident(grantor))));
            } else if group.admin {
                sql.push_str(" WITH ADMIN OPTION");
            }
            (member, sql)
        })
    }

    fn attributes(&self, role: &Role) -> String {
        let mut words = vec!["NOLOGIN"];
        for attribute in &role.attributes {
            let name = attribute.strip_prefix("NO").unwrap_or(attribute);
            let is_given = self.inspection.superuser || !SUPERUSER_ATTRIBUTES.contains(&name);
            if !attribute.ends_with("LOGIN") && !attribute.starts_with("PASSWORD") && is_given {
                words.push(attribute);
            }
        }
        words.join(" ")
    }

    /// Sets what the snapshot's database has set for itself.
    pub(super) fn database_settings(&mut self) {
        let database = ident(&self.inspection.database);
        for (name, value) in &self.manifest.environment.database_settings {
            let sql = format!("ALTER DATABASE {database} SET {}", assignment(name, value));
            self.push(Stage::Last, &format!("SETTING {name}"), sql, None).optional = true;
        }
    }
}
