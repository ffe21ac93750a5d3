//! The power is cut while images and branches are made, reset, stopped and deleted: what was not on the disk is gone, and the next
//! command finds every branch that was promised, none that is half, and images as they were.
//!
//! Strategy: everything is on an XFS of its own, which is shut down at a moment that is drawn, so that all is dropped that is not
//! on its disk; its processes are killed, it is mounted again, and the records say that another start of the machine was then.

use crate::kills::Random;
use crate::nest::{Nest, psql};
use offshoot_testkit::loop_disk::{Kind, LoopDisk};
use offshoot_testkit::postgres::{Server, shared};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// The longest that a command is let go on, in milliseconds.
const MOMENT_MAX: u64 = 400;

struct Power<'a> {
    disk: LoopDisk,
    nest: Nest,
    server: &'a Server,
}

impl Power<'_> {
    /// Cuts the power some milliseconds after a command has begun. False where that cannot be had.
    fn cut_during(&self, args: &[&str], millis: u64) -> bool {
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
        });
        let _ = victim.wait();
        if let Err(why) = &cut {
            println!("SKIPPED a_power_cut_at_any_moment: {why}");
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

    fn state(&self, name: &str) -> Option<String> {
        let list = self.nest.list();
        let found = list.iter().find(|branch| branch["name"] == name)?;
        Some(found["state"].as_str().unwrap().to_owned())
    }

    /// Rows of a branch, whose server is started for that.
    fn rows(&self, name: &str) -> String {
        let url = self.nest.done(&["branch", "url", name]).stdout;
        psql(self.server, url.trim(), "SELECT count(*) FROM t")
    }

    /// A branch with 101 rows that was on the disk before.
    fn keep(&self, name: &str) {
        if self.state(name).is_some() {
            self.nest.done(&["branch", "delete", name]);
        }
        let url = self.nest.create(name);
        psql(self.server, &url, "SET synchronous_commit = on; INSERT INTO t VALUES (101)");
        self.nest.done(&["branch", "tend"]);
    }

    /// The names and sums of all files of images.
    fn images(&self) -> Vec<u8> {
        let script =
            "find \"$0\" -path '*/images/*/data/*' -not -path '*.building/*' -type f -exec sha256sum {} + | sort";
        Command::new("sh").args(["-c", script]).arg(self.disk.path()).output().unwrap().stdout
    }
}

#[test]
fn a_power_cut_at_any_moment() {
    let Some(disk) = LoopDisk::mount(Kind::Xfs, 1500) else { return };
    fs::set_permissions(disk.path(), Permissions::from_mode(0o711)).unwrap();
    let server = shared();
    let db = server.fresh_db("power");
    server.psql(&db, "CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 100)");
    let mut nest = Nest::empty(disk.path(), server.binaries().dir());
    nest.session.set("OFFSHOOT_PG_DUMP", server.binaries().pg_dump().unwrap().to_str().unwrap());
    nest.done(&["init", "--raw"]);
    nest.done(&["capture", &server.url(&db), "--name", "prod"]);
    nest.done(&["image", "build", "--raw"]);
    let power = Power { disk, nest, server };
    let images = power.images();
    let rounds = if std::env::var_os("OFFSHOOT_LONG").is_some() { 40 } else { 2 };
    let mut random = Random::seeded("power");
    let mut cuts = 0;
    for _ in 0..rounds {
        for command in [
            &["branch", "create", "new", "--raw"][..],
            &["branch", "reset", "kept", "--raw"],
            &["branch", "delete", "kept"],
            &["branch", "stop", "kept"],
            &["branch", "tend"],
        ] {
            power.keep("kept");
            let at = random.below(MOMENT_MAX);
            let after = format!("{command:?}, cut after {at} ms");
            if !power.cut_during(command, at) {
                return;
            }
            cuts += 1;
            let states = [power.state("kept"), power.state("new")];
            match (command[1], states[0].as_deref()) {
                // It has the rows of before or after, or says that it has neither, and its name is still its own.
                ("reset", Some("lost")) => {}
                ("reset", Some("down")) => assert!(["100", "101"].contains(&power.rows("kept").as_str()), "{after}"),
                ("delete", None) => {}
                (_, Some("down" | "stopped")) => assert_eq!(power.rows("kept"), "101", "{after}"),
                (_, state) => panic!("{after}: {state:?}"),
            }
            match states[1].as_deref() {
                None => {}
                Some("lost") => assert_eq!(command[1], "create", "{after}"),
                Some("down") => assert_eq!(power.rows("new"), "100", "{after}"),
                state => panic!("{after}: {state:?}"),
            }
            if states[1].is_some() {
                power.nest.done(&["branch", "reset", "new", "--raw"]);
                assert_eq!(power.rows("new"), "100", "{after}");
                power.nest.done(&["branch", "delete", "new"]);
            }
            assert!(power.images() == images, "{after}: an image is another one");
            let there = power.nest.list().len();
            assert_eq!(power.nest.folders().len(), there, "{after}: folders without a branch");
        }
    }
    println!("power cuts: {cuts}, branches that were lost or half: 0");
    for _ in 0..rounds {
        server.psql(&db, "INSERT INTO t SELECT max(id) + 1 FROM t");
        power.nest.done(&["capture", &server.url(&db), "--name", "prod"]);
        let at = random.below(10 * MOMENT_MAX);
        if !power.cut_during(&["image", "build", "--raw"], at) {
            return;
        }
        power.nest.done(&["branch", "list"]);
        let url = power.nest.create("of-new");
        let rows = server.psql(&db, "SELECT count(*) FROM t");
        assert_eq!(psql(server, &url, "SELECT count(*) FROM t"), rows, "an image whose making was cut after {at} ms");
        power.nest.done(&["branch", "delete", "of-new"]);
    }
}
