//! A place for branches: a store with one snapshot, a home that servers may enter, and an eye on what is left there.

use crate::session::{Ran, Session};
use offshoot_testkit::postgres::Server;
use offshoot_testkit::{mysql, place};
use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

pub struct Nest {
    pub session: Session,
    home: tempfile::TempDir,
}

impl Nest {
    /// A nest in the build's own folder, with a raw snapshot of a database.
    pub fn of(server: &Server, db: &str) -> Self {
        Self::of_in(&place::scratch_dir().unwrap(), server, db)
    }

    /// The same in this folder.
    pub fn of_in(folder: &Path, server: &Server, db: &str) -> Self {
        let mut nest = Self::empty(folder, server.binaries().dir());
        nest.session.set("OFFSHOOT_PG_DUMP", server.binaries().pg_dump().unwrap().to_str().unwrap());
        nest.done(&["init", "--raw"]);
        nest.done(&["capture", &server.url(db), "--name", "prod"]);
        nest
    }

    /// The same of a database of MariaDB or MySQL.
    pub fn of_mysql(server: &mysql::Server, db: &str) -> Self {
        Self::of_mysql_in(&place::scratch_dir().unwrap(), server, db)
    }

    /// The same in this folder.
    pub fn of_mysql_in(folder: &Path, server: &mysql::Server, db: &str) -> Self {
        let programs = server.binaries().server().parent().unwrap();
        let mut nest = Self::empty(folder, Path::new("/nonexistent"));
        nest.session.set("OFFSHOOT_MYSQL_BIN", programs.to_str().unwrap());
        nest.done(&["init", "--raw"]);
        nest.done(&["capture", &server.url(db), "--name", "prod"]);
        nest
    }

    /// A nest in this folder, for servers with these programs.
    pub fn empty(folder: &Path, programs: &Path) -> Self {
        let home = tempfile::Builder::new().prefix("home-").tempdir_in(folder).unwrap();
        fs::set_permissions(home.path(), Permissions::from_mode(0o711)).unwrap();
        let mut session = Session::new();
        session.set("OFFSHOOT_HOME", home.path().to_str().unwrap());
        session.set("OFFSHOOT_PG_BIN", programs.to_str().unwrap());
        Self { session, home }
    }

    /// The folder of everything.
    pub fn home(&self) -> &Path {
        self.home.path()
    }

    #[track_caller]
    pub fn done(&self, args: &[&str]) -> Ran {
        let ran = self.session.quietly(args);
        assert_eq!(ran.code, Some(0), "{args:?}: {}{}", ran.stdout, ran.stderr);
        ran
    }

    /// Makes a branch and gives its URL.
    #[track_caller]
    pub fn create(&self, name: &str) -> String {
        self.done(&["branch", "create", name, "--raw"]).stdout.trim().to_owned()
    }

    /// Makes a branch unless there is one.
    #[track_caller]
    pub fn have(&self, name: &str) {
        if self.names().is_empty() {
            self.create(name);
        }
    }

    #[track_caller]
    pub fn delete_all(&self) {
        for name in self.names() {
            self.done(&["branch", "delete", &name]);
        }
    }

    pub fn list(&self) -> Vec<serde_json::Value> {
        self.done(&["--json", "branch", "list"]).json()["branches"].as_array().unwrap().clone()
    }

    pub fn names(&self) -> Vec<String> {
        self.list().iter().map(|branch| branch["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Folders of branches.
    pub fn folders(&self) -> Vec<PathBuf> {
        let stores = fs::read_dir(self.home.path()).into_iter().flatten().flatten().map(|entry| entry.path());
        let branches = stores.flat_map(|store| fs::read_dir(store.join("branches")).into_iter().flatten().flatten());
        branches.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
    }

    /// Data directories of branches and spares, and those that are on their way out.
    pub fn data_directories(&self) -> usize {
        let stores = fs::read_dir(self.home.path()).into_iter().flatten().flatten().map(|entry| entry.path());
        let removed = stores.map(|store| store.join("removed"));
        let within =
            self.folders().into_iter().chain(removed).flat_map(|folder| fs::read_dir(folder).into_iter().flatten());
        within.flatten().filter(|entry| entry.path().is_dir()).count()
    }

    /// Processes that work in the home.
    pub fn servers(&self) -> Vec<u32> {
        processes(|pid| {
            let folder = fs::read_link(format!("/proc/{pid}/cwd"));
            folder.is_ok_and(|folder| folder.starts_with(self.home.path()))
        })
    }

    /// The folders that servers work in: one each, however many processes it has.
    pub fn server_folders(&self) -> BTreeSet<PathBuf> {
        let folders = self.servers().into_iter().filter_map(|pid| fs::read_link(format!("/proc/{pid}/cwd")).ok());
        folders.filter(|folder| folder.starts_with(self.home.path())).collect()
    }

    /// Commands on the home, those in the background among them.
    pub fn commands(&self) -> Vec<u32> {
        let home = format!("OFFSHOOT_HOME={}", self.home.path().display());
        processes(|pid| {
            let is_ours = fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|program| program.ends_with("offshoot"));
            let variables = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            is_ours && variables.split(|&byte| byte == 0).any(|variable| variable == home.as_bytes())
        })
    }
}

impl Drop for Nest {
    fn drop(&mut self) {
        // Servers go on without the test that started them.
        for branch in
            self.session.quietly(&["--json", "branch", "list"]).json()["branches"].as_array().into_iter().flatten()
        {
            self.session.quietly(&["branch", "delete", branch["name"].as_str().unwrap_or_default()]);
        }
        // One that branches share stays warm for the next.
        for pid in self.servers() {
            let _gone =
                Command::new("kill").args(["-9", &pid.to_string()]).stderr(std::process::Stdio::null()).status();
        }
    }
}

fn processes(is_wanted: impl Fn(u32) -> bool) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(|&pid| is_wanted(pid)).collect()
}

/// Runs SQL by psql at a URL, as a user would.
#[track_caller]
pub fn psql(server: &Server, url: &str, sql: &str) -> String {
    let output =
        Command::new(server.binaries().psql()).args(["-XAtq", "-v", "ON_ERROR_STOP=1", url, "-c", sql]).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
