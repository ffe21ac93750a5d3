//! Whether a server that is starting answers a query: just enough of the protocol to ask, with one write and one answer.
//!
//! Each try costs the server a process, so the file in which it says what state it is in is looked at first.

use super::init::SUPERUSER;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long one answer may take: a machine under load is slow.
const PATIENCE: Duration = Duration::from_secs(20);
/// More than any answer has.
const ANSWER_BYTES_MAX: u64 = 64 << 10;

/// Whether the server behind a socket ran a query; an error means that it did not listen, or went away.
pub(super) fn answers(socket: &Path, database: &str) -> io::Result<bool> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&questions(database))?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(is_answer(&answer))
}

/// The start of a session (protocol 3.0), a query, and the end of the session: nothing between them needs an answer, as the
/// socket asks for no password.
fn questions(database: &str) -> Vec<u8> {
    let mut start = vec![0, 3, 0, 0];
    for text in ["user", SUPERUSER, "database", database, ""] {
        start.extend_from_slice(text.as_bytes());
        start.push(0);
    }
    let mut all = Vec::new();
    push(&mut all, None, &start);
    push(&mut all, Some(b'Q'), b"SELECT 1\0");
    push(&mut all, Some(b'X'), b"");
    all
}

fn push(all: &mut Vec<u8>, kind: Option<u8>, body: &[u8]) {
    all.extend(kind);
    all.extend_from_slice(&u32::try_from(body.len() + 4).unwrap_or(u32::MAX).to_be_bytes());
    all.extend_from_slice(body);
}

/// Rows mean that it answers. A refusal does too (a database that somebody dropped), but for 57P03: it starts, stops or
/// recovers.
fn is_answer(mut answer: &[u8]) -> bool {
    while let [kind, rest @ ..] = answer {
        let Some((length, rest)) = rest.split_first_chunk::<4>() else { return false };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX).saturating_sub(4);
        let Some((body, rest)) = rest.split_at_checked(length) else { return false };
        match kind {
            b'D' => return true,
            b'E' => return !body.split(|&byte| byte == 0).any(|field| field == b"C57P03"),
            _ => answer = rest,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_refusals_are_answers() {
        let message = |kind, body: &[u8]| {
            let mut all = Vec::new();
            push(&mut all, Some(kind), body);
            all
        };
        let ok = message(b'R', &[0, 0, 0, 0]);
        assert!(is_answer(&[ok.clone(), message(b'D', b"x")].concat()));
        assert!(!is_answer(&ok));
        assert!(!is_answer(b"D\0\0"));
        assert!(!is_answer(&message(b'E', b"SFATAL\0C57P03\0Mstarting up\0\0")));
        assert!(is_answer(&message(b'E', b"SFATAL\0C3D000\0Mno database\0\0")));
    }
}
