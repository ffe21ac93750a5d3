//! How a client gets into a branch: as a URL, and as the variables that PostgreSQL's own programs read.

use super::init::SUPERUSER;
use offshoot_restore::server::{Access, Secret, Site};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// Everything but what a URL's parts may hold anywhere (RFC 3986, unreserved).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The address on which clients come in.
const HOST: &str = "127.0.0.1";

/// How to get into a database of a server.
pub(super) fn access(site: &Site, database: &str, role: Option<&str>, password: &Secret) -> Access {
    let user = role.unwrap_or(SUPERUSER);
    let encoded = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let sockets = site.sockets.to_string_lossy();
    let who = format!("{}:{}", encoded(user), encoded(password.expose()));
    let (port, name) = (site.port, encoded(database));
    let url = if site.isolated {
        format!("postgres://{who}@/{name}?host={}&port={port}", encoded(&sockets))
    } else {
        format!("postgres://{who}@{HOST}:{port}/{name}")
    };
    let variable = |name: &str, value: &str| (name.to_owned(), Secret::new(value.to_owned()));
    let mut variables = vec![
        variable("PGHOST", if site.isolated { &sockets } else { HOST }),
        variable("PGPORT", &port.to_string()),
        variable("PGUSER", user),
        variable("PGPASSWORD", password.expose()),
        variable("PGDATABASE", database),
        // The caller's own may ask for encryption, which stands between nobody here.
        variable("PGSSLMODE", "disable"),
    ];
    if !site.isolated {
        // While the branch is stopped another program can have its port, and is not to be told the password.
        variables.push(variable("PGREQUIREAUTH", "scram-sha-256"));
    }
    Access { url: Secret::new(url), variables }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conninfo::{ConnInfo, Environment};

    fn site(isolated: bool) -> Site {
        Site { data: "/d".into(), sockets: "/so ck/%/ä".into(), log: "/l".into(), port: 5433, isolated }
    }

    #[test]
    fn names_and_passwords_of_any_characters_come_back() {
        for isolated in [false, true] {
            for name in ["shop", "a b", "ü/?#[]@:%41&=+", "'\"\\", "~-._"] {
                let password = Secret::new(format!("p{name}"));
                let access = access(&site(isolated), name, Some(name), &password);
                let read = ConnInfo::parse(access.url.expose(), &Environment::empty()).unwrap();
                assert_eq!((read.dbname.as_str(), read.user.as_str()), (name, name));
                let expected = crate::conninfo::Password::new(password.expose());
                assert_eq!(read.hosts[0].password, Some(expected));
                assert_eq!(read.hosts[0].port, 5433);
                let host = access.variables.iter().find(|(name, _)| name == "PGHOST").unwrap().1.expose().to_owned();
                assert_eq!(host, if isolated { "/so ck/%/ä" } else { "127.0.0.1" });
            }
        }
    }

    #[test]
    fn urls_are_plain_where_they_can_be() {
        let access = access(&site(false), "shop", None, &Secret::new("Abc-123".to_owned()));
        assert_eq!(access.url.expose(), "postgres://postgres:Abc-123@127.0.0.1:5433/shop");
    }
}
