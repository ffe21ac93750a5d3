//! Database branches as a checkout needs them: a small trait, and what leads to a branch.
//!
//! Whoever can make branches implements the trait; its tests have one that only remembers names.

use crate::error::BranchError;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt;

/// What is done with database branches. A call that answers has left a branch whole or not there, whatever becomes of the
/// process: half-made ones are healed by whoever implements this.
pub trait DatabaseBranches {
    /// The names of all branches.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn list(&self) -> Result<Vec<String>, BranchError>;

    /// Makes a branch of a snapshot, or of the one that the configuration means, and starts it. `for_run` marks one that
    /// lives as long as a command.
    ///
    /// # Errors
    /// When the name is taken or no branch can be made.
    fn create(&self, name: &str, from: Option<&str>, for_run: bool) -> Result<Access, BranchError>;

    /// What leads to a branch, which is started where it stands still.
    ///
    /// # Errors
    /// When there is no such branch, or it does not start.
    fn access(&self, name: &str) -> Result<Access, BranchError>;

    /// Deletes a branch. One that is gone already is no error.
    ///
    /// # Errors
    /// When it is still there afterwards.
    fn delete(&self, name: &str) -> Result<(), BranchError>;

    /// Whether there is a branch of this name.
    ///
    /// # Errors
    /// When they cannot be listed.
    fn exists(&self, name: &str) -> Result<bool, BranchError> {
        Ok(self.list()?.iter().any(|known| known == name))
    }
}

/// What leads a program to a branch's database. Its Debug holds no password.
#[derive(Clone, PartialEq, Eq)]
pub struct Access {
    /// The branch.
    pub branch: String,
    /// The server's address, or the folder of its socket.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The user.
    pub user: String,
    /// The user's password.
    pub password: String,
    /// The database.
    pub database: String,
}

/// What a part of a URL may hold as it is (RFC 3986, section 2.3).
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

impl Access {
    /// The connection URL, password included. A socket's folder stands among the parameters, where libpq reads it and every
    /// other client too.
    #[must_use]
    pub fn url(&self) -> String {
        let part = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
        let (user, password, database) = (part(&self.user), part(&self.password), part(&self.database));
        let port = self.port;
        if self.host.starts_with('/') {
            return format!("postgres://{user}:{password}@localhost:{port}/{database}?host={}", part(&self.host));
        }
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { part(&self.host) };
        format!("postgres://{user}:{password}@{host}:{port}/{database}")
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { branch, host, port, user, database, .. } = self;
        let mut out = f.debug_struct("Access");
        out.field("branch", branch).field("host", host).field("port", port).field("user", user);
        out.field("database", database).finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::collections::BTreeMap;
    use std::sync::{Mutex, PoisonError};

    /// Branches that are only names, each with a port of its own.
    #[derive(Default)]
    pub(crate) struct Remembered {
        pub branches: Mutex<BTreeMap<String, u16>>,
        /// What `create` answers with instead of a branch.
        pub refusal: Mutex<Option<&'static str>>,
    }

    impl Remembered {
        pub(crate) fn names(&self) -> Vec<String> {
            self.branches.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect()
        }

        pub(crate) fn access_to(name: &str, port: u16) -> Access {
            Access {
                branch: name.to_owned(),
                host: "127.0.0.1".to_owned(),
                port,
                user: "app".to_owned(),
                password: "s3cret/@:".to_owned(),
                database: "shop".to_owned(),
            }
        }
    }

    impl DatabaseBranches for Remembered {
        fn list(&self) -> Result<Vec<String>, BranchError> {
            Ok(self.names())
        }

        fn create(&self, name: &str, _from: Option<&str>, _for_run: bool) -> Result<Access, BranchError> {
            if let Some(why) = *self.refusal.lock().unwrap() {
                return Err(why.into());
            }
            let mut branches = self.branches.lock().unwrap();
            if branches.contains_key(name) {
                return Err(format!("branch {name} exists").into());
            }
            let port = branches.values().max().unwrap_or(&40_000) + 1;
            branches.insert(name.to_owned(), port);
            Ok(Self::access_to(name, port))
        }

        fn access(&self, name: &str) -> Result<Access, BranchError> {
            let branches = self.branches.lock().unwrap();
            let port = branches.get(name).ok_or_else(|| format!("there is no branch {name}"))?;
            Ok(Self::access_to(name, *port))
        }

        fn delete(&self, name: &str) -> Result<(), BranchError> {
            self.branches.lock().unwrap().remove(name);
            Ok(())
        }
    }

    #[test]
    fn urls_hold_any_name_and_no_debug_holds_a_password() {
        let mut access = Remembered::access_to("x", 5432);
        access.user = "a b".to_owned();
        assert_eq!(access.url(), "postgres://a%20b:s3cret%2F%40%3A@127.0.0.1:5432/shop");
        access.host = "::1".to_owned();
        assert!(access.url().contains("@[::1]:5432/"));
        access.host = "/run/x y".to_owned();
        assert!(access.url().ends_with("@localhost:5432/shop?host=%2Frun%2Fx%20y"), "{}", access.url());
        assert!(!format!("{access:?}").contains("s3cret"));
    }
}
