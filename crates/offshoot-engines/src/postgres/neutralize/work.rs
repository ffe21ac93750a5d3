//! What all items work with: a session whose statements fire nothing, in one transaction, and the list of what was done.

use crate::conninfo::ConnInfo;
use crate::error::{EngineError, Refusal, Result, refused};
use crate::postgres::connect::{ConnectError, ConnectOptions, Session, connect};
use crate::postgres::quote::shown;
use crate::postgres::session::{server_version, writing_pins};
use offshoot_restore::{NeutralizeChoices, Neutralized, Outcome};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row};

/// Settings that must hold before the first statement: libraries and login triggers come before it. Triggers and rules
/// that only fire on an origin do not, and foreign keys are not checked: who deletes or nulls must keep them himself.
const QUIET: &str =
    "-c session_replication_role=replica -c session_preload_libraries= -c local_preload_libraries= -c search_path=";

/// A transaction in a database that is being neutralized.
pub struct Work<'a> {
    pub client: &'a Client,
    pub choices: &'a NeutralizeChoices,
    found: Vec<Neutralized>,
}

/// Opens a session as a superuser in which nothing of the database runs by itself.
pub async fn open(conninfo: &ConnInfo) -> Result<Client> {
    // A superuser may always connect, and only one may say what is quiet.
    let session = quiet_session(conninfo).await.map_err(|error| match error {
        ConnectError::NoConnectPrivilege { .. } => no_superuser(),
        other => other.into(),
    })?;
    tokio::spawn(session.driver);
    let client = session.client;
    let version = server_version(&client).await?;
    client.batch_execute(&writing_pins(version)).await.map_err(refused("set up the session"))?;
    let sql = "SELECT r.rolsuper, pg_catalog.current_setting('session_replication_role') \
               FROM pg_catalog.pg_roles r WHERE r.rolname = current_user";
    let row = client.query_one(sql, &[]).await.map_err(refused("say who the user is"))?;
    if !row.get::<_, bool>(0) || row.get::<_, String>(1) != "replica" {
        return Err(no_superuser());
    }
    Ok(client)
}

fn no_superuser() -> EngineError {
    EngineError::Target {
        what: "side effects of a database can be switched off by a superuser only".to_owned(),
        mend: "Connect as the superuser of the server that the image is made on".to_owned(),
    }
}

/// Login triggers exist from version 17 on, and so does the setting that turns them off; an older server does not let
/// in who names it.
async fn quiet_session(conninfo: &ConnInfo) -> Result<Session, ConnectError> {
    let own = conninfo.options.as_deref().unwrap_or_default();
    let mut quiet = conninfo.clone();
    quiet.options = Some(format!("{own} {QUIET} -c event_triggers=off"));
    match connect(&quiet, &ConnectOptions::default()).await {
        Ok(session) => Ok(session),
        Err(_) => {
            quiet.options = Some(format!("{own} {QUIET}"));
            connect(&quiet, &ConnectOptions::default()).await
        }
    }
}

impl<'a> Work<'a> {
    pub fn new(client: &'a Client, choices: &'a NeutralizeChoices) -> Self {
        Self { client, choices, found: Vec::new() }
    }

    pub fn done(&mut self, item: &str, object: String, what: impl Into<String>, count: Option<u64>) {
        self.add(item, object, what.into(), count, Outcome::Done);
    }

    pub fn kept(&mut self, item: &str, object: String, what: impl Into<String>) {
        self.add(item, object, what.into(), None, Outcome::Kept);
    }

    pub fn warn(&mut self, item: &str, object: String, what: impl Into<String>, count: Option<u64>) {
        self.add(item, object, what.into(), count, Outcome::Warning);
    }

    fn add(&mut self, item: &str, object: String, what: String, count: Option<u64>, outcome: Outcome) {
        self.found.push(Neutralized { item: item.to_owned(), object, what, count, outcome });
    }

    pub fn into_found(self) -> Vec<Neutralized> {
        self.found
    }

    /// Rows of a catalog.
    pub async fn query(&self, doing: &str, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>> {
        self.client.query(sql, parameters).await.map_err(refused(doing))
    }

    /// A statement that must succeed; how many rows it changed.
    pub async fn run(&self, doing: &str, sql: &str) -> Result<u64> {
        self.client.execute(sql, &[]).await.map_err(refused(doing))
    }

    /// A statement that may be refused without harm to the transaction.
    pub async fn attempt(&self, doing: &str, sql: &str) -> Result<Result<u64, Refusal>> {
        self.run(doing, "SAVEPOINT attempt").await?;
        match self.run(doing, sql).await {
            Ok(count) => self.run(doing, "RELEASE SAVEPOINT attempt").await.map(|_| Ok(count)),
            Err(EngineError::Refused { refusal, .. }) => {
                self.run(doing, "ROLLBACK TO SAVEPOINT attempt").await?;
                Ok(Err(refusal))
            }
            Err(other) => Err(other),
        }
    }
}

/// A thing without a schema, as reports name it.
pub fn named(kind: &str, name: &str) -> String {
    format!("{kind} {}", shown("", name))
}
