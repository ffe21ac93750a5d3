//! One try at one address: what is spoken first, what follows when it fails, and the startup.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_postgres::{Client, Config, config};

use super::classify::{Asked, not_postgres, startup_error};
use super::error::ConnectError;
use super::greeting::Greeting;
use super::split::Split;
use super::tap::Tap;
use super::target;
use super::tls::TlsPlan;
use super::transport::{Endpoint, Transport};
use super::wire::{AlreadyDone, Wire};
use super::{ConnectOptions, Driver, der};
use crate::conninfo::{Address, ChannelBinding, ConnInfo, Host, SslMode, TargetSessionAttrs};

/// The length, and the number that asks for TLS in place of a protocol version.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// One address of one host.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) host: Host,
    pub(super) endpoint: Endpoint,
}

/// A session before it is handed out.
pub(super) struct Opened {
    pub(super) client: Client,
    pub(super) driver: Driver,
    pub(super) place: Place,
    pub(super) is_encrypted: bool,
    pub(super) tap: Tap,
    pub(super) root_file: Option<PathBuf>,
}

/// What is spoken on a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Speak {
    Plain,
    /// TLS if the server has it, else plain.
    TlsIfOffered,
    Tls,
}

/// Every address of a host.
pub(super) async fn resolve(host: &Host) -> Result<Vec<Place>, ConnectError> {
    let place = |ip: Option<IpAddr>, endpoint| {
        let mut host = host.clone();
        if let Address::Tcp { ip: known, .. } = &mut host.address {
            *known = ip;
        }
        Place { host, endpoint }
    };
    let tcp = |address: SocketAddr| place(Some(address.ip()), Endpoint::Tcp(address));
    match &host.address {
        Address::Socket(directory) => Ok(vec![place(None, Endpoint::socket(directory, host.port))]),
        Address::Tcp { ip: Some(ip), .. } => Ok(vec![tcp(SocketAddr::new(*ip, host.port))]),
        Address::Tcp { name, ip: None } => {
            let name = name.as_deref().unwrap_or("localhost");
            let failed = |reason: String| ConnectError::NameNotResolved { host: host.to_string(), reason };
            let found = tokio::net::lookup_host((name, host.port)).await;
            let addresses: Vec<_> = found.map_err(|error| failed(error.to_string()))?.map(tcp).collect();
            if addresses.is_empty() { Err(failed("it has no address".to_owned())) } else { Ok(addresses) }
        }
    }
}

/// Opens a session at one address, by all the ways that the mode allows.
pub(super) async fn open(
    conninfo: &ConnInfo,
    options: &ConnectOptions,
    place: &Place,
    wanted: TargetSessionAttrs,
) -> Result<Opened, ConnectError> {
    let mode = conninfo.ssl_mode(&place.host);
    let (first, second) = match (&place.endpoint, mode) {
        // As in libpq, a socket needs no encryption, whatever the mode.
        (Endpoint::Unix(_), _) | (_, SslMode::Disable) => (Speak::Plain, None),
        (_, SslMode::Allow) => (Speak::Plain, Some(Speak::Tls)),
        (_, SslMode::Prefer) => (Speak::TlsIfOffered, Some(Speak::Plain)),
        (_, SslMode::Require | SslMode::VerifyCa | SslMode::VerifyFull) => (Speak::Tls, None),
    };
    let mut opened = match once(conninfo, options, place, first).await {
        Ok(opened) => opened,
        Err(Failure { error, was_tls }) => match second {
            Some(second) if falls_back(&error, was_tls, second) => {
                let again = once(conninfo, options, place, second).await;
                again.map_err(|second| the_more_telling(error, second.error))?
            }
            _ => return Err(error),
        },
    };
    target::check(&mut opened, wanted).await?;
    Ok(opened)
}

struct Failure {
    error: ConnectError,
    was_tls: bool,
}

/// `prefer` goes on without TLS when TLS failed or the server refused us under it; `allow` goes on with TLS when the
/// server refused us without.
fn falls_back(error: &ConnectError, was_tls: bool, second: Speak) -> bool {
    use ConnectError as E;
    match error {
        E::TlsFailed { .. }
        | E::TlsClosed { .. }
        | E::CertificateNotTrusted { .. }
        | E::HostNameMismatch { .. }
        | E::TlsFile { .. } => was_tls,
        E::WrongPassword { .. }
        | E::NotAllowed { .. }
        | E::RoleMissing { .. }
        | E::NoSuchDatabase { .. }
        | E::NoConnectPrivilege { .. }
        | E::TooManyConnections { .. }
        | E::NotReady { .. }
        | E::Rejected { .. } => was_tls == (second == Speak::Plain),
        _ => false,
    }
}

/// Of two failures at one place, the one that the user would rather mend: not the second's, if that only says that the
/// second way is closed.
fn the_more_telling(first: ConnectError, second: ConnectError) -> ConnectError {
    let is_about_way =
        |error: &ConnectError| matches!(error, ConnectError::NotAllowed { .. } | ConnectError::TlsNotOffered { .. });
    if is_about_way(&second) || !is_about_way(&first) { first } else { second }
}

/// One connection.
async fn once(conninfo: &ConnInfo, options: &ConnectOptions, place: &Place, speak: Speak) -> Result<Opened, Failure> {
    let plain = |error| Failure { error, was_tls: false };
    let encrypted = |error| Failure { error, was_tls: true };
    let host = place.host.to_string();
    let plan = match speak {
        Speak::Plain => None,
        _ => Some(TlsPlan::new(conninfo, &place.host, conninfo.ssl_mode(&place.host)).map_err(encrypted)?),
    };
    let transport = place.endpoint.open(&host, &conninfo.keepalives).await.map_err(plain)?;
    let transport = match &plan {
        None => transport,
        Some(plan) => negotiate(transport, plan, speak, &host).await?,
    };
    let is_encrypted = matches!(transport, Transport::Tls(_));
    let fail = |error| Failure { error, was_tls: is_encrypted };
    let password = place.host.password.as_ref();
    let greeting = Greeting::new(conninfo.require_auth, password.is_some());
    let end_point = end_point(&transport, conninfo.channel_binding);
    let split = Split::with_greeting(transport, greeting);
    let tap = split.tap().clone();
    let wire = Wire { split, end_point };
    let config = startup_config(conninfo, options, &place.host);
    let (client, connection) = config.connect_raw(wire, AlreadyDone).await.map_err(|error| {
        fail(startup_error(&error, &Asked { host: &place.host, user: &conninfo.user, dbname: &conninfo.dbname }))
    })?;
    Ok(Opened {
        client,
        driver: Driver(connection),
        place: place.clone(),
        is_encrypted,
        tap,
        root_file: plan.and_then(|plan| plan.root_file),
    })
}

/// Asks for TLS as the plan says. Nothing is read beyond the one byte of the answer, so that nothing that an intruder
/// sends along in plain text is taken for a part of what follows.
async fn negotiate(transport: Transport, plan: &TlsPlan, speak: Speak, host: &str) -> Result<Transport, Failure> {
    let plain = |error| Failure { error, was_tls: false };
    let Transport::Tcp(mut stream) = transport else {
        return Ok(transport);
    };
    if !plan.is_direct() {
        let closed =
            |error: std::io::Error| plain(ConnectError::Closed { host: host.to_owned(), reason: error.to_string() });
        stream.write_all(&SSL_REQUEST).await.map_err(closed)?;
        match stream.read_u8().await.map_err(closed)? {
            // A server that is asked waits for us. What it says before that is no part of TLS: it comes from something
            // else that begins with an S, or from an intruder.
            b'S' => {
                if let Some(bytes) = stray_bytes(&stream, b'S') {
                    return Err(plain(not_postgres(host, &bytes)));
                }
            }
            b'N' if speak == Speak::TlsIfOffered => return Ok(Transport::Tcp(stream)),
            b'N' => return Err(plain(plan.not_offered(host))),
            // Not repeated: nobody has vouched for the text yet.
            b'E' => {
                return Err(plain(ConnectError::NotReady {
                    host: host.to_owned(),
                    message: "it answered the request for TLS with an error".to_owned(),
                }));
            }
            other => {
                let bytes = stray_bytes(&stream, other).unwrap_or_else(|| vec![other]);
                return Err(plain(not_postgres(host, &bytes)));
            }
        }
    }
    let stream = plan.handshake(stream, host).await.map_err(|error| Failure { error, was_tls: true })?;
    Ok(Transport::Tls(stream))
}

/// What has arrived beyond the first byte, with it. None if nothing has.
fn stray_bytes(stream: &TcpStream, first: u8) -> Option<Vec<u8>> {
    let mut bytes = vec![first; 64];
    let more = stream.try_read(&mut bytes[1..]).ok().filter(|&count| count > 0)?;
    bytes.truncate(1 + more);
    Some(bytes)
}

fn end_point(transport: &Transport, binding: ChannelBinding) -> Option<Vec<u8>> {
    match transport {
        Transport::Tls(stream) if binding != ChannelBinding::Disable => {
            der::end_point_hash(stream.get_ref().1.peer_certificates()?.first()?)
        }
        _ => None,
    }
}

fn startup_config(conninfo: &ConnInfo, options: &ConnectOptions, host: &Host) -> Config {
    let mut startup = Config::new();
    let application_name = conninfo.application_name.as_ref().unwrap_or(&options.application_name_default);
    startup
        .user(&conninfo.user)
        .dbname(&conninfo.dbname)
        .application_name(application_name)
        // See `wire`: TLS is there already, or is not wanted.
        .ssl_mode(config::SslMode::Require)
        .ssl_negotiation(config::SslNegotiation::Direct)
        .channel_binding(match conninfo.channel_binding {
            ChannelBinding::Disable => config::ChannelBinding::Disable,
            ChannelBinding::Prefer => config::ChannelBinding::Prefer,
            ChannelBinding::Require => config::ChannelBinding::Require,
        });
    if let Some(password) = &host.password {
        startup.password(password.expose());
    }
    if let Some(options) = &conninfo.options {
        startup.options(options);
    }
    startup
}

/// Opens the same kind of connection without a startup, for a cancel request.
pub(super) async fn open_for_cancel(
    conninfo: &ConnInfo,
    place: &Place,
    is_encrypted: bool,
) -> Result<Wire, ConnectError> {
    let host = place.host.to_string();
    let transport = place.endpoint.open(&host, &conninfo.keepalives).await?;
    let transport = if is_encrypted {
        let plan = TlsPlan::new(conninfo, &place.host, conninfo.ssl_mode(&place.host))?;
        negotiate(transport, &plan, Speak::Tls, &host).await.map_err(|failure| failure.error)?
    } else {
        transport
    };
    Ok(Wire { split: Split::new(transport), end_point: None })
}
