//! The one error of the library: opaque, with a kind to decide by, a message to show and a hint what to do next.
//!
//! The errors below it say all that in one sentence after the other (what, why, what to do). Here they are sorted by
//! what a caller can do, and the advice is taken apart from the rest, so that a program may show its own.

use crate::scrub::{Broken, Survived};
use offshoot_core::CoreError;
use offshoot_engines::EngineError;
use offshoot_engines::conninfo::ConnInfoError;
use offshoot_engines::mysql::{MysqlError, conninfo as mysql_conninfo};
use offshoot_format::FormatError;
use offshoot_format::refname::InvalidName;
use offshoot_scrub::ScrubError;
use std::error::Error as StdError;
use std::fmt;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation failed.
///
/// Its text says what failed and why, never with a value of a row or a password; [`Error::hint`] says what to do next.
/// `source()` leads on to causes that the text does not repeat.
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was asked for cannot be meant: a malformed connection string, a name with a space.
    Usage,
    /// There is no such store, snapshot, ref or tag.
    NotFound,
    /// Several snapshots begin with these digits.
    Ambiguous,
    /// A name is taken, or somebody else was faster. Trying again may help.
    Conflict,
    /// Refused, because data could be lost or get where it does not belong.
    Refused,
    /// The store is damaged.
    Damaged,
    /// Of a version or kind that this program does not know.
    Unsupported,
    /// There is no connection to the server, or it was lost.
    Unreachable,
    /// The operation was cancelled by its control.
    Interrupted,
    /// Anything else: a server that says no, a disk that is full.
    Failed,
}

impl Error {
    /// What a caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// What to do next, if there is something to say.
    #[must_use]
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// An error with a text of its own.
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: Some(hint.into()), source: None }
    }

    /// An error that says what another one says, with the advice at its end taken apart.
    pub(crate) fn retell(kind: ErrorKind, error: impl StdError + Send + Sync + 'static) -> Self {
        let text = error.to_string();
        let (message, hint) = split_advice(&text);
        let told = message.to_owned();
        Self { kind, message: told, hint: hint.map(uncapitalized), source: untold(error, &text) }
    }

    fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Parts the advice from the end of a text: it is what follows the first sentence.
fn split_advice(text: &str) -> (&str, Option<&str>) {
    let ends = text.match_indices(". ").map(|(at, _)| (at, at + 2));
    let ends = ends.chain(text.match_indices(".\n").map(|(at, _)| (at, at + 2)));
    let is_end = |&(end, next): &(usize, usize)| {
        let line = text[..end].rsplit('\n').next().unwrap_or_default().trim();
        let counts_lines = !line.is_empty() && line.bytes().all(|byte| byte.is_ascii_digit());
        !counts_lines && text[next..].starts_with(|c: char| c.is_uppercase())
    };
    match ends.filter(is_end).min() {
        Some((end, next)) => (&text[..end], Some(text[next..].trim_end_matches('.'))),
        None => (text.strip_suffix('.').unwrap_or(text), None),
    }
}

/// A sentence as it goes on after a colon; a word in capitals, such as GRANT, keeps them.
fn uncapitalized(sentence: &str) -> String {
    let mut letters = sentence.chars();
    match (letters.next(), letters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() || second == ' ' => {
            first.to_lowercase().chain(letters).collect()
        }
        _ => sentence.to_owned(),
    }
}

/// The first cause of an error that its text does not repeat.
fn untold(error: impl StdError + Send + Sync + 'static, text: &str) -> Option<Box<dyn StdError + Send + Sync>> {
    let mut next = error.source();
    while let Some(cause) = next {
        if !text.contains(&cause.to_string()) {
            return Some(Box::new(Told { texts: chain(cause) }));
        }
        next = cause.source();
    }
    None
}

fn chain(first: &dyn StdError) -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    let mut next = Some(first);
    while let Some(error) = next {
        let text = error.to_string();
        if !texts.iter().any(|told| told.contains(&text)) {
            texts.push(text);
        }
        next = error.source();
    }
    texts
}

/// Causes by their texts: what is below is not part of the library's interface.
struct Told {
    texts: Vec<String>,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts.join(": "))
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for Told {}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = f.debug_struct("Error");
        out.field("kind", &self.kind).field("message", &self.message);
        out.field("hint", &self.hint).field("source", &self.source).finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

/// What the scrubber said at the end of a capture.
fn refused_by_scrub(error: Box<dyn StdError + Send + Sync>) -> Error {
    let error = match error.downcast::<Survived>() {
        Ok(survived) => {
            let hint = "correct the policy as each line says; nothing of this capture was kept";
            return Error::new(ErrorKind::Refused, survived.to_string(), hint);
        }
        Err(error) => error,
    };
    let error = match error.downcast::<Broken>() {
        Ok(broken) => {
            let hint = "give the columns that each line names `keep`, or a rule that writes no letters with accents; where their collation tells \
                        accents and blanks at the end apart, report this: a rule that was taken for injective is not";
            return Error::new(ErrorKind::Refused, broken.to_string(), hint);
        }
        Err(error) => error,
    };
    match error.downcast::<Error>() {
        Ok(own) => *own,
        Err(error) => Error::retell(ErrorKind::Failed, Foreign(error)),
    }
}

impl From<CoreError> for Error {
    fn from(error: CoreError) -> Self {
        match error {
            CoreError::Source { source, .. } => match source.downcast::<EngineError>() {
                Ok(engine) => (*engine).into(),
                Err(other) => Self::retell(ErrorKind::Failed, Foreign(other)),
            },
            CoreError::Transform(source) => match source.downcast::<ScrubError>() {
                Ok(scrub) => (*scrub).into(),
                Err(other) => refused_by_scrub(other),
            },
            CoreError::Format(format) | CoreError::Damaged { source: format @ FormatError::Version { .. }, .. } => {
                format.into()
            }
            CoreError::UnknownSnapshot { address, why, near } => {
                let hint = match near.as_slice() {
                    [] => "`offshoot log` lists the snapshots".to_owned(),
                    near => format!("did you mean {}?", near.join(" or ")),
                };
                Self::new(ErrorKind::NotFound, format!("there is no snapshot {address}: {why}"), hint)
            }
            CoreError::StoreExists { place } => {
                let hint = "use it as it is, or make one elsewhere with --store PATH";
                Self::new(ErrorKind::Conflict, format!("{place} is a store already"), hint)
            }
            CoreError::AmbiguousSnapshot { prefix, candidates } => {
                let list: Vec<String> = candidates.iter().map(|id| format!("\n  {id}")).collect();
                let message = format!("several snapshots begin with {prefix}:{}", list.concat());
                Self::new(ErrorKind::Ambiguous, message, "type more digits")
            }
            CoreError::Io { ref source, .. } => {
                let hint = io_hint(source);
                let told = Self::retell(ErrorKind::Failed, error);
                if let Some(hint) = hint { told.with_hint(hint) } else { told }
            }
            other => Self::retell(core_kind(&other), other),
        }
    }
}

fn core_kind(error: &CoreError) -> ErrorKind {
    match error {
        CoreError::Cancelled => ErrorKind::Interrupted,
        CoreError::Damaged { .. } | CoreError::Missing { .. } => ErrorKind::Damaged,
        CoreError::NoStore { .. } => ErrorKind::NotFound,
        CoreError::Newer { .. } => ErrorKind::Unsupported,
        CoreError::Domain { .. } => ErrorKind::Refused,
        CoreError::Memory { .. } => ErrorKind::Usage,
        CoreError::NameTaken { .. } | CoreError::Conflict { .. } | CoreError::Busy { .. } | CoreError::LeaseLost => {
            ErrorKind::Conflict
        }
        _ => ErrorKind::Failed,
    }
}

fn io_hint(error: &std::io::Error) -> Option<&'static str> {
    use std::io::ErrorKind as Io;
    Some(match error.kind() {
        Io::StorageFull => "free some space there and try again; nothing was published",
        Io::QuotaExceeded => "raise the quota or free some space and try again; nothing was published",
        Io::AlreadyExists | Io::NotADirectory => "a store is a folder; name one with --store",
        Io::DirectoryNotEmpty => "name an empty folder, or one that is not there yet, with --store",
        Io::NotFound => "look whether the path is typed right, and whether what is on it is mounted",
        Io::PermissionDenied => "run as the user that the store belongs to, or give this one access to it",
        Io::ReadOnlyFilesystem => "mount the file system writable, or use a store elsewhere",
        _ => return None,
    })
}

impl From<FormatError> for Error {
    fn from(error: FormatError) -> Self {
        let kind =
            if matches!(error, FormatError::Version { .. }) { ErrorKind::Unsupported } else { ErrorKind::Failed };
        Self::retell(kind, error)
    }
}

impl From<EngineError> for Error {
    fn from(error: EngineError) -> Self {
        let kind = match &error {
            EngineError::Connect { .. } | EngineError::Lost { .. } => ErrorKind::Unreachable,
            EngineError::TooOld { .. } | EngineError::NotPostgres | EngineError::NoPgDump { .. } => {
                ErrorKind::Unsupported
            }
            EngineError::Mysql(error) => match error {
                MysqlError::Connect(_) | MysqlError::Lost { .. } => ErrorKind::Unreachable,
                MysqlError::Unsupported { .. } => ErrorKind::Unsupported,
                MysqlError::NoDatabase => ErrorKind::Usage,
                _ => ErrorKind::Failed,
            },
            _ => ErrorKind::Failed,
        };
        Self::retell(kind, error)
    }
}

impl From<ConnInfoError> for Error {
    fn from(error: ConnInfoError) -> Self {
        Self::retell(ErrorKind::Usage, error)
    }
}

impl From<mysql_conninfo::ConnInfoError> for Error {
    fn from(error: mysql_conninfo::ConnInfoError) -> Self {
        Self::retell(ErrorKind::Usage, error)
    }
}

impl From<InvalidName> for Error {
    fn from(error: InvalidName) -> Self {
        let hint = "choose a name of letters, digits and . _ - /";
        Self::retell(ErrorKind::Usage, error).with_hint(hint)
    }
}

/// An engine's error of another type.
#[derive(Debug)]
struct Foreign(Box<dyn StdError + Send + Sync>);

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl StdError for Foreign {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_is_what_follows_the_first_sentence() {
        assert_eq!(split_advice("it broke. Mend it."), ("it broke", Some("Mend it")));
        assert_eq!(split_advice("it broke at 12.5 s"), ("it broke at 12.5 s", None));
        assert_eq!(split_advice("no rights. Grant them:\nGRANT a"), ("no rights", Some("Grant them:\nGRANT a")));
        assert_eq!(split_advice("server 11.2. Upgrade it"), ("server 11.2", Some("Upgrade it")));
        let list = "none of 2 gave one:\n  1. A is down\n  2. B is down";
        assert_eq!(split_advice(list), (list, None));
    }

    #[test]
    fn what_the_text_says_already_is_no_cause() {
        let refused = EngineError::TooOld { version: offshoot_engines::postgres::session::Version(110_000) };
        let error = Error::from(CoreError::from(refused));
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.source().is_none());
        assert_eq!(error.hint(), Some("upgrade the server"));
        let source = std::io::Error::from(std::io::ErrorKind::StorageFull);
        let error = Error::from(CoreError::Io { operation: "write", path: "/store/tmp/x".into(), source });
        assert_eq!(error.to_string(), "write /store/tmp/x failed");
        assert!(error.source().is_some() && error.hint().is_some_and(|hint| hint.starts_with("free some space")));
    }
}
