//! Just enough of the protocol to ask a starting server whether it lets clients in.
//!
//! The startup message goes out, the first byte of the answer is looked at, the connection is closed. An
//! error that says "starting up" means later; any other answer, a demand for a password included, means now.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Says whether the server behind `socket` accepts clients; an error means that nobody listens yet.
pub(super) fn accepts_clients(socket: &Path) -> io::Result<bool> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.write_all(&startup_message())?;
    let mut head = [0_u8; 5];
    stream.read_exact(&mut head)?;
    if head[0] != b'E' {
        return Ok(true);
    }
    let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]);
    let mut body = Vec::new();
    stream.take(u64::from(length.saturating_sub(4)).min(10_000)).read_to_end(&mut body)?;
    // cannot_connect_now: starting up, shutting down or recovering
    Ok(!body.split(|&byte| byte == 0).any(|field| field == b"C57P03"))
}

/// Protocol 3.0, user and database postgres.
fn startup_message() -> Vec<u8> {
    let body = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0";
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    let mut message = length.to_be_bytes().to_vec();
    message.extend_from_slice(body);
    message
}
