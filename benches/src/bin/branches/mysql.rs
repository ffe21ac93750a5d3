//! MariaDB and MySQL.

use super::{Engine, Result, as_owner, check, give_to_owner};
use offshoot_testkit::mysql::{Binaries, Family, Server, ServerOptions};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

pub struct Mysql(Server);

impl Mysql {
    pub fn start(binaries: Binaries) -> Result<Self> {
        Ok(Self(Server::try_start(ServerOptions::new().binaries(binaries).setting("innodb_buffer_pool_size", "1G"))?))
    }

    fn client(&self, program: &Path, database: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["--no-defaults", "--user=root", &format!("--socket={}", self.0.socket().display()), database]);
        command
    }
}

impl Engine for Mysql {
    fn version(&self) -> String {
        self.0.binaries().version().to_owned()
    }

    fn fill(&self, rows: u64) -> Result<()> {
        self.0.try_sql("", "DROP DATABASE IF EXISTS shop; CREATE DATABASE shop CHARACTER SET utf8mb4")?;
        // Doubled until there are enough.
        for table in ["a", "b", "c"] {
            self.0.try_sql(
                "shop",
                &format!(
                    "CREATE TABLE {table} (id bigint AUTO_INCREMENT PRIMARY KEY, name char(32) NOT NULL, text text, KEY (name));
                     INSERT INTO {table} (name, text) VALUES (left(sha2(1, 256), 32), repeat(sha2(7, 256), 14))"
                ),
            )?;
            let (wanted, mut there) = (rows / 3, 1);
            while there < wanted {
                let more = there.min(wanted - there);
                self.0.try_sql(
                    "shop",
                    &format!(
                        "INSERT INTO {table} (name, text) SELECT left(sha2(id + {there}, 256), 32), repeat(sha2((id + {there}) * 7, 256), 14)
                         FROM {table} ORDER BY id LIMIT {more}"
                    ),
                )?;
                there += more;
            }
        }
        Ok(())
    }

    fn url(&self) -> String {
        self.0.socket_url("shop")
    }

    fn programs(&self) -> String {
        format!("mysql_bin = \"{}\"", self.0.binaries().server().parent().unwrap_or(Path::new("/")).display())
    }

    fn server(&self, clone: &Path, sockets: &Path) -> Result<(Command, Box<dyn Fn() -> bool>)> {
        let conf = clone.join("floor.cnf");
        std::fs::write(&conf, "[mysqld]\ninnodb_buffer_pool_size = 64M\nskip_log_bin\nperformance_schema = OFF\n")?;
        give_to_owner(&conf, clone)?;
        let socket = sockets.join("mysql.sock");
        let mut server = as_owner(self.0.binaries().server(), clone)?;
        server.arg(format!("--defaults-file={}", conf.display())).arg(format!("--datadir={}", clone.display()));
        server.arg(format!("--socket={}", socket.display())).arg(format!("--tmpdir={}", clone.display()));
        server.args(["--skip-networking", "--secure-file-priv=", "--loose-mysqlx=OFF"]);
        Ok((server, Box::new(move || greets(&socket))))
    }

    fn restore_name(&self) -> &'static str {
        "the client's restore of a dump"
    }

    fn restore(&self, folder: &Path) -> Result<Duration> {
        let path = folder.join("dump.sql");
        let mut dump = self.client(&self.0.binaries().dump(), "shop");
        if self.0.binaries().family() == Family::MySql {
            // The server that it comes from is the one that it goes to.
            dump.arg("--set-gtid-purged=OFF");
        }
        let dumped = dump.stdout(File::create(&path)?).status()?;
        check(dumped.success(), "the dump")?;
        self.0.try_sql("", "DROP DATABASE IF EXISTS copy; CREATE DATABASE copy CHARACTER SET utf8mb4")?;
        let began = Instant::now();
        let loaded = self.client(&self.0.binaries().client(), "copy").stdin(File::open(&path)?).status()?;
        check(loaded.success(), "the restore")?;
        let took = began.elapsed();
        self.0.try_sql("", "DROP DATABASE copy")?;
        Ok(took)
    }
}

/// Whether a server greets at a socket.
fn greets(socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else { return false };
    let mut head = [0; 5];
    stream.read_exact(&mut head).is_ok() && head[4] == 10
}
