//! The bytes under a session: a TCP or Unix socket, bare or under TLS.

use super::error::ConnectError;
use crate::mysql::conninfo::{ConnInfo, Place};
use rustls::{ClientConnection, StreamOwned};
use socket2::{SockRef, TcpKeepalive};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long an idle connection waits before it asks whether the other side is there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// One open connection to something that should be a server.
pub(crate) enum Transport {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Transport {
    /// Opens it, one address of the host after the other.
    pub(super) fn open(place: &Place, conninfo: &ConnInfo) -> Result<Self, ConnectError> {
        match place {
            Place::Socket(path) => match UnixStream::connect(path) {
                Ok(stream) => Ok(Self::Unix(stream)),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                    Err(ConnectError::NoSocket { path: path.clone() })
                }
                Err(error) => Err(ConnectError::Unreachable { place: place.to_string(), reason: error.to_string() }),
            },
            Place::Tcp { host, port } => {
                let failed = |reason: String| ConnectError::NameNotResolved { place: place.to_string(), reason };
                let addresses = (host.as_str(), *port).to_socket_addrs().map_err(|error| failed(error.to_string()))?;
                let mut last = failed("it has no address".to_owned());
                for address in addresses {
                    let opened = match conninfo.connect_timeout {
                        Some(limit) => TcpStream::connect_timeout(&address, limit),
                        None => TcpStream::connect(address),
                    };
                    match opened.and_then(|stream| tune(&stream).map(|()| stream)) {
                        Ok(stream) => return Ok(Self::Tcp(stream)),
                        Err(error) => {
                            let reason = error.to_string();
                            last = ConnectError::Unreachable { place: place.to_string(), reason };
                        }
                    }
                }
                Err(last)
            }
        }
    }

    /// How long one read or write may take; none for ever.
    pub(super) fn set_timeout(&self, limit: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_read_timeout(limit).and_then(|()| stream.set_write_timeout(limit)),
            Self::Unix(stream) => stream.set_read_timeout(limit).and_then(|()| stream.set_write_timeout(limit)),
            Self::Tls(stream) => {
                stream.sock.set_read_timeout(limit).and_then(|()| stream.sock.set_write_timeout(limit))
            }
        }
    }

    /// What ends the connection from another thread.
    pub(super) fn hangup(&self) -> io::Result<Hangup> {
        match self {
            Self::Tcp(stream) => stream.try_clone().map(Hangup::Tcp),
            Self::Unix(stream) => stream.try_clone().map(Hangup::Unix),
            Self::Tls(stream) => stream.sock.try_clone().map(Hangup::Tcp),
        }
    }

    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self, Self::Tls(_))
    }

    pub(super) fn is_socket(&self) -> bool {
        matches!(self, Self::Unix(_))
    }
}

/// Ends a connection from another thread.
#[derive(Debug)]
pub enum Hangup {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over a socket.
    Unix(UnixStream),
}

impl Hangup {
    /// Ends it; whoever reads from it fails at once.
    pub fn hang_up(&self) {
        // A connection that has ended already is what is wanted.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}

fn tune(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    SockRef::from(stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))
}

impl Read for Transport {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(out),
            Self::Unix(stream) => stream.read(out),
            Self::Tls(stream) => stream.read(out),
        }
    }
}

impl Write for Transport {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.flush(),
            Self::Unix(stream) => stream.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}
