//! `~/.pgpass`: lines of `host:port:database:user:password`, `*` for any, `\` before `:` and `\`.
//!
//! A file that others can read is not used, as in libpq, and a warning says so.

use std::path::Path;

use super::environment::Environment;
use super::error::ConnInfoWarning;
use super::password::Password;

/// A password file's content, or nothing. Its Debug is deliberately missing.
pub(super) struct Passfile(zeroize::Zeroizing<Vec<u8>>);

/// What a line must match.
pub(super) struct Wanted<'a> {
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) dbname: &'a str,
    pub(super) user: &'a str,
}

impl Passfile {
    /// A missing file is nothing to remark; one that others can read, or that is no file, is.
    pub(super) fn open(path: &Path, environment: &Environment) -> Result<Option<Self>, ConnInfoWarning> {
        let content = match environment.read(path) {
            Ok(content) => content,
            Err(error) if is_missing(&error) => return Ok(None),
            Err(error) => {
                return Err(ConnInfoWarning::PassfileUnreadable { path: path.to_owned(), reason: error.to_string() });
            }
        };
        let bytes = zeroize::Zeroizing::new(content.bytes);
        let path = path.to_owned();
        if !content.is_regular {
            return Err(ConnInfoWarning::PassfileNotRegular { path });
        }
        if content.mode & 0o077 != 0 {
            let mode = content.mode;
            return Err(ConnInfoWarning::PassfileLoose { path, mode });
        }
        Ok(Some(Self(bytes)))
    }

    /// The password of the first line that matches.
    pub(super) fn find(&self, wanted: &Wanted<'_>) -> Option<Password> {
        let port = wanted.port.to_string();
        let fields = [wanted.host, &port, wanted.dbname, wanted.user];
        self.0.split(|&byte| byte == b'\n').filter(|line| !line.starts_with(b"#")).find_map(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let password = fields.iter().try_fold(line, |rest, field| match_field(rest, field.as_bytes()))?;
            Some(unescape_to_colon(password))
        })
    }
}

fn is_missing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory)
}

/// What follows the field's colon, if the field matches.
fn match_field<'a>(line: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    if let Some(rest) = line.strip_prefix(b"*:") {
        return Some(rest);
    }
    let mut line = line;
    let mut wanted = wanted;
    loop {
        let (&first, after) = line.split_first()?;
        match (first, wanted.split_first()) {
            (b':', None) => return Some(after),
            (_, None) => return None,
            (b'\\', Some((byte, rest))) => {
                line = after.strip_prefix(&[*byte])?;
                wanted = rest;
            }
            (b':', Some(_)) if wanted[0] != b':' => return None,
            (first, Some((byte, rest))) if first == *byte => {
                line = after;
                wanted = rest;
            }
            _ => return None,
        }
    }
}

fn unescape_to_colon(text: &[u8]) -> Password {
    let mut password = Vec::with_capacity(text.len());
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next().filter(|&byte| byte != b':') {
        match bytes.peek() {
            Some(&escaped) if byte == b'\\' => {
                password.push(escaped);
                bytes.next();
            }
            _ => password.push(byte),
        }
    }
    Password::new(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(file: &str, host: &str, user: &str) -> Option<String> {
        let file = Passfile(file.as_bytes().to_vec().into());
        let wanted = Wanted { host, port: 5432, dbname: "shop", user };
        let password = file.find(&wanted)?;
        Some(String::from_utf8(password.expose().to_vec()).unwrap())
    }

    #[test]
    fn first_match_wins() {
        let file = "# comment\nother:5432:shop:ada:no\nh:5432:shop:ada:one\n*:*:*:*:two\n";
        assert_eq!(find(file, "h", "ada").as_deref(), Some("one"));
        assert_eq!(find(file, "h", "bob").as_deref(), Some("two"));
        assert_eq!(find("h:5433:shop:ada:x", "h", "ada"), None);
        assert_eq!(find("h:5432:shop", "h", "ada"), None);
        assert_eq!(find("", "h", "ada"), None);
        assert_eq!(find("h:5432:shop:ada:crlf\r\n", "h", "ada").as_deref(), Some("crlf"));
    }

    #[test]
    fn escapes() {
        assert_eq!(find(r"\:\:1:*:*:*:a\:b\\c", "::1", "ada").as_deref(), Some(r"a:b\c"));
        // libpq also takes an unescaped colon inside a field that has one there.
        assert_eq!(find("::1:*:*:*:x", "::1", "ada").as_deref(), Some("x"));
        assert_eq!(find(r"*:*:*:a\\d\:a:x", "h", r"a\d:a").as_deref(), Some("x"));
        // What follows an unescaped colon in the password is ignored.
        assert_eq!(find("*:*:*:*:x:y", "h", "ada").as_deref(), Some("x"));
        assert_eq!(find(r"*:*:*:*:x\", "h", "ada").as_deref(), Some(r"x\"));
    }
}
