//! From what the client library or the server says during the startup to a [`ConnectError`].

use std::error::Error;
use std::io;

use tokio_postgres::error::{DbError, SqlState};

use super::error::{ConnectError, clean};
use super::greeting::GreetingError;
use super::tls::tls_error;
use crate::conninfo::{AuthMethod, Host};

/// What a session was asked for.
pub(super) struct Asked<'a> {
    pub(super) host: &'a Host,
    pub(super) user: &'a str,
    pub(super) dbname: &'a str,
}

/// Why a startup failed.
pub(super) fn startup_error(error: &tokio_postgres::Error, asked: &Asked<'_>) -> ConnectError {
    if let Some(answer) = error.as_db_error() {
        return server_answer(answer, asked);
    }
    let host = asked.host.to_string();
    let cause = error.source();
    if let Some(io) = cause.and_then(|cause| cause.downcast_ref::<io::Error>()) {
        if let Some(greeting) = io.get_ref().and_then(|inner| inner.downcast_ref::<GreetingError>()) {
            return refused_greeting(greeting, host, asked.user);
        }
        if let Some(tls) = tls_error(io) {
            return ConnectError::TlsFailed { host, reason: clean(&tls.to_string()) };
        }
    }
    let text = cause.map(ToString::to_string).unwrap_or_default();
    match (error.to_string().as_str(), text.as_str()) {
        ("authentication error", "unsupported SASL mechanism" | "unsupported authentication method") => {
            unsupported(host)
        }
        ("authentication error", "server did not use channel binding") => ConnectError::AuthNotPossible {
            host,
            why: "is not tied to the TLS connection, which channel_binding=require demands".to_owned(),
            limited: true,
        },
        ("authentication error", reason) => ConnectError::ServerNotAuthentic { host, reason: clean(reason) },
        _ if error.is_closed() => ConnectError::Closed {
            host,
            reason: "without an answer, as servers do that speak another protocol".to_owned(),
        },
        (what, reason) => ConnectError::Closed { host, reason: clean(&format!("{what} {reason}")) },
    }
}

fn server_answer(answer: &DbError, asked: &Asked<'_>) -> ConnectError {
    let host = asked.host.to_string();
    let user = asked.user.to_owned();
    let dbname = asked.dbname.to_owned();
    let message = clean(answer.message());
    match answer.code() {
        code if *code == SqlState::INVALID_PASSWORD => {
            ConnectError::WrongPassword { host, user, password_file: asked.host.password_file.clone() }
        }
        // The routine, unlike the message, is never translated.
        code if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => match answer.routine() {
            Some("InitializeSessionUserId" | "InitializeSessionUserIdStandalone") => {
                ConnectError::RoleMissing { host, user, message }
            }
            _ => ConnectError::NotAllowed { host, message },
        },
        code if *code == SqlState::INVALID_CATALOG_NAME => ConnectError::NoSuchDatabase { host, dbname },
        code if *code == SqlState::INSUFFICIENT_PRIVILEGE => ConnectError::NoConnectPrivilege { host, user, dbname },
        code if *code == SqlState::TOO_MANY_CONNECTIONS => ConnectError::TooManyConnections { host, message },
        code if *code == SqlState::CANNOT_CONNECT_NOW => ConnectError::NotReady { host, message },
        code => ConnectError::Rejected { host, code: code.code().to_owned(), message },
    }
}

fn refused_greeting(error: &GreetingError, host: String, user: &str) -> ConnectError {
    match error {
        GreetingError::NotPostgres(bytes) => not_postgres(&host, bytes),
        GreetingError::OldStyleError => {
            ConnectError::NotReady { host, message: "it could not start a process for the connection".to_owned() }
        }
        GreetingError::PasswordMissing => ConnectError::PasswordMissing { host, user: user.to_owned() },
        GreetingError::MethodUnsupported => unsupported(host),
        GreetingError::MethodForbidden(method) => {
            let asked = match method {
                Some(AuthMethod::Password) => "wants the password in plain text",
                Some(AuthMethod::Md5) => "uses md5",
                Some(AuthMethod::ScramSha256) => "uses scram-sha-256",
                Some(AuthMethod::Gss | AuthMethod::Sspi) => "uses Kerberos",
                Some(AuthMethod::OAuth) => "uses OAuth",
                None => "asks for nothing",
            };
            ConnectError::AuthNotPossible { host, why: format!("{asked}, which require_auth forbids"), limited: true }
        }
    }
}

fn unsupported(host: String) -> ConnectError {
    let why = "is not supported; scram-sha-256, md5, password, cert and trust are".to_owned();
    ConnectError::AuthNotPossible { host, why, limited: false }
}

/// What the first bytes look like.
pub(super) fn not_postgres(host: &str, bytes: &[u8]) -> ConnectError {
    let guess = match bytes {
        [b'H', b'T', b'T', b'P', ..] | [b'H'] => "it answers in HTTP",
        // The length of a packet, its number, the version of the protocol.
        [_, 0, 0, 0, 10 | 0xff, ..] => "it answers like MySQL or MariaDB",
        [b'S', b'S', b'H', b'-', ..] => "it answers like an SSH server",
        [b'2', b'2', b'0', ..] => "it answers like a mail or file server",
        [0x15, 3, ..] => "it speaks TLS only; if it is PostgreSQL from 17, use sslnegotiation=direct",
        [b'-', b'E', b'R', b'R', ..] | [b'-'] => "it answers like Redis",
        _ => "it does not answer in PostgreSQL's protocol",
    };
    ConnectError::NotPostgres { host: host.to_owned(), guess }
}

/// The last cause of an error, which the client library's own words leave out.
pub(super) fn innermost(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(answer) => clean(answer.message()),
        None => clean(&error.source().map_or_else(|| error.to_string(), ToString::to_string)),
    }
}
