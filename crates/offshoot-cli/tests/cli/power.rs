//! The power is cut while images and branches are made, reset, claimed, started, stopped and deleted: what was not on the disk is gone,
//! and the next command finds every branch that was promised, none that is half, and images as they were.
//!
//! Strategy: everything is on a file system of its own, which at a moment that is drawn loses all that is not on its disk; its processes
//! are killed, it is mounted again, and the records say that another start of the machine was then.

use crate::hosted;
use crate::kills::Random;
use crate::nest::{Nest, psql};
use offshoot_testkit::loop_disk::{Kind, LoopDisk};
use offshoot_testkit::mysql;
use offshoot_testkit::postgres::{Binaries, shared, shared_of};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// The longest that a command is let go on, in milliseconds.
const MOMENT_MAX: u64 = 400;

/// A disk of this kind whose power can be cut, for servers of any user.
fn disk(kind: Kind, megabytes: u64) -> Option<LoopDisk> {
    let disk = LoopDisk::mount_to_cut(kind, megabytes)?;
    fs::set_permissions(disk.path(), Permissions::from_mode(0o711)).unwrap();
    Some(disk)
}

/// How many times each cut is made.
fn rounds(few: u64) -> u64 {
    if std::env::var_os("OFFSHOOT_LONG").is_some() { 20 * few } else { few }
}

/// A configuration and a command, before which a branch is as `before` leaves it.
#[derive(Clone, Copy)]
struct Case<'c> {
    config: &'c str,
    before: &'c [&'c str],
    command: &'c [&'c str],
}

const fn case<'c>(config: &'c str, before: &'c [&'c str], command: &'c [&'c str]) -> Case<'c> {
    Case { config, before, command }
}

/// Without any configuration.
const PLAIN: [Case<'static>; 5] =
    [case("", &[], CREATE), case("", &[], RESET), case("", &[], DELETE), case("", &[], STOP), case("", STOP, START)];

struct Power<'a> {
    // Dropped before the disk that it is on.
    nest: Nest,
    disk: LoopDisk,
    /// Runs SQL in a branch, whose server is started for that.
    ask: &'a dyn Fn(&Nest, &str, &str) -> String,
    /// What the configuration always says.
    common: &'a str,
    random: Random,
    cuts: u64,
}

impl Power<'_> {
    /// Cuts the power some milliseconds after a command has begun. False where that cannot be had.
    fn cut_during(&mut self, args: &[&str], millis: u64) -> bool {
        let mut command = self.nest.session.command(args);
        let mut victim = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        thread::sleep(Duration::from_millis(millis));
        let cut = self.disk.cut_power(|| {
            victim.kill().unwrap();
            // What waits in the background is of the machine that goes down, too.
            let running = || [self.nest.servers(), self.nest.commands()].concat();
            while !running().is_empty() {
                for pid in running() {
                    Command::new("kill").args(["-9", &pid.to_string()]).stderr(Stdio::null()).status().unwrap();
                }
                thread::sleep(Duration::from_millis(5));
            }
            unmount_within(self.disk.path());
        });
        let _ = victim.wait();
        match &cut {
            Ok(()) => self.cuts += 1,
            Err(why) => println!("SKIPPED power cuts: {why}"),
        }
        self.is_another_start();
        cut.is_ok()
    }

    /// The records are of an earlier start of the machine.
    fn is_another_start(&self) {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
        for folder in self.nest.folders() {
            for name in ["branch.json", "branch.kept"] {
                let Ok(text) = fs::read_to_string(folder.join(name)) else { continue };
                fs::write(folder.join(name), text.replace(boot.trim(), "an earlier start")).unwrap();
            }
        }
    }

    fn configure(&self, text: &str) {
        fs::write(self.nest.session.dir().join("offshoot.toml"), format!("{}{text}", self.common)).unwrap();
    }

    fn state(&self, name: &str) -> Option<String> {
        let list = self.nest.list();
        let found = list.iter().find(|branch| branch["name"] == name)?;
        Some(found["state"].as_str().unwrap().to_owned())
    }

    fn rows(&self, name: &str) -> String {
        (self.ask)(&self.nest, name, "SELECT count(*) FROM t")
    }

    /// A branch with 101 rows that was on the disk before.
    fn keep(&self, name: &str) {
        if self.state(name).is_some() {
            self.nest.done(&["branch", "delete", name]);
        }
        self.nest.create(name);
        (self.ask)(&self.nest, name, "INSERT INTO t VALUES (101)");
        self.nest.done(&["branch", "tend"]);
    }

    /// The names and sums of all files of images.
    fn images(&self) -> Vec<u8> {
        let script =
            "find \"$0\" -path '*/images/*/data/*' -not -path '*.building/*' -type f -exec sha256sum {} + | sort";
        Command::new("sh").args(["-c", script]).arg(self.disk.path()).output().unwrap().stdout
    }

    /// Cuts the power during each of these commands, in turn, and looks. False where it cannot be cut.
    fn cut_each(&mut self, cases: &[Case<'_>], hosts: usize) -> bool {
        let images = self.images();
        for Case { config, before, command } in cases {
            self.configure(if config.contains("durable") { config } else { "" });
            self.keep("kept");
            self.configure(config);
            if !before.is_empty() {
                self.nest.done(before);
            }
            let at = self.random.below(MOMENT_MAX);
            let after = format!("{command:?} with {config:?}, cut after {at} ms");
            if !self.cut_during(command, at) {
                return false;
            }
            // Nobody makes spares while it is looked at.
            self.configure("");
            let has_hook = config.contains("after");
            let (kept, new) = (self.state("kept"), self.state("new"));
            match (command[1], kept.as_deref()) {
                ("delete", None) => {}
                // Nothing of it was ever written to the disk.
                (_, None) if config.contains("durable = false") => {}
                // It says that it has no rows, and its name is still its own.
                ("reset", Some("lost" | "half reset")) => {}
                (_, Some("lost")) => assert!(config.contains("durable = false"), "{after}"),
                ("reset", Some("down" | "running")) => {
                    let made = if has_hook { "102" } else { "100" };
                    let rows = self.rows("kept");
                    assert!([made, "101"].contains(&rows.as_str()), "{after}: {rows} rows");
                }
                // To drop a half database its server is started.
                (_, Some("running")) if hosts == 0 => panic!("{after}: it runs"),
                (_, Some("down" | "stopped" | "running")) => assert_eq!(self.rows("kept"), "101", "{after}"),
                (_, state) => panic!("{after}: {state:?}"),
            }
            match new.as_deref() {
                None => {}
                Some("lost") => assert_eq!(command[1], "create", "{after}"),
                Some("down" | "running") => {
                    assert_eq!(self.rows("new"), if has_hook { "102" } else { "100" }, "{after}")
                }
                state => panic!("{after}: {state:?}"),
            }
            for name in ["kept", "new"].into_iter().filter(|name| self.state(name).is_some()) {
                self.nest.done(&["branch", "reset", name, "--raw"]);
                assert_eq!(self.rows(name), "100", "{after}");
                self.nest.done(&["branch", "delete", name]);
            }
            assert!(self.images() == images, "{after}: an image is another one");
            assert!(self.nest.list().is_empty(), "{after}");
            assert_eq!(self.nest.folders().len(), hosts, "{after}: folders without a branch");
        }
        true
    }

    fn print(&self, what: &str) {
        println!("power cuts of {what}: {}, branches that were lost or half: 0", self.cuts);
    }
}

/// Lets go of what is mounted in a folder, as a machine does that goes down.
fn unmount_within(folder: &Path) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    let within = |line: &str| {
        line.split(' ').nth(1).is_some_and(|at| Path::new(at) != folder && Path::new(at).starts_with(folder))
    };
    for line in mounts.lines().filter(|line| within(line)) {
        Command::new("umount").args(["-l", line.split(' ').nth(1).unwrap()]).status().unwrap();
    }
}

const CREATE: &[&str] = &["branch", "create", "new", "--raw"];
const RESET: &[&str] = &["branch", "reset", "kept", "--raw"];
const DELETE: &[&str] = &["branch", "delete", "kept"];
const START: &[&str] = &["branch", "start", "kept"];
const STOP: &[&str] = &["branch", "stop", "kept"];
const TEND: &[&str] = &["branch", "tend"];

#[test]
fn a_power_cut_at_any_moment() {
    let server = shared();
    let db = server.fresh_db("power");
    server.psql(&db, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)");
    let ask = |nest: &Nest, name: &str, sql: &str| {
        let url = nest.done(&["branch", "url", name]).stdout;
        psql(server, url.trim(), &format!("SET synchronous_commit = on; {sql}"))
    };
    for kind in [Kind::Xfs, Kind::Btrfs] {
        let Some(disk) = disk(kind, 1500) else { continue };
        let nest = Nest::of_in(disk.path(), server, &db);
        nest.done(&["image", "build", "--raw"]);
        let after = nest.session.dir().join("after.sql");
        fs::write(&after, "INSERT INTO t VALUES (201);\nSELECT pg_sleep(0.05);\nINSERT INTO t VALUES (202);\n")
            .unwrap();
        let hook = "[[branch.after]]\nsql = 'after.sql'\n";
        let (started, stopped) = ("[branch]\nspares = 1\n", "[branch]\nspares = 1\nspares_started = false\n");
        let quick = "[branch]\ndurable = false\n";
        let others = [
            case("", &[], TEND),
            case(hook, &[], CREATE),
            case(hook, &[], RESET),
            case(started, TEND, CREATE),
            case(stopped, TEND, CREATE),
            case(stopped, TEND, RESET),
            case(quick, &[], STOP),
            case(quick, &[], RESET),
        ];
        let cases = [&PLAIN[..], &others].concat();
        let random = Random::seeded("power");
        let mut power = Power { disk, nest, ask: &ask, common: "", random, cuts: 0 };
        for _ in 0..rounds(1) {
            if !power.cut_each(&cases, 0) {
                return;
            }
        }
        for _ in 0..rounds(1) {
            server.psql(&db, "INSERT INTO t SELECT max(id) + 1 FROM t");
            power.nest.done(&["capture", &server.url(&db), "--name", "prod"]);
            let at = power.random.below(10 * MOMENT_MAX);
            if !power.cut_during(&["image", "build", "--raw"], at) {
                return;
            }
            power.nest.done(&["branch", "list"]);
            power.nest.create("of-new");
            let rows = server.psql(&db, "SELECT count(*) FROM t");
            assert_eq!(power.rows("of-new"), rows, "an image whose making was cut after {at} ms");
            power.nest.done(&["branch", "delete", "of-new"]);
        }
        power.print(&format!("branches on {kind:?}"));
        server.psql(&db, "DELETE FROM t WHERE id > 100");
    }
}

#[test]
fn a_power_cut_of_branches_of_mysql() {
    for binaries in mysql::Binaries::wanted() {
        let server = mysql::shared_of(&binaries);
        let db = server.fresh_db("power");
        server.sql(&db, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT i FROM n");
        let Some(disk) = disk(Kind::Xfs, 2500) else { return };
        let nest = Nest::of_mysql_in(disk.path(), server, &db);
        nest.done(&["image", "build", "--raw"]);
        let ask = |nest: &Nest, name: &str, sql: &str| {
            nest.done(&["branch", "url", name]);
            nest.done(&["branch", "psql", name, "-BNe", sql]).stdout.trim().to_owned()
        };
        let started = "[branch]\nspares = 1\n";
        let others = [case(started, TEND, CREATE)];
        let cases = [&PLAIN[..], &others].concat();
        let random = Random::seeded("power of MySQL");
        let mut power = Power { disk, nest, ask: &ask, common: "", random, cuts: 0 };
        for _ in 0..rounds(1) {
            if !power.cut_each(&cases, 0) {
                return;
            }
        }
        power.print(&format!("branches of {}", binaries.family().name()));
    }
}

#[test]
fn a_power_cut_of_databases_of_a_shared_server() {
    let test = "a_power_cut_of_databases_of_a_shared_server";
    let Some(binaries) = Binaries::major_or_skip(18, test) else { return };
    let Some(disk) = disk(Kind::Xfs, 1500) else { return };
    let server = shared_of(&binaries);
    let db = server.fresh_db("power_hosted");
    server.psql(&db, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)");
    let nest = hosted::nest(server, disk.path(), &db);
    let ask = |nest: &Nest, name: &str, sql: &str| {
        let url = nest.done(&["branch", "url", name]).stdout;
        psql(server, url.trim(), &format!("SET synchronous_commit = on; {sql}"))
    };
    // The server that all are on is there, and on the disk.
    nest.create("first");
    nest.done(&["branch", "tend"]);
    nest.done(&["branch", "delete", "first"]);
    let random = Random::seeded("power of a shared server");
    let mut power = Power { disk, nest, ask: &ask, common: "[branch]\nisolation = 'database'\n", random, cuts: 0 };
    let cases = [case("", &[], CREATE), case("", &[], RESET), case("", &[], DELETE)];
    for _ in 0..rounds(2) {
        if !power.cut_each(&cases, 1) {
            return;
        }
        power.nest.create("look");
        let databases = "SELECT count(*) FROM pg_database WHERE datname LIKE 'branch\\_%'";
        assert_eq!((power.ask)(&power.nest, "look", databases), "1", "databases without a branch");
        power.nest.done(&["branch", "delete", "look"]);
    }
    power.print("databases of a shared server");
}

#[test]
fn a_power_cut_while_a_pool_is_made_and_removed() {
    let Some(disk) = disk(Kind::Xfs, 2500) else { return };
    let server = shared();
    let db = server.fresh_db("power_pool");
    server.psql(&db, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)");
    let nest = Nest::of_in(disk.path(), server, &db);
    let ask = |_: &Nest, _: &str, _: &str| String::new();
    let random = Random::seeded("power of a pool");
    let mut power = Power { disk, nest, ask: &ask, common: "", random, cuts: 0 };
    for _ in 0..rounds(2) {
        for command in [&["pool", "create", "--size", "400M"][..], &["pool", "destroy"]] {
            if command[1] == "destroy" {
                power.nest.done(&["pool", "create", "--size", "400M"]);
                power.nest.done(&["branch", "create", "a", "--raw"]);
                power.nest.done(&["branch", "delete", "a"]);
            }
            let at = power.random.below(MOMENT_MAX);
            if !power.cut_during(command, at) {
                return;
            }
            // Whatever is left of it, making it once more makes a pool that branches can be in, and removing it leaves nothing.
            let after = format!("{command:?}, cut after {at} ms");
            let made = power.nest.session.quietly(&["pool", "create", "--size", "400M"]);
            assert_eq!(made.code, Some(0), "{after}: {}{}", made.stdout, made.stderr);
            let url = power.nest.create("b");
            assert_eq!(psql(server, &url, "SELECT count(*) FROM t"), "100", "{after}");
            power.nest.done(&["branch", "delete", "b"]);
            power.nest.done(&["pool", "destroy"]);
            let status = power.nest.done(&["--json", "pool", "status"]).json();
            assert_eq!(status["state"], "absent", "{after}");
        }
    }
    power.print("pools");
}
