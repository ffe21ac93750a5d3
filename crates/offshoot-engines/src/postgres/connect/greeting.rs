//! What the server may say before a session exists: is it PostgreSQL at all, and may it ask for the password in this way?
//!
//! The client library answers an authentication request as soon as it has read one, so the question is asked before it
//! reads: a request that `require_auth` forbids, or that we have no password for, never reaches it.

use std::io;

use crate::conninfo::{AuthMethod, RequireAuth};

/// Longer authentication requests and errors are not PostgreSQL's.
const MESSAGE_BYTES_MAX: usize = 30_000;

/// Looks at the messages of the server until it says that we are in.
pub(super) struct Greeting {
    require_auth: RequireAuth,
    has_password: bool,
    asked: bool,
}

/// Why a connection must not go on. Travels inside an `io::Error`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum GreetingError {
    #[error("the first bytes are not PostgreSQL's")]
    NotPostgres(Vec<u8>),
    #[error("the server could not start a process")]
    OldStyleError,
    #[error("the server asks for {0:?}")]
    MethodForbidden(Option<AuthMethod>),
    #[error("the server asks for a method that is not supported")]
    MethodUnsupported,
    #[error("the server asks for a password")]
    PasswordMissing,
}

/// How far the greeting is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// More bytes of this message are needed to tell.
    NeedMore,
    /// This message may pass.
    Pass,
    /// This message may pass, and so may all that follow.
    Done,
}

impl Greeting {
    pub(super) fn new(require_auth: RequireAuth, has_password: bool) -> Self {
        Self { require_auth, has_password, asked: false }
    }

    /// Judges the message that `bytes` begins with.
    pub(super) fn examine(&mut self, bytes: &[u8]) -> io::Result<Verdict> {
        let Some(&tag) = bytes.first() else {
            return Ok(Verdict::NeedMore);
        };
        // Errors, notices and protocol negotiation; the client library knows what to do with them.
        if !matches!(tag, b'R' | b'E' | b'N' | b'v') {
            return refuse(GreetingError::NotPostgres(bytes.iter().take(64).copied().collect()));
        }
        let Some(length) = bytes.get(1..5).map(be_u32) else {
            return Ok(Verdict::NeedMore);
        };
        if !(4..=MESSAGE_BYTES_MAX).contains(&length) {
            // A server that cannot fork answers in the protocol of 1997: "E" and text.
            return refuse(match tag {
                b'E' => GreetingError::OldStyleError,
                _ => GreetingError::NotPostgres(bytes.iter().take(64).copied().collect()),
            });
        }
        if tag != b'R' {
            return Ok(Verdict::Pass);
        }
        match bytes.get(5..9).map(be_u32) {
            None if length < 8 => refuse(GreetingError::NotPostgres(Vec::new())),
            None => Ok(Verdict::NeedMore),
            Some(request) => self.authentication(request),
        }
    }

    fn authentication(&mut self, request: usize) -> io::Result<Verdict> {
        let method = match request {
            0 if self.asked || self.require_auth.allows_none() => return Ok(Verdict::Done),
            0 => return refuse(GreetingError::MethodForbidden(None)),
            3 => AuthMethod::Password,
            5 => AuthMethod::Md5,
            7 => AuthMethod::Gss,
            9 => AuthMethod::Sspi,
            // The steps of an exchange that was allowed to begin.
            8 | 11 | 12 if self.asked => return Ok(Verdict::Pass),
            10 => AuthMethod::ScramSha256,
            _ => return refuse(GreetingError::MethodUnsupported),
        };
        if !self.require_auth.allows(method) {
            return refuse(GreetingError::MethodForbidden(Some(method)));
        }
        if matches!(method, AuthMethod::Gss | AuthMethod::Sspi) {
            return refuse(GreetingError::MethodUnsupported);
        }
        if !self.has_password {
            return refuse(GreetingError::PasswordMissing);
        }
        self.asked = true;
        Ok(Verdict::Pass)
    }
}

fn refuse<T>(error: GreetingError) -> io::Result<T> {
    Err(io::Error::other(error))
}

fn be_u32(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |value, &byte| value << 8 | usize::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn any() -> RequireAuth {
        let environment = crate::conninfo::Environment::empty();
        let conninfo = crate::conninfo::ConnInfo::parse("user=u", &environment).unwrap();
        conninfo.require_auth
    }

    fn reason(bytes: &[u8], has_password: bool) -> GreetingError {
        let error = Greeting::new(any(), has_password).examine(bytes).unwrap_err();
        error.get_ref().unwrap().downcast_ref::<GreetingError>().unwrap().clone()
    }

    #[test]
    fn strangers_are_recognised() {
        assert!(matches!(reason(b"HTTP/1.1 400 Bad Request", true), GreetingError::NotPostgres(_)));
        assert!(matches!(reason(b"\x4a\0\0\0\x0a8.0.3", true), GreetingError::NotPostgres(_)));
        assert!(matches!(reason(b"RFB 003.008\n", true), GreetingError::NotPostgres(_)));
        assert_eq!(reason(b"Ecould not fork", true), GreetingError::OldStyleError);
    }

    #[test]
    fn password_requests_need_a_password() {
        let md5 = [b'R', 0, 0, 0, 12, 0, 0, 0, 5, 1, 2, 3, 4];
        assert_eq!(reason(&md5, false), GreetingError::PasswordMissing);
        let mut greeting = Greeting::new(any(), true);
        assert_eq!(greeting.examine(&md5[..6]).unwrap(), Verdict::NeedMore);
        assert_eq!(greeting.examine(&md5).unwrap(), Verdict::Pass);
        assert_eq!(greeting.examine(&[b'R', 0, 0, 0, 8, 0, 0, 0, 0]).unwrap(), Verdict::Done);
        assert_eq!(reason(&[b'R', 0, 0, 0, 8, 0, 0, 0, 7], true), GreetingError::MethodUnsupported);
        assert_eq!(reason(&[b'R', 0, 0, 0, 8, 0, 0, 0, 11], true), GreetingError::MethodUnsupported);
    }
}
