//! The URL form: `mysql://user:password@host:port/database?setting=value`, also with `mariadb://`.
//!
//! An `@` in the host or database part is refused rather than taken as a part of the name, because it almost always comes
//! from an unescaped password, which would then be shown and sent to a name server as if it were a host.

use super::error::ConnInfoError;
use super::settings::Settings;
use percent_encoding::percent_decode_str;

const PREFIXES: [&str; 2] = ["mysql://", "mariadb://"];

/// What follows the prefix, when the text is a URL of this engine.
pub(super) fn strip_prefix(text: &str) -> Option<&str> {
    PREFIXES.iter().find_map(|prefix| text.strip_prefix(prefix))
}

/// Reads what follows the prefix.
pub(super) fn parse(rest: &str) -> Result<Settings, ConnInfoError> {
    let mut settings = Settings::default();
    let rest = user_and_password(rest, &mut settings)?;
    let (rest, query) = rest.split_once('?').map_or((rest, None), |(rest, query)| (rest, Some(query)));
    let (host, database) = rest.split_once('/').unwrap_or((rest, ""));
    if host.contains('@') || database.contains('@') {
        return Err(ConnInfoError::UnescapedCredentials);
    }
    if database.contains('/') {
        return Err(malformed("more than one \"/\" after the host; write / in a name as %2F"));
    }
    place(host, &mut settings)?;
    if !database.is_empty() {
        settings.give("database", decode(database)?, false)?;
    }
    for parameter in query.unwrap_or_default().split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) =
            parameter.split_once('=').ok_or_else(|| malformed("a setting after \"?\" without \"=\""))?;
        settings.give(&decode(name)?, decode(value)?, query.is_some_and(|query| query.contains('@')))?;
    }
    Ok(settings)
}

fn user_and_password<'a>(rest: &'a str, settings: &mut Settings) -> Result<&'a str, ConnInfoError> {
    let Some(end) = rest.find(['@', '/', '?']).filter(|&end| rest[end..].starts_with('@')) else {
        return Ok(rest);
    };
    let (user, password) = rest[..end].split_once(':').unwrap_or((&rest[..end], ""));
    if !user.is_empty() {
        settings.give("user", decode(user)?, false)?;
    }
    if !password.is_empty() {
        settings.give("password", decode(password)?, false)?;
    }
    Ok(&rest[end + 1..])
}

fn place(text: &str, settings: &mut Settings) -> Result<(), ConnInfoError> {
    if text.contains(',') {
        return Err(malformed("several hosts; name one"));
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(bracketed) => {
            let (address, after) = bracketed
                .split_once(']')
                .ok_or_else(|| malformed("a \"[\" without its \"]\" around an IPv6 address"))?;
            match after.strip_prefix(':') {
                Some(port) => (address, port),
                None if after.is_empty() => (address, ""),
                None => return Err(malformed("text after the \"]\" of an IPv6 address")),
            }
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let host = decode(host)?;
    // A socket's path in the place of the host, percent-encoded.
    if host.starts_with('/') {
        settings.give("socket", host, false)?;
    } else if !host.is_empty() {
        settings.give("host", host, false)?;
    }
    if !port.is_empty() {
        settings.give("port", decode(port)?, false)?;
    }
    Ok(())
}

fn decode(text: &str) -> Result<String, ConnInfoError> {
    let bytes = text.as_bytes();
    let is_escaped = |at: usize| {
        bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit) && digits != b"00")
    };
    if (0..bytes.len()).any(|at| bytes[at] == b'%' && !is_escaped(at)) {
        return Err(malformed(
            "a \"%\" that is not followed by two hexadecimal digits, or %00; a plain % is written %25",
        ));
    }
    let decoded = percent_decode_str(text).decode_utf8();
    let decoded = decoded.map_err(|_| malformed("percent-encoded bytes that are not UTF-8"))?;
    if decoded.contains('\0') { Err(malformed("a NUL character")) } else { Ok(decoded.into_owned()) }
}

fn malformed(problem: &'static str) -> ConnInfoError {
    ConnInfoError::Uri { problem }
}
