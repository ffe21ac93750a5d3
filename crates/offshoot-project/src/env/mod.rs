//! The variables that lead an application to its branch: for a shell, in a file, and for a command.
//!
//! [`shell`] is what `eval` takes, [`dotenv`] is a file that direnv and dotenv libraries read. What a variable means is said
//! here alone.

pub mod dotenv;
pub mod shell;

use crate::Access;

/// Variables that would lead a client elsewhere than the others say, or make it demand what a branch's server does not have:
/// a service, an address beside the name, a password file, TLS and Kerberos.
pub const REMOVED: [&str; 22] = [
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

/// The variables of a branch, in the order in which they are shown.
#[must_use]
pub fn variables(access: &Access) -> Vec<(&'static str, String)> {
    vec![
        ("DATABASE_URL", access.url()),
        ("PGHOST", access.host.clone()),
        ("PGPORT", access.port.to_string()),
        ("PGUSER", access.user.clone()),
        ("PGPASSWORD", access.password.clone()),
        ("PGDATABASE", access.database.clone()),
        ("OFFSHOOT_BRANCH", access.branch.clone()),
    ]
}
