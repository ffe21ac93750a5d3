//! PostgreSQL.

use super::{Engine, Result, as_owner, check, give_to_owner};
use offshoot_testkit::postgres::{Binaries, Server, ServerOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

pub struct Postgres(Server);

impl Postgres {
    pub fn start() -> Result<Self> {
        Self::with(ServerOptions::new())
    }

    /// One of PostgreSQL 18, where it is here.
    pub fn start_18() -> Result<Option<Self>> {
        let binaries = Binaries::major_or_skip(18, "branches as databases");
        binaries.map(|binaries| Self::with(ServerOptions::new().binaries(binaries))).transpose()
    }

    fn with(options: ServerOptions) -> Result<Self> {
        let options = options.setting("max_wal_size", "8GB").setting("autovacuum", "off");
        Ok(Self(Server::try_start(options)?))
    }

    /// What psql takes to clone the template of the server that this branch is on.
    pub fn clone_bare(&self, url: &str) -> Result<Duration> {
        let psql = |sql: &[&str]| -> Result<()> {
            let mut command = Command::new(self.0.binaries().psql());
            command.args(["-XAtq", "-v", "ON_ERROR_STOP=1", url]);
            command.args(sql.iter().flat_map(|sql| ["-c", sql]));
            check(command.status()?.success(), "psql")
        };
        let began = Instant::now();
        psql(&["SET file_copy_method = 'clone'", "CREATE DATABASE bare TEMPLATE shop STRATEGY file_copy"])?;
        let took = began.elapsed();
        psql(&["DROP DATABASE bare"])?;
        Ok(took)
    }
}

impl Engine for Postgres {
    fn version(&self) -> String {
        self.0.binaries().version().to_owned()
    }

    fn fill(&self, rows: u64) -> Result<()> {
        self.0.try_psql("postgres", "DROP DATABASE IF EXISTS shop")?;
        self.0.try_psql("postgres", "CREATE DATABASE shop")?;
        for table in ["a", "b", "c"] {
            self.0.try_psql(
                "shop",
                &format!(
                    "CREATE TABLE {table} AS SELECT i::bigint AS id, md5(i::text) AS name, repeat(md5((i * 7)::text), 28) AS text
                     FROM generate_series(1, {}) AS i; ALTER TABLE {table} ADD PRIMARY KEY (id); CREATE INDEX ON {table} (name)",
                    rows / 3
                ),
            )?;
        }
        Ok(())
    }

    fn url(&self) -> String {
        self.0.socket_url("shop")
    }

    fn programs(&self) -> String {
        format!("pg_bin = \"{}\"", self.0.binaries().dir().display())
    }

    fn variables(&self) -> Result<Vec<(&'static str, PathBuf)>> {
        Ok(vec![("OFFSHOOT_PG_DUMP", self.0.binaries().pg_dump()?)])
    }

    fn clones_databases(&self) -> bool {
        true
    }

    fn server(&self, clone: &Path, sockets: &Path) -> Result<(Command, Box<dyn Fn() -> bool>)> {
        // Every start of a branch writes it; here the server needs no more of it than its sizes.
        std::fs::write(clone.join("branch.conf"), "shared_buffers = 64MB\nmin_wal_size = 2MB\n")?;
        give_to_owner(&clone.join("branch.conf"), clone)?;
        let mut postgres = as_owner(&self.0.binaries().program("postgres"), clone)?;
        postgres.arg("-D").arg(clone).arg("-k").arg(sockets).args(["-p", "5433", "-c", "listen_addresses="]);
        let socket = sockets.join(".s.PGSQL.5433");
        Ok((postgres, Box::new(move || answers(&socket))))
    }

    fn restore_name(&self) -> &'static str {
        "pg_restore -j2"
    }

    fn restore(&self, folder: &Path) -> Result<Duration> {
        let dump = folder.join("dump");
        let mut dumping = Command::new(self.0.binaries().pg_dump()?);
        dumping.args(["-Fd", "-j2", "-f"]).arg(&dump).arg(self.url());
        check(dumping.status()?.success(), "pg_dump")?;
        self.0.try_psql("postgres", "DROP DATABASE IF EXISTS copy")?;
        self.0.try_psql("postgres", "CREATE DATABASE copy")?;
        let began = Instant::now();
        let mut restore = Command::new(self.0.binaries().program("pg_restore"));
        restore.args(["-j2", "-d", &self.0.socket_url("copy")]).arg(&dump);
        check(restore.status()?.success(), "pg_restore")?;
        let took = began.elapsed();
        self.0.try_psql("postgres", "DROP DATABASE copy")?;
        Ok(took)
    }
}

/// Whether a server answers at a socket with anything but "starting up".
fn answers(socket: &Path) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut stream = UnixStream::connect(socket)?;
        let body = b"\0\x03\0\0user\0postgres\0database\0postgres\0\0";
        stream.write_all(&u32::try_from(body.len() + 4).unwrap_or_default().to_be_bytes())?;
        stream.write_all(body)?;
        let mut first = [0_u8; 1];
        stream.read_exact(&mut first)?;
        Ok(first[0] == b'R')
    };
    ask().unwrap_or(false)
}
