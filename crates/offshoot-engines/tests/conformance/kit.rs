//! The engines, and what a test wants of each: a database, statements in it, and it as a source or a target.

use crate::{taken_mysql, taken_postgres};
use offshoot_core::source::Source;
use offshoot_core::target::{Rows, Target};
use offshoot_engines::conninfo::{ConnInfo, Environment};
use offshoot_engines::postgres::connect::ConnectOptions;
use offshoot_engines::postgres::restore::PostgresTarget;
use offshoot_engines::{mysql, postgres};
use offshoot_format::manifest::Manifest;
use offshoot_testkit::{mysql as mysql_kit, postgres as postgres_kit};
use std::time::Duration;

/// An engine with a server that runs.
pub struct Engine {
    pub name: &'static str,
    /// The schema that its tables are listed with.
    pub schema: &'static str,
    server: Server,
}

#[derive(Clone, Copy)]
enum Server {
    Postgres(&'static postgres_kit::Server),
    Mysql(&'static mysql_kit::Server),
}

/// How a capture is made.
pub struct How {
    pub jobs: usize,
    /// How long somebody may wait behind it.
    pub max_block: Duration,
}

/// A snapshot that no source has made.
pub struct Taken {
    pub manifest: Manifest,
    pub rows: Box<dyn Rows>,
}

/// All engines that are here.
pub fn engines() -> Vec<Engine> {
    let postgres = Engine { name: "postgres", schema: "public", server: Server::Postgres(postgres_kit::shared()) };
    let of = |binaries: mysql_kit::Binaries| Engine {
        name: binaries.family().name(),
        schema: "",
        server: Server::Mysql(mysql_kit::shared_of(&binaries)),
    };
    std::iter::once(postgres).chain(mysql_kit::Binaries::wanted().into_iter().map(of)).collect()
}

impl Engine {
    pub fn fresh_db(&self, prefix: &str) -> String {
        match self.server {
            Server::Postgres(server) => server.fresh_db(prefix),
            Server::Mysql(server) => server.fresh_db(prefix),
        }
    }

    /// Runs statements and gives what the last ones print.
    #[track_caller]
    pub fn sql(&self, db: &str, sql: &str) -> String {
        self.try_sql(db, sql).unwrap_or_else(|error| panic!("{}: {error}\nin: {sql}", self.name))
    }

    pub fn try_sql(&self, db: &str, sql: &str) -> Result<String, String> {
        match self.server {
            Server::Postgres(server) => server.try_psql(db, sql).map_err(|error| error.to_string()),
            Server::Mysql(server) => server.try_sql(db, sql).map_err(|error| error.to_string()),
        }
    }

    /// Ends everybody's session in a database, without a word to them.
    pub fn end_sessions(&self, db: &str) {
        match self.server {
            Server::Postgres(server) => {
                let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{db}'");
                server.psql("postgres", &end);
            }
            Server::Mysql(server) => {
                let ids = server.sql("", &format!("SELECT id FROM information_schema.processlist WHERE db = '{db}'"));
                for id in ids.lines() {
                    // One that has ended meanwhile is an error.
                    let _ = server.try_sql("", &format!("KILL {id}"));
                }
            }
        }
    }

    pub fn source(&self, db: &str, how: &How) -> Box<dyn Source> {
        let jobs = how.jobs.try_into().unwrap();
        match self.server {
            Server::Postgres(server) => {
                let mut options = postgres::capture::CaptureOptions::default();
                options.pg_dump = vec![server.binaries().pg_dump().unwrap()];
                (options.jobs, options.max_block, options.split_bytes) = (jobs, how.max_block, 64 << 10);
                Box::new(postgres::capture::PostgresSource::new(postgres_conninfo(&server.url(db)), options))
            }
            Server::Mysql(server) => {
                let mut options = mysql::capture::CaptureOptions::default();
                (options.jobs, options.max_block, options.split_bytes) = (jobs, how.max_block, 64 << 10);
                Box::new(mysql::capture::MysqlSource::new(taken_mysql::conninfo(&server.url(db)), options))
            }
        }
    }

    pub fn target(&self, db: &str) -> Box<dyn Target + Send> {
        match self.server {
            Server::Postgres(server) => {
                Box::new(PostgresTarget::new(postgres_conninfo(&server.url(db)), ConnectOptions::default()))
            }
            Server::Mysql(server) => Box::new(mysql::restore::MysqlTarget::new(taken_mysql::conninfo(&server.url(db)))),
        }
    }

    /// The database by the plainest means.
    pub fn take(&self, db: &str) -> Taken {
        match self.server {
            Server::Postgres(server) => {
                let taken = taken_postgres::take(server, db);
                Taken { manifest: taken.manifest, rows: Box::new(taken.rows) }
            }
            Server::Mysql(server) => {
                let taken = taken_mysql::take(server, db);
                Taken { manifest: taken.manifest, rows: Box::new(taken.rows) }
            }
        }
    }

    /// The statement that drops an index.
    pub fn drop_index(&self, index: &str, table: &str) -> String {
        match self.server {
            Server::Postgres(_) => format!("DROP INDEX {index}"),
            Server::Mysql(_) => format!("DROP INDEX {index} ON {table}"),
        }
    }
}

fn postgres_conninfo(url: &str) -> ConnInfo {
    let environment = Environment::new([("PGSSLMODE", "disable")], None, Some("postgres".into()));
    ConnInfo::parse(url, &environment).unwrap()
}
