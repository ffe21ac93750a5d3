//! Two users of one machine: each has homes, images, servers and sockets of its own, and none gets at the other's.

use crate::nest::Nest;
use offshoot_testkit::place;
use offshoot_testkit::postgres::{Server, shared};
use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;

struct User {
    uid: u32,
    folder: tempfile::TempDir,
}

impl User {
    /// One that the system knows, with a folder of its own.
    fn new(uid: u32) -> Self {
        let folder = tempfile::Builder::new().prefix("user-").tempdir_in(place::scratch_dir().unwrap()).unwrap();
        chown(folder.path(), Some(uid), Some(uid)).unwrap();
        Self { uid, folder }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join(".local/share/offshoot")
    }

    fn command(&self, program: &str, args: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(args).current_dir(self.folder.path()).env_clear().stdin(Stdio::null());
        command.env("HOME", self.folder.path()).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.uid(self.uid).gid(self.uid);
        command
    }

    fn offshoot(&self, server: &Server, args: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_offshoot"), args);
        command.env("OFFSHOOT_PG_BIN", server.binaries().dir());
        command
    }

    #[track_caller]
    fn done(&self, server: &Server, args: &[&str]) -> String {
        let output = self.offshoot(server, args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn psql(&self, server: &Server, url: &str, sql: &str) -> Output {
        self.command(server.binaries().psql().to_str().unwrap(), &["-XAtq", url, "-c", sql]).output().unwrap()
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Two accounts that are neither root nor that of the tests' servers.
fn accounts() -> Vec<u32> {
    let passwd = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let uids = passwd.lines().filter_map(|line| line.split(':').nth(2)?.parse().ok());
    uids.filter(|&uid| uid != 0 && uid != place::NOBODY_ID).take(2).collect()
}

#[test]
fn two_users_do_not_get_at_each_other() {
    let test = "two_users_do_not_get_at_each_other";
    let accounts = accounts();
    let ([one, other], true) = (accounts.as_slice(), place::is_root()) else {
        println!("SKIPPED {test}: only root becomes two others");
        return;
    };
    let (one, other) = (User::new(*one), User::new(*other));
    let server = shared();
    if !one.offshoot(server, &["--version"]).status().is_ok_and(|status| status.success()) {
        println!("SKIPPED {test}: other users may not run what is built here");
        return;
    }
    let db = server.fresh_db("two_users");
    server.psql(&db, "CREATE TABLE t AS SELECT n FROM generate_series(1, 50) n");
    // At once, as it comes.
    let urls: Vec<String> = thread::scope(|scope| {
        let make = |user: &User| {
            user.done(server, &["--quiet", "init", "--raw"]);
            user.done(server, &["--quiet", "capture", &server.url(&db), "--name", "prod"]);
            user.done(server, &["--quiet", "branch", "create", "mine", "--raw"])
        };
        let threads: Vec<_> = [&one, &other].map(|user| scope.spawn(move || make(user))).into();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (user, url) in [&one, &other].into_iter().zip(&urls) {
        let rows = user.psql(server, url, "DELETE FROM t WHERE n > 7; SELECT count(*) FROM t");
        assert_eq!(String::from_utf8_lossy(&rows.stdout), "7\n", "{}", said(&rows));
        let found = fs::metadata(user.home()).unwrap();
        assert_eq!((found.uid(), found.mode() & 0o777), (user.uid, 0o700));
        assert!(user.done(server, &["--quiet", "branch", "list"]).contains("mine"));
    }
    // The password of another one's branch does not open one's own.
    let port = |url: &str| url.rsplit(':').next().unwrap().split('/').next().unwrap().to_owned();
    assert_ne!(port(&urls[0]), port(&urls[1]));
    let crossed = urls[0].replace(&port(&urls[0]), &port(&urls[1]));
    assert!(!one.psql(server, &crossed, "SELECT 1").status.success());

    // Neither closed nor open is another one's home taken.
    for mode in [0o700, 0o755] {
        fs::set_permissions(one.folder.path(), Permissions::from_mode(mode)).unwrap();
        for command in [&["branch", "list"][..], &["branch", "create", "x", "--raw"], &["image", "build", "--raw"]] {
            let refused = other.offshoot(server, command).env("OFFSHOOT_HOME", one.home()).output().unwrap();
            assert_eq!(refused.status.code(), Some(4), "{mode:o} {command:?}: {}", said(&refused));
            assert!(said(&refused).contains("no folder of this user"), "{mode:o} {command:?}: {}", said(&refused));
        }
    }
    let listed = one.done(server, &["--json", "--quiet", "branch", "list"]);
    assert_eq!(listed.matches("\"name\"").count(), 1, "{listed}");
    for user in [&one, &other] {
        user.done(server, &["--quiet", "branch", "delete", "mine"]);
    }
}
#[test]
fn servers_have_no_business_in_an_image() {
    let test = "servers_have_no_business_in_an_image";
    if !place::is_root() {
        println!("SKIPPED {test}: servers run as another user only where root starts them");
        return;
    }
    let server = shared();
    let db = server.fresh_db("image_of_root");
    server.psql(&db, "CREATE TABLE t AS SELECT n FROM generate_series(1, 50) n");
    let nest = Nest::of(server, &db);
    let url = nest.create("a");
    let stores = fs::read_dir(nest.home()).unwrap().flatten();
    let images = stores.flat_map(|store| fs::read_dir(store.path().join("images")).into_iter().flatten().flatten());
    let images: Vec<_> = images.collect();
    assert_eq!(images.len(), 1);
    for image in images {
        let path = image.path().join("data/PG_VERSION").display().to_string();
        let look = format!("COPY (SELECT 1) TO PROGRAM 'cat {path}'");
        let refused = Command::new(server.binaries().psql()).args(["-XAtqc", &look, &url]).output().unwrap();
        assert!(!refused.status.success() && PathBuf::from(path).is_file());
    }
}
