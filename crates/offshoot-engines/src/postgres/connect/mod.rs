//! From a [`ConnInfo`] to a session: names are resolved, hosts tried in order, TLS negotiated as the sslmode says, and
//! the server checked to be the one that was wanted.
//!
//! As libpq does it, host by host. A failure to reach a host leads to the next; an answer of a server that says no is
//! final, but for one that is starting up. Under `require` and stronger modes nothing but TLS is ever spoken.
//!
//! It does not pool, reconnect or retry: a failure is a [`ConnectError`] that says what to do.

mod attempt;
mod cancel;
mod child;
mod classify;
mod der;
mod error;
mod greeting;
pub mod split;
pub mod tap;
mod target;
mod tls;
mod transport;
pub(crate) mod verifier;
mod wire;

use std::future::{Future, poll_fn};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio_postgres::{AsyncMessage, Client};

pub use cancel::Canceller;
pub use error::ConnectError;

use self::attempt::Opened;
use self::tap::Tap;
use self::wire::Wire;
use crate::conninfo::{ConnInfo, ConnectTimeout, Host, LoadBalanceHosts, SslMode, TargetSessionAttrs};

/// What the program that connects decides, rather than its user.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// How long one address may take where the connection string sets no `connect_timeout`. None waits for ever.
    pub timeout_default: Option<Duration>,
    /// What the server shows for the session where the connection string names no application.
    pub application_name_default: String,
}

impl Default for ConnectOptions {
    /// 30 seconds, and `offshoot`.
    fn default() -> Self {
        Self { timeout_default: Some(Duration::from_secs(30)), application_name_default: "offshoot".to_owned() }
    }
}

/// A connection that is open, and how it came about.
pub struct Session {
    /// Sends queries. Makes no progress unless the driver is polled.
    pub client: Client,
    /// Moves the bytes. Spawn it, or poll it beside the client.
    pub driver: Driver,
    /// The host that was used; its address is filled in for TCP, so that others can be pinned to it.
    pub host: Host,
    /// The mode that held.
    pub ssl_mode: SslMode,
    /// Whether it is encrypted.
    pub is_encrypted: bool,
    /// Ends a running query from outside.
    pub canceller: Canceller,
    /// Where the rows of COPYs can be had without the client.
    pub tap: Tap,
    conninfo: Arc<ConnInfo>,
    root_file: Option<PathBuf>,
}

/// Opens a session.
///
/// Runs on any tokio runtime with time and IO, on the current thread; it spawns only what resolves names.
///
/// # Errors
///
/// [`ConnectError`], one for each place that was tried.
pub async fn connect(conninfo: &ConnInfo, options: &ConnectOptions) -> Result<Session, ConnectError> {
    let conninfo = Arc::new(conninfo.clone());
    let mut hosts = conninfo.hosts.clone();
    if conninfo.load_balance_hosts == LoadBalanceHosts::Random {
        shuffle(&mut hosts);
    }
    let wanted = conninfo.target_session_attrs;
    let mut failures = Vec::new();
    if wanted == TargetSessionAttrs::PreferStandby {
        match pass(&conninfo, options, &hosts, TargetSessionAttrs::Standby, &mut failures).await {
            Outcome::Opened(session) => return Ok(*session),
            Outcome::Final => return Err(all(failures)),
            Outcome::NoneLeft => failures.clear(),
        }
    }
    let wanted = if wanted == TargetSessionAttrs::PreferStandby { TargetSessionAttrs::Any } else { wanted };
    match pass(&conninfo, options, &hosts, wanted, &mut failures).await {
        Outcome::Opened(session) => Ok(*session),
        Outcome::Final | Outcome::NoneLeft => Err(all(failures)),
    }
}

enum Outcome {
    Opened(Box<Session>),
    /// A server has said no.
    Final,
    NoneLeft,
}

/// Tries every address of every host once.
async fn pass(
    conninfo: &Arc<ConnInfo>,
    options: &ConnectOptions,
    hosts: &[Host],
    wanted: TargetSessionAttrs,
    failures: &mut Vec<ConnectError>,
) -> Outcome {
    let limit = time_limit(conninfo, options);
    for host in hosts {
        let mut places = match within(limit, &host.to_string(), attempt::resolve(host)).await {
            Ok(places) => places,
            Err(error) => {
                failures.push(error);
                continue;
            }
        };
        if conninfo.load_balance_hosts == LoadBalanceHosts::Random {
            shuffle(&mut places);
        }
        for place in places {
            let name = place.host.to_string();
            let opened = attempt::open(conninfo, options, &place, wanted);
            match within(limit, &name, opened).await {
                Ok(opened) => return Outcome::Opened(Box::new(session(conninfo, opened, limit))),
                Err(error) => {
                    let go_on = leads_to_next(&error);
                    failures.push(error);
                    if !go_on {
                        return Outcome::Final;
                    }
                }
            }
        }
    }
    Outcome::NoneLeft
}

fn session(conninfo: &Arc<ConnInfo>, opened: Opened, limit: Option<Duration>) -> Session {
    let canceller = Canceller {
        conninfo: conninfo.clone(),
        place: opened.place.clone(),
        token: opened.client.cancel_token(),
        is_encrypted: opened.is_encrypted,
        limit,
    };
    Session {
        client: opened.client,
        driver: opened.driver,
        ssl_mode: conninfo.ssl_mode(&opened.place.host),
        host: opened.place.host,
        is_encrypted: opened.is_encrypted,
        canceller,
        tap: opened.tap,
        conninfo: conninfo.clone(),
        root_file: opened.root_file,
    }
}

/// Whether another host may be tried after this.
fn leads_to_next(error: &ConnectError) -> bool {
    use ConnectError as E;
    matches!(
        error,
        E::NameNotResolved { .. }
            | E::NoSocket { .. }
            | E::Refused { .. }
            | E::Unreachable { .. }
            | E::Timeout { .. }
            | E::Closed { .. }
            | E::NotReady { .. }
            | E::TargetNotMet { .. }
    )
}

fn all(mut failures: Vec<ConnectError>) -> ConnectError {
    match failures.len() {
        1 => failures.remove(0),
        _ => ConnectError::AllFailed(failures),
    }
}

fn time_limit(conninfo: &ConnInfo, options: &ConnectOptions) -> Option<Duration> {
    match conninfo.connect_timeout {
        ConnectTimeout::Unset => options.timeout_default,
        ConnectTimeout::Never => None,
        ConnectTimeout::After(limit) => Some(limit),
    }
}

async fn within<T>(
    limit: Option<Duration>,
    host: &str,
    work: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    let Some(limit) = limit else {
        return work.await;
    };
    match tokio::time::timeout(limit, work).await {
        Ok(result) => result,
        Err(_) => Err(ConnectError::Timeout { host: host.to_owned(), seconds: limit.as_secs() }),
    }
}

/// Fisher and Yates. The order only spreads load, so that a failing source of randomness leaves it as it is.
fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        let mut bytes = [0; 4];
        if getrandom::fill(&mut bytes).is_err() {
            return;
        }
        items.swap(last, u32::from_ne_bytes(bytes) as usize % (last + 1));
    }
}

/// The future that moves a session's bytes. Ends when its client is dropped, or the connection is lost.
///
/// Notices of the server are dropped here: they may hold values of rows, and the client library would log them.
#[must_use = "a session makes no progress unless its driver is polled"]
pub struct Driver(tokio_postgres::Connection<Wire, Wire>);

impl Driver {
    /// What the server reported of itself, such as `server_version` or `server_encoding`.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.0.parameter(name)
    }

    fn poll_message(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<AsyncMessage, tokio_postgres::Error>>> {
        self.0.poll_message(cx)
    }

    /// Polls `work`, which uses this session's client, and the driver beside it.
    async fn beside<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Option<tokio_postgres::Error>> {
        let mut work = std::pin::pin!(work);
        poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            match Pin::new(&mut *self).poll(cx) {
                Poll::Ready(ended) => Poll::Ready(Err(ended.err())),
                // What the driver has just read may be what the work waits for; its waker says so.
                Poll::Pending => Poll::Pending,
            }
        })
        .await
    }
}

impl Future for Driver {
    type Output = Result<(), tokio_postgres::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match ready!(self.poll_message(cx)) {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_move_between_threads() {
        fn is_send<T: Send>(_: T) {}
        fn opening(conninfo: &ConnInfo, options: &ConnectOptions) {
            is_send(connect(conninfo, options));
        }
        fn opened(session: Session) {
            is_send(session.canceller.cancel());
            is_send(session);
        }
        let _ = (opening, opened);
    }

    #[test]
    fn shuffling_keeps_everything() {
        let mut items: Vec<u32> = (0..50).collect();
        shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}
