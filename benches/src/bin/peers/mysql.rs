//! MariaDB and MySQL: the servers' own dump and client, mydumper and myloader.

use super::measure::{Measure, run, run_to};
use super::results::Bound;
use super::{Contest, Folder, Result, is_installed};
use offshoot_testkit::mysql::{Binaries, Server, ServerOptions};
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

const DUMP: &str = "the server's own dump";
const MYDUMPER: &str = "mydumper -t2";
const CAPTURE: &str = "offshoot capture";
const RECAPTURE: &str = "offshoot capture, unchanged";
const CLIENT: &str = "the server's own client";
const MYLOADER: &str = "myloader -t2";
const RESTORE: &str = "offshoot restore";

pub const CONTEST: Contest<Bench> = Contest {
    steps: &[
        (DUMP, Bench::dump),
        (MYDUMPER, Bench::mydumper),
        (CAPTURE, Bench::capture),
        (RECAPTURE, Bench::recapture),
        (CLIENT, Bench::client),
        (MYLOADER, Bench::myloader),
        (RESTORE, Bench::restore),
    ],
    goals: &[
        ("capture, in the time of mydumper", CAPTURE, MYDUMPER, Measure::seconds, Bound::AtMost(1.0)),
        ("capture, in the time of the dump", CAPTURE, DUMP, Measure::seconds, Bound::AtMost(1.0)),
        ("myloader, in the time of a restore", MYLOADER, RESTORE, Measure::seconds, Bound::AtLeast(2.0)),
    ],
    others: &[
        ("client, in the time of a restore", CLIENT, RESTORE, Measure::seconds, Bound::AtLeast(2.0)),
        ("unchanged capture, in the client CPU of the first", RECAPTURE, CAPTURE, Measure::cpu, Bound::AtMost(0.5)),
        ("store, in the bytes of mydumper's files", CAPTURE, MYDUMPER, Measure::output, Bound::AtMost(1.0)),
    ],
};

pub struct Bench {
    server: Server,
    folder: Folder,
}

impl Bench {
    pub fn mariadb(folder: Folder, scale: f64) -> Result<Self> {
        Self::start(Binaries::mariadb()?, folder, scale)
    }

    pub fn mysql(folder: Folder, scale: f64) -> Result<Self> {
        Self::start(Binaries::mysql()?, folder, scale)
    }

    fn start(binaries: Binaries, folder: Folder, scale: f64) -> Result<Self> {
        let options = ServerOptions::new().binaries(binaries).setting("innodb_buffer_pool_size", "2G");
        let server = Server::try_start(options.setting("local_infile", "ON").flag("skip_log_bin"))?;
        eprintln!("loading the database at scale {scale} ...");
        server.try_sql("", "CREATE DATABASE bench CHARACTER SET utf8mb4")?;
        let sql = format!("SET @scale = {scale};\n{}", include_str!("../../database_mysql.sql"));
        let loaded = server.load_text("bench", &sql);
        if let Some(error) = loaded.errors.first() {
            return Err(error.as_str().into());
        }
        let bytes =
            "SELECT SUM(data_length + index_length) FROM information_schema.tables WHERE table_schema = 'bench'";
        println!("server {}; database {} bytes", server.binaries().version(), server.try_sql("bench", bytes)?.trim());
        Ok(Self { server, folder })
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.args(["--user=root", &format!("--socket={}", self.server.socket().display())]);
        command
    }

    fn dump(&self) -> Result<Option<Measure>> {
        let path = self.folder.clear("dump.sql")?;
        let mut command = Command::new(self.server.binaries().dump());
        command.args(["--no-defaults", "--user=root", &format!("--socket={}", self.server.socket().display())]);
        command.args(["--single-transaction", "--routines", "--events", "bench"]);
        run_to(&mut command, &[&path], Stdio::null(), File::create(&path)?.into()).map(Some)
    }

    fn mydumper(&self) -> Result<Option<Measure>> {
        let mydumper = Path::new("mydumper");
        if !is_installed(mydumper) {
            return Ok(None);
        }
        let path = self.folder.clear("mydumper")?;
        let mut command = self.command(mydumper);
        command.args(["--threads=2", "--trx-consistency-only", "--database=bench", "--outputdir"]).arg(&path);
        run(&mut command, &[&path]).map(Some)
    }

    fn capture(&self) -> Result<Option<Measure>> {
        let store = self.folder.fresh_store()?;
        let url = self.server.socket_url("bench");
        run(self.folder.offshoot().args(["capture", &url, "--jobs", "2"]), &[&store.join("packs")]).map(Some)
    }

    fn recapture(&self) -> Result<Option<Measure>> {
        run(self.folder.offshoot().args(["capture", &self.server.socket_url("bench"), "--jobs", "2"]), &[]).map(Some)
    }

    fn client(&self) -> Result<Option<Measure>> {
        self.fresh()?;
        let mut command = Command::new(self.server.binaries().client());
        command.args(["--no-defaults", "--user=root", &format!("--socket={}", self.server.socket().display())]);
        let dump = File::open(self.folder.path.join("dump.sql"))?;
        run_to(command.arg("target"), &[], dump.into(), Stdio::null()).map(Some)
    }

    fn myloader(&self) -> Result<Option<Measure>> {
        let myloader = Path::new("myloader");
        if !is_installed(myloader) {
            return Ok(None);
        }
        self.fresh()?;
        let mut command = self.command(myloader);
        command.args(["--threads=2", "--database=target", "--directory"]).arg(self.folder.path.join("mydumper"));
        run(&mut command, &[]).map(Some)
    }

    fn restore(&self) -> Result<Option<Measure>> {
        self.fresh()?;
        let url = self.server.socket_url("target");
        run(self.folder.offshoot().args(["restore", "bench", "--jobs", "2", "--to", &url]), &[]).map(Some)
    }

    fn fresh(&self) -> Result<()> {
        self.server.try_sql("", "DROP DATABASE IF EXISTS target; CREATE DATABASE target CHARACTER SET utf8mb4")?;
        Ok(())
    }
}
