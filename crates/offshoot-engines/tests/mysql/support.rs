//! The servers of the tests, and databases on them that go when a test ends.

use offshoot_engines::mysql::conninfo::{ConnInfo, Environment};
use offshoot_engines::mysql::session::Session;
use offshoot_testkit::mysql::{Binaries, Family, Server, ServerOptions};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// A MariaDB with a binary log, and a MySQL with GTIDs where it can be had: name and URL. They live as long as the process.
pub fn servers() -> Vec<(&'static str, String)> {
    static SERVERS: OnceLock<Vec<Server>> = OnceLock::new();
    let servers = SERVERS.get_or_init(|| {
        let of = |binaries: Binaries| {
            let options = ServerOptions::new().setting("log_bin", "binlog").setting("server_id", "7");
            let options = match binaries.family() {
                Family::MySql => {
                    let options = options.setting("gtid_mode", "ON").setting("enforce_gtid_consistency", "ON");
                    options.setting("local_infile", "ON")
                }
                Family::MariaDb => options,
            };
            Server::start(options.binaries(binaries))
        };
        Binaries::wanted().into_iter().map(of).collect()
    });
    servers.iter().map(|server| (server.binaries().family().name(), server.url(""))).collect()
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
