//! Databases that are branches of one server: cloned in it by sharing blocks, put in another's place, dropped.
//!
//! Records of branches tell of them, so what was said to the server must be there after it is killed. (A branch with its own server
//! is let in anew at each start.) Who makes or drops one is the only one that does: what a session of that kind still does here was
//! begun by somebody who was killed, and is ended first, or it would come to an end after we have looked.

use super::init::SUPERUSER;
use super::statements::{OWN_OPTIONS, connect_either, conninfo, on_session_of, verifier};
use crate::conninfo::ConnInfo;
use crate::error::{Result, refused};
use crate::postgres::quote::{assignment, ident};
use offshoot_restore::server::{Secret, Site};
use std::time::Duration;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

/// What sessions are called that make and drop databases.
const NAME: &str = "offshoot hosting";

const END_OTHERS: &str = "SELECT pg_catalog.pg_terminate_backend(pid, 60000) FROM pg_catalog.pg_stat_activity \
                          WHERE application_name = $1 AND pid <> pg_catalog.pg_backend_pid()";

/// Settings of a database and of roles in it; the database's own have no role.
const SETTINGS: &str = "\
SELECT r.rolname::pg_catalog.text, pg_catalog.unnest(s.setconfig) FROM pg_catalog.pg_db_role_setting s
JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
WHERE d.datname = $1 AND (s.setrole = 0 OR r.oid IS NOT NULL)";

/// Who may do what with a database. Nobody but its user enters a clone.
const GRANTS: &str = "\
SELECT pg_catalog.format('GRANT %s ON DATABASE %I TO %s%s', a.privilege_type, $2::pg_catalog.text,
  CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(r.rolname) END,
  CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM pg_catalog.pg_database d,
LATERAL pg_catalog.aclexplode(COALESCE(d.datacl, pg_catalog.acldefault('d', d.datdba))) a
LEFT JOIN pg_catalog.pg_roles r ON r.oid = a.grantee
WHERE d.datname = $1 AND (r.oid IS NOT NULL OR a.grantee = 0 AND a.privilege_type <> 'CONNECT')";

/// Databases of these names, and those that belong to a role.
const DROPPED: &str = "SELECT datname::pg_catalog.text, datistemplate FROM pg_catalog.pg_database \
                       WHERE datname = ANY ($1) OR datdba = (SELECT oid FROM pg_catalog.pg_roles WHERE rolname = $2)";

/// Statements that take from the database of the session what would keep it from being dropped.
const HELD: &str = "\
SELECT pg_catalog.format('ROLLBACK PREPARED %L', gid) FROM pg_catalog.pg_prepared_xacts
WHERE database = pg_catalog.current_database()
UNION ALL SELECT pg_catalog.format('SELECT pg_catalog.pg_terminate_backend(%s, 60000)', active_pid) FROM pg_catalog.pg_replication_slots
WHERE database = pg_catalog.current_database() AND active_pid IS NOT NULL
UNION ALL SELECT pg_catalog.unnest(ARRAY[pg_catalog.format('ALTER SUBSCRIPTION %I DISABLE', subname),
  pg_catalog.format('ALTER SUBSCRIPTION %I SET (slot_name = NONE)', subname), pg_catalog.format('DROP SUBSCRIPTION %I', subname)])
FROM pg_catalog.pg_subscription WHERE subdbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())";

const END_SESSIONS: &str =
    "SELECT pg_catalog.pg_terminate_backend(pid, $2) FROM pg_catalog.pg_stat_activity WHERE datid = $1";

/// How long the sessions of a database are waited for before its name is asked for, and how often those that come in
/// meanwhile are ended.
const ENDING_MILLIS: i64 = 2000;
const ENDING_POLL: Duration = Duration::from_millis(20);

/// Where sessions are when others are cloned from the database that is called as the superuser.
const OTHER: &str = "template1";

/// A session on the server for what is no database's own.
fn address(site: &Site, database: &str) -> Result<ConnInfo> {
    let mut conninfo = conninfo(site, database)?;
    conninfo.options = Some(format!("{OWN_OPTIONS} -c synchronous_commit=on"));
    Ok(conninfo)
}

fn on_server<T: Send>(site: &Site, work: impl AsyncFnOnce(&Client) -> Result<T> + Send) -> Result<T> {
    on_session_of(&address(site, SUPERUSER)?, Some(&address(site, OTHER)?), work)
}

/// The same as the only one that makes and drops databases.
fn alone<T: Send>(site: &Site, doing: &'static str, work: impl AsyncFnOnce(&Client) -> Result<T> + Send) -> Result<T> {
    let named = |database| {
        address(site, database).map(|address| ConnInfo { application_name: Some(NAME.to_owned()), ..address })
    };
    on_session_of(&named(SUPERUSER)?, Some(&named(OTHER)?), async |client: &Client| {
        client.query(END_OTHERS, &[&NAME]).await.map_err(refused(doing))?;
        work(client).await
    })
}

/// Closes a database, so that it can be cloned at any time.
pub(super) fn make_template(site: &Site, database: &str) -> Result<()> {
    let sql = format!("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false IS_TEMPLATE true", ident(database));
    // Nobody closes what he is in.
    let from = if database == SUPERUSER { OTHER } else { SUPERUSER };
    on_session_of(&address(site, from)?, None, async |client: &Client| {
        client.batch_execute(&sql).await.map_err(refused("close the database that others are cloned from"))
    })
}

/// Clones a database, with its settings and privileges, for a role that is made where it is missing. The role is a superuser, as
/// the user of a server of one's own is, and so not kept out of what is others'.
pub(super) fn clone_database(site: &Site, from: &str, database: &str, role: &str, password: &Secret) -> Result<()> {
    let doing = "clone the database";
    let (name, user) = (ident(database), ident(role));
    let steps = [
        "SET file_copy_method = 'clone'".to_owned(),
        format!("CREATE DATABASE {name} TEMPLATE {} STRATEGY file_copy ALLOW_CONNECTIONS false", ident(from)),
    ];
    alone(site, doing, async |client: &Client| {
        for sql in &steps {
            client.batch_execute(sql).await.map_err(refused(doing))?;
        }
        let is_known = "SELECT FROM pg_catalog.pg_roles WHERE rolname = $1";
        let verb = match client.query_opt(is_known, &[&role]).await.map_err(refused(doing))? {
            Some(_) => "ALTER",
            None => "CREATE",
        };
        let mut sql = vec![
            format!("{verb} ROLE {user} SUPERUSER LOGIN PASSWORD {}", verifier(password)),
            format!("REVOKE ALL ON DATABASE {name} FROM PUBLIC, CURRENT_USER"),
        ];
        let grants = client.query(GRANTS, &[&from, &database]).await.map_err(refused(doing))?;
        sql.extend(grants.iter().map(|row| row.get::<_, String>(0)));
        for row in client.query(SETTINGS, &[&from]).await.map_err(refused(doing))? {
            let (role, entry): (Option<String>, String) = (row.get(0), row.get(1));
            let Some((setting, value)) = entry.split_once('=') else { continue };
            let whose = match role {
                Some(role) => format!("ROLE {} IN DATABASE {name}", ident(&role)),
                None => format!("DATABASE {name}"),
            };
            sql.push(format!("ALTER {whose} SET {}", assignment(setting, value)));
        }
        sql.push(format!("ALTER DATABASE {name} WITH ALLOW_CONNECTIONS true"));
        // One transaction: nobody enters before all of it is so.
        client.batch_execute(&sql.join("; ")).await.map_err(refused(doing))
    })
}

/// Puts `new` in the place of a database, which is called `old` from then on, at one moment. Ends the sessions in it; whoever comes
/// in while its name is waited for is ended, too.
pub(super) fn swap_databases(site: &Site, new: &str, database: &str, old: &str) -> Result<()> {
    let doing = "put the new database in its place";
    let beside = address(site, SUPERUSER)?;
    let other = address(site, OTHER)?;
    alone(site, doing, async |client: &Client| {
        let oid = async |name: &str| -> Result<Option<u32>> {
            let sql = "SELECT oid FROM pg_catalog.pg_database WHERE datname = $1";
            let row = client.query_opt(sql, &[&name]).await.map_err(refused(doing))?;
            Ok(row.map(|row| row.get(0)))
        };
        if oid(new).await?.is_none() {
            return Ok(());
        }
        let rename = |from: &str, to: &str| format!("ALTER DATABASE {} RENAME TO {}", ident(from), ident(to));
        let Some(there) = oid(database).await? else {
            return client.batch_execute(&rename(new, database)).await.map_err(refused(doing));
        };
        let session = connect_either(&beside, Some(&other)).await?;
        let driver = tokio::spawn(session.driver);
        let end =
            async |millis: i64| session.client.query(END_SESSIONS, &[&there, &millis]).await.map_err(refused(doing));
        end(ENDING_MILLIS).await?;
        // Two statements are one transaction. It holds the name while it waits for sessions to end.
        let swap = [rename(database, old), rename(new, database)].join("; ");
        let end_all = async {
            loop {
                tokio::time::sleep(ENDING_POLL).await;
                if let Err(error) = end(0).await {
                    return error;
                }
            }
        };
        let done = tokio::select! {
            done = client.batch_execute(&swap) => done.map_err(refused(doing)),
            error = end_all => Err(error),
        };
        drop(session.client);
        let _ = driver.await;
        done
    })
}

/// Lets go of what keeps a database from being dropped although nobody is in it: transactions that were prepared, subscriptions, slots.
async fn release(database: &ConnInfo) -> Result<()> {
    let doing = "let go of what a database holds";
    let session = connect_either(database, None).await?;
    let driver = tokio::spawn(session.driver);
    let client = &session.client;
    let done = async {
        for row in client.query(HELD, &[]).await.map_err(refused(doing))? {
            // A slot that somebody reads from is free once his session has ended.
            client.batch_execute(row.get(0)).await.map_err(refused(doing))?;
        }
        Ok(())
    }
    .await;
    drop(session.client);
    let _ = driver.await;
    done
}

/// Drops databases, whoever is in them, and with a role all that belong to it.
pub(super) fn drop_databases(site: &Site, databases: &[String], role: Option<&str>) -> Result<()> {
    let doing = "drop the branch's database";
    alone(site, doing, async |client: &Client| {
        let run = async |sql: String| client.batch_execute(&sql).await;
        for row in client.query(DROPPED, &[&databases, &role]).await.map_err(refused(doing))? {
            let name = ident(row.get(0));
            if row.get(1) {
                run(format!("ALTER DATABASE {name} WITH IS_TEMPLATE false")).await.map_err(refused(doing))?;
            }
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            match run(drop.clone()).await {
                Err(error) if error.code() == Some(&SqlState::OBJECT_IN_USE) => {
                    let held = address(site, row.get(0))?;
                    release(&held).await?;
                    run(drop).await.map_err(refused(doing))?;
                }
                done => done.map_err(refused(doing))?,
            }
        }
        let Some(role) = role.map(ident) else { return Ok(()) };
        match run(format!("DROP ROLE IF EXISTS {role}")).await {
            // Something in another branch's database is its own. What stays is a name.
            Err(error) if error.code() == Some(&SqlState::DEPENDENT_OBJECTS_STILL_EXIST) => {
                run(format!("ALTER ROLE {role} NOLOGIN NOSUPERUSER PASSWORD NULL")).await.map_err(refused(doing))
            }
            done => done.map_err(refused(doing)),
        }
    })
}

/// The number of a database, which its folder is called by.
pub(super) fn database_oid(site: &Site, database: &str) -> Result<u32> {
    let sql = "SELECT oid FROM pg_catalog.pg_database WHERE datname = $1";
    on_server(site, async |client: &Client| {
        let row = client.query_one(sql, &[&database]).await.map_err(refused("say where the database is"))?;
        Ok(row.get(0))
    })
}
