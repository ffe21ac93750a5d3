//! What is said to a server here over its socket, as `root@localhost`: databases, accounts and their passwords, sessions.
//!
//! Both servers write a password that a statement holds into no log of theirs.

use super::access::USER;
use super::settings::BRANCH_LOG_BYTES;
use super::socket;
use crate::error::Result;
use crate::mysql::MysqlError;
use crate::mysql::catalog;
use crate::mysql::conninfo::ConnInfo;
use crate::mysql::quote::{ident, literal};
use crate::mysql::session::Session;
use offshoot_format::manifest::Environment;
use offshoot_restore::server::{Secret, Site};

/// Who is let in over the socket.
const SUPERUSER: &str = "root";
const LOCAL: &str = "localhost";

/// The address of a database over the socket; an empty name for none.
pub(super) fn conninfo(site: &Site, database: &str) -> ConnInfo {
    ConnInfo::over_socket(socket(site), SUPERUSER, None, database)
}

/// A session in which nothing of a server's or user's own settings changes what statements mean.
pub(super) fn session(site: &Site, database: &str) -> Result<Session, MysqlError> {
    let mut session = Session::open(&conninfo(site, database))?;
    session.execute("set the session up", "SET NAMES utf8mb4")?;
    session.execute("set the session up", "SET SESSION sql_mode = ''")?;
    Ok(session)
}

/// Leaves nobody who could come in but `root@localhost` and the server's own accounts, which are locked.
pub(super) fn close_accounts(site: &Site) -> Result<()> {
    let mut session = session(site, "")?;
    let sql = "SELECT User, Host FROM mysql.user WHERE NOT (User = 'root' AND Host = 'localhost') \
               AND User NOT IN ('mariadb.sys', 'mysql.sys', 'mysql.session', 'mysql.infoschema') AND Host <> ''";
    for row in session.query("list its accounts", sql)? {
        let account = account(row.text(0)?, row.text(1)?);
        session.execute("remove an account", &format!("DROP USER {account}"))?;
    }
    Ok(())
}

/// Makes a database with a snapshot's character set and collation.
pub(super) fn create_database(site: &Site, database: &str, environment: &Environment) -> Result<()> {
    let mut sql = format!("CREATE DATABASE {}", ident(database));
    for (word, name) in [("CHARACTER SET", &environment.encoding), ("COLLATE", &environment.collate)] {
        if !name.is_empty() {
            sql.push_str(&format!(" {word} {}", literal(name)));
        }
    }
    session(site, "")?.execute("make the database", &sql)?;
    Ok(())
}

/// Writes the log of what was committed to the disk.
pub(super) fn flush(site: &Site) -> Result<()> {
    session(site, "")?.execute("write its log to the disk", "FLUSH LOCAL ENGINE LOGS")?;
    Ok(())
}

/// Makes the log that loading wanted as small as a branch's: every clone copies it.
pub(super) fn shrink_log(session: &mut Session) -> Result<(), MysqlError> {
    let name = if session.flavor().is_mariadb() { "innodb_log_file_size" } else { "innodb_redo_log_capacity" };
    session.execute("make its log smaller", &format!("SET GLOBAL {name} = {BRANCH_LOG_BYTES}")).map(drop)
}

/// Lets a user in with a password, who may do everything in the branch's server.
pub(super) fn admit(site: &Site, role: Option<&str>, password: &Secret) -> Result<()> {
    let mut session = session(site, "")?;
    // Named by an address, so that no entry of a resolver and no other account stands before it.
    let user = role.unwrap_or(USER);
    for host in ["127.0.0.1", "::1", LOCAL] {
        if user == SUPERUSER && host == LOCAL {
            continue;
        }
        let account = account(user, host);
        let secret = quoted(password.expose());
        for sql in [
            format!("CREATE USER IF NOT EXISTS {account} IDENTIFIED BY {secret}"),
            format!("ALTER USER {account} IDENTIFIED BY {secret}"),
            format!("GRANT ALL PRIVILEGES ON *.* TO {account} WITH GRANT OPTION"),
        ] {
            session.execute("let the branch's user in", &sql)?;
        }
    }
    Ok(())
}

/// Sessions of users in a database.
pub(super) fn connections(site: &Site, database: &str) -> Result<u32> {
    let mut session = session(site, "")?;
    let own = session.id();
    let mut count = 0;
    for row in session.query("count its sessions", "SHOW PROCESSLIST")? {
        let is_own = row.parse::<u32>(0)? == Some(own) || row.text(1)? == SUPERUSER && row.text(2)? == LOCAL;
        count += u32::from(!is_own && row.opt(3)? == Some(database));
    }
    Ok(count)
}

/// The environment as it is in a branch.
pub(super) fn observe(site: &Site, database: &str) -> Result<Environment> {
    let mut session = session(site, database)?;
    let tables = catalog::tables::list(&mut session)?;
    // Who objects run as is not compared: in a branch they run as its superuser.
    Ok(catalog::environment::read(&mut session, &tables, &[])?)
}

/// A text in plain quotes, which is all that IDENTIFIED BY takes, for a session without NO_BACKSLASH_ESCAPES.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

fn account(user: &str, host: &str) -> String {
    format!("{}@{}", ident(user), ident(host))
}
