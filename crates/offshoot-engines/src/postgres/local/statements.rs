//! What is said to a server here over its socket, as its superuser: databases, roles and their passwords, sessions.
//!
//! A password is never part of a statement: the server gets the verifier that it would store (SCRAM-SHA-256, RFC 5803), which
//! lets nobody in, and so nothing that a server logs does.

use super::error::LocalError;
use super::init::SUPERUSER;
use crate::bridge::on_own_thread;
use crate::conninfo::{ConnInfo, Environment, quote_value};
use crate::error::{EngineError, Result, refused};
use crate::postgres::connect::{Canceller, ConnectError, ConnectOptions, Session, connect};
use crate::postgres::quote::{ident, literal};
use crate::postgres::session::Version;
use offshoot_format::manifest;
use offshoot_restore::server::{Secret, Site};
use tokio_postgres::Client;

/// Settings of our own sessions, over those of the database and its roles, which may be anybody's.
pub(super) const OWN_OPTIONS: &str = "-c search_path= -c default_transaction_read_only=off -c statement_timeout=0 -c lock_timeout=0 \
                           -c log_statement=none -c log_min_error_statement=panic -c log_min_duration_statement=-1 \
                           -c session_preload_libraries= -c local_preload_libraries=";

/// What our own sessions are called, and told from those of users by.
const OWN_NAME: &str = "offshoot";

/// The address of a database over the socket.
pub(super) fn conninfo(site: &Site, database: &str) -> Result<ConnInfo> {
    let sockets = site.sockets.to_string_lossy();
    let text = format!(
        "host={} port={} user={SUPERUSER} dbname={} sslmode=disable application_name={OWN_NAME}",
        quote_value(&sockets),
        site.port,
        quote_value(database)
    );
    let unreadable = |_| LocalError::Folder {
        path: site.sockets.clone(),
        why: "has a name that no address can hold. Choose another folder".to_owned(),
    };
    Ok(ConnInfo::parse(&text, &Environment::empty()).map_err(unreadable)?)
}

/// Runs `work` on a session. May be called inside a runtime.
pub(super) fn on_session<T: Send>(
    site: &Site,
    database: &str,
    options: Option<&str>,
    work: impl AsyncFnOnce(&Client, &Canceller) -> Result<T> + Send,
) -> Result<T> {
    let mut conninfo = conninfo(site, database)?;
    conninfo.options = options.map(str::to_owned);
    on_any(&conninfo, None, work)
}

/// The same at an address, or, where nobody gets in there, at another.
pub(super) fn on_session_of<T: Send>(
    conninfo: &ConnInfo,
    other: Option<&ConnInfo>,
    work: impl AsyncFnOnce(&Client) -> Result<T> + Send,
) -> Result<T> {
    on_any(conninfo, other, async |client: &Client, _: &Canceller| work(client).await)
}

/// Connects, or, where nobody gets in there, to another place.
pub(super) async fn connect_either(
    conninfo: &ConnInfo,
    other: Option<&ConnInfo>,
) -> std::result::Result<Session, ConnectError> {
    let options = ConnectOptions::default();
    match (connect(conninfo, &options).await, other) {
        (Err(error), Some(other)) => connect(other, &options).await.map_err(|_| error),
        (session, _) => session,
    }
}

fn on_any<T: Send>(
    conninfo: &ConnInfo,
    other: Option<&ConnInfo>,
    work: impl AsyncFnOnce(&Client, &Canceller) -> Result<T> + Send,
) -> Result<T> {
    let done = on_own_thread("server", |bridge| {
        bridge.block_on(async {
            let session = connect_either(conninfo, other).await?;
            let driver = tokio::spawn(session.driver);
            let done = work(&session.client, &session.canceller).await;
            // The server sees the end of the session before the caller goes on.
            drop(session.client);
            let _ = driver.await;
            done
        })
    });
    done.map_err(|source| EngineError::Io { operation: "starting a thread", source })?
}

/// The same with settings that no database and no role changes.
fn on_own_session<T: Send>(
    site: &Site,
    database: &str,
    work: impl AsyncFnOnce(&Client) -> Result<T> + Send,
) -> Result<T> {
    on_session(site, database, Some(OWN_OPTIONS), async |client: &Client, _: &Canceller| work(client).await)
}

/// Writes what was committed to the disk: a commit that waits for that waits for all before it.
pub(super) fn flush(site: &Site, database: &str) -> Result<()> {
    on_own_session(site, database, async |client: &Client| {
        let sql = "SET synchronous_commit = on; SELECT pg_catalog.txid_current()";
        client.batch_execute(sql).await.map_err(refused("write what was committed to the disk"))
    })
}

/// Makes a database with a snapshot's encoding and locale.
pub(super) fn create_database(
    site: &Site,
    version: Version,
    database: &str,
    environment: &manifest::Environment,
) -> Result<()> {
    let mut sql = format!(
        "CREATE DATABASE {} TEMPLATE template0 ENCODING {} LC_COLLATE {} LC_CTYPE {}",
        ident(database),
        literal(&environment.encoding),
        literal(&environment.collate),
        literal(&environment.ctype)
    );
    let locale = literal(environment.locale.as_deref().unwrap_or_default());
    match environment.locale_provider.as_str() {
        "icu" if version.at_least(15) => sql.push_str(&format!(" LOCALE_PROVIDER icu ICU_LOCALE {locale}")),
        "builtin" if version.at_least(17) => sql.push_str(&format!(" LOCALE_PROVIDER builtin BUILTIN_LOCALE {locale}")),
        _ if version.at_least(15) => sql.push_str(" LOCALE_PROVIDER libc"),
        _ => {}
    }
    // Every server is made with one that is called as its superuser; a snapshot's takes its place.
    let is_default = database == SUPERUSER;
    let drop_default = format!("DROP DATABASE IF EXISTS {}", ident(SUPERUSER));
    on_own_session(site, if is_default { "template1" } else { SUPERUSER }, async |client: &Client| {
        if is_default {
            client.batch_execute(&drop_default).await.map_err(refused("replace its empty database"))?;
        }
        client.batch_execute(&sql).await.map_err(refused("make the database"))
    })
}

/// Lets a role in with a password.
pub(super) fn admit(site: &Site, database: &str, role: Option<&str>, password: &Secret) -> Result<()> {
    let name = role.unwrap_or(SUPERUSER);
    let sql = format!("ALTER ROLE {} LOGIN PASSWORD {}", ident(name), verifier(password));
    let done = on_own_session(site, database, async |client: &Client| {
        client.batch_execute(&sql).await.map_err(refused("set the password of the branch's user"))
    });
    match done {
        Err(error) if error.code() == Some("42704") => Err(LocalError::NoRole { role: name.to_owned() }.into()),
        done => done,
    }
}

/// What the server keeps of a password, as a literal.
pub(super) fn verifier(password: &Secret) -> String {
    literal(&postgres_protocol::password::scram_sha_256(password.expose().as_bytes()))
}

/// Sessions of users in a database.
pub(super) fn connections(site: &Site, database: &str) -> Result<u32> {
    let sql = "SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity WHERE datname = pg_catalog.current_database() \
               AND backend_type = 'client backend' AND application_name <> $1 AND pid <> pg_catalog.pg_backend_pid()";
    on_own_session(site, database, async |client: &Client| {
        let row = client.query_one(sql, &[&OWN_NAME]).await.map_err(refused("count its sessions"))?;
        Ok(u32::try_from(row.get::<_, i64>(0)).unwrap_or(u32::MAX))
    })
}
