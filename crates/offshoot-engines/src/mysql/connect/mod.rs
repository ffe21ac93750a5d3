//! From a [`ConnInfo`] to a connection that takes commands: places tried in order, TLS as the ssl-mode says, and the
//! password given in a way that the connection is safe for.
//!
//! The messages are `mysql_common`'s. What moves them is here and blocks: a session belongs to one thread. A client library
//! above it gives each value memory of its own and holds a whole row, which for a capture is most of its time and for a
//! value of a gigabyte two of them.
//!
//! It does not pool, reconnect or retry: a failure is a [`ConnectError`] that says what to do.

mod compressed;
mod error;
mod handshake;
pub(crate) mod packets;
mod public_key;
mod tls;
mod transport;

pub use error::ConnectError;
pub use transport::Hangup;

pub(crate) use handshake::Connected;

use super::conninfo::ConnInfo;

/// Opens a connection.
pub(crate) fn connect(conninfo: &ConnInfo) -> Result<Connected, ConnectError> {
    let mut failures = Vec::new();
    for place in &conninfo.places {
        match handshake::open(place, conninfo) {
            Ok(connected) => return Ok(connected),
            Err(error) => {
                let go_on = error.leads_to_next();
                failures.push(error);
                if !go_on {
                    break;
                }
            }
        }
    }
    Err(match failures.len() {
        1 => failures.remove(0),
        _ => ConnectError::AllFailed(failures),
    })
}
