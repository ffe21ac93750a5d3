//! How a client gets into a branch: as a URL, and as the variables that programs read.

use offshoot_restore::server::{Access, Secret, Site};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::ffi::OsString;

/// Who comes into a branch where nobody else is named.
pub(super) const USER: &str = "offshoot";

/// Everything but what a URL's parts may hold anywhere (RFC 3986, unreserved).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The address on which clients come in.
const HOST: &str = "127.0.0.1";

/// How to get into a database of a server.
pub(super) fn access(site: &Site, database: &str, role: Option<&str>, password: &Secret) -> Access {
    let user = role.unwrap_or(USER);
    let encoded = |text: &str| utf8_percent_encode(text, ENCODED).to_string();
    let who = format!("{}:{}", encoded(user), encoded(password.expose()));
    let (port, name) = (site.port.to_string(), encoded(database));
    let socket = super::socket(site).to_string_lossy().into_owned();
    let url = if site.isolated {
        format!("mysql://{who}@localhost/{name}?socket={}", encoded(&socket))
    } else {
        format!("mysql://{who}@{HOST}:{port}/{name}")
    };
    let variable = |name: &str, value: &str| (name.to_owned(), Secret::new(value.to_owned()));
    let mut variables = vec![
        variable("MYSQL_HOST", if site.isolated { "localhost" } else { HOST }),
        // The first is what applications read, the second the servers' own programs.
        variable("MYSQL_PORT", &port),
        variable("MYSQL_TCP_PORT", &port),
        variable("MYSQL_USER", user),
        variable("MYSQL_PASSWORD", password.expose()),
        variable("MYSQL_PWD", password.expose()),
        variable("MYSQL_DATABASE", database),
    ];
    if site.isolated {
        variables.push(variable("MYSQL_UNIX_PORT", &socket));
    }
    Access { url: Secret::new(url), variables }
}

/// What the servers' own clients are told: of the variables they take the password alone. Nothing of the user's own option
/// files leads them elsewhere.
pub(super) fn client_arguments(site: &Site, database: &str, role: Option<&str>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = vec!["--no-defaults".into(), format!("--user={}", role.unwrap_or(USER)).into()];
    if site.isolated {
        arguments.push(super::init::option("--socket=", &super::socket(site)));
    } else {
        arguments.extend([format!("--host={HOST}"), format!("--port={}", site.port)].map(OsString::from));
    }
    arguments.push(format!("--database={database}").into());
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mysql::conninfo::{ConnInfo, Environment, Password, Place};

    fn site(isolated: bool) -> Site {
        Site { data: "/d".into(), sockets: "/so ck/%/ä".into(), log: "/l".into(), port: 3307, isolated }
    }

    #[test]
    fn names_and_passwords_of_any_characters_come_back() {
        for isolated in [false, true] {
            for name in ["shop", "a b", "ü/?#[]@:%41&=+", "'\"\\", "~-._"] {
                let password = Secret::new(format!("p{name}"));
                let access = access(&site(isolated), name, Some(name), &password);
                let read = ConnInfo::parse(access.url.expose(), &Environment::empty()).unwrap();
                assert_eq!((read.database.as_str(), read.user.as_str()), (name, name));
                assert_eq!(read.password, Some(Password::new(password.expose())));
                let place = match isolated {
                    true => Place::Socket("/so ck/%/ä/mysql.sock".into()),
                    false => Place::Tcp { host: "127.0.0.1".to_owned(), port: 3307 },
                };
                assert_eq!(read.places, [place]);
            }
        }
    }

    #[test]
    fn urls_are_plain_where_they_can_be() {
        let access = access(&site(false), "shop", None, &Secret::new("Abc-123".to_owned()));
        assert_eq!(access.url.expose(), "mysql://offshoot:Abc-123@127.0.0.1:3307/shop");
        assert!(!access.variables.iter().any(|(name, _)| name == "MYSQL_UNIX_PORT"));
    }
}
