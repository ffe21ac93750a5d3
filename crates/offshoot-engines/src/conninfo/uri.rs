//! The URI form: `postgresql://user:password@host:port,host2:port2/database?setting=value`.
//!
//! Read as libpq reads it, with one difference: an `@` in the host or database part is refused rather than taken as a
//! part of the name, because it almost always comes from an unescaped password, which would then be shown and sent to a
//! name server as if it were a host.

use super::error::ConnInfoError;
use super::settings::Settings;

const PREFIXES: [&str; 2] = ["postgresql://", "postgres://"];

/// What follows the prefix, when the text is a URI.
pub(super) fn strip_prefix(text: &str) -> Option<&str> {
    PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix))
}

/// The scheme of a URL that is not PostgreSQL's, as in `mysql://host/db`.
pub(super) fn foreign_scheme(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.len() <= 40
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    // jdbc:postgresql://host/db
    let is_url = rest.starts_with("//") || strip_prefix(rest).is_some();
    (is_scheme && is_url && strip_prefix(text).is_none()).then_some(scheme)
}

/// Reads what follows the prefix.
pub(super) fn parse(rest: &str) -> Result<Settings, ConnInfoError> {
    let mut settings = Settings::default();
    let rest = user_and_password(rest, &mut settings)?;
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    let (hosts, path) = match rest.split_once('/') {
        Some((hosts, path)) => (hosts, Some(path)),
        None => (rest, None),
    };
    if hosts.contains('@') || path.is_some_and(|path| path.contains('@')) {
        return Err(ConnInfoError::UnescapedCredentials);
    }
    host_list(hosts, &mut settings)?;
    if let Some(path) = path.filter(|path| !path.is_empty()) {
        settings.give("dbname", decode(path)?, false)?;
    }
    if let Some(query) = query {
        parameters(query, &mut settings)?;
    }
    Ok(settings)
}

fn user_and_password<'a>(rest: &'a str, settings: &mut Settings) -> Result<&'a str, ConnInfoError> {
    let Some(end) = rest.find(['@', '/']).filter(|&end| rest[end..].starts_with('@')) else {
        return Ok(rest);
    };
    let credentials = &rest[..end];
    let (user, password) = match credentials.split_once(':') {
        Some((user, password)) => (user, password),
        None => (credentials, ""),
    };
    if !user.is_empty() {
        settings.give("user", decode(user)?, false)?;
    }
    if !password.is_empty() {
        settings.give("password", decode(password)?, false)?;
    }
    Ok(&rest[end + 1..])
}

fn host_list(list: &str, settings: &mut Settings) -> Result<(), ConnInfoError> {
    let mut hosts = Vec::new();
    let mut ports = Vec::new();
    for place in split_places(list) {
        let (host, port) = host_and_port(place)?;
        hosts.push(host);
        ports.push(port);
    }
    let hosts = hosts.join(",");
    let ports = ports.join(",");
    if !hosts.is_empty() {
        settings.give("host", decode(&hosts)?, false)?;
    }
    if !ports.is_empty() {
        settings.give("port", decode(&ports)?, false)?;
    }
    Ok(())
}

/// Splits at commas that are not in brackets, so that a malformed bracket is reported as such.
fn split_places(list: &str) -> Vec<&str> {
    let mut places = Vec::new();
    let mut start = 0;
    let mut in_brackets = false;
    for (at, c) in list.char_indices() {
        match c {
            '[' if at == start => in_brackets = true,
            ']' => in_brackets = false,
            ',' if !in_brackets => {
                places.push(&list[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    places.push(&list[start..]);
    places
}

fn host_and_port(place: &str) -> Result<(&str, &str), ConnInfoError> {
    let Some(bracketed) = place.strip_prefix('[') else {
        return Ok(place.split_once(':').unwrap_or((place, "")));
    };
    let (address, after) =
        bracketed.split_once(']').ok_or_else(|| malformed("a \"[\" without its \"]\" around an IPv6 address"))?;
    if address.is_empty() {
        return Err(malformed("empty brackets in place of an IPv6 address"));
    }
    match after.strip_prefix(':') {
        Some(port) => Ok((address, port)),
        None if after.is_empty() => Ok((address, "")),
        None => Err(malformed(
            "text between the \"]\" of an IPv6 address and what may follow it, \":\", \",\", \"/\" or \"?\"",
        )),
    }
}

fn parameters(query: &str, settings: &mut Settings) -> Result<(), ConnInfoError> {
    if query.is_empty() {
        return Ok(());
    }
    // As in libpq, a trailing "&" ends the list without opening another parameter.
    for parameter in query.strip_suffix('&').unwrap_or(query).split('&') {
        let Some((name, value)) = parameter.split_once('=') else {
            return Err(malformed("a parameter after \"?\" without \"=\""));
        };
        if value.contains('=') {
            return Err(malformed("a parameter after \"?\" with a second \"=\", which must be written %3D"));
        }
        let name = decode(name)?;
        let value = decode(value)?;
        // The one parameter that JDBC's URLs and libpq's share under another name.
        if name == "ssl" && value == "true" {
            settings.give("sslmode", "require".to_owned(), false)?;
        } else {
            settings.give(&name, value, query.contains('@'))?;
        }
    }
    Ok(())
}

fn decode(text: &str) -> Result<String, ConnInfoError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = rest.next().and_then(hex_digit);
        let low = rest.next().and_then(hex_digit);
        match (high, low) {
            (Some(0), Some(0)) => return Err(malformed("%00, which no value may hold")),
            (Some(high), Some(low)) => bytes.push(high << 4 | low),
            _ => {
                return Err(malformed(
                    "a \"%\" that is not followed by two hexadecimal digits; a plain % is written %25",
                ));
            }
        }
    }
    String::from_utf8(bytes).map_err(|_| malformed("percent-encoded bytes that are not UTF-8"))
}

fn hex_digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

fn malformed(problem: &'static str) -> ConnInfoError {
    ConnInfoError::Uri { problem }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(uri: &str) -> Vec<(&'static str, String)> {
        parse(strip_prefix(uri).unwrap()).unwrap().pairs()
    }

    fn problem(uri: &str) -> String {
        parse(strip_prefix(uri).unwrap()).err().unwrap().to_string()
    }

    /// What libpq itself makes of each, checked with its own program for these cases.
    #[test]
    fn reads_what_libpq_reads() {
        for (uri, expected) in [
            (
                "postgresql://uri-user:secret@host:12345/db",
                "dbname=db host=host password=secret port=12345 user=uri-user",
            ),
            ("postgresql://uri-user@host:12345/db", "dbname=db host=host port=12345 user=uri-user"),
            ("postgresql://uri-user@host/", "host=host user=uri-user"),
            ("postgresql://uri-user@", "user=uri-user"),
            ("postgresql://host:12345/", "host=host port=12345"),
            ("postgresql://host:12345", "host=host port=12345"),
            ("postgresql://host", "host=host"),
            ("postgresql://", ""),
            ("postgresql://?hostaddr=127.0.0.1", "hostaddr=127.0.0.1"),
            ("postgresql://example.com?hostaddr=63.1.2.4", "host=example.com hostaddr=63.1.2.4"),
            ("postgresql://%68ost/", "host=host"),
            ("postgresql://host/db?user=uri-user&port=12345", "dbname=db host=host port=12345 user=uri-user"),
            (
                "postgresql://host/db?u%73er=someotheruser&port=12345",
                "dbname=db host=host port=12345 user=someotheruser",
            ),
            ("postgresql://host?", "host=host"),
            ("postgresql://host?user=a&", "host=host user=a"),
            ("postgresql://[::1]:12345/db", "dbname=db host=::1 port=12345"),
            ("postgresql://[2001:db8::1234]/", "host=2001:db8::1234"),
            ("postgresql://[200z:db8::1234]/", "host=200z:db8::1234"),
            ("postgresql://[::1]", "host=::1"),
            ("postgresql://[::1],[::2]:7", "host=::1,::2 port=,7"),
            ("postgres://", ""),
            ("postgres:///", ""),
            ("postgres:///db", "dbname=db"),
            ("postgres://uri-user@/db", "dbname=db user=uri-user"),
            ("postgres://?host=/path/to/socket/dir", "host=/path/to/socket/dir"),
            ("postgres://@host", "host=host"),
            ("postgres://host:/", "host=host"),
            ("postgres://:12345/", "port=12345"),
            ("postgres://otheruser@?host=/no/such/directory", "host=/no/such/directory user=otheruser"),
            (
                "postgres://otheruser@:12345/db?host=/path/to/socket",
                "dbname=db host=/path/to/socket port=12345 user=otheruser",
            ),
            ("postgres://:12345?host=/path/to/socket", "host=/path/to/socket port=12345"),
            ("postgres://%2Fvar%2Flib%2Fpostgresql/dbname", "dbname=dbname host=/var/lib/postgresql"),
            (
                "postgresql://host1:123,host2:456/somedb?target_session_attrs=any&application_name=myapp",
                "application_name=myapp dbname=somedb host=host1,host2 port=123,456 target_session_attrs=any",
            ),
            ("postgresql://host1,host2:456/", "host=host1,host2 port=,456"),
            (
                "postgresql://other@localhost/otherdb?connect_timeout=10&application_name=myapp",
                "application_name=myapp connect_timeout=10 dbname=otherdb host=localhost user=other",
            ),
            ("postgresql:///mydb?host=localhost&port=5433", "dbname=mydb host=localhost port=5433"),
            (
                "postgresql://user@localhost:5433/mydb?options=-c%20synchronous_commit%3Doff",
                "dbname=mydb host=localhost options=-c synchronous_commit=off port=5433 user=user",
            ),
            ("postgresql://h?ssl=true", "host=h sslmode=require"),
            ("postgresql://u:p:q%40@h", "host=h password=p:q@ user=u"),
            ("postgresql://u:a?b@h", "host=h password=a?b user=u"),
        ] {
            let pairs: Vec<String> = read(uri).iter().map(|(name, value)| format!("{name}={value}")).collect();
            assert_eq!(pairs.join(" "), expected, "{uri}");
        }
    }

    #[test]
    fn refuses_what_libpq_refuses() {
        for (uri, part) in [
            ("postgresql://host/db?u%7aer=someotheruser&port=12345", "\"uzer\"; \"user\" is the nearest"),
            ("postgresql://host?uzer=", "\"user\" is the nearest"),
            ("postgres://[::1", "without its \"]\""),
            ("postgres://[]", "empty brackets"),
            ("postgres://[::1]z", "text between"),
            ("postgresql://host?zzz", "without \"=\""),
            ("postgresql://host?value1&value2", "without \"=\""),
            ("postgresql://host?key=key=value", "second \"=\""),
            ("postgres://host?dbname=%XXfoo", "hexadecimal"),
            ("postgresql://a%00b", "%00"),
            ("postgresql://%zz", "hexadecimal"),
            ("postgresql://%1", "hexadecimal"),
            ("postgresql://%", "hexadecimal"),
            ("postgresql://%ff", "UTF-8"),
        ] {
            let text = problem(uri);
            assert!(text.contains(part), "{uri}: {text}");
        }
    }

    #[test]
    fn a_badly_escaped_password_is_not_repeated() {
        for uri in [
            "postgres://u:canary@7@host/db",
            "postgres://u:canary/7@host/db",
            "postgres://u:123/canary@host/db",
            "postgres://u:can%ary@host/db",
            "postgres://u:x/canary?y@host/db",
            "postgres://u:x/y?canary=1@host",
        ] {
            let text = problem(uri);
            assert!(!text.contains("canary"), "{text}");
        }
    }

    #[test]
    fn other_schemes_are_named() {
        assert_eq!(foreign_scheme("mysql://h/db?x=y"), Some("mysql"));
        assert_eq!(foreign_scheme("jdbc:postgresql://h/db"), Some("jdbc"));
        assert_eq!(foreign_scheme("Postgres://h"), Some("Postgres"));
        assert_eq!(foreign_scheme("postgres://h"), None);
        assert_eq!(foreign_scheme("host=a:b://c"), None);
        assert_eq!(foreign_scheme("db"), None);
    }

    fn encode(text: &str) -> String {
        text.bytes().map(|byte| format!("%{byte:02X}")).collect()
    }

    proptest! {
        #[test]
        fn encoded_parts_come_back(user in "[^\0]+", password in "[^\0]+", dbname in "[^\0]+") {
            let uri = format!("{}:{}@h/{}", encode(&user), encode(&password), encode(&dbname));
            let settings = parse(&uri).unwrap();
            prop_assert_eq!(settings.value("user"), Some(user.as_str()));
            prop_assert_eq!(settings.value("password"), Some(password.as_str()));
            prop_assert_eq!(settings.value("dbname"), Some(dbname.as_str()));
        }

        #[test]
        fn nothing_panics(text in "[\\[\\]@:/?&=%,a-c\u{e9}]*") {
            let _ = parse(&text);
        }
    }
}
