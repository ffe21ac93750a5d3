//! Whether a server that is starting lets clients in.
//!
//! It says so itself, in the file that names its process: from then on every session is let in and may ask. One question
//! over the socket remains, whether it is reached there, and it is the cheapest that there is: whether it speaks TLS
//! (`SSLRequest`), which a process of the new session answers before it has looked at any database. A query in its place
//! would have the server build the caches of a database that nobody asked for, a sixth of the time of a start.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long the answer may take: a machine under load is slow.
const PATIENCE: Duration = Duration::from_secs(20);

/// Length and code of the request.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 4, 210, 22, 47];

/// Whether somebody behind a socket answers as a server does; an error means that nobody listens, or it went away.
pub(super) fn answers(socket: &Path) -> io::Result<bool> {
    let mut stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(&SSL_REQUEST)?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    Ok(matches!(answer, [b'N' | b'S']))
}
