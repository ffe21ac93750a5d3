//! The servers of the tests, and databases on them that go when a test ends.

use offshoot_engines::mysql::conninfo::{ConnInfo, Environment};
use offshoot_engines::mysql::session::Session;
use std::sync::atomic::{AtomicU32, Ordering};

/// The servers that there are, by name and URL.
pub fn servers() -> Vec<(&'static str, String)> {
    let named = [("mariadb", "OFFSHOOT_MARIADB_URL"), ("mysql", "OFFSHOOT_MYSQL_URL")];
    let found: Vec<_> =
        named.into_iter().filter_map(|(name, variable)| Some((name, std::env::var(variable).ok()?))).collect();
    if found.is_empty() {
        eprintln!("skipped: neither OFFSHOOT_MARIADB_URL nor OFFSHOOT_MYSQL_URL is set");
    }
    found
}

/// A database of one test.
pub struct Database {
    pub conninfo: ConnInfo,
    pub name: String,
}

impl Database {
    /// An empty one.
    pub fn new(url: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("t_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let mut conninfo = ConnInfo::parse(url, &Environment::empty()).unwrap();
        let mut session = Session::open(&conninfo).unwrap();
        session.execute("make a database", &format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")).unwrap();
        conninfo.database.clone_from(&name);
        Self { conninfo, name }
    }

    /// One that somebody else has made, by its whole URL.
    pub fn of(url: &str) -> Self {
        let conninfo = ConnInfo::parse(url, &Environment::empty()).unwrap();
        Self { conninfo, name: String::new() }
    }

    /// A session in it.
    pub fn session(&self) -> Session {
        let mut session = Session::open(&self.conninfo).unwrap();
        session.execute("set up", "SET NAMES utf8mb4").unwrap();
        session
    }

    /// Runs statements that are parted by semicolons at the ends of lines.
    pub fn run(&self, script: &str) {
        let mut session = self.session();
        for sql in script.split(";\n").map(str::trim).filter(|sql| !sql.is_empty()) {
            session.execute(sql, sql).unwrap();
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Ok(mut session) = Session::open(&self.conninfo)
            && !self.name.is_empty()
        {
            let _ = session.execute("drop a database", &format!("DROP DATABASE IF EXISTS {}", self.name));
        }
    }
}
