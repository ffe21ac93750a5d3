//! The variables that lead an application to its branch: for a shell, in a file, and for a command.
//!
//! [`shell`] is what `eval` takes, [`dotenv`] is a file that direnv and dotenv libraries read. What a variable means is said
//! here alone.

pub mod dotenv;
pub mod shell;

use crate::Access;
use std::process::Command;

/// Variables that would lead a client elsewhere than the others say, or make it demand what a branch's server does not have:
/// a service, an address beside the name, a password file, TLS and Kerberos.
pub const REMOVED: [&str; 26] = [
    "MYSQL_GROUP_SUFFIX",
    "MYSQL_HOME",
    "MYSQL_TEST_LOGIN_FILE",
    "MYSQL_UNIX_PORT",
    "PGCHANNELBINDING",
    "PGGSSDELEGATION",
    "PGGSSENCMODE",
    "PGGSSLIB",
    "PGHOSTADDR",
    "PGKRBSRVNAME",
    "PGLOADBALANCEHOSTS",
    "PGPASSFILE",
    "PGREQUIREAUTH",
    "PGREQUIREPEER",
    "PGREQUIRESSL",
    "PGSERVICE",
    "PGSERVICEFILE",
    "PGSSLCERT",
    "PGSSLCRL",
    "PGSSLCRLDIR",
    "PGSSLKEY",
    "PGSSLMODE",
    "PGSSLNEGOTIATION",
    "PGSSLROOTCERT",
    "PGSYSCONFDIR",
    "PGTARGETSESSIONATTRS",
];

/// Variables that lead to a database, of every engine.
pub const LEADING: [&str; 14] = [
    "DATABASE_URL",
    "OFFSHOOT_BRANCH",
    "PGHOST",
    "PGPORT",
    "PGUSER",
    "PGPASSWORD",
    "PGDATABASE",
    "MYSQL_HOST",
    "MYSQL_PORT",
    "MYSQL_TCP_PORT",
    "MYSQL_USER",
    "MYSQL_PASSWORD",
    "MYSQL_PWD",
    "MYSQL_DATABASE",
];

/// The variables of a branch, in the order in which they are shown. [`REMOVED`] ones may be among them: what is removed goes
/// first.
#[must_use]
pub fn variables(access: &Access) -> Vec<(&str, &str)> {
    let own = access.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let url = [("DATABASE_URL", access.url.as_str())];
    url.into_iter().chain(own).chain([("OFFSHOOT_BRANCH", access.branch.as_str())]).collect()
}

/// Gives a command the variables of a branch, and takes those from it that would lead elsewhere.
pub fn lead<'c>(command: &'c mut Command, access: &Access) -> &'c mut Command {
    for name in REMOVED {
        command.env_remove(name);
    }
    command.envs(variables(access))
}
