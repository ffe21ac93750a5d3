//! Which roles a statement of a schema names, and what for: so that owners and privileges can be left out, or used only
//! where the role is there.
//!
//! Statements are pg_dump's, parsed with PostgreSQL's own parser; one that cannot be parsed names no roles.

use pg_query::protobuf::{AlterTableType, RoleSpec, RoleSpecType};
use pg_query::{Node, NodeEnum, ParserOptions};

/// What a statement names roles for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NamedRoles {
    /// None.
    None,
    /// It gives an object to this role.
    Owner(String),
    /// It gives or takes privileges of these roles, or by them.
    Privileges(Vec<String>),
    /// It makes a policy for these roles.
    Policy(Vec<String>),
}

impl NamedRoles {
    /// The names.
    #[must_use]
    pub fn names(&self) -> &[String] {
        match self {
            Self::None => &[],
            Self::Owner(name) => std::slice::from_ref(name),
            Self::Privileges(names) | Self::Policy(names) => names,
        }
    }
}

/// The roles that a statement names.
#[must_use]
pub fn named_roles(sql: &str) -> NamedRoles {
    let starts =
        ["GRANT ", "REVOKE ", "ALTER ", "CREATE POLICY ", "SET SESSION AUTHORIZATION ", "RESET SESSION AUTHORIZATION"];
    let worth_parsing = starts.iter().any(|start| sql.starts_with(start))
        && (!sql.starts_with("ALTER ") || sql.contains("OWNER TO") || sql.starts_with("ALTER DEFAULT PRIVILEGES"));
    if !worth_parsing {
        return NamedRoles::None;
    }
    statement(sql).map_or(NamedRoles::None, |node| of_node(&node, sql))
}

/// The one statement of a text.
pub(crate) fn statement(sql: &str) -> Option<NodeEnum> {
    let parsed = pg_query::parse(sql, ParserOptions::default()).ok()?;
    parsed.protobuf.stmts.into_iter().next()?.stmt?.node
}

fn of_node(node: &NodeEnum, sql: &str) -> NamedRoles {
    match node {
        NodeEnum::AlterOwnerStmt(alter) => owner(alter.newowner.as_ref()),
        NodeEnum::AlterTableStmt(alter) => {
            let commands = alter.cmds.iter().filter_map(|node| match &node.node {
                Some(NodeEnum::AlterTableCmd(command)) => Some(command),
                _ => None,
            });
            let change = AlterTableType::AtChangeOwner as i32;
            let mut changes = commands.filter(|command| command.subtype == change);
            changes.next().map_or(NamedRoles::None, |command| owner(command.newowner.as_ref()))
        }
        NodeEnum::GrantStmt(grant) => {
            let mut names = names(&grant.grantees);
            names.extend(grant.grantor.as_ref().and_then(name));
            NamedRoles::Privileges(names)
        }
        NodeEnum::AlterDefaultPrivilegesStmt(alter) => {
            let mut all = alter.action.as_ref().map(|action| names(&action.grantees)).unwrap_or_default();
            for option in &alter.options {
                if let Some(NodeEnum::DefElem(option)) = &option.node
                    && option.defname == "roles"
                    && let Some(NodeEnum::List(list)) = option.arg.as_ref().and_then(|node| node.node.as_ref())
                {
                    all.extend(names(&list.items));
                }
            }
            NamedRoles::Privileges(all)
        }
        NodeEnum::CreatePolicyStmt(policy) => match names(&policy.roles) {
            names if names.is_empty() => NamedRoles::None,
            names => NamedRoles::Policy(names),
        },
        NodeEnum::VariableSetStmt(_) => {
            // Around grants by somebody other than the owner.
            let name =
                sql.strip_prefix("SET SESSION AUTHORIZATION ").map(|rest| rest.trim_matches(['\'', '"', ' ', ';']));
            NamedRoles::Privileges(name.filter(|&name| name != "DEFAULT").map(str::to_owned).into_iter().collect())
        }
        _ => NamedRoles::None,
    }
}

fn owner(role: Option<&RoleSpec>) -> NamedRoles {
    role.and_then(name).map_or(NamedRoles::None, NamedRoles::Owner)
}

fn names(nodes: &[Node]) -> Vec<String> {
    let spec = |node: &Node| match &node.node {
        Some(NodeEnum::RoleSpec(role)) => name(role),
        _ => None,
    };
    nodes.iter().filter_map(spec).collect()
}

/// A role by name; PUBLIC and the like are none.
fn name(role: &RoleSpec) -> Option<String> {
    (role.roletype == RoleSpecType::RolespecCstring as i32).then(|| role.rolename.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_found_where_pg_dump_writes_them() {
        let owner = |name: &str| NamedRoles::Owner(name.to_owned());
        let privileges = |names: &[&str]| NamedRoles::Privileges(names.iter().map(|&name| name.to_owned()).collect());
        assert_eq!(named_roles("ALTER TABLE public.t OWNER TO \"Joe B\""), owner("Joe B"));
        assert_eq!(named_roles("ALTER FUNCTION public.f(integer) OWNER TO joe"), owner("joe"));
        assert_eq!(named_roles("ALTER SCHEMA s OWNER TO joe"), owner("joe"));
        assert_eq!(named_roles("GRANT SELECT ON TABLE t TO PUBLIC"), privileges(&[]));
        assert_eq!(named_roles("GRANT SELECT(a) ON TABLE t TO joe, ann"), privileges(&["joe", "ann"]));
        let defaults = "ALTER DEFAULT PRIVILEGES FOR ROLE joe IN SCHEMA s GRANT SELECT ON TABLES TO ann";
        assert_eq!(named_roles(defaults), privileges(&["ann", "joe"]));
        let policy = "CREATE POLICY p ON t TO ann USING (true)";
        assert_eq!(named_roles(policy), NamedRoles::Policy(vec!["ann".to_owned()]));
        assert_eq!(named_roles("CREATE POLICY p ON t USING (true)"), NamedRoles::None);
        assert_eq!(named_roles("SET SESSION AUTHORIZATION joe"), privileges(&["joe"]));
        assert_eq!(named_roles("RESET SESSION AUTHORIZATION"), privileges(&[]));
        assert_eq!(named_roles("ALTER TABLE ONLY t ALTER COLUMN a SET STATISTICS 5"), NamedRoles::None);
    }
}
